"""How far each column of a table left its own past, which way, and when: statistics by blocks of rows."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEWEST = 8
_BLOCKS = 12
_FEWEST_IN_BLOCK = 5
_RELATIVE_FLOOR = 0.01
_FLOOR_OF_NOTHING = 0.05
_PRESENT, _ABSENT = 0.5, 0.1
# A series that stops or appears is as far as one that leaves by so many of its spreads.
_STOPPED = 12.0
_OUT = 3.0
_WANDERS = 1.5


class Moves(NamedTuple):
    """One entry a column.

    `shift`: the signed distance in the metric's own unit; `spreads`: the distance in usual spreads of its past, or 0;
    `side`: 1 up, -1 down; `ratio`: the distance by the level it had; `onset`: the share of the time after that had
    passed when it left, 0 to 1, NaN where it did not.
    """

    shift: Floats
    spreads: Floats
    side: Floats
    ratio: Floats
    onset: Floats


def moves_of(before: Floats, after: Floats) -> Moves:
    """Compare two tables, rows × the same columns, NaN where a value is missing; both at least `FEWEST` rows."""
    before, after = _rates(before, after)
    with warnings.catch_warnings():
        # A column without a value is told from the counts below.
        warnings.simplefilter("ignore", RuntimeWarning)
        level = np.nan_to_num(_quantile(before, 0.5))
        past, now = _block_medians(before), _block_medians(after)
        spread = _spread(before, after, past, level)
        distance = now - level
        high, low = _third(distance, 1.0), _third(distance, -1.0)
        far = np.nan_to_num(np.where(high >= -low, high, low))
        spreads = np.abs(far) / spread
        ratio = np.abs(far) / np.maximum(np.abs(level), spread)
        onset = _onset(distance, spread, np.sign(far))
    spreads, side = _gaps(before, after, spreads, np.sign(far))
    return Moves(far, spreads, side, np.nan_to_num(ratio), onset)


def usual(past: Floats) -> tuple[float, float]:
    """Level and spread of values without NaN: robust, and not zero where only some values differ from the rest."""
    level = float(np.median(past))
    off = np.abs(past - level)
    return level, max(1.4826 * float(np.median(off)), float(np.mean(off)), 1e-12)


def _spread(before: Floats, after: Floats, past: Floats, level: Floats) -> Floats:
    """The largest of: how single values stray, how far a block ever was, and what no column's precision is below."""
    off = np.abs(before - level)
    values = np.fmax(1.4826 * _quantile(off, 0.5), np.nanmean(off, axis=0))
    values = np.fmax(values, 0.5 * _quantile(off, 0.95))
    wander = _WANDERS * np.nanmax(np.abs(past - level), axis=0)
    floor = _RELATIVE_FLOOR * np.abs(level)
    most = np.nanmax(np.abs(after), axis=0)
    nothing = np.where(level == 0, _FLOOR_OF_NOTHING * np.nan_to_num(most), 0.0)
    found: Floats = np.fmax(np.fmax(values, wander), np.fmax(floor, nothing))
    return np.maximum(np.nan_to_num(found), 1e-12)


def _block_medians(table: Floats) -> Floats:
    blocks = max(1, min(_BLOCKS, len(table) // _FEWEST_IN_BLOCK))
    size = len(table) // blocks
    # What is left over is the oldest of the rows.
    cut = table[len(table) - blocks * size :].reshape(blocks, size, table.shape[1])
    return _quantile(cut.swapaxes(0, 1), 0.5)


def _quantile(table: Floats, share: float) -> Floats:
    """Down the first axis, without the NaNs, NaN where there is nothing else; numpy's own takes ten times as long."""
    # NaNs are sorted to the end.
    ordered, count = np.sort(table, axis=0), np.isfinite(table).sum(axis=0)
    at = share * np.maximum(count - 1, 0)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below = np.take_along_axis(ordered, low[None], axis=0)[0]
    above = np.take_along_axis(ordered, high[None], axis=0)[0]
    found: Floats = below + (at - low) * (above - below)
    return found


def _third(distance: Floats, side: float) -> Floats:
    """The mean of the farthest third of the blocks on a side: neither one block alone nor only a lasting shift."""
    ordered = -np.sort(-side * np.where(np.isnan(distance), -np.inf * side, distance), axis=0)
    ordered = np.where(np.isfinite(ordered), ordered, np.nan)
    found: Floats = side * np.nanmean(ordered[: max(1, -(-len(ordered) // 3))], axis=0)
    return found


def _onset(distance: Floats, spread: Floats, side: Floats) -> Floats:
    out = side * distance > _OUT * spread
    first = np.argmax(out, axis=0) / len(out)
    return np.where(out.any(axis=0), first, np.nan)


def _gaps(before: Floats, after: Floats, spreads: Floats, side: Floats) -> tuple[Floats, Floats]:
    had, has = np.isfinite(before).mean(axis=0), np.isfinite(after).mean(axis=0)
    stopped, appeared = (had >= _PRESENT) & (has <= _ABSENT), (had <= _ABSENT) & (has >= _PRESENT)
    gone = stopped | appeared
    too_few = ((had * len(before) < FEWEST) | (has * len(after) < FEWEST)) & ~gone
    spreads = np.where(gone, _STOPPED, np.where(too_few, 0.0, spreads))
    return spreads, np.where(stopped, -1.0, np.where(appeared, 1.0, side))


def _rates(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Counters as what they grow by in a row; a reset counts from zero."""
    counters = _is_counter(before) & _is_counter(after, still=True)
    if not counters.any():
        return before, after
    before, after = before.copy(), after.copy()
    for column in np.flatnonzero(counters):
        before[:, column], after[:, column] = _rate(before[:, column]), _rate(after[:, column])
    return before, after


def _is_counter(table: Floats, *, still: bool = False) -> Flags:
    """Only grows, or starts again near zero, and ends well above its start; `still`: or stands still."""
    steps = np.diff(table, axis=0)
    falls = (steps < 0) & ~(table[1:] < 0.1 * np.abs(table[:-1]))
    grows = (steps > 0).sum(axis=0)
    only: Flags = ~falls.any(axis=0) & (np.nan_to_num(table).min(axis=0) >= 0)
    return only if still else only & (grows >= max(FEWEST, 0.05 * len(steps)))


def _rate(values: Floats) -> Floats:
    """Growth a row between two readings that differ: a counter that is read seldom stands still in between."""
    found = np.full(len(values), np.nan)
    kept = np.flatnonzero(np.isfinite(values))
    if len(kept) < 2:
        return found
    changed = kept[1:][np.diff(values[kept]) != 0]
    marks = np.unique(np.concatenate([kept[:1], changed, kept[-1:]]))
    grown = np.diff(values[marks])
    grown = np.where(grown < 0, values[marks][1:], grown) / np.diff(marks)
    found[marks[0] + 1 : marks[-1] + 1] = np.repeat(grown, np.diff(marks))
    return found
