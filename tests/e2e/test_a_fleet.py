"""A file of clusters becomes a watched fleet, and whatever is asked of it, one Prometheus with all samples agrees."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import JSON, token_of, wait_until
from tests.lab.exporters import Exporter
from tests.lab.hub import Hub
from tests.lab.packages import LabFailed, lab_available
from tests.lab.servers import Prometheus, scrape_config
from tests.lab.world import Service, World
from tests.observability.fleet_generator import Generator, Vocabulary

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]

SETTLED_S = 6.0
"""How long ago whatever was scraped has surely been written to the oracle."""
Points = dict[frozenset[tuple[str, str]], float]


class Fleet:
    """`size` real Prometheus, which also write all their samples to one more, with `cluster` as external label."""

    def __init__(self, stack: ExitStack, size: int) -> None:
        self.scrape_s, self.warm_up_s = (1.0, 25.0) if size < 10 else (15.0, 150.0)
        self.names = [f"c{number:03}" for number in range(size)]
        services = [
            Service(f"{name}-web", f"{name}-node", rate=20 + number % 7, median_s=0.02 + number % 5 / 100)
            for number, name in enumerate(self.names)
        ]
        exporter = stack.enter_context(Exporter(World(services)))
        self.oracle = stack.enter_context(Prometheus(flags=["--web.enable-remote-write-receiver"]))
        # Lives as long as they do: a child is told to die with the thread that began it.
        starting = stack.enter_context(ThreadPoolExecutor(4))
        begun = starting.map(lambda name: stack.enter_context(self._server(name, exporter)), self.names)
        self.servers = dict(zip(self.names, begun, strict=True))
        self.hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(self.hub.client())
        self.folder = self.hub.folder

    def _server(self, name: str, exporter: Exporter) -> Prometheus:
        address = exporter.address
        targets = {"node": (address, f"/node/{name}-node"), "web": (address, f"/service/{name}-web")}
        config = scrape_config("lab", targets, self.scrape_s)
        config = config.replace("scrape_configs:", f"  external_labels: {{cluster: '{name}'}}\nscrape_configs:", 1)
        sink = f"  - url: {self.oracle.url}/api/v1/write\n    queue_config: {{batch_send_deadline: 1s}}\n"
        return Prometheus(f"{config}remote_write:\n{sink}")

    def apply(self) -> tuple[float, str]:
        """Bring the fleet in by one file; gives how many seconds that took, and what was said."""
        lines = ["fleet: hundred", "defaults: {environment: LAB}", "clusters:"]
        lines += [f"  - {{name: {name}, prometheus_url: '{server.url}'}}" for name, server in self.servers.items()]
        path = Path(self.folder, "fleet.yaml")
        path.write_text("\n".join(lines) + "\n")
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "aiops", "cluster", "apply", "--url", self.hub.url, "-f", str(path)],
            env={**os.environ, "AIOPS_TOKEN": token_of(self.admin)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return time.monotonic() - began, done.stdout

    def states(self) -> dict[str, int]:
        found: dict[str, int] = self.admin.get("/api/v1/fleet/summary").json()["by_state"]
        return found

    def watched(self) -> set[str]:
        return {one["cluster"] for one in self.admin.get("/api/v1/expectations").json()["items"]}

    def ask(self, query: str, at: float) -> JSON:
        reply = self.admin.post(
            "/prometheus/api/v1/query", data={"query": query, "time": f"{at:.3f}", "timeout": "2s"}, timeout=60
        )
        told: JSON = reply.json()
        return told


@pytest.fixture(scope="module", params=[4, pytest.param(100, marks=pytest.mark.soak)])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, request.param)


def _points(data: Any) -> Points:
    if data["resultType"] == "scalar":
        return {frozenset(): float(data["result"][1])}
    return {frozenset(one["metric"].items()): float(one["value"][1]) for one in data["result"]}


def _differ(ours: Points, theirs: Points) -> str | None:
    if ours.keys() != theirs.keys():
        return f"series {[dict(key) for key in ours.keys() ^ theirs.keys()][:3]}"
    scale = max((abs(value) for value in theirs.values() if math.isfinite(value)), default=1.0)
    for key, value in theirs.items():
        same = ours[key] == value or (math.isnan(ours[key]) and math.isnan(value))
        if not same and not math.isclose(ours[key], value, rel_tol=1e-9, abs_tol=1e-12 * scale):
            return f"{dict(key)}: {ours[key]} is not {value}"
    return None


def _words(names: Sequence[str], now: float) -> Vocabulary:
    return Vocabulary(
        gauges=("node_load1", "node_memory_MemAvailable_bytes", "node_filesystem_avail_bytes"),
        counters=("node_cpu_seconds_total", "http_requests_total", "node_network_receive_bytes_total"),
        buckets=("http_request_duration_seconds_bucket",),
        labels={"instance": ("node", "web"), "mode": ("idle", "user"), "code": ("200", "500")},
        clusters=names[:6],
        epoch_s=int(now - 40),
    )


def test_a_file_becomes_a_watched_fleet_that_answers_as_one_prometheus(fleet: Fleet) -> None:
    size = len(fleet.names)
    took, said = fleet.apply()
    assert took <= 30, said
    began = time.monotonic()
    wait_until(lambda: fleet.states().get("ONLINE") == size, "all clusters ONLINE", 120)
    online_s = time.monotonic() - began
    wait_until(lambda: fleet.watched() == set(fleet.names), "a watch on every cluster", 180, every_s=1.0)
    print(f"{size} clusters: applied in {took:.1f} s, ONLINE {online_s:.1f} s later;", end=" ")
    again, said = fleet.apply()
    print(f"applied again in {again:.1f} s;", end=" ")
    oldest = f"count(count_over_time(node_load1[10m]) >= {fleet.warm_up_s / fleet.scrape_s:.0f})"
    wait_until(
        lambda: [one for one in fleet.oracle.query(oldest)["result"] if float(one["value"][1]) == size],
        "enough samples at the oracle",
        300,
        every_s=1.0,
    )
    queries = 2000 if size > 10 else 40
    exact, refused, partial, late, wrong = _compare(fleet, queries)
    print(f"{queries} queries: {exact} exact, {refused} refused, {partial} partial, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:20])
    assert len(late) <= queries / 100, "\n".join(late[:20])
    _says_who_is_missing(fleet)
    assert partial >= queries / 5
    assert refused <= queries / 20


def _says_who_is_missing(fleet: Fleet) -> None:
    reply = fleet.admin.get("/api/v1/metrics/query", params={"query": "count(up)", "timeout": 2}, timeout=60)
    told = {one["cluster"]: one["status"] for one in reply.json()["clusters"]}
    assert reply.status_code == 206
    assert {name for name, status in told.items() if status != "SUCCESS"} == set(fleet.names[-2:])


def _compare(fleet: Fleet, queries: int) -> tuple[int, int, int, list[str], list[str]]:
    """Half with all backends, half with one killed and one frozen; what is marked partial must name those alone.

    Beside them a sound backend may be late where the machine is busy, which must be said as such: the fourth of what is
    given, the last is what was wrong.
    """
    at = time.time() - SETTLED_S * (1 if len(fleet.names) < 10 else 6)
    generator, exact, refused, partial = Generator(_words(fleet.names, at), seed=7), 0, 0, 0
    wrong: list[str] = []
    faulty = set(fleet.names[-2:])
    late: list[str] = []
    for number in range(queries):
        if number == queries // 2:
            fleet.servers[fleet.names[-1]].stop()
            fleet.servers[fleet.names[-2]].pause()
        query = generator.query()
        try:
            theirs: Points | None = _points(fleet.oracle.query(query, at))
        except LabFailed:
            theirs = None
        told = fleet.ask(query, at)
        if told["status"] == "error":
            refused += theirs is not None
        elif told.get("warnings"):
            partial += 1
            others = [warning for warning in told["warnings"] if warning.partition(":")[0] not in faulty]
            if theirs is not None and others:
                in_time = [warning for warning in others if "did not answer within" not in warning]
                (wrong if in_time else late).append(f"{query}: warned of {(in_time or others)[:3]}")
        elif theirs is not None and (difference := _differ(_points(told["data"]), theirs)):
            wrong.append(f"{query}\n    {difference}")
        else:
            exact += 1
    return exact, refused, partial, late, wrong
