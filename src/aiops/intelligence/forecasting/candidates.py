"""The models a series may be forecast with, each asked at many past moments at once.

A model is a function of a `Past` that gives its forecast from every origin for every step, an (origins, steps) matrix;
what it says from origin `o` depends on `values[:o + 1]` alone, so that the same matrix is the model's back-test. They
are exponential smoothing with and without a damped trend (Gardner 1985), moving medians, which a spike doesn't move, a
return to the median, a robust straight line, an autoregression, and the mean of earlier cycles with the present
deviation from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NAIVE = "naive"
_SMOOTHING = (0.05, 0.1, 0.2, 0.35, 0.6)
_DAMPED = ((0.3, 0.1, 0.9), (0.6, 0.2, 0.9), (0.6, 0.2, 0.97))
_WINDOWS = (5, 12, 25, 60, 150, 400)
_RETURN_WINDOW = 150
_RETURN_SMOOTHING = 0.35
_RETURNS = (0.5, 0.8, 0.93)
_LINES = (1.0, 0.5, 0.25)
_SHORTEST_LINE = 6
_MOST_MARKS = 120
_MOST_CYCLES = 7
_LAGS = 12


@dataclass(frozen=True)
class Past:
    """`values` without gaps; forecasts are wanted from each of `origins` (indices) for each of `steps` (1 is next)."""

    values: Floats
    origins: Integers
    steps: Integers
    _known: dict[tuple[str, float], Floats] = field(default_factory=dict)

    def flat(self, levels: Floats) -> Floats:
        """The same level for all steps; `levels` are by origin."""
        return np.repeat(levels[:, None], len(self.steps), axis=1)

    def smooth(self, share: float) -> Floats:
        """The exponentially smoothed level at each origin."""
        if ("smooth", share) not in self._known:
            self._known["smooth", share] = _smooth(self.values, share)[self.origins]
        return self._known["smooth", share]

    def medians(self, window: int) -> Floats:
        """The median of the last `window` values at each origin, of fewer where there are no more."""
        if ("median", window) not in self._known:
            self._known["median", window] = self._medians(window)
        return self._known["median", window]

    def _medians(self, window: int) -> Floats:
        found = np.empty(len(self.origins))
        whole = self.origins >= window - 1
        if whole.any():
            views = np.lib.stride_tricks.sliding_window_view(self.values, window)
            found[whole] = np.median(views[self.origins[whole] - window + 1], axis=1)
        for place in np.flatnonzero(~whole):
            found[place] = np.median(self.values[: self.origins[place] + 1])
        return found


Model = Callable[[Past], Floats]


def candidates(length: int, periods: tuple[int, ...]) -> dict[str, Model]:
    """Those that a history of `length` values with these `periods` (in values) allows, by name; naive comes first."""
    found: dict[str, Model] = {NAIVE: naive}
    found |= {f"exponential smoothing {share}": partial(smoothed, share=share) for share in _SMOOTHING}
    found |= {
        f"damped trend {level}/{trend}/{damping}": partial(damped, level=level, trend=trend, damping=damping)
        for level, trend, damping in _DAMPED
    }
    found |= {f"median of {window}": partial(median, window=window) for window in _WINDOWS if window <= length // 2}
    found |= {f"return to the median {share}": partial(returning, share=share) for share in _RETURNS}
    found |= {f"line through the last {share:.0%}": partial(line, share=share) for share in _LINES}
    found["autoregression"] = autoregressive
    for period in periods:
        for cycles in (1, _MOST_CYCLES):
            for kept in (0.9, 1.0):
                name = f"cycle of {period}, last {cycles}, deviation × {kept}"
                found[name] = partial(cyclic, period=period, cycles=cycles, kept=kept)
        found[f"cycle of {period} with drift"] = partial(cyclic_drift, period=period)
    return found


def naive(past: Past) -> Floats:
    return past.flat(past.values[past.origins])


def smoothed(past: Past, share: float) -> Floats:
    return past.flat(past.smooth(share))


def damped(past: Past, level: float, trend: float, damping: float) -> Floats:
    """Holt's method with a trend that fades by `damping` a step."""
    at, slope = float(past.values[0]), 0.0
    levels, slopes = [], []
    for value in past.values.tolist():
        before = at + damping * slope
        error = value - before
        at, slope = before + level * error, damping * slope + level * trend * error
        levels.append(at)
        slopes.append(slope)
    reach = damping * (1 - damping**past.steps) / (1 - damping)
    found: Floats = np.array(levels)[past.origins][:, None] + np.array(slopes)[past.origins][:, None] * reach
    return found


def median(past: Past, window: int) -> Floats:
    return past.flat(past.medians(window))


def returning(past: Past, share: float) -> Floats:
    """From the smoothed present back to the median of long; `share` of the way is left after each step."""
    home = past.medians(_RETURN_WINDOW)
    here = past.smooth(_RETURN_SMOOTHING)
    return home[:, None] + (here - home)[:, None] * share**past.steps


