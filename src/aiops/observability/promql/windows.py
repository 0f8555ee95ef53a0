"""Functions of the samples in a window, for all series and steps at once.

All series lie behind one another in flat arrays. A key that grows with series and time finds the window of every
(series, step) by one `searchsorted`; windows are then pairs of flat indices `[low, high)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aiops.observability.needs import Rolled, StoredSeries
from aiops.observability.ports import Floats
from aiops.observability.promql.coarse import Frame, coarse_of, frame_of, moments_of
from aiops.observability.promql.nodes import LOOKBACK_MS, Mask

Ints = npt.NDArray[np.int64]

_STALE = np.int64(0x7FF0000000000002)
_MAX_EXPANDED = 4_000_000


class Flat:
    """Samples of many series behind one another; stale markers left out on request. `rolled` where points of buckets
    stand for samples that are gone."""

    def __init__(self, series: Sequence[StoredSeries], *, keep_stale: bool) -> None:
        sizes = np.array([len(one.timestamps) for one in series], dtype=np.int64)
        self.owner: Ints = np.repeat(np.arange(len(series), dtype=np.int64), sizes)
        self.times: Ints = np.concatenate([one.timestamps for one in series]).astype(np.int64, copy=False)
        self.values: Floats = np.concatenate([one.values for one in series]).astype(np.float64, copy=False)
        self.count = len(series)
        self.stale: Mask = self.values.view(np.int64) == _STALE
        self.rolled = _behind(series)
        if not keep_stale and self.stale.any():
            kept = ~self.stale
            self.owner, self.times, self.values = self.owner[kept], self.times[kept], self.values[kept]
            if self.rolled is not None:
                self.rolled = Rolled(*(column[kept] for column in _columns(self.rolled)))

    def find(self, moments: Ints, side: str) -> Ints:
        """Per series and moment the flat index at which the moment would be put in."""
        if not len(self.times):
            return np.zeros((self.count, len(moments)), dtype=np.int64)
        origin = int(self.times.min())
        span = int(self.times.max()) - origin + 3
        keys = self.owner * span + (self.times - origin + 1)
        wanted = np.clip(moments - origin + 1, 0, span - 1)
        grid = np.arange(self.count, dtype=np.int64)[:, None] * span + wanted[None, :]
        return np.searchsorted(keys, grid, side="right" if side == "right" else "left").astype(np.int64, copy=False)


def _behind(series: Sequence[StoredSeries]) -> Rolled | None:
    if not any(one.rolled is not None for one in series):
        return None
    columns = [_columns(one.rolled if one.rolled is not None else _samples(one.values)) for one in series]
    return Rolled(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def _columns(rolled: Rolled) -> tuple[Ints | Floats, ...]:
    return rolled.count, rolled.total, rolled.least, rolled.most, rolled.fallen


def _samples(values: Floats) -> Rolled:
    return Rolled(np.ones(len(values), dtype=np.int64), values, values, values, np.zeros(len(values)))


def latest(series: Sequence[StoredSeries], moments: Ints) -> tuple[Floats, Mask]:
    """An instant selector: the last sample within the lookback, unless it marks the end of its series."""
    if not series:
        return np.zeros((0, len(moments))), np.zeros((0, len(moments)), dtype=bool)
    flat = Flat(series, keep_stale=True)
    if not len(flat.times):
        shape = (flat.count, len(moments))
        return np.zeros(shape), np.zeros(shape, dtype=bool)
    moments = moments_of(moments, coarse_of(series))
    index = flat.find(moments, "right") - 1
    safe = np.maximum(index, 0)
    present = (
        (index >= 0)
        & (flat.owner[safe] == np.arange(flat.count)[:, None])
        & (flat.times[safe] >= moments[None, :] - LOOKBACK_MS)
        & ~flat.stale[safe]
    )
    return flat.values[safe], present


@dataclass
class Windows:
    """Windows `[low, high)` into flat samples; `frame` gives their closed stretches of time."""

    times: Ints
    values: Floats
    rolled: Rolled | None
    low: Ints
    high: Ints
    frame: Frame

    @cached_property
    def size(self) -> Ints:
        return self.high - self.low

    @cached_property
    def count(self) -> Floats | Ints:
        """How many samples there are, those behind points of buckets among them."""
        return self.size if self.rolled is None else self.reduce(np.add, self.rolled.count.astype(np.float64))

    @cached_property
    def first(self) -> Ints:
        return np.minimum(self.low, max(len(self.times) - 1, 0))

    @cached_property
    def last(self) -> Ints:
        return np.maximum(self.high - 1, 0)

    def reduce(self, ufunc: np.ufunc, samples: Floats) -> Floats:
        """`ufunc` over each window; what stands for an empty window means nothing."""
        padded = np.append(samples, 0.0)
        pairs = np.empty(2 * self.low.size, dtype=np.int64)
        pairs[0::2], pairs[1::2] = self.low.ravel(), self.high.ravel()
        reduced: Floats = ufunc.reduceat(padded, pairs)[0::2].reshape(self.low.shape)
        return reduced

    def neighbours(self, per_pair: Floats) -> Floats:
        """The sum of `per_pair[i]`, which belongs to samples i-1 and i, over the pairs inside each window."""
        if not per_pair.any():
            return np.zeros(self.low.shape)
        if not np.isfinite(per_pair).all():  # one infinity would spoil every later difference of running sums
            inner = replace(self, low=np.minimum(self.low + 1, self.high))
            total = inner.reduce(np.add, per_pair)
        else:
            running = np.concatenate(([0.0], np.cumsum(per_pair)))
            total = running[self.high] - running[np.minimum(self.low + 1, len(running) - 1)]
        return np.where(self.size > 1, total, 0.0)


def over_range(
    function: str, series: Sequence[StoredSeries], moments: Ints, range_ms: int, parameter: Floats | None
) -> tuple[Floats, Mask]:
    """`function` over `[moment - range, moment]` of each series at each moment; where samples are gone, over the window
    that `coarse` puts in its place."""
    shape = (len(series), len(moments))
    if not series:
        return np.zeros(shape), np.zeros(shape, dtype=bool)
    flat = Flat(series, keep_stale=False)
    if not len(flat.times):
        return np.zeros(shape), np.zeros(shape, dtype=bool)
    frame = frame_of(function, series, moments, range_ms)
    low, high = flat.find(frame.starts, "left"), flat.find(frame.ends, "right")
    windows = Windows(flat.times, flat.values, flat.rolled, low, high, frame)
    with np.errstate(all="ignore"):
        if parameter is not None:
            return _quantile(windows, parameter)
        return RANGE_FUNCTIONS[function](windows)


def _extrapolated(windows: Windows, *, counter: bool, per_second: bool) -> tuple[Floats, Mask]:
    values, times = windows.values, windows.times
    first_value = values[windows.first]
    change = values[windows.last] - first_value
    if counter:
        before = values[:-1]
        fallen = np.concatenate(([0.0], np.where(values[1:] < before, before, 0.0)))
        if windows.rolled is not None:
            fallen = np.where(windows.rolled.count > 1, windows.rolled.fallen, fallen)
        change = change + windows.neighbours(fallen)
    first_time, last_time = times[windows.first], times[windows.last]
    frame = windows.frame
    to_start = (first_time - frame.starts[None, :]) / 1000.0
    to_end = (frame.ends[None, :] - last_time) / 1000.0
    sampled = (last_time - first_time) / 1000.0
    average = sampled / (windows.count - 1)
    if counter:
        to_zero = sampled * (first_value / change)
        limited = (change > 0) & (first_value >= 0) & (to_zero < to_start)
        to_start = np.where(limited, to_zero, to_start)
    threshold = average * 1.1
    reach = sampled + np.where(to_start < threshold, to_start, average / 2)
    reach = reach + np.where(to_end < threshold, to_end, average / 2)
    factor = reach / sampled
    spanned = (frame.ends - frame.starts)[None, :]
    if per_second:
        factor = factor / (spanned / 1000.0)
    elif windows.rolled is not None:  # of a widened window the part that was asked for
        factor = factor * (frame.range_ms / spanned)
    return change * factor, windows.size >= 2


def _last_two(windows: Windows, *, per_second: bool) -> tuple[Floats, Mask]:
    previous = np.maximum(windows.last - 1, 0)
    newer, older = windows.values[windows.last], windows.values[previous]
    change = newer - older
    if per_second:
        seconds = (windows.times[windows.last] - windows.times[previous]) / 1000.0
        change = np.where(newer < older, newer, change) / seconds
    return change, windows.size >= 2


def _average(windows: Windows) -> tuple[Floats, Mask]:
    total = windows.values if windows.rolled is None else windows.rolled.total
    return windows.reduce(np.add, total) / windows.count, windows.size > 0


def _expanded(windows: Windows) -> list[tuple[slice, Ints, Ints, Ints]]:
    """Pieces of all windows written out: which windows, the sample of each entry, its window, where each begins."""
    sizes = windows.size.ravel()
    low = windows.low.ravel()
    ends = np.cumsum(sizes)
    pieces, begin = [], 0
    while begin < len(sizes):
        done = int(ends[begin - 1]) if begin else 0
        stop = max(begin + 1, int(np.searchsorted(ends, done + _MAX_EXPANDED, side="right")))
        some = sizes[begin:stop]
        starts = np.cumsum(some) - some
        window = np.repeat(np.arange(len(some), dtype=np.int64), some)
        sample = np.arange(len(window), dtype=np.int64) - starts[window] + low[begin:stop][window]
        pieces.append((slice(begin, stop), sample, window, starts))
        begin = stop
    return pieces


def _variance(windows: Windows) -> tuple[Floats, Mask]:
    mean = _average(windows)[0].ravel()
    result = np.zeros(mean.shape)
    for where, sample, window, _ in _expanded(windows):
        spread = windows.values[sample] - mean[where][window]
        result[where] = np.bincount(window, spread * spread, minlength=where.stop - where.start)
    return result.reshape(windows.low.shape) / windows.size, windows.size > 0


def _deviation(windows: Windows) -> tuple[Floats, Mask]:
    variance, present = _variance(windows)
    return np.sqrt(variance), present


def _slope(windows: Windows) -> tuple[Floats, Mask]:
    sizes = windows.size.ravel()
    slope = np.zeros(sizes.shape)
    first = windows.first.ravel()
    for where, sample, window, _ in _expanded(windows):
        count = where.stop - where.start
        n = sizes[where]
        x = (windows.times[sample] - windows.times[first[where]][window]) / 1000.0
        y = windows.values[sample]
        x = x - (np.bincount(window, x, minlength=count) / n)[window]
        centred = y - (np.bincount(window, y, minlength=count) / n)[window]
        slope[where] = np.bincount(window, x * centred, minlength=count) / np.bincount(window, x * x, minlength=count)
        level = windows.values[first[where]]
        constant = np.bincount(window, y != level[window], minlength=count) == 0
        slope[where] = np.where(constant, np.where(np.isinf(level), np.nan, 0.0), slope[where])
    return slope.reshape(windows.low.shape), windows.size >= 2


def _quantile(windows: Windows, phi: Floats) -> tuple[Floats, Mask]:
    """Linear between the two nearest ranks; NaN sorts first, as in Prometheus."""
    sizes = windows.size.ravel()
    wanted = np.broadcast_to(phi[None, :], windows.low.shape).ravel()
    result = np.full(sizes.shape, np.nan)
    for where, sample, window, starts in _expanded(windows):
        values = windows.values[sample]
        number = ~np.isnan(values)
        order = np.lexsort((np.where(number, values, 0.0), number, window))
        result[where] = ranked(np.append(values[order], np.nan), starts, sizes[where], wanted[where])
    return result.reshape(windows.low.shape), windows.size > 0


def ranked(ordered: Floats, starts: Ints, sizes: Ints, phi: Floats) -> Floats:
    """The quantile `phi` of each run of `sizes` ascending values that begins at `starts` in `ordered`."""
    usable = np.where(np.isnan(phi), 0.0, np.clip(phi, 0.0, 1.0))
    rank = usable * np.maximum(sizes - 1, 0)
    lower = np.floor(rank).astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(sizes - 1, 0))
    weight = rank - lower
    end = len(ordered) - 1
    low, high = ordered[np.minimum(starts + lower, end)], ordered[np.minimum(starts + upper, end)]
    between = low * (1 - weight) + high * weight
    outside = np.where(np.isnan(phi), np.nan, np.where(phi < 0, -np.inf, np.inf))
    result: Floats = np.where((phi >= 0) & (phi <= 1), between, outside)
    return result


def _changes(windows: Windows) -> tuple[Floats, Mask]:
    newer, older = windows.values[1:], windows.values[:-1]
    moved = (newer != older) & ~(np.isnan(newer) & np.isnan(older))
    return windows.neighbours(np.concatenate(([0.0], moved.astype(np.float64)))), windows.size > 0


def _resets(windows: Windows) -> tuple[Floats, Mask]:
    fell = (windows.values[1:] < windows.values[:-1]).astype(np.float64)
    return windows.neighbours(np.concatenate(([0.0], fell))), windows.size > 0


def _plain(ufunc: np.ufunc, column: str) -> Callable[[Windows], tuple[Floats, Mask]]:
    def reduced(windows: Windows) -> tuple[Floats, Mask]:
        samples = windows.values if windows.rolled is None else getattr(windows.rolled, column)
        return windows.reduce(ufunc, samples), windows.size > 0

    return reduced


RANGE_FUNCTIONS: dict[str, Callable[[Windows], tuple[Floats, Mask]]] = {
    "rate": lambda windows: _extrapolated(windows, counter=True, per_second=True),
    "increase": lambda windows: _extrapolated(windows, counter=True, per_second=False),
    "delta": lambda windows: _extrapolated(windows, counter=False, per_second=False),
    "irate": lambda windows: _last_two(windows, per_second=True),
    "idelta": lambda windows: _last_two(windows, per_second=False),
    "deriv": _slope,
    "avg_over_time": _average,
    "sum_over_time": _plain(np.add, "total"),
    "min_over_time": _plain(np.fmin, "least"),
    "max_over_time": _plain(np.fmax, "most"),
    "count_over_time": lambda windows: (windows.count.astype(np.float64), windows.size > 0),
    "last_over_time": lambda windows: (windows.values[windows.last], windows.size > 0),
    "present_over_time": lambda windows: (np.ones(windows.low.shape), windows.size > 0),
    "stddev_over_time": _deviation,
    "stdvar_over_time": _variance,
    "changes": _changes,
    "resets": _resets,
    "quantile_over_time": lambda windows: _quantile(windows, np.zeros(len(windows.frame.ends))),
}
"""By PromQL's names."""

PARAMETER_FIRST = frozenset({"quantile_over_time"})
"""Those whose scalar argument comes before the range."""
