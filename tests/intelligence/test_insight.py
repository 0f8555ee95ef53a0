"""What moves together is one finding; the share of series that are out of their bands, and which explain it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from aiops.intelligence.domain.groups import GroupFilter, Place, PlaceKind, place_of
from aiops.intelligence.service.insight import Insight
from aiops.intelligence.store.groups import SqlGroups
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from aiops.observability.ports import Labels, WatchBatch
from tests.intelligence.own_store import own_feed, own_metrics
from tests.intelligence.test_incidents import CPU, DISK, LOAD, ROOT, Hub, person
from tests.observability.watching import cluster

EAST, WEST = cluster("east"), cluster("west")
SHOP = {"namespace": "shop", "service": "cart"}


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


@pytest.fixture
def insight(hub: Hub) -> Insight:
    hub.watcher._feed = own_feed(hub.database, hub.clock, EAST, WEST)
    return Insight(hub.database, SqlGroups(), own_metrics(hub.database, hub.clock, EAST, WEST), hub.watcher)


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        (SHOP, Place(PlaceKind.WORKLOAD, "shop/cart")),
        ({"namespace": "shop", "pod": "cart-7d9c5b7f4-x2x9q", "instance": "a"}, Place(PlaceKind.WORKLOAD, "shop/cart")),
        ({"namespace": "db", "pod": "postgres-0"}, Place(PlaceKind.WORKLOAD, "db/postgres")),
        ({"instance": "10.0.0.1:9100", "device": "sda"}, Place(PlaceKind.NODE, "10.0.0.1")),
        ({"queue": "orders"}, Place(PlaceKind.SERIES, "orders")),
    ],
)
def test_a_series_has_its_place_at_a_workload_else_at_a_node(labels: Labels, place: Place) -> None:
    assert place_of(labels, "orders") == place


async def rounds(hub: Hub, count: int, loud: float = 1.0) -> None:
    """Series of a workload and of two nodes, those of the first node and the workload `loud` times as high."""
    series: list[Labels] = [SHOP, {"instance": "n1:9100"}, {"instance": "n2:9100"}]
    for _ in range(count):
        await hub.clock.advance(15)
        at = hub.clock.now().timestamp()
        for watch, level in ((CPU, 0.2), (LOAD, 1.0), (DISK, 0.3)):
            values = np.array([level * loud, level * loud, level])
            await hub.watcher.take([WatchBatch(EAST.id, watch, at, 15.0, series, values)])


async def test_series_of_one_workload_or_node_that_move_together_are_one_finding_with_ranked_members(
    hub: Hub, insight: Insight
) -> None:
    await rounds(hub, 25)
    await rounds(hub, 4, loud=3.0)
    groups, total = await insight.groups(ROOT, GroupFilter(active=True), 20, None)
    assert total == 2
    assert {(one.kind, one.name, one.members, len(one.leading)) for one in groups} == {
        (PlaceKind.WORKLOAD, "shop/cart", 3, 3),
        (PlaceKind.NODE, "n1", 3, 3),
    }
    for one in groups:
        scores = [member.score for member in one.leading if member.severity is one.severity]
        assert scores == sorted(scores, reverse=True)
        assert one.severity is one.leading[0].severity
    await rounds(hub, 4)
    over, _ = await insight.groups(ROOT, GroupFilter(active=False), 20, None)
    assert [one.ended_at is not None for one in over] == [True, True]
    await rounds(hub, 4, loud=3.0)
    again, total = await insight.groups(ROOT, GroupFilter(), 20, None)
    assert (total, again[0].members, again[0].ended_at) == (2, 6, None), "what returns soon is the same finding"
    await rounds(hub, 60)
    await rounds(hub, 4, loud=3.0)
    assert (await insight.groups(ROOT, GroupFilter(), 20, None))[1] == 4

    stranger = person(Role.VIEWER, WEST.id)
    assert await insight.groups(stranger, GroupFilter(), 20, None) == ([], 0)
    with pytest.raises(NotFound):
        await insight.group(stranger, groups[0].id)
    assert len((await insight.group(person(Role.VIEWER, EAST.id), groups[0].id)).leading) == 6


async def test_the_share_of_anomalous_series_is_a_series_and_a_stretch_of_it_names_those_that_explain_it(
    hub: Hub, insight: Insight
) -> None:
    await rounds(hub, 60)
    start = hub.clock.now()
    await rounds(hub, 20, loud=3.0)
    end = hub.clock.now()
    metrics = own_metrics(hub.database, hub.clock, EAST)
    told = await metrics.query_range(ROOT, "aiops:anomaly_rate", start=start - timedelta(minutes=2), end=end, step_s=15)
    rate = [round(float(value), 2) for _, value in told.series[0].values]
    assert rate[:8] == [0.0] * 8
    assert rate[-3:] == [0.67] * 3

    found = await insight.explain(ROOT, EAST.id, start, end)
    assert found.series == 9
    assert {(one.watch, one.subject) for one in found.items} == {
        (watch, subject) for watch in ("node_cpu", "node_load", "node_disk") for subject in ("n1:9100", "shop cart")
    }
    assert all(one.share == 1.0 and one.share_before == 0.0 for one in found.items)
    with pytest.raises(NotFound):
        await insight.explain(person(Role.VIEWER, WEST.id), EAST.id, start, end)
    with pytest.raises(Invalid):
        await insight.explain(ROOT, EAST.id, start, start)
    with pytest.raises(NotFound):
        await insight.explain(ROOT, new_id(), start, end)
