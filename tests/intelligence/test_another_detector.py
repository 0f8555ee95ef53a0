"""A hub that is started with another detector goes on with what the former one found."""

from __future__ import annotations

import pytest

from aiops.intelligence.detectors.rare_band import RareBand
from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from tests.intelligence.test_incidents import ROOT, Hub


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


def look_with_another(hub: Hub) -> None:
    before = hub.watcher
    hub.watcher = Watcher(
        hub.database, hub.clock, hub.feed, RareBand(), before._store, before._anomalies, before._feedback, hub.episodes
    )


async def found(hub: Hub) -> list[Anomaly]:
    return (await hub.reading.anomalies(ROOT, AnomalyFilter(watch="node_cpu"), 10, None))[0]


async def test_what_is_open_stays_open_until_the_new_detector_has_learned_that_it_is_over(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    (was,) = await found(hub)
    look_with_another(hub)
    await hub.tick(a, times=4, node_cpu=0.98)
    await hub.watcher.learned()
    await hub.tick(a, times=4, node_cpu=0.98)
    (still,) = await found(hub)
    assert (still.id, still.ended_at) == (was.id, None)
    await hub.tick(a, times=4)
    (over,) = await found(hub)
    assert (over.id, over.end_reason) == (was.id, "back in its band")


async def test_what_a_series_that_went_away_left_open_ends_as_gone(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    look_with_another(hub)
    await hub.tick(a, times=25, node_cpu=float("nan"))
    (over,) = await found(hub)
    assert over.end_reason == "the series is gone"
