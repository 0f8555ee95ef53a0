"""What a series was at this time of day on the days before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DAY_S = 86_400.0
DAYS = 14
_RECENT_DAYS = 7
# Finer than this the day is not remembered, so that the memory is bounded.
SLOT_S = 300.0
_SHIFT_S = 1800.0


@dataclass(frozen=True)
class Days:
    """The remembered rows of up to 14 days: their times (p) and smoothed values, short (n, p) and long (n, p)."""

    times: Floats
    short: Floats
    long: Floats


@dataclass(frozen=True)
class Compared:
    """Against the same time of the days before, NaN where there are too few: all (n, t).

    `nearest` is the distance to the nearest of 7 days, `outside` the distance to the range of 14 days, `usual` the
    median of 7 days, `day` and `week` the distance to the day and the week before.
    """

    nearest: Floats
    outside: Floats
    usual: Floats
    day: Floats
    week: Floats


def fresh(series: int) -> Days:
    return Days(np.zeros(0), np.zeros((series, 0)), np.zeros((series, 0)))


def learn(days: Days, times: Floats, short: Floats, long: Floats, interval_s: float) -> Days:
    """Remember the first row of each slot."""
    if not np.isfinite(interval_s):
        return days
    slot = max(interval_s, SLOT_S)
    last = days.times[-1:] if len(days.times) else np.array([-np.inf])
    slots = np.floor(np.concatenate([last, times]) / slot)
    kept = slots[1:] > slots[:-1] if interval_s < SLOT_S else np.ones(len(times), bool)
    return Days(
        np.concatenate([days.times, times[kept]]),
        np.concatenate([days.short, short[:, kept]], axis=1),
        np.concatenate([days.long, long[:, kept]], axis=1),
    )


def forget(days: Days) -> Days:
    """Without what is older than 14 days and a bit."""
    if len(days.times) == 0:
        return days
    first = np.searchsorted(days.times, days.times[-1] - (DAYS * DAY_S + 2 * _SHIFT_S))
    return Days(days.times[first:], days.short[:, first:], days.long[:, first:])


def compare(days: Days, times: Floats, short: Floats, long: Floats, interval_s: float) -> Compared:
    """`days` holds the past and the rows themselves: only what lies a day back or more is looked at."""
    shape = short.shape
    near, low, high = np.full(shape, np.inf), np.full(shape, np.inf), np.full(shape, -np.inf)
    recent = np.full((_RECENT_DAYS, *shape), np.nan)
    ago = {1: np.full(shape, np.nan), _RECENT_DAYS: np.full(shape, np.nan)}
    found = np.zeros(len(times), np.int64)
    slot = max(interval_s, SLOT_S) if np.isfinite(interval_s) else DAY_S
    shift = round(_SHIFT_S / slot)
    if slot > DAY_S / 2 or len(days.times) == 0 or times[-1] - days.times[0] < DAY_S - slot:
        return Compared(*(np.full(shape, np.nan) for _ in range(5)))
    for back in range(1, DAYS + 1):
        wanted = times - back * DAY_S
        place = np.searchsorted(days.times, wanted + slot / 2, side="right") - 1
        there = (place >= 0) & (np.abs(days.times[np.maximum(place, 0)] - wanted) < 1.5 * slot)
        if not there.any():
            continue
        place = np.maximum(place, 0)
        if back <= _RECENT_DAYS:
            past = days.short[:, place]
            recent[back - 1] = np.where(there, past, np.nan)
            near = np.fmin(near, np.where(there, np.abs(short - past), np.inf))
            found += there
        if back in ago:
            ago[back] = np.where(there, np.abs(long - days.long[:, place]), np.nan)
        for then in (place, np.maximum(place - shift, 0)):
            past = days.short[:, then]
            low = np.minimum(low, np.where(there, past, np.inf))
            high = np.maximum(high, np.where(there, past, -np.inf))
    enough = (found >= 2)[None, :]
    outside = np.where(enough, np.maximum(np.maximum(low - short, short - high), 0.0), np.nan)
    return Compared(
        nearest=np.where(enough, near, np.nan),
        outside=outside,
        usual=_median(recent, enough),
        day=ago[1],
        week=ago[_RECENT_DAYS],
    )


def _median(recent: Floats, enough: npt.NDArray[np.bool_]) -> Floats:
    """The median over the days; NaN sorts last, so the middle is counted from those that are there."""
    ordered = np.sort(recent, axis=0)
    count = np.isfinite(recent).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), count // 2
    middle = (np.take_along_axis(ordered, low[None], 0)[0] + np.take_along_axis(ordered, high[None], 0)[0]) / 2
    return np.where(enough, middle, np.nan)
