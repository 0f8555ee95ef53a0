"""A hub that is started with another detector goes on with what the former one found, and what a detector recalls."""

from __future__ import annotations

import numpy as np
import pytest

from aiops.intelligence.detectors.rare_band import RareBand
from aiops.intelligence.detectors.seasonal_band import SeasonalBand
from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.intelligence.needs import Detector
from aiops.intelligence.service.reading import Learning
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.observability.ports import WatchHistory
from tests.intelligence.test_incidents import ROOT, Hub


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


def look_with_another(hub: Hub, detector: Detector) -> None:
    before = hub.watcher
    hub.watcher = hub.reading._watcher = Watcher(
        hub.database, hub.clock, hub.feed, detector, before._store, before._anomalies, before._feedback, hub.episodes
    )


async def found(hub: Hub) -> list[Anomaly]:
    return (await hub.reading.anomalies(ROOT, AnomalyFilter(watch="node_cpu"), 10, None))[0]


async def test_what_is_open_stays_open_until_the_new_detector_has_learned_that_it_is_over(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    (was,) = await found(hub)
    look_with_another(hub, RareBand())
    await hub.tick(a, times=4, node_cpu=0.98)
    await hub.watcher.learned()
    await hub.tick(a, times=4, node_cpu=0.98)
    (still,) = await found(hub)
    assert (still.id, still.ended_at) == (was.id, None)
    await hub.tick(a, times=4)
    (over,) = await found(hub)
    assert (over.id, over.end_reason) == (was.id, "back in its band")


async def test_the_days_before_are_learned_from_a_cluster_s_history_once_and_outlive_a_restart(hub: Hub) -> None:
    a = new_id()
    now = hub.clock.now().timestamp()
    times = np.arange(now - 9 * 86_400, now, 600.0)
    levels = 0.3 + 0.1 * np.sin(2 * np.pi * times / 86_400)
    look_with_another(hub, SeasonalBand())
    await hub.tick(a)
    await hub.watcher.learned()
    (one,) = [one for one in await hub.reading.expectations(ROOT) if one.watch == "node_cpu"]
    assert one.learning_days == Learning(0, 7)
    hub.feed.past[a, "node_cpu"] = WatchHistory(times, [{"instance": f"h-{a}"}], levels[None, :])
    look_with_another(hub, SeasonalBand())
    await hub.tick(a)
    await hub.watcher.learned()
    await hub.tick(a)
    hub.feed.past.clear()
    look_with_another(hub, SeasonalBand())
    await hub.tick(a, times=2)
    (one,) = [one for one in await hub.reading.expectations(ROOT) if one.watch == "node_cpu"]
    assert (one.learning, one.learning_days) == (None, None)


async def test_what_a_series_that_went_away_left_open_ends_as_gone(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    look_with_another(hub, RareBand())
    await hub.tick(a, times=25, node_cpu=float("nan"))
    (over,) = await found(hub)
    assert over.end_reason == "the series is gone"
