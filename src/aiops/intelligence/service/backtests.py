"""Backtests: a watch or an alert rule over a cluster's stored past, before it may tell anyone anything."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.anomalies import Anomaly, subject_of
from aiops.intelligence.domain.backtests import WEEK_S, PastIncident, against, beside
from aiops.intelligence.domain.feedback import Key, key_of
from aiops.intelligence.needs import Detector, Floats, IncidentStore, Recalling
from aiops.intelligence.service.pasts import whole_past
from aiops.intelligence.service.replay import Replayed, replay
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, TimedOut
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import (
    FALSE_ALARMS_A_WEEK,
    Labels,
    Sensitivity,
    Threshold,
    Watch,
    WatchFeed,
    WatchHistory,
)

LONGEST = timedelta(days=35)
WARM_UP = timedelta(days=1)
MOST_POINTS = 500_000
MOST_FINDINGS = 500
_MOST_INCIDENTS = 200
_DEADLINE_S = 60.0
_CHARTED, _CHART_POINTS = 5, 600

Unset = msgspec.UnsetType


class BacktestWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the three is tried: a `watch` by its name, a `query` as a watch would have it, or a `rule`, an alert's
    expression that gives series while it holds (`for_s` long). `start` and `end` are the last 7 days where not given.
    """

    cluster_id: UUID
    watch: str | None = None
    query: str | None = None
    rule: str | None = None
    for_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    unit: str = ""
    worse: Literal["up", "down", "both"] = "both"
    minimum: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    learned: bool | Unset = msgspec.UNSET
    sensitivity: Sensitivity | Unset = msgspec.UNSET
    threshold: Threshold | Unset | None = msgspec.UNSET
    silence_s: Annotated[float, msgspec.Meta(ge=30, le=604_800)] | Unset | None = msgspec.UNSET
    start: datetime | None = None
    end: datetime | None = None
    step_s: Annotated[float, msgspec.Meta(ge=5, le=3600)] | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    labels: Labels
    subject: str
    kind: str
    severity: str
    score: float
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    explanation: str
    started_at: datetime
    detected_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class Charted(msgspec.Struct, frozen=True):
    """A series at some of the moments that were looked at; `None` where something was not known."""

    labels: Labels
    times: list[float]
    values: list[float | None]
    expected: list[float | None]
    lower: list[float | None]
    upper: list[float | None]


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What would have been found. `per_series_week` is to be held against `stated_per_series_week`, which is what the
    sensitivity allows where nothing is wrong. `beside_incidents`: findings of the time of no incident; `never_learned`:
    series with too little of a past for a band. Only `learned_days` of warm-up before the start were there."""

    watch: Watch
    cluster_id: UUID
    detector: str
    start: datetime
    end: datetime
    step_s: float
    learned_days: float
    series: int
    left_out: int
    never_learned: int
    points: int
    findings: list[Finding]
    findings_total: int
    per_week: float
    per_series_week: float
    stated_per_series_week: float | None
    beside_incidents: int
    incidents: list[PastIncident]
    missed: int
    charts: list[Charted]


class Backtests:
    """One at a time, each at most half a million points and a minute: a Prometheus is there for others too."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        feed: WatchFeed,
        detector: Detector,
        incidents: IncidentStore,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._feed = feed
        self._detector = detector
        self._incidents = incidents
        self._turn = asyncio.Semaphore(1)

    async def run(self, principal: Principal, wish: BacktestWish) -> Backtest:
        """Raises `NotFound` for a cluster or watch out of scope, `TimedOut` where it takes too long."""
        principal.require(Role.VIEWER)
        end = wish.end or self._clock.now()
        start = wish.start or end - timedelta(days=7)
        if start.tzinfo is None or end.tzinfo is None:
            raise Invalid("start and end need a time zone.", details={"field": "start"})
        if not timedelta(minutes=10) <= end - start <= LONGEST:
            raise Invalid(f"A backtest spans 10 minutes to {LONGEST.days} days.", details={"field": "start"})
        watch = await self._watch(principal, wish)
        try:
            async with asyncio.timeout(_DEADLINE_S), self._turn:
                return await self._run(principal, wish, watch, start, end)
        except TimeoutError:
            raise TimedOut(
                f"The backtest took longer than {_DEADLINE_S:.0f} s: try a shorter time, or fewer series."
            ) from None

    async def _run(
        self, principal: Principal, wish: BacktestWish, watch: Watch, start: datetime, end: datetime
    ) -> Backtest:
        warm = WARM_UP if watch.learned else timedelta(0)
        probe = await self._feed.history(
            principal, wish.cluster_id, watch, start=end - timedelta(hours=1), end=end, step_s=60.0
        )
        span_s = (end - start + warm).total_seconds()
        step_s = max(wish.step_s or 60.0, span_s * max(len(probe.series), 1) / MOST_POINTS)
        past = await whole_past(
            lambda at, until: self._feed.history(principal, wish.cluster_id, watch, start=at, end=until, step_s=step_s),
            start - warm,
            end,
            step_s,
        )
        earlier = await self._earlier(principal, wish.cluster_id, watch, start - warm)
        found = await asyncio.to_thread(
            _replayed, self._detector, wish, watch, past, step_s, start.timestamp(), earlier
        )
        async with self._transactions.begin() as tx:
            incidents = await self._incidents.between(tx, wish.cluster_id, start, end, _MOST_INCIDENTS)
        told = against(found.findings, incidents, end)
        weeks = (end - start).total_seconds() / WEEK_S
        series = len(past.series)
        within = past.times >= start.timestamp()
        return Backtest(
            watch=watch,
            cluster_id=wish.cluster_id,
            detector=self._detector.name if watch.learned else "",
            start=start,
            end=end,
            step_s=step_s,
            learned_days=warm.total_seconds() / 86_400,
            series=series,
            left_out=past.dropped,
            never_learned=sum(1 for at in found.learned_from if at is None) if watch.learned else 0,
            points=int(np.isfinite(past.values[:, within]).sum()),
            findings=[_finding(one, watch) for one in found.findings[:MOST_FINDINGS]],
            findings_total=len(found.findings),
            per_week=len(found.findings) / weeks,
            per_series_week=len(found.findings) / weeks / series if series else 0.0,
            stated_per_series_week=FALSE_ALARMS_A_WEEK[watch.sensitivity] if watch.learned else None,
            beside_incidents=beside(found.findings, incidents, end),
            incidents=told,
            missed=sum(1 for one in told if not one.caught),
            charts=_charts(past, found, within),
        )

    async def _watch(self, principal: Principal, wish: BacktestWish) -> Watch:
        if sum(1 for one in (wish.watch, wish.query, wish.rule) if one) != 1:
            raise Invalid("Try one of: a watch, a query, a rule.", details={"field": "watch"})
        if wish.rule:
            limit = Threshold(above=0.5, for_s=wish.for_s)
            return Watch("", "Alert rule", wish.rule, "", "up", 0.0, (), threshold=limit, learned=False)
        if wish.query:
            watch = Watch("", wish.query[:60], wish.query, wish.unit, wish.worse, wish.minimum, ())
        else:
            assert wish.watch is not None
            watch = await self._feed.find(principal, wish.watch)
        terms: dict[str, Any] = {
            name: value
            for name in ("learned", "sensitivity", "threshold", "silence_s")
            if (value := getattr(wish, name)) is not msgspec.UNSET
        }
        watch = msgspec.structs.replace(watch, **terms)
        if not watch.learned and watch.threshold is None and watch.silence_s is None:
            raise Invalid("This would find nothing: learn a band, or set a threshold or a silence.")
        return watch

    async def _earlier(
        self, principal: Principal, cluster_id: UUID, watch: Watch, until: datetime
    ) -> WatchHistory | None:
        """The days before, of which a detector may know what was usual when."""
        if not watch.learned or not isinstance(self._detector, Recalling):
            return None
        span, step_s = timedelta(seconds=self._detector.recalls_s), self._detector.recall_step_s
        return await self._feed.history(
            principal, cluster_id, watch, start=until - span, end=until - timedelta(seconds=step_s), step_s=step_s
        )