def line(past: Past, share: float) -> Floats:
    """Tukey's resistant line through the last `share` of the values: by the medians of its first and last third."""
    lengths = np.maximum((past.origins + 1) * share, np.minimum(past.origins + 1, _SHORTEST_LINE))
    # At most 120 values each, so that a thousand origins at once stay a small matrix.
    marks = np.linspace(1.0, 0.0, min(_MOST_MARKS, int(lengths.max())))
    back = np.floor(marks * (lengths[:, None] - 1)).astype(np.int64)
    seen = past.values[past.origins[:, None] - back]
    third = max(len(marks) // 3, 1)
    run = np.median(back[:, :third], axis=1) - np.median(back[:, -third:], axis=1)
    slopes = (np.median(seen[:, -third:], axis=1) - np.median(seen[:, :third], axis=1)) / np.maximum(run, 1)
    levels = np.median(seen + slopes[:, None] * back, axis=1)
    found: Floats = levels[:, None] + slopes[:, None] * past.steps
    return found


def autoregressive(past: Past) -> Floats:
    """An autoregression of 12 lags on values whose spikes are cut; fitted anew for each quarter of the origins."""
    found = past.flat(past.values[past.origins])
    for block in np.array_split(np.arange(len(past.origins)), 4):
        if not len(block) or past.origins[block[0]] < 4 * _LAGS:
            continue
        known = past.values[: past.origins[block[0]] + 1]
        low, high = np.quantile(known, (0.02, 0.98))
        weights, middle = _fit(np.clip(known, low, high))
        lags = np.clip(past.values[past.origins[block][:, None] - np.arange(_LAGS)], low, high) - middle
        found[block] = _continue(lags, weights, int(past.steps[-1]))[:, past.steps - 1] + middle
    return found


def cyclic(past: Past, period: int, cycles: int, kept: float) -> Floats:
    """The mean of the last `cycles` at the same place, and of the present deviation from it what is `kept` a step."""
    wanted = past.origins[:, None] + past.steps
    latest = past.origins[:, None]
    recent = np.maximum(past.origins[:, None] - np.arange(6), 0)
    usual = _usual(past.values, recent, recent.min(axis=1, keepdims=True), period, cycles)
    deviation = np.mean(past.values[recent] - usual, axis=1)
    found: Floats = _usual(past.values, wanted, latest, period, cycles) + deviation[:, None] * kept**past.steps
    return found


def cyclic_drift(past: Past, period: int) -> Floats:
    """The last cycle again, moved by as much as it lay above the one before."""
    wanted = past.origins[:, None] + past.steps
    back = -(-past.steps // period) * period
    total = np.concatenate(([0.0], np.cumsum(past.values)))
    ends = past.origins + 1
    starts, before = np.maximum(ends - period, 0), np.maximum(ends - 2 * period, 0)
    slope = (total[ends] - 2 * total[starts] + total[before]) / period**2
    slope[ends < 2 * period] = 0.0
    found: Floats = past.values[np.maximum(wanted - back, 0)] + slope[:, None] * back
    return found


def _usual(values: Floats, wanted: Integers, latest: Integers, period: int, cycles: int) -> Floats:
    """The mean over up to `cycles` earlier values at the places of `wanted`, none after `latest`."""
    first = np.maximum(-(-(wanted - latest) // period), 1)
    total, count = np.zeros(wanted.shape), np.zeros(wanted.shape)
    for cycle in range(cycles):
        place = wanted - (first + cycle) * period
        there = place >= 0
        total += np.where(there, values[np.maximum(place, 0)], 0.0)
        count += there
    return np.where(count > 0, total / np.maximum(count, 1), values[np.minimum(wanted, latest)])


def _smooth(values: Floats, share: float) -> Floats:
    level = float(np.mean(values[: min(12, len(values))])) if len(values) > 24 else float(values[0])
    found = []
    for value in values.tolist():
        level += share * (value - level)
        found.append(level)
    return np.array(found)


def _fit(known: Floats) -> tuple[Floats, float]:
    """Ridge regression on the lags; a little shrinkage keeps what is iterated from running away."""
    middle = float(np.median(known))
    rows = np.lib.stride_tricks.sliding_window_view(known - middle, _LAGS + 1)
    before, after = rows[:, :-1][:, ::-1], rows[:, -1]
    square = before.T @ before
    square += np.eye(_LAGS) * (0.01 * np.trace(square) / _LAGS + 1e-12)
    return np.asarray(np.linalg.solve(square, before.T @ after), dtype=np.float64), middle


def _continue(lags: Floats, weights: Floats, count: int) -> Floats:
    found = np.empty((len(lags), count))
    bound = 2 * np.abs(lags).max(axis=1, initial=0.0) + 1e-12
    for step in range(count):
        fresh = np.clip(lags @ weights, -bound, bound)
        found[:, step] = fresh
        lags = np.column_stack([fresh, lags[:, :-1]])
    return found
