"""Watches of people's own: who may set them, where they are evaluated, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied, TimedOut
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.fakes import FakeWatchStore
from aiops.observability.needs import KeptWatch, SampleStore, WatchStore
from aiops.observability.ports import Labels, Sensitivity, Threshold
from aiops.observability.service.watches import WatchBook, Watches, WatchService
from aiops.observability.service.watches.keeping import WatchChange, WatchWish
from aiops.observability.store.watches import PostgresWatchStore
from tests.observability.test_watches import cpu_only, drain
from tests.observability.watching import CPU, FakeClusters, FakeQueries, cluster

EAST, WEST = cluster("east", url="http://e"), cluster("west", url="http://w")


def user(role: Role, *clusters: UUID) -> Principal:
    return Principal(PrincipalKind.USER, "id", "olga", role, frozenset(clusters) if clusters else None)


OLGA, EASTERN, WESTERN = user(Role.OPERATOR), user(Role.OPERATOR, EAST.id), user(Role.OPERATOR, WEST.id)


@dataclass
class Desk:
    database: Database
    clock: VirtualClock

    def __post_init__(self) -> None:
        self.database.outbox = SqlOutbox(InMemoryBus(), [])
        self.queries = FakeQueries()
        self.queries.answers = {EAST.id: cpu_only, WEST.id: cpu_only}
        clusters, store = FakeClusters(EAST, WEST), PostgresWatchStore()
        book = WatchBook(self.database, self.clock, store)
        self.service = WatchService(
            queries=self.queries,
            clusters=clusters,
            transactions=self.database,
            store=cast(SampleStore, None),
            clock=self.clock,
            book=book,
        )
        self.watches = Watches(self.database, self.clock, store, book, self.service, clusters)

    async def evaluated(self, where: Any) -> dict[str, Any]:
        reader = self.service.follow(OLGA)
        await self.service.evaluate(where, self.clock.now(), interval_s=15)
        return {batch.watch.name: batch for batch in await drain(reader)}

    async def told(self) -> list[tuple[str, bool]]:
        async with self.database.begin() as tx:
            rows = await tx.connection.execute(
                text("SELECT payload FROM kernel.outbox WHERE event_type = 'WATCH_CHANGED' ORDER BY event_id")
            )
            return [(row.payload["change"], row.payload["begins_anew"]) for row in rows]


@pytest.fixture
def desk(database: Database, clock: VirtualClock) -> Desk:
    return Desk(database, clock)


def queue(**more: Any) -> WatchWish:
    return WatchWish(**{"name": "queue_depth", "query": "max by (queue) (depth)", **more})


@pytest.mark.parametrize("kind", ["postgres", "fake"])
async def test_a_store_of_watches_gives_back_what_it_was_given(
    kind: str, database: Database, clock: VirtualClock
) -> None:
    store: WatchStore = PostgresWatchStore() if kind == "postgres" else FakeWatchStore()
    now = clock.now()
    kept = KeptWatch(
        name="b",
        query="up",
        threshold=Threshold(above=3.5, for_s=60),
        silence_s=300,
        sensitivity=Sensitivity.HIGH,
        clusters=[EAST.id, WEST.id],
        owner_id="1",
        owner="olga",
        revision=1,
        created_at=now,
        updated_at=now,
    )
    shipped = KeptWatch(name="a", owner_id="1", owner="olga", revision=1, created_at=now, updated_at=now)
    async with database.begin() as tx:
        assert await store.add(tx, kept)
        assert await store.add(tx, shipped)
        assert not await store.add(tx, kept)
        assert await store.all(tx) == [shipped, kept]
        await store.forget_cluster(tx, EAST.id)
        left = await store.get(tx, "b", lock=True)
        assert left is not None
        assert left.clusters == [WEST.id]
        await store.change(tx, KeptWatch(**{**{f: getattr(left, f) for f in left.__struct_fields__}, "enabled": False}))
        assert [one.enabled for one in await store.all(tx)] == [True, False]
        await store.forget_cluster(tx, WEST.id)
        assert await store.get(tx, "b") is None
        await store.delete(tx, "a")
        assert await store.all(tx) == []


async def test_a_watch_of_ones_own_is_evaluated_at_once_where_it_is_wanted_and_nowhere_else(desk: Desk) -> None:
    await desk.watches.add(
        OLGA, queue(clusters=[EAST.id], threshold=Threshold(above=100), sensitivity=Sensitivity.HIGH)
    )
    batch = (await desk.evaluated(EAST))["queue_depth"]
    assert batch.series == [{"instance": "a", "job": "node"}]
    assert (batch.watch.threshold, batch.watch.sensitivity) == (Threshold(above=100), Sensitivity.HIGH)
    assert "queue_depth" not in await desk.evaluated(WEST)

    kept = await desk.watches.change(OLGA, "queue_depth", WatchChange(revision=1, enabled=False))
    assert not kept.enabled
    assert "queue_depth" not in await desk.evaluated(EAST)
    await desk.watches.change(OLGA, "queue_depth", WatchChange(revision=2, enabled=True, title="Depth"))
    assert (await desk.evaluated(EAST))["queue_depth"].watch.title == "Depth"
    await desk.watches.change(OLGA, "queue_depth", WatchChange(revision=3, sensitivity=Sensitivity.LOW))
    await desk.watches.delete(OLGA, "queue_depth")
    assert "queue_depth" not in await desk.evaluated(EAST)
    changed = [("CHANGED", True), ("CHANGED", True), ("CHANGED", False)]
    assert await desk.told() == [("CREATED", False), *changed, ("DELETED", True)]


async def test_a_shipped_watch_is_made_quieter_or_switched_off_but_is_not_another(desk: Desk) -> None:
    assert (await desk.watches.get(OLGA, "node_cpu")).sensitivity is Sensitivity.MEDIUM
    quiet = await desk.watches.change(OLGA, "node_cpu", WatchChange(revision=0, sensitivity=Sensitivity.LOW))
    assert (quiet.shipped, quiet.owner, quiet.false_alarms_a_week) == (True, "olga", 0.1)
    watch = (await desk.evaluated(EAST))["node_cpu"].watch
    assert (watch.sensitivity, watch.silence_s, watch.subject_labels) == (Sensitivity.LOW, 300, ("instance",))
    await desk.watches.change(OLGA, "node_cpu", WatchChange(revision=1, enabled=False))
    assert await desk.evaluated(EAST) == {}
    with pytest.raises(Invalid):
        await desk.watches.change(OLGA, "node_cpu", WatchChange(revision=2, query="up"))
    with pytest.raises(Invalid):
        await desk.watches.delete(OLGA, "node_cpu")
    with pytest.raises(Conflict):
        await desk.watches.add(OLGA, queue(name="node_cpu"))


async def test_each_sees_and_sets_only_what_concerns_their_clusters(desk: Desk) -> None:
    await desk.watches.add(EASTERN, queue(clusters=[EAST.id]))
    await desk.watches.add(OLGA, queue(name="both", clusters=[EAST.id, WEST.id]))
    await desk.watches.add(OLGA, queue(name="everywhere"))

    async def mine(who: Principal) -> list[tuple[str, list[UUID] | None]]:
        return [(one.name, one.clusters) for one in await desk.watches.all(who) if not one.shipped]

    assert await mine(WESTERN) == [("both", [WEST.id]), ("everywhere", None)]
    assert [name for name, _ in await mine(EASTERN)] == ["both", "everywhere", "queue_depth"]
    with pytest.raises(NotFound):
        await desk.watches.get(WESTERN, "queue_depth")
    with pytest.raises(NotFound):
        await desk.watches.delete(WESTERN, "queue_depth")
    for name in ("both", "everywhere"):
        with pytest.raises(PermissionDenied):
            await desk.watches.delete(WESTERN, name)
    with pytest.raises(PermissionDenied):
        await desk.watches.change(EASTERN, "node_cpu", WatchChange(revision=0, enabled=False))
    with pytest.raises(PermissionDenied):
        await desk.watches.change(EASTERN, "queue_depth", WatchChange(revision=1, clusters=None))
    with pytest.raises(NotFound):
        await desk.watches.add(EASTERN, queue(name="theirs", clusters=[WEST.id]))
    with pytest.raises(PermissionDenied):
        await desk.watches.add(user(Role.VIEWER), queue(name="viewers"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": "rate(x["},
        {"query": "up[5m]"},
        {"query": "1 + 1"},
        {"name": "Not-A-Name"},
        {"clusters": []},
        {"threshold": Threshold()},
        {"threshold": Threshold(above=1, below=2)},
        {"learned": False},
        {"title": "x" * 101},
    ],
)
async def test_a_watch_that_can_find_nothing_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await desk.watches.add(OLGA, queue(**wrong))


async def test_a_change_is_not_written_over_another(desk: Desk) -> None:
    await desk.watches.add(OLGA, queue())
    await desk.watches.change(OLGA, "queue_depth", WatchChange(revision=1, title="One"))
    with pytest.raises(Conflict):
        await desk.watches.change(OLGA, "queue_depth", WatchChange(revision=1, title="Two"))


async def test_a_query_that_a_cluster_refuses_is_told_to_those_who_see_the_cluster(desk: Desk) -> None:
    def refuses(query: str) -> list[tuple[Labels, float]]:
        if "depth" in query:
            raise Invalid("no such function")
        return cpu_only(query)

    desk.queries.answers[EAST.id] = refuses
    await desk.watches.add(OLGA, queue())
    await desk.evaluated(EAST)
    (failing,) = (await desk.watches.get(OLGA, "queue_depth")).failing
    assert (failing.cluster, failing.error) == ("east", "no such function")
    assert (await desk.watches.get(WESTERN, "queue_depth")).failing == []


async def test_a_query_that_takes_too_long_rests_and_the_others_go_on(desk: Desk) -> None:
    def slow(query: str) -> list[tuple[Labels, float]]:
        if "depth" in query:
            raise TimedOut("too slow")
        return CPU if "__name__=~" in query else cpu_only(query)

    desk.queries.answers[EAST.id] = slow
    await desk.watches.add(OLGA, queue())
    await desk.watches.add(OLGA, queue(name="quick", query="up"))
    for _ in range(3):
        assert "quick" in await desk.evaluated(EAST)
    assert len([query for _, query, _ in desk.queries.asked if "depth" in query]) == 1
    await desk.clock.advance(150)
    await desk.evaluated(EAST)
    assert len([query for _, query, _ in desk.queries.asked if "depth" in query]) == 2
