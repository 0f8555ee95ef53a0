"""A fortnight of a series in slots of half an hour: what is usual at this time of the day and of the week.

Kept of each slot are the mean, the lowest and the highest value, as float16 of asinh(value / scale), which is right to
a thousandth of the value whatever its size. What follows from them for the slot under way is reckoned once, when it
begins. All of a series is 4 KB, in one row of bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

SLOT_S = 1800.0
A_DAY = 48
DAYS = 14
SLOTS = DAYS * A_DAY
_WEEK = 7 * A_DAY
_OF_CELLS = SLOTS * 3 * 2
_FIELDS = 16
WIDTH = _OF_CELLS + _FIELDS * 4
# What is reckoned of each series: the scale of its cells; how many slots are known; the threshold of how far slots were
# from what was predicted of them, and by how much those above it were beyond (95 % are below); the range that recurs
# at this time; the range of all slots; and what three predictors say of the slot before and of this one.
SCALE, KNOWN, THRESHOLD, EXCESS, LOW, HIGH, LEAST, MOST, PREDICTED = range(9)
PREDICTORS = 3
TAIL_SHARE = 0.05
_RECENT_DAYS = 7
_MEDIAN_OF = 3
_ENOUGH_ERRORS = 96
# What went on for a day must not look ordinary for the fortnight after.
_CLIPPED_AT = 1.5
_EDGE = float(np.log(TAIL_SHARE / 1e-4))
_RECURS = 3
# The places in a line of what lies about this time: of each of the last seven days the slot before, the slot and the
# one after, and this time a fortnight ago.
_NEAR = np.array(
    [SLOTS - back * A_DAY + off for back in range(1, _RECENT_DAYS + 1) for off in (-1, 0, 1)] + [0, 1], dtype=np.int64
)
# Of the slots of the second week and of the one under way, those so many days before, the latest first.
_DAYS_BEFORE = [slice(_WEEK - back * A_DAY, 2 * _WEEK + 1 - back * A_DAY) for back in range(1, _RECENT_DAYS + 1)]
# Sorts seven by sixteen comparisons (Knuth, The Art of Computer Programming, volume 3, 5.3.4).
_NETWORK = (
    (0, 6), (2, 3), (4, 5), (0, 2), (1, 4), (3, 6), (0, 1), (2, 5),
    (3, 4), (1, 2), (4, 6), (2, 3), (4, 5), (1, 2), (3, 4), (5, 6),
)  # fmt: skip


def fresh(count: int) -> Bytes:
    slow = np.zeros((count, WIDTH), np.uint8)
    _cells(slow)[:] = np.nan
    _fields(slow)[:] = np.nan
    _fields(slow)[:, [SCALE, KNOWN]] = 0.0
    return slow


def turn(slow: Bytes, until: npt.NDArray[np.float64], now: int, figures: Floats) -> Bytes:
    """The slot `now` begins. `figures` (n, 3) are mean, low and high of the slots `until` (n) that were under way and
    may lie farther back; NaN where there was none. Without low and high it is known, but no measure for others."""
    slow = slow.copy()
    held, reckoned = _cells(slow), _fields(slow)
    _take_scales(reckoned, figures[:, :1])
    for old in np.unique(until[np.isfinite(until)]).astype(int).tolist():
        rows = np.flatnonzero(until == old)
        held[rows, old % SLOTS] = _coded(figures[rows], reckoned[rows, SCALE, None])
        # Nothing was seen of what lies between: what was there a fortnight before is not what was there lately.
        skipped = np.arange(max(old + 1, now - SLOTS), now) % SLOTS
        if len(skipped):
            held[np.ix_(rows, skipped)] = np.nan
    _reckon(held, reckoned, now)
    return slow


def recall(slow: Bytes, now: int, times: Floats, values: Floats) -> Bytes:
    """Take up the past (`values` n × t at `times`, Unix seconds, ascending) where no slot is known so far."""
    slow = slow.copy()
    held, reckoned = _cells(slow), _fields(slow)
    slots = np.floor(times / SLOT_S).astype(int)
    lately = (slots < now) & (slots >= now - SLOTS)
    slots, values = slots[lately], values[:, lately]
    if len(slots):
        _take_scales(reckoned, _mean(np.abs(values), axis=1)[:, None])
        firsts = np.flatnonzero(np.diff(slots, prepend=slots[0] - 1))
        count = np.add.reduceat(np.isfinite(values), firsts, axis=1, dtype=np.int64)
        sums = np.add.reduceat(np.nan_to_num(values), firsts, axis=1)
        means = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
        lows, highs = (by.reduceat(values, firsts, axis=1) for by in (np.fmin, np.fmax))
        places = slots[firsts] % SLOTS
        coded = _coded(np.stack([means, lows, highs], axis=2), reckoned[:, SCALE, None, None])
        held[:, places] = np.where(np.isnan(held[:, places, :1]), coded, held[:, places])
    _reckon(held, reckoned, now)
    return slow


def reckoned(slow: Bytes) -> Floats:
    """What was reckoned for the slot under way (n, 16)."""
    return _fields(slow).astype(np.float64)


def predicted(slow: Bytes, at: float) -> Floats:
    """What each predictor says of a mean whose middle lies half a slot before `at` (3, n), which is in the slot under
    way: from the slot before to this one in a straight line."""
    said = _fields(slow)[:, PREDICTED : PREDICTED + 2 * PREDICTORS].T.astype(np.float64)
    share = at / SLOT_S - np.floor(at / SLOT_S)
    between: Floats = said[::2] + share * (said[1::2] - said[::2])
    return between


def _fields(slow: Bytes) -> npt.NDArray[np.float32]:
    return slow[:, _OF_CELLS:].view(np.float32)


def _cells(slow: Bytes) -> npt.NDArray[np.float16]:
    return slow[:, :_OF_CELLS].view(np.float16).reshape(len(slow), SLOTS, 3)


def _take_scales(reckoned: npt.NDArray[np.float32], sizes: Floats) -> None:
    missing = (reckoned[:, SCALE] == 0) & np.isfinite(sizes[:, 0])
    reckoned[missing, SCALE] = np.maximum(np.abs(sizes[missing, 0]), 1e-9)


def _coded(values: Floats, scale: Any) -> npt.NDArray[np.float16]:
    with np.errstate(invalid="ignore", divide="ignore"):
        coded: npt.NDArray[np.float16] = np.arcsinh(values / scale).astype(np.float16)
        return coded


def _mean(values: Any, axis: int) -> Any:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def _reckon(held: npt.NDArray[np.float16], reckoned: npt.NDArray[np.float32], now: int) -> None:
    """Fill in all but the scale. In a line place i is slot now − 672 + i: oldest first, this slot would be next."""
    at = now % SLOTS
    scale = reckoned[:, SCALE]
    line = np.concatenate([held[:, at:, 0], held[:, :at, 0]], axis=1).astype(np.float32)
    means = np.sinh(line) * scale[:, None]
    reckoned[:, KNOWN] = np.isfinite(means).sum(axis=1)
    predictions = _predictions(means)
    said = predictions[:, :, -2:].transpose(1, 0, 2).reshape(len(means), -1)
    reckoned[:, PREDICTED : PREDICTED + 2 * PREDICTORS] = said
    errors = np.fmin.reduce(np.abs(means[:, _WEEK:] - predictions[:, :, :-1]), axis=0)
    measures = np.isfinite(held[:, (at + np.arange(_WEEK, SLOTS)) % SLOTS, 1])
    _follow_errors(reckoned, np.where(measures, errors, np.nan))
    reckoned[:, LEAST], reckoned[:, MOST] = np.fmin.reduce(means, axis=1), np.fmax.reduce(means, axis=1)
    near = (at + _NEAR) % SLOTS
    reckoned[:, HIGH] = np.sinh(_recurring(held[:, near, 2].astype(np.float32))) * scale
    reckoned[:, LOW] = -np.sinh(_recurring(-held[:, near, 1].astype(np.float32))) * scale


def _predictions(means: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of the slots of the second week and of the one under way (3, n, 337): as a day before, as a week before, as the
    median of the 7 days before, where 3 are known."""
    finite = np.isfinite(means)
    there, filled = finite.view(np.int8), np.where(finite, means, np.float32(np.inf))
    days = [means[:, _DAYS_BEFORE[0]], means[:, _DAYS_BEFORE[-1]]]
    known = sum((there[:, day] for day in _DAYS_BEFORE[1:]), there[:, _DAYS_BEFORE[0]])
    ordered = _ordered([filled[:, day] for day in _DAYS_BEFORE])
    median = np.full(days[0].shape, np.nan, np.float32)
    for count in range(_MEDIAN_OF, _RECENT_DAYS + 1):
        np.copyto(median, (ordered[(count - 1) // 2] + ordered[count // 2]) / 2, where=known == count)
    return np.stack([days[0], days[1], median])


def _ordered(days: list[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
    """The seven, smallest first at each place: by a network, for sorting so few along an axis takes ten times as
    long."""
    for one, other in _NETWORK:
        days[one], days[other] = np.minimum(days[one], days[other]), np.maximum(days[one], days[other])
    return days


def _follow_errors(reckoned: npt.NDArray[np.float32], errors: npt.NDArray[np.float32]) -> None:
    """The tail of the errors (n, slots) as an exponential above its 95 % quantile."""
    before = reckoned[:, THRESHOLD] + _EDGE * reckoned[:, EXCESS]
    most = np.where(np.isfinite(before) & (before > 0), _CLIPPED_AT * before, np.inf)[:, None]
    ordered = np.sort(np.where(np.isfinite(errors), np.minimum(errors, most), np.nan), axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    place = np.maximum(((1 - TAIL_SHARE) * (count - 1)).astype(int), 0)
    threshold = np.take_along_axis(ordered, place[:, None], 1)
    beyond = np.where(ordered > threshold, ordered - threshold, np.nan)
    enough = count >= _ENOUGH_ERRORS
    reckoned[:, THRESHOLD] = np.where(enough, threshold[:, 0], np.nan)
    reckoned[:, EXCESS] = np.where(enough, np.nan_to_num(_mean(beyond, 1)), np.nan)


def _recurring(highs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How high it goes about this time on three of the last seven days, or on this day of both weeks: by the slots of
    `_NEAR`."""
    tops = [np.fmax.reduce(highs[:, 3 * day : 3 * day + 3], axis=1) for day in range(_RECENT_DAYS)]
    ordered = np.sort(np.where(np.isfinite(tops), tops, -np.inf), axis=0)
    both = np.minimum(tops[-1], np.fmax.reduce(highs[:, 3 * _RECENT_DAYS :], axis=1))
    top = np.fmax(ordered[-_RECURS], both)
    return np.where(np.isfinite(top), top, np.nan).astype(np.float32)
