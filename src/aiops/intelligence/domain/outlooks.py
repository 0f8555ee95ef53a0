"""From the past of one series to what is foreseen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aiops.intelligence.domain.predictions import SHOWN_WITHIN, Target
from aiops.intelligence.forecasting.candidates import Floats
from aiops.intelligence.forecasting.crossing import Crossing, crossing
from aiops.intelligence.forecasting.engine import Forecast, forecast
from aiops.intelligence.forecasting.refusals import CantForecast

_STEPS = 48
_MOST_PLACES = 120
_PARTS = 8
# A past of hours is believed for twice its length; one of days as far as is shown.
_SHORT_REACH = 2.0
LONG_WINDOW_S = 86_400.0


@dataclass(frozen=True)
class Stretch:
    """The past of a series over one window, at `step_s`; NaN where it had no value."""

    window_s: float
    step_s: float
    times: Floats
    values: Floats

    @property
    def latest(self) -> float | None:
        known = np.flatnonzero(np.isfinite(self.values))
        return float(self.values[known[-1]]) if len(known) else None


@dataclass(frozen=True)
class Foreseen:
    """`at`, `early` and `late` in Unix seconds; with a `refusal`, nothing is known but the value."""

    value: float
    stretch: Stretch
    at: float | None = None
    early: float | None = None
    late: float | None = None
    model: str | None = None
    loss: float | None = None
    naive_loss: float | None = None
    moments: int = 0
    refusal: str | None = None
    path: list[tuple[float, float, float, float]] = field(default_factory=list)


def foresee(target: Target, stretches: Sequence[Stretch]) -> Foreseen | None:
    """The earliest crossing that one of the stretches (the longest first) bears out; `None` where all keep away.

    What a stretch of hours says counts only where the series is in new country: a climb that the days before have seen
    too is a climb that has ended before.
    """
    found: list[Foreseen] = []
    for place, stretch in enumerate(stretches):
        value = stretch.latest
        if value is None:
            continue
        if target.countdown:
            return _counted_down(target, stretch, value)
        reach = SHOWN_WITHIN * target.within_s
        if stretch.window_s < LONG_WINDOW_S:
            if not _new_country(target, stretch, stretches[:place]):
                continue
            reach = min(reach, _SHORT_REACH * stretch.window_s)
        if _moves_enough(target, stretch, value, reach):
            one = _forecast(target, stretch, value, reach)
            found += [one] if one else []
    crossing_ones = [one for one in found if one.at is not None]
    if crossing_ones:
        return min(crossing_ones, key=lambda one: one.at or 0.0)
    return found[0] if found else None


def _moves_enough(target: Target, stretch: Stretch, value: float, reach: float) -> bool:
    """Whether at twice the pace of its widest move it could get there in time: most series are let go by this alone."""
    sign = 1.0 if target.upward else -1.0
    left = sign * (target.threshold - value)
    known = np.isfinite(stretch.values)
    if left <= 0 or known.sum() < 2:
        return left <= 0
    moved = _moved(stretch.values[known])
    lasted = max(float(np.ptp(stretch.times[known])), stretch.step_s)
    return 2 * moved / lasted * reach >= left


def _moved(values: Floats) -> float:
    """How far apart its parts lie, and the present from them: noise and spikes move nothing."""
    middles = [float(np.median(part)) for part in np.array_split(values, min(_PARTS, len(values)))]
    middles.append(float(np.median(values[-3:])))
    return (max(middles) - min(middles)) * _PARTS / (_PARTS - 1)


def _new_country(target: Target, stretch: Stretch, longer: Sequence[Stretch]) -> bool:
    known = stretch.values[np.isfinite(stretch.values)]
    if len(known) < 3:
        return False
    now, begins = float(np.median(known[-3:])), float(stretch.times[0])
    for other in longer:
        before = other.values[(other.times < begins) & np.isfinite(other.values)]
        if len(before) and (before.max() >= now if target.upward else before.min() <= now):
            return False
    return True


def _forecast(target: Target, stretch: Stretch, value: float, reach: float) -> Foreseen | None:
    try:
        given = forecast(stretch.times, stretch.values, _STEPS)
    except CantForecast as refusal:
        return Foreseen(value, stretch, refusal=refusal.message)
    if (target.threshold - value) * (1 if target.upward else -1) <= 0:
        at = given.series.end
        return Foreseen(value, stretch, at, at, at, "it is there now", path=path_to(given, at))
    met = crossing(given, target.threshold)
    if met.at is None or met.at - given.series.end > reach:
        return None
    loss, naive, moments = _tested(given, met)
    path = path_to(given, met.latest if met.latest is not None else met.at)
    if target.unit == "ratio":
        # There is no more than the whole: what the straight course says past it does not come.
        most = max(1.0, target.threshold, value)
        path = [(time, min(point, most), min(lower, most), min(upper, most)) for time, point, lower, upper in path]
    return Foreseen(value, stretch, met.at, met.earliest, met.latest, met.model, loss, naive, moments, None, path)


def _tested(given: Forecast, met: Crossing) -> tuple[float, float, int]:
    if met.model == given.trend.name:
        return given.trend.loss, given.trend.naive_loss, given.trend.moments
    return given.test.loss, given.test.naive_loss, given.test.origins


def _counted_down(target: Target, stretch: Stretch, value: float) -> Foreseen | None:
    known = np.flatnonzero(np.isfinite(stretch.values))
    at = float(stretch.times[known[-1]]) + value
    if value > SHOWN_WITHIN * target.within_s:
        return None
    path = [(float(stretch.times[known[-1]]), value, value, value), (at, 0.0, 0.0, 0.0)]
    return Foreseen(value, stretch, at, at, at, "the clock", path=path)


def path_to(given: Forecast, until: float) -> list[tuple[float, float, float, float]]:
    """At most 120 places of a forecast; where `until` lies past its horizon, the rest is along its straight course."""
    end, step = given.series.end, given.series.step_s
    steps = np.arange(1.0, len(given.times) + 1)
    sides = [given.point, given.lower, given.upper]
    if until > given.times[-1] and given.trend.believed:
        further = np.linspace(len(steps), (until - end) / step * 1.05, 60)[1:]
        point, half = given.trend.point(further), given.trend.reach(further)
        further_sides = (point, point - half, point + half)
        sides = [np.concatenate(pair) for pair in zip(sides, further_sides, strict=True)]
        steps = np.concatenate([steps, further])
    kept = thinned(len(steps))
    rows = np.column_stack([end + step * steps, *sides])[kept]
    return [(float(at), float(point), float(lower), float(upper)) for at, point, lower, upper in rows]


def thinned(count: int) -> list[int]:
    """At most 120 of that many places, the last among them."""
    return (
        sorted({int(place) for place in np.linspace(0, count - 1, min(count, _MOST_PLACES)).round()}) if count else []
    )


def history_of(stretch: Stretch) -> list[tuple[float, float]]:
    known = np.flatnonzero(np.isfinite(stretch.values))
    return [(float(stretch.times[known[i]]), float(stretch.values[known[i]])) for i in thinned(len(known))]
