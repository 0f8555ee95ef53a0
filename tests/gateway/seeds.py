"""What a hub must hold so that a test can ask for it: samples, alerts, anomalies and incidents of one cluster."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
from psycopg.types.json import Jsonb

from tests.e2e.inside import database_of
from tests.lab.hub import Hub
from tests.lab.loki import LokiPeer
from tests.lab.tempo import Made, TempoPeer


def push_sample(url: str, token: str, marker: str) -> None:
    """One sample of now, marked by its label `owner`."""
    sample = {
        "name": "up_marked",
        "labels": {"owner": marker, "instance": marker},
        "value": 1.0,
        "timestamp": time.time(),
    }
    _post(f"{url}/api/metrics", token, {"metrics": [sample]})


def fire_alert(
    url: str, token: str, name: str, labels: dict[str, str], fingerprint: str, *, status: str = "firing"
) -> None:
    """As Alertmanager sends it: critical, begun (and, where resolved, ended) just now."""
    now = datetime.now(UTC).isoformat()
    alert = {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": str(labels)},
        "startsAt": now,
        "endsAt": now if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": fingerprint,
    }
    _post(f"{url}/api/v1/alerts/webhook", token, {"alerts": [alert]})


def keep_incident(hub: Hub, cluster_id: str, marker: str) -> str:
    """An incident of one cluster only: whatever happens there now joins the one that both share."""
    row = {"id": uuid4(), "cluster_id": cluster_id, "now": datetime.now(UTC), "title": marker}
    with database_of(hub) as connection:
        connection.execute(
            "INSERT INTO intelligence.incident (id, key, status, detected_at, last_activity_at, revision)"
            " VALUES (%(id)s, 'INC-20000101-0001', 'OPEN', %(now)s, %(now)s, 0)",
            row,
        )
        connection.execute(
            "INSERT INTO intelligence.incident_cluster (incident_id, cluster_id, title, severity_rank)"
            " VALUES (%(id)s, %(cluster_id)s, %(title)s, 4)",
            row,
        )
    return str(row["id"])


def keep_anomaly(hub: Hub, cluster_id: str, incident_id: str, marker: str) -> str:
    """A finding as the detector keeps it; to find a real one, a watch would first have to learn for minutes."""
    now = datetime.now(UTC)
    row = {
        "id": uuid4(), "cluster_id": cluster_id, "incident_id": incident_id, "watch": "node_cpu", "title": marker,
        "unit": "%", "labels": Jsonb({"owner": marker}), "subject": marker, "kind": "SPIKE", "detection_type": "METRIC",
        "severity": "CRITICAL", "score": 9.0, "value": 97.0, "expected": 40.0, "lower": 30.0, "upper": 50.0,
        "explanation": marker, "started_at": now, "detected_at": now, "query": f'up{{owner="{marker}"}}',
        "group_id": uuid4(),
    }  # fmt: skip
    columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with database_of(hub) as connection:
        connection.execute(
            "INSERT INTO intelligence.anomaly_group"
            " (id, cluster_id, kind, name, severity, started_at, last_at, members)"
            " VALUES (%(group_id)s, %(cluster_id)s, 'NODE', %(title)s, 'CRITICAL', %(started_at)s, %(started_at)s, 1)",
            row,
        )
        connection.execute(f"INSERT INTO intelligence.anomaly ({columns}) VALUES ({places})", row)
    return str(row["id"])


def keep_finding(hub: Hub, cluster_id: str, incident_id: str, marker: str) -> str:
    """A log finding as a member of an incident; a real one is told only after an hour of reading."""
    now = datetime.now(UTC)
    row = {
        "id": uuid4(), "incident_id": incident_id, "kind": "LOG_PATTERN", "source_id": uuid4(),
        "cluster_id": cluster_id, "name": marker, "subject": "NEW", "phrase": f"New in the logs: {marker}",
        "short": "a new log pattern", "explanation": marker, "severity": "HIGH", "labels": Jsonb({"owner": marker}),
        "opens": True, "started_at": now, "detected_at": now, "ended_at": now, "joined_by": "alone", "reason": marker,
    }  # fmt: skip
    columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with database_of(hub) as connection:
        connection.execute(f"INSERT INTO intelligence.incident_finding ({columns}) VALUES ({places})", row)
    return str(row["id"])


def keep_log_pattern(hub: Hub, cluster_id: str, marker: str) -> str:
    """A log pattern with a line, a count and a finding; a real one is told as new only after an hour."""
    now = datetime.now(UTC)
    row = {
        "id": uuid4(), "cluster_id": cluster_id, "pattern": f"No space left on {marker} <*>", "key": ["No", marker],
        "shown": ["No", marker], "severity": "HIGH", "severity_rank": 1, "failure_class": "DISK",
        "first_seen": now, "last_seen": now, "count": 1, "labels": Jsonb({"owner": marker}), "example": marker,
        "source": "loki", "rhythm": Jsonb({}), "changed_at": now,
    }  # fmt: skip
    finding = {
        "id": uuid4(), "cluster_id": cluster_id, "pattern_id": row["id"], "kind": "NEW", "pattern": row["pattern"],
        "severity": "HIGH", "failure_class": "DISK", "explanation": marker, "value": 1.0, "started_at": now,
    }  # fmt: skip
    line = {"id": uuid4(), "pattern_id": row["id"], "at": now, "line": f"1 of {marker}", "labels": Jsonb({})}
    count = {"pattern_id": row["id"], "at": now, "count": 1}
    tables = {"log_pattern": row, "log_finding": finding, "log_pattern_line": line, "log_pattern_count": count}
    with database_of(hub) as connection:
        for table, values in tables.items():
            columns, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
            connection.execute(f"INSERT INTO intelligence.{table} ({columns}) VALUES ({places})", values)
    return str(row["id"])


def keep_prediction(hub: Hub, cluster_id: str, marker: str) -> str:
    """A prediction, its survey and one check, as a round keeps them; a real one needs a disk that fills."""
    now = datetime.now(UTC)
    later = now + timedelta(days=3)
    of = {"cluster_id": cluster_id, "target": f"watch:{marker}:above", "title": marker}
    row = {
        **of, "id": uuid4(), "unit": "ratio", "subject": marker, "labels": Jsonb({"owner": marker}),
        "query": f'up{{owner="{marker}"}}', "threshold": 1.0, "happens": "ends",
        "outlook": "CROSSES", "sentence": marker, "value": 0.8,
        "made_at": now, "crosses_at": later, "earliest": now, "latest": later, "moments": 20, "window_s": 604800.0,
        "step_s": 1800.0, "history": Jsonb([[now.timestamp(), 0.8]]), "path": Jsonb([[later.timestamp(), 1, 1, 1]]),
    }  # fmt: skip
    survey = {**of, "looked_at": now, "series": 3, "crossing": 1, "refused": 0, "left_out": 0, "error": marker}
    check = {
        "id": uuid4(), "cluster_id": cluster_id, "target": of["target"], "labels": Jsonb({"owner": marker}),
        "lead_s": 900.0, "made_at": now, "due_at": now, "point": 1.0, "lower": 0.5, "upper": 1.5, "naive": 1.0,
        "actual": 1.2,
    }  # fmt: skip
    tables = {"prediction": row, "prediction_survey": survey, "prediction_check": check}
    with database_of(hub) as connection:
        for table, kept in tables.items():
            columns, places = ", ".join(kept), ", ".join(f"%({name})s" for name in kept)
            connection.execute(f"INSERT INTO intelligence.{table} ({columns}) VALUES ({places})", kept)
    return str(row["id"])


def keep_reminder(hub: Hub, cluster_id: str, marker: str) -> str:
    """Of a silence that nobody ended; a real one is a week old."""
    now = datetime.now(UTC)
    row = {
        "id": uuid4(), "kind": "FORGOTTEN", "cluster_id": cluster_id, "silence_id": marker, "title": marker,
        "created_by": marker, "since": now, "until": now + timedelta(days=1), "hides": 1, "at": now,
    }  # fmt: skip
    columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with database_of(hub) as connection:
        connection.execute(f"INSERT INTO observability.silence_reminder ({columns}) VALUES ({places})", row)
    return str(row["id"])


def _post(url: str, token: str, body: object) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False).raise_for_status()


TRACE_ID = "7f3a" * 8


def signals(marker: str) -> tuple[LokiPeer, TempoPeer]:
    """A Loki and a Tempo, to be entered, in which all that there is carries the marker."""
    loki, tempo = LokiPeer(), TempoPeer()
    now_ns = (int(time.time()) - 60) * 10**9
    for number in range(3):
        loki.push({"owner": marker, "app": f"app-{marker}"}, f"line {number} of {marker}", now_ns + number)
    tempo.add(Made(TRACE_ID, "0" * 15 + "1", None, f"call {marker}", f"service-{marker}", now_ns, 10**8))
    return loki, tempo


def keep_cause(hub: Hub, incident_id: str, cluster_id: str, marker: str) -> None:
    """One ranked cause of an incident."""
    cause = {
        "title": marker,
        "cluster_id": cluster_id,
        "labels": {"owner": marker},
        "confidence": 0.5,
        "moved_at": datetime.now(UTC).isoformat(),
        "reasons": ["moved first"],
        "evidence": [],
    }
    with database_of(hub) as connection:
        connection.execute("UPDATE intelligence.incident SET causes = %s WHERE id = %s", (Jsonb([cause]), incident_id))


def keep_topology(admin: httpx.Client, cluster: str, marker: str) -> str:
    """A machine of the cluster behind a switch of none, from a file named after the marker; gives the machine's id."""
    machine = {"kind": "node", "name": f"machine-{marker}", "cluster": cluster, "attributes": {"owner": marker}}
    content = {
        "nodes": [machine | {"connected_to": f"switch-{marker}"}, {"kind": "switch", "name": f"switch-{marker}"}]
    }
    body = {"name": f"file-{marker}", "content": json.dumps(content)}
    admin.post("/api/v1/topology/apply", json=body).raise_for_status()
    found = admin.get("/api/v1/topology/nodes", params={"search": f"machine-{marker}"}).json()["items"]
    return str(found[0]["id"])
