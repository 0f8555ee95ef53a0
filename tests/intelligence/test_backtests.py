"""What a watch or a rule would have found in the past, and what it would have missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from aiops.intelligence.detectors import installed
from aiops.intelligence.detectors.robust_band import RobustBand
from aiops.intelligence.domain.anomalies import AnomalyFilter
from aiops.intelligence.needs import Detector
from aiops.intelligence.service.backtests import Backtests, BacktestWish
from aiops.intelligence.service.replay import replay
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.ports import Floats, Threshold, Watch, WatchBatch, WatchHistory
from tests.intelligence.test_incidents import CPU, ROOT, Hub

LAB = new_id()


class PastFeed:
    """A feed whose past is a function of time, cut to what is asked for; by watch name or query."""

    def __init__(self) -> None:
        self.past: dict[str, tuple[Floats, Floats]] = {}
        self.asked: list[float] = []

    async def history(
        self, principal: Principal, cluster_id: Any, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        if not principal.sees(cluster_id):
            raise NotFound("There is no such cluster.")
        times = np.arange(start.timestamp(), end.timestamp() + step_s / 2, step_s)
        self.asked.append(len(times))
        known, values = self.past[watch.query]
        place = np.maximum(np.searchsorted(known, times, side="right") - 1, 0)
        row = np.where((times >= known[0]) & (times - known[place] <= 300), values[place], np.nan)
        if not np.isfinite(row).any():
            return WatchHistory(times, [], np.zeros((0, len(times))))
        return WatchHistory(times, [{"instance": "a"}], row[None, :])

    async def find(self, principal: Principal, name: str) -> Watch:
        if name == CPU.name:
            return CPU
        raise NotFound("There is no such watch.")


@pytest.fixture
def feed() -> PastFeed:
    return PastFeed()


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


@pytest.fixture
def backtests(hub: Hub, feed: PastFeed) -> Backtests:
    return Backtests(hub.database, hub.clock, feed, RobustBand(), SqlIncidents())  # type: ignore[arg-type]


def days(hub: Hub, feed: PastFeed, query: str, count: int, **loud: tuple[float, float, float]) -> datetime:
    """Ordinary minutes up to now; `loud` are stretches (days from the start, minutes long, value)."""
    end = hub.clock.now()
    start = end - timedelta(days=count)
    times = np.arange((start - timedelta(days=1)).timestamp(), end.timestamp(), 60.0)
    values = np.random.default_rng(7).normal(0.2, 0.01, len(times))
    for at, minutes, value in loud.values():
        first = start.timestamp() + at * 86_400
        values[(times >= first) & (times < first + minutes * 60)] = value
    feed.past[query] = (times, values)
    return start


async def test_a_backtest_finds_what_live_detection_finds_in_the_same_past(hub: Hub) -> None:
    rng = np.random.default_rng(3)
    times: Floats = hub.clock.now().timestamp() + 15.0 * np.arange(1, 401, dtype=np.float64)
    values = rng.normal(0.2, 0.01, 400)
    values[200:220], values[300:], limited = 0.7, np.nan, Threshold(above=0.65, for_s=60)
    watch = Watch("w", "W", "w", "ratio", "up", 0.05, ("instance",), threshold=limited, silence_s=200)
    told = replay(RobustBand(), watch, WatchHistory(times, [{"instance": "a"}], values[None, :]), 15.0)
    for value in values:
        await hub.clock.advance(15)
        at = hub.clock.now().timestamp()
        await hub.watcher.take([WatchBatch(LAB, watch, at, 15.0, [{"instance": "a"}], np.array([value]))])
    live = (await hub.reading.anomalies(ROOT, AnomalyFilter(), 10, None))[0][::-1]

    def facts(one: Any) -> tuple[Any, ...]:
        return one.kind, one.severity, one.started_at, one.detected_at, one.ended_at, one.explanation

    assert [facts(one) for one in told.findings] == [facts(one) for one in live]
    assert [one.kind for one in live] == ["THRESHOLD_BREACH", "SILENCE"]


async def test_it_says_what_would_have_been_found_how_often_and_which_incidents_would_have_been_missed(
    hub: Hub, feed: PastFeed, backtests: Backtests
) -> None:
    await hub.tick(LAB)
    for hour in (0, 100):
        await hub.clock.advance(3600 * hour)
        await hub.fire(LAB, f"f{hour}")
        await hub.fire(LAB, f"f{hour}", resolved=True)
        await hub.clock.advance(100)
        await hub.episodes.settle()
    await hub.clock.advance(3600 * 60)
    start = days(hub, feed, CPU.query, 7)
    incident = (await hub.incidents())[0].detected_at
    at = (incident - start).total_seconds() / 86_400
    days(hub, feed, CPU.query, 7, first=(at - 5 / 1440, 30, 0.9), other=(at + 1, 30, 0.9))

    told = await backtests.run(ROOT, BacktestWish(cluster_id=LAB, watch="node_cpu"))

    assert [one.kind for one in told.findings] == ["SPIKE", "SPIKE"]
    assert (told.per_week, told.per_series_week, told.stated_per_series_week) == (2, 2, 0.5)
    assert (told.series, told.never_learned, told.beside_incidents, told.missed) == (1, 0, 1, 1)
    assert [one.caught for one in told.incidents] == [True, False]
    lead = told.incidents[0].lead_s
    assert lead is not None
    assert 0 < lead <= 300
    (chart,) = told.charts
    assert max(value for value in chart.values if value is not None) == 0.9
    assert chart.upper[-1] is not None
    assert max(feed.asked) <= 10_000, "no piece is larger than what a Prometheus answers"


class Unforgetting(RobustBand):
    forgets_s = None  # type: ignore[assignment]


def test_parts_of_the_past_side_by_side_tell_what_one_after_the_other_does() -> None:
    rng = np.random.default_rng(5)
    length = 5 * 1440
    values = rng.normal(0.3, 0.02, (2, length))
    for row, begin, lasts in ((0, 1400, 90), (0, 2875, 12), (1, 4000, 30), (1, 4319, 20), (1, 6900, 400)):
        values[row, begin : begin + lasts] = 0.8
    values[0, 5000:5100] = np.nan
    past = WatchHistory(
        1e9 + 60.0 * np.arange(length, dtype=np.float64), [{"instance": "a"}, {"instance": "b"}], values
    )
    facts = [
        [
            (one.labels["instance"], one.kind, one.started_at, one.detected_at, one.ended_at, one.end_reason)
            for one in replay(detector, CPU, past, 60.0).findings
        ]
        for detector in (RobustBand(), Unforgetting())
    ]
    assert len(facts[0]) == 5
    assert facts[0] == facts[1]


@pytest.mark.parametrize("detector", [one.build() for one in installed().usable.values()], ids=lambda one: one.name)
def test_a_past_without_a_series_has_no_findings(detector: Detector) -> None:
    times = 1e9 + 60.0 * np.arange(10_000, dtype=np.float64)
    replayed = replay(detector, CPU, WatchHistory(times, [], np.zeros((0, len(times)))), 60.0)
    assert replayed.findings == []
    assert replayed.expected.shape == (0, len(times))


async def test_a_rule_is_tried_by_when_its_expression_gave_anything(
    hub: Hub, feed: PastFeed, backtests: Backtests
) -> None:
    now = hub.clock.now().timestamp()
    held: Floats = now - 7200 + 60.0 * np.arange(60, dtype=np.float64)
    feed.past["up == 0"] = (held, np.zeros(60))
    for for_s, found in ((600.0, 1), (86_000.0, 0)):
        told = await backtests.run(ROOT, BacktestWish(cluster_id=LAB, rule="up == 0", for_s=for_s))
        assert told.findings_total == found
    told = await backtests.run(ROOT, BacktestWish(cluster_id=LAB, rule="up == 0"))
    assert told.findings[0].explanation.startswith("The rule held for a since")
    assert told.stated_per_series_week is None


async def test_what_is_set_on_a_watch_can_be_tried_before_it_is_set(
    hub: Hub, feed: PastFeed, backtests: Backtests
) -> None:
    days(hub, feed, CPU.query, 2, loud=(1, 30, 0.9))
    wish = BacktestWish(
        cluster_id=LAB, watch="node_cpu", learned=False, threshold=Threshold(above=0.8),
        start=hub.clock.now() - timedelta(days=2),
    )  # fmt: skip
    told = await backtests.run(ROOT, wish)
    assert [one.kind for one in told.findings] == ["THRESHOLD_BREACH"]
    ended = told.findings[0].ended_at
    assert ended is not None
    assert (ended - told.findings[0].started_at) == timedelta(minutes=32)


def test_a_watch_that_gives_no_series_finds_nothing_whatever_the_detector_recalls() -> None:
    times = np.arange(0, 7200, 60, dtype=np.float64)
    nothing = WatchHistory(times, [], np.empty((0, len(times))))
    older = WatchHistory(times - 86_400, [{"instance": "gone"}], np.ones((1, len(times))))
    for plugin in installed().usable.values():
        found = replay(plugin.build(), CPU, nothing, 60.0, earlier=older)
        assert (found.findings, found.learned_from) == ([], [])


async def test_a_backtest_out_of_scope_or_of_nothing_is_refused(hub: Hub, backtests: Backtests) -> None:
    with pytest.raises(NotFound):
        await backtests.run(ROOT, BacktestWish(cluster_id=LAB, watch="no_such"))
    with pytest.raises(Invalid):
        await backtests.run(ROOT, BacktestWish(cluster_id=LAB))
    with pytest.raises(Invalid):
        early = hub.clock.now() - timedelta(days=100)
        await backtests.run(ROOT, BacktestWish(cluster_id=LAB, watch="node_cpu", start=early))