def _replayed(
    detector: Detector,
    wish: BacktestWish,
    watch: Watch,
    past: WatchHistory,
    step_s: float,
    count_from: float,
    earlier: WatchHistory | None,
) -> Replayed:
    if wish.rule:
        # A rule's series are there while it holds, whatever their values.
        holds = WatchHistory(past.times, past.series, np.isfinite(past.values).astype(np.float64))
        return replay(detector, watch, holds, step_s, cluster_id=wish.cluster_id, count_from=count_from)
    return replay(detector, watch, past, step_s, cluster_id=wish.cluster_id, count_from=count_from, earlier=earlier)


def _finding(one: Anomaly, watch: Watch) -> Finding:
    fields = {name: getattr(one, name) for name in Finding.__struct_fields__ if name not in ("subject", "severity")}
    if watch.title == "Alert rule" and not watch.name:
        fields |= {"value": None, "lower": None, "upper": None}
        fields["explanation"] = f"The rule held for {subject_of(watch, one.labels)} since {one.started_at:%H:%M:%S} UTC"
    return Finding(subject=one.subject, severity=one.severity.value, **fields)


def _charts(past: WatchHistory, found: Replayed, within: Any) -> list[Charted]:
    """The series with the most findings, thinned to the values that lie farthest from what was expected."""
    counts: dict[Key, int] = {}
    for one in found.findings:
        counts[key_of(one.labels)] = counts.get(key_of(one.labels), 0) + 1
    order = sorted(range(len(past.series)), key=lambda row: -counts.get(key_of(past.series[row]), 0))
    places = np.flatnonzero(within)
    return [_charted(past, found, row, places) for row in order[:_CHARTED] if len(places)]


def _charted(past: WatchHistory, found: Replayed, row: int, places: Any) -> Charted:
    middle = np.where(np.isfinite(found.expected[row]), found.expected[row], np.nanmean(_any(past.values[row])))
    off = np.nan_to_num(np.abs(past.values[row] - middle), nan=-1.0)
    groups = np.array_split(places, min(_CHART_POINTS, len(places)))
    chosen = [int(group[off[group].argmax()]) for group in groups]
    return Charted(
        past.series[row],
        past.times[chosen].tolist(),
        *(_known(part[row][chosen]) for part in (past.values, found.expected, found.lower, found.upper)),
    )


def _any(values: Floats) -> Floats:
    return values if np.isfinite(values).any() else np.zeros(1)


def _known(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
