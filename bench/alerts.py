"""100,000 open alerts over HTTP: pages, filters and counts p95 < 100 ms, a status < 50 ms, 1,000 alerts/s taken in.

All of it twice: alone, and beside 1,000,000 alerts that have ended, with their history: each read at most 1.5 times
as slow. What takes less than 20 ms is taken for 20: it is not felt, and its p95 is mostly the machine's. Alerts
come in as webhooks of 100 new ones from two senders at once, acknowledged when they are durable.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg

from bench.hub import BenchHub, running_hub
from bench.verdict import at_least, at_most

TAKES = "4 min"
OPEN, ENDED, ASKED, CHANGED = 100_000, 1_000_000, 60, 200
WEBHOOKS, A_WEBHOOK, SENDERS = 200, 100, 2
READ_MS, CHANGE_MS, INTAKE, TIMES = 100.0, 50.0, 1_000.0, 1.5
NOT_FELT_MS = 20.0

_ALERTS = """
INSERT INTO observability.alert (cluster_id, fingerprint, name, severity, severity_rank, sender_severity, state, labels,
    annotations, starts_at, ends_at, generator_url, occurrences, received_at, search, status, assignee, starts)
SELECT %(cluster)s, %(mark)s || n, 'Alert' || n %% 211, severities[1 + n %% 5], 4 - n %% 5, 'warning', %(state)s,
    jsonb_build_object('alertname', 'Alert' || n %% 211, 'severity', 'warning', 'namespace', 'ns-' || n %% 97,
        'service', 'service-' || n %% 307, 'team', 'team-' || n %% 23, 'pod', 'service-' || n %% 307 || '-' || n,
        'instance', '10.' || n %% 200 || '.' || n %% 251 || '.7:9100'),
    jsonb_build_object('summary', 'Requests of service-' || n %% 307 || ' fail on node-' || n %% 1009,
        'runbook_url', 'https://runbooks.example/alert-' || n %% 211),
    began, CASE %(state)s WHEN 'RESOLVED' THEN began + interval '10 min' END, 'https://prometheus.example/graph', 1,
    began, lower('alert' || n %% 211 || ' warning ns-' || n %% 97 || ' service-' || n %% 307 || ' team-' || n %% 23
        || ' service-' || n %% 307 || '-' || n || ' 10.' || n %% 200 || '.' || n %% 251 || '.7:9100'
        || ' requests of service-' || n %% 307 || ' fail on node-' || n %% 1009
        || ' https://runbooks.example/alert-' || n %% 211),
    CASE WHEN n %% 4 = 0 THEN 'ACKNOWLEDGED' ELSE 'NEW' END, CASE WHEN n %% 8 = 0 THEN 'ann' END, ARRAY[began]
FROM generate_series(1, %(many)s) AS n,
    LATERAL (SELECT CAST(%(newest)s AS timestamptz) - n * CAST(%(apart)s AS interval) AS began) AS times,
    (SELECT ARRAY['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'] AS severities) AS words
