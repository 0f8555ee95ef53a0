"""Watches are evaluated by arrival or by the beat, bounded, and one cluster's trouble is no other's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import numpy as np
import pytest
from structlog.testing import capture_logs

from aiops.kernel.clock import VirtualClock
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied, Unavailable
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.fakes import FakeWatchStore
from aiops.observability.needs import SampleStore
from aiops.observability.ports import Expectation, Labels, Sample, WatchBatch, WatchHistory, WatchLook
from aiops.observability.service.arrivals import SampleArrivals
from aiops.observability.service.host import HostJob
from aiops.observability.service.watches import ArrivalWatchJob, PrometheusWatchJob, WatchBook, WatchService
from aiops.registry.ports import Cluster, State
from tests.observability.watching import (
    CPU,
    FakeClusters,
    FakeIntake,
    FakeQueries,
    FakeSource,
    FakeTransactions,
    cluster,
)

ME = Principal.system("test")


def only(*clusters: Cluster, role: Role = Role.VIEWER) -> Principal:
    return Principal(PrincipalKind.USER, "1", "kim", role, frozenset(one.id for one in clusters))


class FakeStore:
    def __init__(self) -> None:
        self.kept: list[tuple[Any, Sample]] = []

    async def append(self, tx: object, cluster_id: Any, samples: list[Sample]) -> int:
        self.kept += [(cluster_id, sample) for sample in samples]
        return 0


@dataclass
class World:
    clock: VirtualClock
    clusters: FakeClusters
    queries: FakeQueries = field(default_factory=FakeQueries)
    arrivals: SampleArrivals = field(default_factory=SampleArrivals)
    store: FakeStore = field(default_factory=FakeStore)
    source: FakeSource = field(default_factory=FakeSource)

    def __post_init__(self) -> None:
        self.kept = FakeWatchStore()
        self.book = WatchBook(FakeTransactions(), self.clock, self.kept)
        self.service = WatchService(
            queries=self.queries,
            clusters=self.clusters,
            transactions=FakeTransactions(),
            store=cast(SampleStore, self.store),
            clock=self.clock,
            book=self.book,
        )
        self.intake = FakeIntake(self.arrivals)
        parts: dict[str, Any] = {"clusters": self.clusters, "clock": self.clock}
        self.host = HostJob(source=self.source, intake=self.intake, **parts)
        self.by_arrival = ArrivalWatchJob(service=self.service, arrivals=self.arrivals, **parts)
        self.by_beat = PrometheusWatchJob(service=self.service, **parts)

    @asynccontextmanager
    async def running(self, *jobs: Any) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(cast(Coroutine[Any, Any, None], job.run())) for job in jobs]
        await self.clock.advance(0)
        yield
        assert not any(task.done() for task in tasks), "a job ended by itself"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def world(clock: VirtualClock, *members: Cluster) -> World:
    made = World(clock, FakeClusters(*members))
    for one in members:
        made.queries.answers[one.id] = cpu_only
    return made


def cpu_only(query: str) -> list[tuple[Labels, float]]:
    if "__name__=~" in query:
        return CPU
    if "up[" in query:
        return [({}, 4.0)]
    return [({"instance": "a", "job": "node"}, 0.25)]


async def drain(reader: AsyncIterator[WatchBatch]) -> list[WatchBatch]:
    batches = []
    while True:
        try:
            batches.append(await asyncio.wait_for(anext(reader), 0.01))
        except TimeoutError:
            return batches


async def test_each_round_of_the_host_is_evaluated_once_at_its_samples_time(clock: VirtualClock) -> None:
    local = cluster("local", host=True)
    here = world(clock, local)
    reader = here.service.follow(ME)
    start = clock.now().timestamp()

    async with here.running(here.by_arrival, here.host):
        await clock.advance(20)

    batches = await drain(reader)
    assert [batch.at - start for batch in batches] == [0, 5, 10, 15, 20]
    assert {(batch.cluster_id, batch.watch.name, batch.interval_s) for batch in batches} == {
        (local.id, "node_cpu", 5.0)
    }
    assert batches[0].series == [{"instance": "a"}]
    assert batches[0].values.tolist() == [0.25]


async def test_the_host_source_idles_while_there_is_no_host_cluster_and_begins_when_there_is(
    clock: VirtualClock,
) -> None:
    here = world(clock)
    async with here.running(here.host):
        await clock.advance(30)
        assert here.intake.taken == []
        here.clusters.fleet.append(cluster("local", host=True))
        await clock.advance(5)
        assert len(here.intake.taken) == 1
        here.clusters.fleet.clear()
        await clock.advance(30)
        assert len(here.intake.taken) == 1


async def test_the_host_source_goes_on_after_a_failure_and_says_so_once(clock: VirtualClock) -> None:
    here = world(clock, cluster("local", host=True))
    with capture_logs() as logs:
        async with here.running(here.host):
            here.source.error = OSError("no /proc")
            await clock.advance(15)
            here.source.error = None
            await clock.advance(10)

    assert [line["event"] for line in logs] == ["polled_source_failed", "polled_source_recovered"]
    assert len(here.intake.taken) == 3


async def test_a_query_can_be_run_again_as_it_stands_and_its_window_suits_the_cluster(clock: VirtualClock) -> None:
    local, remote = cluster("local", host=True), cluster("far", url="http://p")
    here = world(clock, local, remote)

    def scraped_every_minute(query: str) -> list[tuple[Labels, float]]:
        return [({}, 1.0 if "[1m]" in query else 10.0)] if "up[" in query else cpu_only(query)

    here.queries.answers[remote.id] = scraped_every_minute
    reader = here.service.follow(ME)
    for one in (local, remote):
        await here.service.evaluate(one, clock.now(), interval_s=15)

    queries = {batch.cluster_id: batch.watch.query for batch in await drain(reader)}
    assert queries[local.id] == '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))'
    assert queries[remote.id] == '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[4m]))'


async def test_clusters_with_a_prometheus_are_evaluated_every_15_s_each_at_its_own_moment(clock: VirtualClock) -> None:
    members = [cluster(f"c{n}", url="http://p") for n in range(100)]
    here = world(clock, *members)
    reader = here.service.follow(ME)

    async with here.running(here.by_beat):
        await clock.advance(60)

    moments: dict[Any, list[float]] = {}
    for batch in await drain(reader):
        moments.setdefault(batch.cluster_id, []).append(batch.at)
    assert len(moments) == 100
    assert all(np.diff(times).tolist() == [15.0] * (len(times) - 1) for times in moments.values())
    together = np.unique([times[0] for times in moments.values()], return_counts=True)[1]
    assert together.max() <= 20


async def test_a_new_cluster_is_evaluated_at_once_and_one_that_is_offline_is_not(clock: VirtualClock) -> None:
    here = world(clock)
    reader = here.service.follow(ME)
    new, dead = cluster("new", url="http://p"), cluster("dead", url="http://q", state=State.OFFLINE)
    async with here.running(here.by_beat):
        await clock.advance(7)
        for one in (new, dead):
            here.queries.answers[one.id] = cpu_only
            here.clusters.fleet.append(one)
        await clock.advance(5)

    assert {batch.cluster_id for batch in await drain(reader)} == {new.id}


async def test_a_failing_cluster_stops_no_other_and_is_spoken_of_once(clock: VirtualClock) -> None:
    good, bad = cluster("good", url="http://p"), cluster("bad", url="http://q")
    here = world(clock, good, bad)

    def down(query: str) -> list[tuple[Labels, float]]:
        raise Unavailable("connection refused")

    here.queries.answers[bad.id] = down
    reader = here.service.follow(ME)
    with capture_logs() as logs:
        async with here.running(here.by_beat):
            await clock.advance(60)
            here.queries.answers[bad.id] = cpu_only
            await clock.advance(15)

    assert len([batch for batch in await drain(reader) if batch.cluster_id == good.id]) >= 4
    assert [(line["event"], line["cluster"]) for line in logs] == [("watch_failed", "bad"), ("watch_recovered", "bad")]


async def test_a_cluster_that_hangs_stops_no_other(clock: VirtualClock) -> None:
    good, stuck = cluster("good", url="http://p"), cluster("stuck", url="http://q")
    here = world(clock, good, stuck)
    answer = here.queries.evaluate_instant

    async def sometimes_never(principal: Principal, cluster_id: Any, *rest: Any, **options: Any) -> Any:
        if cluster_id == stuck.id:
            await clock.sleep(1e9)
        return await answer(principal, cluster_id, *rest, **options)

    here.queries.evaluate_instant = sometimes_never  # type: ignore[method-assign]
    reader = here.service.follow(ME)
    async with here.running(here.by_beat):
        await clock.advance(60)

    assert len(await drain(reader)) == 4


async def test_a_watch_that_is_refused_leaves_the_others(clock: VirtualClock) -> None:
    local = cluster("local", host=True)
    here = world(clock, local)

    def no_rate(query: str) -> list[tuple[Labels, float]]:
        if "__name__=~" in query:
            return [*CPU, ({"__name__": "node_load1"}, 1.0)]
        if "rate(" in query:
            raise Invalid("no rate here")
        return cpu_only(query)

    here.queries.answers[local.id] = no_rate
    reader = here.service.follow(ME)
    await here.service.evaluate(local, clock.now(), interval_s=5)

    assert [batch.watch.name for batch in await drain(reader)] == ["node_load"]


async def test_series_are_bounded_per_watch_and_cluster_and_the_rest_is_counted(clock: VirtualClock) -> None:
    far = cluster("far", url="http://p")
    here = world(clock, far)
    names = [name for w in ("cpu_seconds_total", "load1", "disk_io_time_seconds_total") for name in (f"node_{w}",)]
    names += ["node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", "node_network_receive_bytes_total"]
    names += ["node_network_transmit_bytes_total", "http_requests_total"]

    def huge(query: str) -> list[tuple[Labels, float]]:
        if "__name__=~" in query:
            return [({"__name__": name}, 1.0) for name in names]
        if "up[" in query:
            return [({}, 4.0)]
        return [({"instance": f"{n:04}", "job": f"{n:04}", "pod": "x"}, float(n)) for n in range(500)]

    here.queries.answers[far.id] = huge
    reader = here.service.follow(ME)
    for _ in range(2):
        await here.service.evaluate(far, clock.now(), interval_s=15)
        batches = await drain(reader)
        assert sum(len(batch.series) for batch in batches) <= 1_000
        for batch in batches:
            assert len(batch.series) == len(batch.values) <= 200
            assert len(batch.series) + batch.dropped == 500
            assert batch.values.tolist() == sorted(batch.values.tolist()), "the first by name, every time"


async def test_what_is_recorded_is_kept_without_its_unknown_parts_and_does_not_echo(clock: VirtualClock) -> None:
    local = cluster("local", host=True)
    here = world(clock, local)
    reader = here.service.follow(ME)
    watch = here.service.watches()[0]
    nan = float("nan")
    known, learning = Expectation({"instance": "a"}, 0.9, 0.2, 0.1, 0.3), Expectation({}, 1, nan, nan, nan)

    async with here.running(here.by_arrival):
        await here.service.record(ME, [WatchLook(local.id, watch, 50.0, [known, learning])])
        past = WatchHistory(np.array([10.0, 20.0]), [{"instance": "a"}], np.array([[0.5, nan]]))
        await here.service.record_past(ME, local.id, watch, past)
        await clock.advance(30)

    assert await drain(reader) == []
    assert {(s.labels["__name__"], s.labels.get("instance"), s.value) for _, s in here.store.kept} == {
        ("aiops:watch:value", "a", 0.9),
        ("aiops:watch:value", "a", 0.5),
        ("aiops:watch:expected", "a", 0.2),
        ("aiops:watch:lower", "a", 0.1),
        ("aiops:watch:upper", "a", 0.3),
        ("aiops:watch:value", None, 1),
    }
    assert {(s.labels["watch"], s.timestamp) for _, s in here.store.kept} == {("node_cpu", 50.0), ("node_cpu", 10.0)}


async def test_frequent_pushes_and_old_samples_cause_no_evaluations_of_their_own(clock: VirtualClock) -> None:
    pushed = cluster("pushed")
    here = world(clock, pushed)
    reader = here.service.follow(ME)
    now = clock.now().timestamp()
    async with here.running(here.by_arrival):
        for second in range(-1000, 0, 100):
            here.arrivals.announce(pushed.id, now + second)
            await clock.advance(0)
        old = await drain(reader)
        for _ in range(10):
            await clock.advance(1)
            here.arrivals.announce(pushed.id, clock.now().timestamp())
        await clock.advance(0)

    assert {batch.at - now for batch in old} == {-300, -200, -100}
    assert len(await drain(reader)) == 2


async def test_a_pushed_cluster_with_a_prometheus_is_not_evaluated_twice(clock: VirtualClock) -> None:
    both = cluster("both", url="http://p")
    here = world(clock, both)
    reader = here.service.follow(ME)
    async with here.running(here.by_arrival):
        here.arrivals.announce(both.id, clock.now().timestamp())
        here.arrivals.announce(uuid4(), clock.now().timestamp())
        await clock.advance(1)

    assert await drain(reader) == []


async def test_a_reader_that_lags_misses_the_oldest(clock: VirtualClock) -> None:
    local = cluster("local", host=True)
    here = world(clock, local)
    reader = here.service.follow(ME)
    for second in range(1_005):
        await here.service.evaluate(local, clock.now() + timedelta(seconds=second), interval_s=5)

    batches = await drain(reader)
    assert len(batches) == 1_000
    assert batches[0].at - clock.now().timestamp() == 5
    assert reader.missed == 5  # type: ignore[attr-defined]


async def test_nobody_sees_past_their_scope(clock: VirtualClock) -> None:
    mine, other = cluster("mine", host=True), cluster("other", url="http://p")
    here = world(clock, mine, other)
    reader = here.service.follow(only(mine))
    for one in (mine, other):
        await here.service.evaluate(one, clock.now(), interval_s=15)
    watch = here.service.watches()[0]
    span = {"start": clock.now() - timedelta(minutes=5), "end": clock.now(), "step_s": 15.0}

    assert {batch.cluster_id for batch in await drain(reader)} == {mine.id}
    with pytest.raises(NotFound):
        await here.service.history(only(mine), other.id, watch, **span)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await here.service.record(only(mine, role=Role.OPERATOR), [WatchLook(other.id, watch, 1.0, [])])
    with pytest.raises(PermissionDenied):
        await here.service.record(only(mine), [WatchLook(mine.id, watch, 1.0, [])])


async def test_history_asks_what_the_cluster_is_asked_and_is_empty_where_there_is_none(clock: VirtualClock) -> None:
    far, empty = cluster("far", url="http://p"), cluster("empty")
    here = world(clock, far, empty)
    here.queries.answers[empty.id] = lambda query: []
    watch = here.service.watches()[0]
    start, end = clock.now() - timedelta(minutes=5), clock.now()

    found = await here.service.history(ME, far.id, watch, start=start, end=end, step_s=15)
    nothing = await here.service.history(ME, empty.id, watch, start=start, end=end, step_s=15)

    assert [query for _, query, _ in here.queries.asked if "[2m]))" in query and "avg by" in query]
    assert found.series == [{"instance": "a"}]
    assert found.values.shape == (1, 21)
    assert (nothing.series, nothing.values.size) == ([], 0)


async def test_what_a_cluster_has_is_looked_up_seldom(clock: VirtualClock) -> None:
    far = cluster("far", url="http://p")
    here = world(clock, far)
    async with here.running(here.by_beat):
        await clock.advance(3600)

    looks = [query for _, query, _ in here.queries.asked if "__name__=~" in query]
    assert 8 <= len(looks) <= 12
