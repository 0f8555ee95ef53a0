"""One query over many clusters: each answers within its deadline, or says why not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock, VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, Unavailable
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.backends.breaker import Breaker
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.ports import QueryStatus, Sample
from aiops.observability.service.metrics.names import SeriesNames, Within
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.store.samples import PostgresSampleStore
from aiops.registry.ports import EndpointKind, Target
from tests.lab.packages import lab_available
from tests.lab.served import end
from tests.lab.servers import Prometheus
from tests.observability.clusters import Fleet

SYSTEM = Principal.system("test")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Remote:
    """A server that speaks as much of Prometheus' API as a test wants, and counts."""

    def __init__(self) -> None:
        self.requests = 0
        self.cancelled = 0
        self.delay_s = 0.0
        self.status = 200
        self.body: dict[str, Any] = {
            "status": "success",
            "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.0, "2"]}]},
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        # As compact as a real one.
        text = json.dumps(self.body, separators=(",", ":"))
        return web.Response(text=text, content_type="application/json", status=self.status)


@asynccontextmanager
async def _serving(remote: Remote) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", remote.handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await end(runner)


class Asking(NamedTuple):
    metrics: MetricsService
    names: SeriesNames
    numbers: ClusterNumbers


@asynccontextmanager
async def _service(database: Database, fleet: Fleet) -> AsyncIterator[Asking]:
    async with aiohttp.ClientSession() as session:
        clock = SystemClock()
        remote, store = PrometheusBackend(session, clock), PostgresSampleStore()
        own = OwnSamples(database, store)
        yield Asking(
            MetricsService(clock, fleet, remote, own),
            SeriesNames(database, clock, store, fleet, remote),
            ClusterNumbers(fleet, remote, own),
        )


async def test_series_carry_their_cluster_and_a_slow_one_is_left_behind(database: Database) -> None:
    fast, slow, broken = Remote(), Remote(), Remote()
    slow.delay_s, broken.status = 30.0, 503
    async with _serving(fast) as fast_url, _serving(slow) as slow_url, _serving(broken) as broken_url:
        fleet = Fleet({"fast": fast_url, "slow": slow_url, "broken": broken_url})
        async with _service(database, fleet) as service:
            async with asyncio.timeout(5):
                result = await service.metrics.query(SYSTEM, "up", timeout_s=0.5)
    assert [series.metric for series in result.series] == [{"a": "b", "cluster": "fast"}]
    statuses = {outcome.cluster: outcome.status for outcome in result.clusters}
    assert statuses == {
        "fast": QueryStatus.SUCCESS,
        "slow": QueryStatus.TIMEOUT,
        "broken": QueryStatus.ERROR,
    }
    assert all(outcome.error for outcome in result.clusters if outcome.cluster != "fast")


async def test_warnings_of_a_remote_make_its_answer_partial(database: Database) -> None:
    remote = Remote()
    remote.body = {**remote.body, "warnings": ["a store is away"]}
    async with _serving(remote) as url, _service(database, Fleet({"one": url})) as service:
        result = await service.metrics.query(SYSTEM, "up")
    assert result.clusters[0].status is QueryStatus.PARTIAL
    assert result.clusters[0].error == "a store is away"
    assert result.series


async def test_a_cancelled_request_cancels_its_fan_out(database: Database) -> None:
    remote = Remote()
    remote.delay_s = 30.0
    async with _serving(remote) as url, _service(database, Fleet({"one": url})) as service:
        asking = asyncio.create_task(service.metrics.query(SYSTEM, "up"))
        while not remote.requests:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(5):
            while not remote.cancelled:
                await asyncio.sleep(0.01)


async def test_bad_promql_never_leaves_the_hub(database: Database) -> None:
    remote = Remote()
    async with _serving(remote) as url, _service(database, Fleet({"one": url})) as service:
        with pytest.raises(Invalid, match="position 5"):
            await service.metrics.query(SYSTEM, "foo bar")
    assert remote.requests == 0


async def test_the_hubs_own_metrics_come_from_its_own_store_and_only_in_scope(database: Database) -> None:
    remote = Remote()
    async with _serving(remote) as url:
        fleet = Fleet({"one": url, "two": None})
        store = PostgresSampleStore()
        async with database.begin() as tx:
            for place, name in enumerate(("one", "two")):
                labels = {"__name__": "aiops:watch:value", "watch": "cpu"}
                samples = [Sample(labels, NOW.timestamp() - back, place + 0.5) for back in (30, 15, 0)]
                await store.append(tx, fleet.ids[name], samples)
            await tx.commit()
        async with _service(database, fleet) as service:
            one_only = _viewer_of(frozenset({fleet.ids["one"]}))
            all_of_it = await service.metrics.query(SYSTEM, "aiops:watch:value", at=NOW)
            limited = await service.metrics.query(one_only, "aiops:watch:value", at=NOW)
            found, values = await service.numbers.evaluate_instant(SYSTEM, fleet.ids["two"], "aiops:watch:value", NOW)
            times, _, matrix = await service.numbers.evaluate_range(
                SYSTEM, fleet.ids["two"], "count_over_time(aiops:watch:value[1m])", NOW - timedelta(seconds=30), NOW, 15
            )
            with pytest.raises(NotFound):
                await service.metrics.query(one_only, "aiops:watch:value", cluster_ids=[fleet.ids["two"]])
    assert remote.requests == 0
    assert [(one.metric["cluster"], one.value[1]) for one in all_of_it.series] == [("one", "0.5"), ("two", "1.5")]
    assert [one.metric["cluster"] for one in limited.series] == ["one"]
    assert found[0]["watch"] == "cpu"
    assert values.tolist() == [1.5]
    assert len(times) == 3
    assert matrix.tolist() == [[1.0, 2.0, 3.0]]


def _viewer_of(clusters: frozenset[UUID]) -> Principal:
    return Principal(PrincipalKind.USER, "u", "u", Role.VIEWER, clusters)


async def test_more_than_11000_steps_are_refused(database: Database) -> None:
    async with _service(database, Fleet({"one": None})) as service:
        with pytest.raises(Invalid, match="11,000"):
            await service.metrics.query_range(SYSTEM, "up", start=NOW, end=NOW + timedelta(days=1), step_s=1)


async def test_an_answer_past_the_budget_of_bytes_is_refused() -> None:
    remote = Remote()
    async with _serving(remote) as url, aiohttp.ClientSession() as session:
        backend = PrometheusBackend(session, SystemClock(), max_reply_bytes=10)
        with pytest.raises(Invalid, match="larger than"):
            await backend.instant(Target(uuid4(), "one", EndpointKind.PROMETHEUS, url), "up", 0.0, 5.0)


async def test_an_endpoint_that_keeps_failing_is_left_alone() -> None:
    remote = Remote()
    remote.status = 500
    clock = VirtualClock()
    async with _serving(remote) as url, aiohttp.ClientSession() as session:
        backend = PrometheusBackend(session, clock)
        target = Target(uuid4(), "one", EndpointKind.PROMETHEUS, url)
        for _ in range(12):
            with pytest.raises(Unavailable):
                await backend.instant(target, "up", 0.0, 5.0)
        assert remote.requests == 10
        await clock.advance(61)
        remote.status = 200
        await backend.instant(target, "up", 0.0, 5.0)
        assert remote.requests == 11


def test_a_breaker_tries_five_at_a_time_after_its_pause() -> None:
    clock = VirtualClock()
    breaker = Breaker(clock, threshold=1, recovery_s=0.0)
    breaker.failed()
    assert [breaker.admit() for _ in range(7)] == [True] * 5 + [False] * 2


@pytest.mark.lab
@pytest.mark.skipif(lab_available() is not None, reason=lab_available() or "the lab is there")
async def test_a_real_prometheus_answers_all_questions(database: Database) -> None:
    config = "scrape_configs: []"
    with Prometheus(config) as server:
        async with _service(database, Fleet({"one": server.url})) as service:
            now = datetime.now(UTC)
            instant = await service.metrics.query(SYSTEM, "sum(up) or vector(7)", at=now)
            over = await service.metrics.query_range(
                SYSTEM, "sum(up) or vector(7)", start=now - timedelta(minutes=1), end=now, step_s=15
            )
            names = await service.names.labels(SYSTEM)
            values = await service.names.label_values(SYSTEM, "job")
            found = await service.names.series(SYSTEM, Within(("up",)))
    for outcomes in (instant.clusters, over.clusters, names.clusters, values.clusters, found.clusters):
        assert [(one.status, one.error) for one in outcomes] == [(QueryStatus.SUCCESS, None)]
    assert instant.series[0].metric == {}
    assert instant.series[0].value[1] == "7"
    assert len(over.series[0].values) == 5


@pytest.mark.parametrize(
    ("kind", "one"),
    [
        ("vector", {"metric": {}, "histogram": [1.0, {"count": "3", "sum": "2"}]}),
        ("matrix", {"metric": {}, "values": [[1.0, "2"]], "histograms": [[1.0, {"count": "3", "sum": "2"}]]}),
    ],
)
async def test_native_histograms_are_refused_and_never_left_out_of_an_answer(
    kind: str, one: dict[str, Any], database: Database
) -> None:
    remote = Remote()
    remote.body = {"status": "success", "data": {"resultType": kind, "result": [one]}}
    async with _serving(remote) as url, _service(database, Fleet({"one": url})) as service:
        if kind == "vector":
            (outcome,) = (await service.metrics.query(SYSTEM, "m")).clusters
        else:
            (outcome,) = (await service.metrics.query_range(SYSTEM, "m", start=NOW, end=NOW, step_s=1)).clusters
    assert outcome.status is QueryStatus.ERROR
    assert "native histograms" in str(outcome.error)
