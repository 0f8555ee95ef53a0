"""When a series will reach a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aiops.intelligence.forecasting.candidates import Floats
from aiops.intelligence.forecasting.engine import Forecast

# How many times as far ahead as the history reaches back a straight line is followed.
FURTHEST = 50
_PLACES = 4000


@dataclass(frozen=True)
class Crossing:
    """When the series reaches the threshold: Unix seconds, the best guess and the ends of the 90 % interval.

    `at` is `None` where the forecast does not get there before `until`, and `reason` says so; `earliest` may be known
    even then. `latest` is `None` where it may take longer than `until`. `model` says what the times were read from.
    """

    at: float | None
    earliest: float | None
    latest: float | None
    until: float
    model: str
    reason: str | None = None


def crossing(given: Forecast, threshold: float) -> Crossing:
    """When `given` reaches the threshold, from the side that the series is on now.

    Within its horizon that is where its own lines cross it; past that, where the series' straight course does.
    """
    values = given.series.values
    now = float(np.median(values[-3:]))
    end, model = given.series.end, " + ".join(given.models)
    if now == threshold:
        return Crossing(end, end, end, end, model)
    sign = 1.0 if now < threshold else -1.0
    near = _read(given, now, threshold, sign)
    if near.at is not None and near.latest is not None:
        return near
    far = _along_trend(given, now, threshold, sign)
    if near.at is None:
        return far
    late = far.latest if far.latest is not None and far.latest > near.at else None
    return Crossing(near.at, near.earliest, late, far.until, near.model)


def _read(given: Forecast, now: float, threshold: float, sign: float) -> Crossing:
    """Where the lines of the forecast itself cross; its last time is `until`."""
    times = np.concatenate(([given.series.end], given.times))
    until, model = float(times[-1]), " + ".join(given.models)
    if not given.tried_whole:
        return Crossing(None, None, None, until, model)
    fast, slow = (given.upper, given.lower) if sign > 0 else (given.lower, given.upper)
    at, early, late = (
        _first(times, np.concatenate(([now], path)), threshold, sign) for path in (given.point, fast, slow)
    )
    return Crossing(at, early, late, until, model)


def _along_trend(given: Forecast, now: float, threshold: float, sign: float) -> Crossing:
    trend, series = given.trend, given.series
    steps = np.concatenate(([0.0], np.geomspace(1.0, FURTHEST * len(series.values), _PLACES)))
    times = series.end + steps * series.step_s
    until = float(times[-1])
    if not trend.believed or sign * trend.slope <= 0:
        why = "It does not move that way" if trend.believed else "It keeps no course that its own past would bear out"
        return Crossing(None, None, None, until, trend.name, f"{why}: no time can be told.")
    point, reach = trend.point(steps), trend.reach(steps)
    point[0] = now
    at, early, late = (
        _first(times, path, threshold, sign) for path in (point, point + sign * reach, point - sign * reach)
    )
    reason = None
    if at is None:
        reason = f"At its present pace it takes longer than {FURTHEST} times its history: no time can be told."
    return Crossing(at, early, late, until, trend.name, reason)


def _first(times: Floats, path: Floats, threshold: float, sign: float) -> float | None:
    """When a path first reaches the threshold, on the straight line between its places."""
    there = sign * (path - threshold) >= 0
    if not there.any():
        return None
    place = int(np.argmax(there))
    if place == 0:
        return float(times[0])
    before, after = float(path[place - 1]), float(path[place])
    share = (threshold - before) / (after - before)
    return float(times[place - 1] + share * (times[place] - times[place - 1]))
