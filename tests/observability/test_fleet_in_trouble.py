"""Backends die, hang, lie and never stop talking; the answer comes on time, is right for the rest, and says so."""

from __future__ import annotations

import resource
import socket
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.service.fanout import Budget
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.reuse import ReusedMetrics
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.reuse import Answers
from aiops.observability.store.samples import PostgresSampleStore
from tests.lab.packages import lab_available
from tests.observability.clusters import Fleet
from tests.observability.fleet_samples import CLUSTERS, START_S, prometheus_with, samples_of

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=lab_available() or "the lab is there"),
]

SYSTEM = Principal.system("test")
AT = datetime.fromtimestamp(START_S + 3333, UTC)
DEADLINE_S = 4.0
MB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Behaviour = Callable[[socket.socket, threading.Event], None]


def _hangs(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def _speaks_garbage(peer: socket.socket, _: threading.Event) -> None:
    body = b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": 7'
    peer.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def _never_stops(peer: socket.socket, over: threading.Event) -> None:
    peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    block = b"%x\r\n" % MB + b" " * MB + b"\r\n"
    while not over.is_set():
        peer.sendall(block)


def _drips(peer: socket.socket, over: threading.Event) -> None:
    peer.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while not over.wait(0.2):
        peer.sendall(b" ")


TROUBLE: dict[str, tuple[Behaviour, QueryStatus, str]] = {
    "hangs-1": (_hangs, QueryStatus.TIMEOUT, "did not answer within"),
    "hangs-2": (_hangs, QueryStatus.TIMEOUT, "did not answer within"),
    "drips": (_drips, QueryStatus.TIMEOUT, "did not answer within"),
    "garbage": (_speaks_garbage, QueryStatus.ERROR, "did not answer as a Prometheus does"),
    "endless": (_never_stops, QueryStatus.ERROR, "is larger than"),
}
DEAD = {f"dead-{number}": "http://127.0.0.1:1" for number in range(5)}


@pytest.fixture(scope="module")
def healthy() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {name: prometheus_with(samples_of(name), stack).url for name in CLUSTERS}


@pytest.fixture(scope="module")
def troubled() -> Iterator[dict[str, str]]:
    over = threading.Event()
    with ExitStack() as stack:
        stack.callback(over.set)
        yield {name: stack.enter_context(_serving(behave, over)) for name, (behave, _, _) in TROUBLE.items()}
        over.set()


@contextmanager
def _serving(behave: Behaviour, over: threading.Event) -> Iterator[str]:
    class Peer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65536)
                behave(self.request, over)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Peer) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
async def hub(healthy: dict[str, str], troubled: dict[str, str]) -> AsyncIterator[MetricsService]:
    outbound, clock = Outbound(allow_loopback=True), SystemClock()
    remote = ReusedMetrics(PrometheusBackend(outbound, clock), Answers(clock))
    own = OwnSamples(Database("postgresql://nowhere.invalid/none"), PostgresSampleStore())
    yield MetricsService(clock, Fleet({**healthy, **troubled, **DEAD}), remote, own)
    await outbound.close()


def _told_rightly(outcomes: list[ClusterOutcome]) -> None:
    told = {one.cluster: one for one in outcomes}
    assert {name for name, one in told.items() if one.status is QueryStatus.SUCCESS} == set(CLUSTERS)
    for name, (_, status, says) in TROUBLE.items():
        assert (told[name].status, says in (told[name].error or "")) == (status, True), told[name]
    for name in DEAD:
        assert told[name].status is QueryStatus.ERROR
        assert "refused the connection" in (told[name].error or "")


@pytest.mark.parametrize("query", ["temperature", "sum by (zone) (temperature)", "quantile(0.9, temperature)"])
async def test_the_answer_is_on_time_right_for_the_rest_and_names_each_failure(
    query: str, hub: MetricsService, healthy: dict[str, str]
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    result = await hub.query(SYSTEM, query, at=AT, timeout_s=DEADLINE_S)
    took = time.monotonic() - started
    _told_rightly(result.clusters)
    assert took <= DEADLINE_S * 1.1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 150 * 1024, "kB at most"
    alone = await hub.query(
        SYSTEM, query, at=AT, cluster_ids=[one.cluster_id for one in result.clusters if one.cluster in healthy]
    )
    assert [(one.metric, one.value) for one in result.series] == [(one.metric, one.value) for one in alone.series]
    assert alone.series


async def test_an_endpoint_that_keeps_failing_is_left_alone_and_tried_again_later(hub: MetricsService) -> None:
    for _ in range(12):
        result = await hub.query(SYSTEM, 'temperature{cluster=~"dead-.*|east"}', at=AT, timeout_s=DEADLINE_S)
    errors = {one.cluster: one.error or "" for one in result.clusters}
    assert all("left alone for another" in errors[name] for name in DEAD)
    assert errors["east"] == ""


def test_all_answers_together_are_bounded_and_the_one_too_many_says_so() -> None:
    budget = Budget(most=100 * MB)
    budget.take(60 * MB)
    with pytest.raises(Invalid, match="together are larger than 100 MB"):
        budget.take(60 * MB)
