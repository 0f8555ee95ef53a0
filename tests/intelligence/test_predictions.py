"""What will run out is foreseen on every cluster, told once, cleared when it is over, and scored against what came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import promql_parser
import pytest

from aiops.intelligence.domain.predictions import HOUR_S, Outlook, Prediction, PredictionFilter, Target
from aiops.intelligence.service.forecasts import Forecasts, ForecastWish
from aiops.intelligence.service.predicting import Predicting, targets_of
from aiops.intelligence.store.predictions import SqlPredictions
from aiops.intelligence.targets import SHIPPED
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, Unavailable
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.fakes import FakeMetrics, FakeWatchFeed
from aiops.observability.ports import Labels, Threshold, Watch, WatchBatch, WatchHistory
from aiops.observability.promql import parse
from tests.intelligence.test_incidents import ROOT, Hub, person

Course = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
NODE = {"instance": "node-1", "mountpoint": "/"}


class Playing(FakeWatchFeed):
    """Clusters whose series follow a course: what each is at a time, in Unix seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.courses: dict[tuple[UUID, str], list[tuple[Labels, Course]]] = {}
        self.down: set[UUID] = set()
        self.asked = 0

    async def history(
        self, principal: Principal, cluster_id: UUID, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        self.asked += 1
        if cluster_id in self.down:
            raise Unavailable("It does not answer.")
        times = np.arange(start.timestamp(), end.timestamp() + 1, step_s)
        courses = self.courses.get((cluster_id, watch.name), [])
        values = np.array([course(times) for _, course in courses]).reshape(len(courses), len(times))
        return WatchHistory(times, [labels for labels, _ in courses], values)


class Foresight:
    """The job on a real database, with clusters and time driven by hand."""

    def __init__(self, hub: Hub, *clusters: UUID) -> None:
        self.hub, self.feed, self.metrics = hub, Playing(), FakeMetrics()
        members = [SimpleNamespace(id=one, name=f"c{place}") for place, one in enumerate(clusters)]
        registry: Any = SimpleNamespace(visible=self._visible)
        self._members = members
        store = SqlPredictions()
        self.job = Predicting(
            hub.database, hub.clock, self.feed, hub.watcher, registry, store, SHIPPED, 600.0, hub.findings
        )
        self.forecasts = Forecasts(hub.database, hub.clock, self.metrics, store)

    async def _visible(self, principal: Principal) -> list[Any]:
        return self._members

    def play(self, cluster: UUID, target: str, course: Course, labels: Labels = NODE) -> None:
        self.feed.courses.setdefault((cluster, f"forecast:{target}"), []).append((labels, course))

    async def listed(self, principal: Principal = ROOT, **wanted: Any) -> list[Prediction]:
        return (await self.forecasts.page(principal, PredictionFilter(**wanted), 100, None))[0]

    def now(self) -> float:
        return self.hub.clock.now().timestamp()


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


def filling(now: float, left_s: float, since_s: float = 5 * 86_400.0) -> Course:
    """Half full until `since_s` ago, and full `left_s` after now."""
    pace = 0.5 / (left_s + since_s)
    return lambda times: np.clip(0.5 + pace * (times - (now - since_s)), 0.5, 1.0)


async def test_a_disk_that_fills_up_is_foreseen_told_once_and_cleared_when_it_was_cleaned(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    now = sight.now()
    sight.play(a, "disk_space", filling(now, left_s=3 * 86_400.0))
    await sight.job.round()
    (found,) = await sight.listed()
    assert (found.outlook, found.subject, found.target) == (Outlook.CROSSES, "node-1 /", "disk_space")
    assert found.crosses_at is not None
    assert abs(found.crosses_at.timestamp() - now - 3 * 86_400) < 0.1 * 3 * 86_400
    assert "Disk space of node-1 / is used up in 3 days" in found.sentence
    assert found.loss is not None
    assert found.naive_loss is not None
    assert found.loss < found.naive_loss
    whole = await sight.forecasts.get(ROOT, found.id)
    assert whole.history[-1][1] == pytest.approx(found.value)
    assert whole.path[-1][0] >= found.crosses_at.timestamp()
    await hub.clock.advance(600)
    await sight.job.round()
    assert await hub.told("PREDICTION_MADE") == 1
    assert await hub.told("PREDICTION_CLEARED") == 0

    sight.feed.courses.clear()
    cleaned = sight.now()
    course = filling(now, left_s=3 * 86_400.0)
    await hub.clock.advance(1800)
    sight.play(a, "disk_space", lambda times: np.where(times > cleaned, 0.2, course(times)))
    await sight.job.round()
    assert await hub.told("PREDICTION_CLEARED") == 1
    assert [one for one in await sight.listed() if one.outlook is Outlook.CROSSES] == []


async def test_what_keeps_away_is_only_counted(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    rng = np.random.default_rng(1)
    for place in range(30):
        sight.play(a, "node_memory", lambda t: 0.4 + rng.normal(0, 0.01, len(t)), {"instance": f"n{place}"})
    await sight.job.round()
    assert await sight.listed() == []
    (survey,) = await sight.forecasts.surveys(ROOT)
    assert (survey.target, survey.series, survey.crossing, survey.refused) == ("node_memory", 30, 0, 0)


async def test_a_climb_that_every_morning_sees_is_no_prediction(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    phase = sight.now() % 86_400 - 6 * HOUR_S
    sight.play(a, "node_memory", lambda t: 0.6 + 0.3 * np.sin(2 * np.pi * (t - phase) / 86_400), {"instance": "n"})
    await sight.job.round()
    assert await sight.listed(outlook=Outlook.CROSSES) == []


async def test_what_fills_within_hours_after_quiet_days_is_foreseen_too(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    now = sight.now()
    sight.play(a, "disk_space", filling(now, left_s=4 * HOUR_S, since_s=2 * HOUR_S))
    await sight.job.round()
    (found,) = await sight.listed()
    assert found.crosses_at is not None
    assert abs(found.crosses_at.timestamp() - now - 4 * HOUR_S) < 0.1 * 4 * HOUR_S
    assert found.step_s == 60.0


async def test_a_certificate_runs_down_by_the_clock_and_a_renewal_clears_it(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    expires = sight.now() + 10 * 86_400
    sight.play(a, "certificate_probed", lambda t: expires - t, {"instance": "https://shop"})
    await sight.job.round()
    (found,) = await sight.listed()
    assert found.crosses_at is not None
    assert found.crosses_at.timestamp() == pytest.approx(expires, abs=1)
    assert found.sentence == "Certificate of https://shop expires in 10 days"
    sight.feed.courses.clear()
    sight.play(a, "certificate_probed", lambda t: expires + 90 * 86_400 - t, {"instance": "https://shop"})
    await hub.clock.advance(600)
    await sight.job.round()
    assert await sight.listed() == []
    assert (await hub.told("PREDICTION_MADE"), await hub.told("PREDICTION_CLEARED")) == (1, 1)


async def test_the_most_urgent_comes_first_page_by_page_within_the_readers_scope(hub: Hub) -> None:
    a, b = new_id(), new_id()
    sight = Foresight(hub, a, b)
    now = sight.now()
    for days, cluster in ((4, a), (1, b), (2, a), (3, b)):
        labels = {"instance": f"d{days}", "mountpoint": "/"}
        sight.play(cluster, "disk_space", filling(now, left_s=days * 86_400.0), labels)
    await sight.job.round()
    assert [one.labels["instance"] for one in await sight.listed()] == ["d1", "d2", "d3", "d4"]
    first, total = await sight.forecasts.page(ROOT, PredictionFilter(), 3, None)
    rest, _ = await sight.forecasts.page(ROOT, PredictionFilter(), 3, first[-1].id)
    assert (total, [one.labels["instance"] for one in rest]) == (4, ["d4"])
    limited = person(Role.VIEWER, a)
    assert [one.labels["instance"] for one in await sight.listed(limited)] == ["d2", "d4"]
    assert {one.cluster_id for one in await sight.forecasts.surveys(limited)} == {a}
    with pytest.raises(NotFound):
        await sight.forecasts.get(limited, first[0].id)


async def test_a_cluster_that_is_silent_keeps_what_was_foreseen_and_holds_nobody_up(hub: Hub) -> None:
    a, b = new_id(), new_id()
    sight = Foresight(hub, a, b)
    for cluster in (a, b):
        sight.play(cluster, "disk_space", filling(sight.now(), left_s=86_400.0))
    await sight.job.round()
    before = {one.cluster_id: one.made_at for one in await sight.listed()}
    sight.feed.down.add(a)
    await hub.clock.advance(600)
    await sight.job.round()
    after = {one.cluster_id: one.made_at for one in await sight.listed()}
    assert after[a] == before[a]
    assert after[b] > before[b]


async def test_a_cluster_without_the_metrics_is_not_asked_each_time(hub: Hub) -> None:
    sight = Foresight(hub, new_id())
    await sight.job.round()
    asked = sight.feed.asked
    await hub.clock.advance(600)
    await sight.job.round()
    assert sight.feed.asked == asked
    assert await sight.forecasts.surveys(ROOT) == []


async def test_the_hub_keeps_score_of_its_own_forecasts(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    sight.play(a, "node_memory", lambda t: 0.4 + 0.1 * np.sin(t / 3000), {"instance": "n"})
    await sight.job.round()
    (waiting, _) = await sight.forecasts.scores(ROOT)
    assert (waiting.checks, waiting.waiting, waiting.lead_s) == (0, 1, 900.0)
    for _ in range(4):
        await hub.clock.advance(3600)
        await sight.job.round()
    score = (await sight.forecasts.scores(ROOT))[0]
    assert score.checks == 4
    assert score.error < score.naive_error
    assert score.covered >= 0.5
    assert await sight.forecasts.scores(person(Role.VIEWER, new_id())) == []


async def test_a_watch_of_ones_own_is_foreseen_against_its_limit_until_it_is_given_up(hub: Hub) -> None:
    a, b = new_id(), new_id()
    sight = Foresight(hub, a, b)
    watch = Watch("queue", "Queue", "q", "", "up", 0.0, ("name",), threshold=Threshold(above=1000.0, below=5.0))
    now = sight.now()
    await hub.watcher.take([WatchBatch(a, watch, now, 5.0, [{"name": "mail"}], np.array([500.0]))])
    above, below = targets_of(watch)
    assert (below.threshold, below.upward) == (5.0, False)
    for cluster in (a, b):
        sight.play(cluster, above.name, lambda t: 500 + (t - now) / 100, {"name": "mail"})
    await sight.job.round()
    (found,) = await sight.listed()
    assert (found.cluster_id, found.target) == (a, "watch:queue:above")
    assert found.crosses_at is not None
    assert (found.crosses_at.timestamp() - now) == pytest.approx(50_000, rel=0.05)
    hub.watcher.forget_watch("queue")
    await hub.clock.advance(600)
    await sight.job.round()
    assert len(await sight.listed()) == 1
    await hub.clock.advance(3600)
    await sight.job.round()
    assert await sight.listed() == []
    assert await hub.told("PREDICTION_CLEARED") == 1


async def test_a_query_is_forecast_on_demand_with_what_can_be_said_of_each_series(hub: Hub) -> None:
    sight = Foresight(hub, new_id())
    times = np.arange(sight.now() - 336 * 1800, sight.now() + 1, 1800.0)
    sight.metrics.series = {
        "grows": (times, 10 + 0.1 * np.arange(float(len(times)))),
        "reset": (times, np.arange(float(len(times))) % 200),
    }
    found = await sight.forecasts.of_query(ROOT, ForecastWish(query="q", threshold=100.0))
    grows, reset = found.items
    left_s = (100 - 10 - 0.1 * (len(times) - 1)) / 0.1 * 1800
    assert grows.crosses_at is not None
    assert (grows.crosses_at - hub.clock.now()).total_seconds() == pytest.approx(left_s, rel=0.05)
    assert grows.path[-1][0] == pytest.approx(sight.now() + 3.5 * 86_400, abs=3600)
    assert reset.refusal is not None
    assert "was reset" in reset.refusal
    with pytest.raises(Invalid):
        await sight.forecasts.of_query(ROOT, ForecastWish(query="q", window_s=3600.0, horizon_s=86_400.0))


@pytest.mark.parametrize("target", SHIPPED, ids=lambda target: target.name)
def test_every_shipped_query_is_understood_by_the_own_engine_and_by_prometheus(target: Target) -> None:
    promql_parser.parse(target.query)
    parse(target.query)


def test_what_was_shipped_has_names_of_its_own() -> None:
    assert len({target.name for target in SHIPPED}) == len(SHIPPED)
    assert all(timedelta(seconds=target.within_s) >= timedelta(days=1) for target in SHIPPED)
