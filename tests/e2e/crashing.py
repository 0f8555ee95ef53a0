"""Senders that a crash must not harm: what the hub acknowledged to them, and what of it is kept."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from tests.e2e.inside import database_of
from tests.lab.hub import Hub

METRIC = "crash_probe"
_SAMPLES_A_PUSH = 5


class Load:
    """Pushes samples and alerts at the same time, for as long as it is entered.

    As real senders do: a sample is sent once, an alert is sent again (the same one) until it is acknowledged.
    """

    def __init__(self, url: str, token: str, name: str) -> None:
        self.samples: set[str] = set()
        self.alerts: set[str] = set()
        self.refused: list[str] = []
        self._url, self._name = url, name
        self._headers = {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._push, args=("a",)),
            threading.Thread(target=self._push, args=("b",)),
            threading.Thread(target=self._alert),
        ]

    def _push(self, sender: str) -> None:
        count = 0
        while not self._over.wait(0.02):
            count += 1
            marks = [f"{self._name}-{sender}-{count}-{index}" for index in range(_SAMPLES_A_PUSH)]
            now = time.time()
            metrics = [{"name": METRIC, "labels": {"mark": m}, "value": 1.0, "timestamp": now} for m in marks]
            if self._send("/api/metrics", {"metrics": metrics}):
                self.samples.update(marks)

    def _alert(self) -> None:
        count = 0
        while not self._over.is_set():
            count += 1
            alert = {
                "status": "firing",
                "labels": {"alertname": f"Crash{count % 3}", "severity": "high", "mark": f"{self._name}-{count}"},
                "annotations": {},
                "startsAt": datetime.now(UTC).isoformat(),
                "fingerprint": f"{self._name}-{count}",
            }
            while not self._send("/api/v1/alerts/webhook", {"alerts": [alert]}):
                if self._over.wait(0.2):
                    return
            self.alerts.add(f"{self._name}-{count}")
            self._over.wait(0.15)

    def _send(self, path: str, body: dict[str, Any]) -> bool:
        """Whether the hub acknowledged; a refusal other than "not now" is kept as a fault."""
        try:
            reply = httpx.post(self._url + path, json=body, headers=self._headers, timeout=20.0, trust_env=False)
        except httpx.HTTPError:
            return False
        if not reply.is_success and reply.status_code != 503:
            self.refused.append(f"{path}: {reply.status_code} {reply.text[:300]}")
        return reply.is_success

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


DEPTH = "crash_depth"


class Depths:
    """Pushes the depths of queues, all of them every half second; those that are `deep` are past the watch's limit."""

    def __init__(self, url: str, token: str) -> None:
        self.deep: set[str] = set()
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._push)

    def _push(self) -> None:
        while not self._over.wait(0.5):
            now = time.time()
            queues = {"calm": 0.0, **dict.fromkeys(sorted(self.deep), 9.0)}
            metrics = [
                {"name": DEPTH, "labels": {"queue": queue}, "value": depth, "timestamp": now}
                for queue, depth in queues.items()
            ]
            with contextlib.suppress(httpx.HTTPError):
                body = {"metrics": metrics}
                httpx.post(f"{self._url}/api/metrics", json=body, headers=self._headers, timeout=20.0, trust_env=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(60)


def kept_samples(client: httpx.Client, cluster_id: str) -> set[str]:
    """The marks of all samples of the load that the hub has."""
    asked = {"query": f"last_over_time({METRIC}[1h])", "cluster_id": cluster_id}
    reply = client.get("/api/v1/metrics/query", params=asked)
    assert reply.status_code == 200, reply.text[:500]
    return {series["metric"]["mark"] for series in reply.json()["series"]}


_TWICE = {
    "an alert's change told twice in its history": (
        "SELECT fingerprint FROM observability.alert_history GROUP BY cluster_id, fingerprint, starts_at, state"
    ),
    "an alert told twice to the others": (
        "SELECT payload->>'fingerprint' FROM kernel.outbox WHERE event_type = 'ALERT_FIRED'"
        " GROUP BY payload->>'fingerprint'"
    ),
    "an alert twice in incidents": "SELECT fingerprint FROM intelligence.incident_alert GROUP BY fingerprint",
    "an alert told twice in a timeline": (
        "SELECT alert_fingerprint FROM intelligence.timeline WHERE kind = 'ALERT' GROUP BY alert_fingerprint"
    ),
    "an incident opened twice": (
        "SELECT incident_id::text FROM intelligence.timeline WHERE kind = 'OPENED' GROUP BY incident_id"
    ),
}


def undelivered(hub: Hub) -> int:
    with database_of(hub) as connection:
        row = connection.execute("SELECT count(*) FROM kernel.delivery WHERE done_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def effects(hub: Hub) -> tuple[set[str], set[str], list[str]]:
    """(fingerprints of kept alerts, fingerprints in incidents, what took effect twice or was given up)."""
    with database_of(hub) as connection:

        def column(query: str) -> list[str]:
            return [str(row[0]) for row in connection.execute(query.encode()).fetchall()]

        twice = [f"{what}: {who}" for what, query in _TWICE.items() for who in column(f"{query} HAVING count(*) > 1")]
        twice += [
            f"given up: {error}" for error in column("SELECT error FROM kernel.delivery WHERE dead_at IS NOT NULL")
        ]
        alerts = set(column("SELECT fingerprint FROM observability.alert"))
        return alerts, set(column("SELECT fingerprint FROM intelligence.incident_alert")), twice


_TOLD_TWICE = {
    "two findings of one series": (
        "SELECT labels->>'queue' FROM intelligence.anomaly WHERE watch = 'crash_depth' GROUP BY labels->>'queue'"
    ),
    "a finding told twice to the others": (
        "SELECT payload->>'anomaly_id' FROM kernel.outbox WHERE event_type = 'ANOMALY_DETECTED'"
        " GROUP BY payload->>'anomaly_id'"
    ),
    "a finding told twice in a timeline": (
        "SELECT anomaly_id::text FROM intelligence.timeline WHERE kind = 'ANOMALY' GROUP BY anomaly_id"
    ),
}
_TORN = {
    "a finding that is told to nobody": (
        "SELECT a.id::text FROM intelligence.anomaly a WHERE NOT EXISTS (SELECT FROM kernel.outbox o"
        " WHERE o.event_type = 'ANOMALY_DETECTED' AND o.payload->>'anomaly_id' = a.id::text)"
    ),
    "a finding of no incident": "SELECT id::text FROM intelligence.anomaly WHERE incident_id IS NULL",
    "a finding that the detector's memory has not seen": (
        "SELECT a.id::text FROM intelligence.anomaly a JOIN intelligence.track t USING (cluster_id, watch)"
        " WHERE extract(epoch FROM a.detected_at) > t.watermark + 0.001"
    ),
    "a group that counts others than its members": (
        "SELECT g.id::text FROM intelligence.anomaly_group g WHERE g.members <>"
        " (SELECT count(*) FROM intelligence.anomaly a WHERE a.group_id = g.id)"
    ),
}


def findings(hub: Hub) -> tuple[dict[str, str], list[str]]:
    """(finding by queue, what is there twice or in part)."""
    with database_of(hub) as connection:
        found = connection.execute("SELECT labels->>'queue', id::text FROM intelligence.anomaly").fetchall()
        wrong = []
        for told, more in ((_TOLD_TWICE, " HAVING count(*) > 1"), (_TORN, "")):
            for what, query in told.items():
                rows = connection.execute(f"{query}{more}".encode()).fetchall()
                wrong += [f"{what}: {row[0]}" for row in rows]
    return {str(queue): str(one) for queue, one in found}, wrong