"""
_HISTORY = """
INSERT INTO observability.alert_history (id, cluster_id, fingerprint, name, state, severity, starts_at, ends_at, at)
SELECT gen_random_uuid(), cluster_id, fingerprint, name, state, severity, starts_at, ends_at, starts_at
FROM observability.alert WHERE state = 'RESOLVED'
"""

Asks = dict[str, dict[str, Any]]


def _load(hub: BenchHub, state: str, many: int, newest: datetime, apart: timedelta) -> None:
    told_of = {"cluster": hub.cluster_id, "mark": state.lower(), "state": state, "many": many}
    with psycopg.connect(hub.database_url, autocommit=True) as connection:
        connection.execute(_ALERTS, {**told_of, "newest": newest, "apart": apart})
        if state == "RESOLVED":
            connection.execute(_HISTORY)
        connection.execute("VACUUM ANALYZE observability.alert")
        connection.execute("VACUUM ANALYZE observability.alert_history")


def _asks(hub: BenchHub) -> dict[str, tuple[str, dict[str, Any]]]:
    firing = {"state": "FIRING", "page_size": 100}
    lists: Asks = {
        "first page": firing,
        "a severity and a cluster": {**firing, "severity": "CRITICAL", "cluster_id": hub.cluster_id},
        "new and nobody's": {**firing, "status": "NEW", "assignee": ""},
        "a word that all have": {**firing, "q": "requests"},
        "a word that few have": {**firing, "q": "node-1003"},
        "a word that none has": {**firing, "q": "qqqqq"},
        "a label": {**firing, "label": "team=team-7"},
        "of every state": {"page_size": 100},
    }
    return {
        **{name: ("/api/v1/alerts", query) for name, query in lists.items()},
        "counts": ("/api/v1/alerts/counts", {"state": "FIRING"}),
        "counts of a word that all have": ("/api/v1/alerts/counts", {"state": "FIRING", "q": "requests"}),
        "groups by name": ("/api/v1/alerts/groups", {"state": "FIRING", "by": "name"}),
        "groups by a label": ("/api/v1/alerts/groups", {"state": "FIRING", "by": "service"}),
    }


def _p95_ms(ask: Callable[[int], httpx.Response], times: int) -> float:
    spent = []
    for number in range(times + 5):
        started = time.perf_counter()
        reply = ask(number)
        spent.append((time.perf_counter() - started) * 1000)
        assert reply.status_code in {200, 206}, reply.text
    return statistics.quantiles(spent[5:], n=20)[-1]


def _reads(hub: BenchHub) -> dict[str, float]:
    def ask(path: str, query: dict[str, Any]) -> Callable[[int], httpx.Response]:
        return lambda _: hub.client.get(path, params=query)

    return {name: _p95_ms(ask(path, query), ASKED) for name, (path, query) in _asks(hub).items()}


def _changes(hub: BenchHub) -> float:
    statuses = itertools.cycle(["IN_PROGRESS", "ACKNOWLEDGED"])

    def change(number: int) -> httpx.Response:
        key = {"cluster_id": hub.cluster_id, "fingerprint": f"firing{number * 401 + 1}"}
        return hub.client.post("/api/v1/alerts/actions", json={"alerts": [key], "status": next(statuses)})

    return _p95_ms(change, CHANGED)


def _webhooks(mark: str, now: datetime) -> Iterator[bytes]:
    def alert(number: int) -> dict[str, Any]:
        labels = {
            "alertname": f"Alert{number % 211}",
            "severity": "critical",
            "namespace": f"ns-{number % 97}",
            "service": f"service-{number % 307}",
            "team": f"team-{number % 23}",
            "pod": f"{mark}-{number}",
        }
        annotations = {"summary": f"Requests of service-{number % 307} fail on node-{number % 1009}"}
        began = (now + timedelta(milliseconds=number)).isoformat()
        return {"status": "firing", "labels": labels, "annotations": annotations, "startsAt": began}

    for webhook in range(WEBHOOKS):
        alerts = [alert(webhook * A_WEBHOOK + place) for place in range(A_WEBHOOK)]
        yield msgspec.json.encode({"version": "4", "alerts": alerts})


def _intake(hub: BenchHub, mark: str) -> float:
    """Alerts a second; what they leave behind is taken away again."""
    bodies = list(_webhooks(mark, datetime.now(UTC)))

    def send(mine: list[bytes]) -> None:
        headers = {"Authorization": f"Bearer {hub.token}", "Content-Type": "application/json"}
        with httpx.Client(base_url=hub.url, headers=headers, timeout=60, trust_env=False) as client:
            for body in mine:
                client.post("/api/v1/alerts/webhook", content=body).raise_for_status()

    with ThreadPoolExecutor(SENDERS) as pool:
        started = time.perf_counter()
        list(pool.map(send, [bodies[place::SENDERS] for place in range(SENDERS)]))
        spent = time.perf_counter() - started
    with psycopg.connect(hub.database_url, autocommit=True) as connection:
        stored = connection.execute(
            "SELECT count(*) FROM observability.alert WHERE labels ->> 'pod' LIKE %s", [f"{mark}-%"]
        ).fetchone()
        assert stored == (WEBHOOKS * A_WEBHOOK,), stored
        connection.execute("DELETE FROM observability.alert WHERE labels ->> 'pod' LIKE %s", [f"{mark}-%"])
        connection.execute("UPDATE kernel.delivery SET done_at = now() WHERE done_at IS NULL")
        connection.execute("VACUUM ANALYZE observability.alert")
    return WEBHOOKS * A_WEBHOOK / spent


def main() -> int:
    held = []
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ended", type=int, default=ENDED, help="how many alerts have ended")
    ended = arguments.parse_args().ended
    with running_hub() as hub:
        newest = datetime.now(UTC) - timedelta(minutes=5)
        _load(hub, "FIRING", OPEN, newest, timedelta(seconds=1))
        reads, change, intake = _reads(hub), _changes(hub), _intake(hub, "first")
        _load(hub, "RESOLVED", ended, newest - timedelta(days=2), timedelta(seconds=5))
        reads_later, change_later, intake_later = _reads(hub), _changes(hub), _intake(hub, "second")
        beside = f"beside {ended:,} that have ended"
        for name, alone in reads.items():
            later = reads_later[name]
            note = f"{alone:.0f}, {later:.0f} {beside}"
            held.append(at_most(f"alerts, {name}, p95", max(alone, later), READ_MS, " ms", note))
        slower = {name: reads_later[name] / max(alone, NOT_FELT_MS) for name, alone in reads.items()}
        worst = max(slower, key=lambda name: slower[name])
        held.append(at_most(f"alerts, reads {beside}", slower[worst], TIMES, " times", f"the worst: {worst}"))
        note = f"{change:.0f}, {change_later:.0f} {beside}"
        held.append(at_most("alerts, a status, p95", max(change, change_later), CHANGE_MS, " ms", note))
        note = f"{intake:,.0f}, {intake_later:,.0f} {beside}"
        held.append(at_least("alerts taken in", min(intake, intake_later), INTAKE, " a second", note))
        held.append(at_most(f"alerts, intake {beside}", intake / intake_later, TIMES, " times", "slower"))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
