"""When a series can't be forecast, and why."""

from __future__ import annotations

import numpy as np

from aiops.intelligence.forecasting.candidates import Floats
from aiops.intelligence.forecasting.series import Regular
from aiops.kernel.errors import Invalid

FEWEST_VALUES = 16
MOST_AHEAD = 4
_LARGEST = 1e120
_SINCE_RESET_ENOUGH = 0.75
_FALL = 0.2
_FALLS_WITHIN = (1, 4)
_CLIMBS_FROM = 0.9
_CLIMBING_SHARES = (1, 2, 4)
_CLIMB_OF_FALL = 0.15
_SHORTEST_CLIMB = 8
_CLIMB_SHARE = 0.05
_NOISES = 8.0


class CantForecast(Invalid):
    """The series or the question allows no honest forecast; the message is one sentence that says why."""

    default_code = "CANT_FORECAST"


def usable(series: Regular, horizon: int) -> Regular:
    """The part of the history to forecast from; raises `CantForecast`."""
    count = len(series.values)
    _long_enough(count, horizon)
    if np.abs(series.values).max() > _LARGEST:
        raise CantForecast(f"There are values above {_LARGEST:g}: their squares can't be told apart.")
    place = last_reset(series.values)
    if place is None:
        return series
    since = count - place
    if since < count * _SINCE_RESET_ENOUGH or since < FEWEST_VALUES:
        before, after = series.values[place - 1], series.values[place]
        raise CantForecast(
            f"The series was reset {since} values before its end, from {before:.6g} to {after:.6g} (a counter that "
            "began anew, a disk that was cleaned): its past says nothing of what comes, and there is too little since."
        )
    return series.since(place)


def too_short(count: int) -> CantForecast:
    return CantForecast(f"The history is too short: {count} values, and at least {FEWEST_VALUES} are needed.")


def _long_enough(count: int, horizon: int) -> None:
    if count < FEWEST_VALUES:
        raise too_short(count)
    if horizon > MOST_AHEAD * count:
        raise CantForecast(
            f"The history is too short: {count} values say nothing about {horizon} steps ahead, "
            f"{MOST_AHEAD * count} at most."
        )


def last_reset(values: Floats) -> int | None:
    """The index of the first value after the last reset: what climbed steadily fell at once, or the other way round."""
    found = [place for place in (_last_fall(values), _last_fall(-values)) if place is not None]
    return max(found, default=None)


def _last_fall(values: Floats) -> int | None:
    count = len(values)
    spread = float(np.ptp(values))
    if spread == 0 or count < _SHORTEST_CLIMB + 1:
        return None
    last, start = None, 0
    for place in _falls(values, spread):
        if place - start < 1:
            continue
        if _climbs(values[start:place], float(values[place - 1] - values[place]), count):
            last = place
        start = place
    return last


def _falls(values: Floats, spread: float) -> list[int]:
    """Where the series falls by much of its spread within a few values, and stays there."""
    found: list[int] = []
    steps = np.diff(values)
    for within in _FALLS_WITHIN:
        lagged = values[within:] - values[:-within]
        for place in np.flatnonzero(lagged < -_FALL * spread):
            # The steepest single step in the window is where it fell.
            at = int(place + np.argmin(steps[place : place + within])) + 1
            after = values[at : at + 5]
            stays = np.median(after) < values[place] + 0.5 * lagged[place]
            if stays and not any(abs(at - other) <= max(_FALLS_WITHIN) for other in found):
                found.append(at)
    return sorted(found)


def _climbs(part: Floats, fall: float, length: int) -> bool:
    """Whether `part`, or its later half or quarter, rises steadily up to the fall."""
    return any(_straight(part[-len(part) // share :], fall, length) for share in _CLIMBING_SHARES)


def _straight(part: Floats, fall: float, length: int) -> bool:
    """A rise as chance makes it for short alone, and of an amount that bears on the fall."""
    if len(part) < max(_SHORTEST_CLIMB, _CLIMB_SHARE * length) or np.ptp(part) == 0:
        return False
    places = np.arange(len(part))
    straight = float(np.corrcoef(places, part)[0, 1])
    slope, level = np.polyfit(places, part, 1)
    rest = part - level - slope * places
    noise = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    climb = slope * len(part)
    much = climb >= max(_CLIMB_OF_FALL * fall, _NOISES / 2 * noise)
    return bool(straight >= _CLIMBS_FROM and fall >= _NOISES * noise and much)
