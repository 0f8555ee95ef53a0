"""The course of a series in the long run: a straight line since it last changed its course, and how sure that is.

What comes is modelled as a line, a random walk around it (what was written comes in bursts) and noise. From the lagged
differences follow the variances of both, hence how far the line may err `h` steps ahead, its slope fitted to `n`:
`walk * h + noise + h**2 * (1.2 * walk / n + 12 * noise / n**3)` (the least-squares slope's variance under either), and
no less than the slopes of its two halves differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aiops.intelligence.forecasting.candidates import Floats
from aiops.intelligence.forecasting.refusals import FEWEST_VALUES
from aiops.intelligence.forecasting.series import Regular

_Z90 = 1.645
_PLACES = 60
_BETTER = 8.0
_STEEP = 6.0
_EXACT = 1e-6
_ORIGINS = 20
_WIDEST = 3.0
_CYCLES = 3


@dataclass(frozen=True)
class Trend:
    """`level` at the end of the series and `slope` a step, `bend` half of what the slopes of its halves differ by;
    `loss` and `naive_loss` are those of its own back-test."""

    values: int
    level: float
    slope: float
    walk: float
    noise: float
    bend: float
    widening: float
    loss: float
    naive_loss: float
    moments: int = 0

    @property
    def name(self) -> str:
        return f"straight line through the last {self.values}"

    @property
    def believed(self) -> bool:
        """Whether the past was nearer to this line, continued, than to its last value."""
        return self.loss < self.naive_loss

    def point(self, steps: Floats) -> Floats:
        return np.asarray(self.level + self.slope * steps)

    def reach(self, steps: Floats) -> Floats:
        """Half of the 90 % interval."""
        count = self.values
        slope = max(1.2 * self.walk / count + 12 * self.noise / count**3, self.bend**2)
        return np.asarray(_Z90 * self.widening * np.sqrt(self.walk * steps + self.noise + slope * steps**2))


def trend_of(series: Regular, periods: tuple[int, ...]) -> Trend:
    """The line since the last kink; daily and other cycles are averaged out where there are three of them."""
    values = since_kink(series).values
    period = max((one for one in periods if one * _CYCLES <= len(values)), default=1)
    level, slope = _line(values, period)
    walk, noise = _variances(values, slope, period)
    errors, naive, spread = _tested(values, period)
    known = spread > 0
    widening = float(np.quantile(np.abs(errors[known]) / spread[known], 0.9)) if known.any() else 1.0
    return Trend(
        len(values),
        level,
        slope,
        walk,
        noise,
        _bend(values, period),
        min(max(widening, 1.0), _WIDEST),
        float(np.mean(np.abs(errors))),
        float(np.mean(np.abs(naive))),
        len(errors),
    )


def since_kink(series: Regular) -> Regular:
    """The part since the last kink, where two straight lines that meet there fit far better than one, else all.

    A disk that stood still for days and fills since this morning is forecast from this morning on.
    """
    values = series.values
    count = len(values)
    if count < 2 * FEWEST_VALUES:
        return series
    places = np.arange(count, dtype=np.float64)
    kinks = np.unique(np.linspace(FEWEST_VALUES // 2, count - FEWEST_VALUES, _PLACES).astype(int))
    rests, slopes = _bent(places, values, kinks.astype(np.float64))
    best = int(np.argmin(rests))
    rest, slope = float(rests[best]), float(slopes[best])
    straight = values - np.polyval(np.polyfit(places, values, 1), places)
    moved = abs(slope) * (count - kinks[best])
    # Of a line that is exact what is left is rounding: no kink is to be found in that.
    apart = float(straight @ straight) if np.std(straight) > _EXACT * np.ptp(values) else 0.0
    if rest * _BETTER < apart and moved > _STEEP * np.sqrt(rest / count):
        return series.since(int(kinks[best]))
    return series


def _bent(places: Floats, values: Floats, kinks: Floats) -> tuple[Floats, Floats]:
    """The squared rests of two lines that meet at each kink, and the slopes of the second.

    The bend is fitted to what one line leaves (Frisch and Waugh 1933), for all kinks at once.
    """
    line = np.column_stack([np.ones_like(places), places - places.mean()])
    line /= np.linalg.norm(line, axis=0)
    bends = np.maximum(places[:, None] - kinks, 0.0)
    both = np.column_stack([values - values[0], bends])
    on_line = line.T @ both
    left = both - line @ on_line
    rest, bends = left[:, 0], left[:, 1:]
    size = np.sum(bends**2, axis=0)
    by = bends.T @ rest / size
    slope = on_line[1] / np.linalg.norm(places - places.mean())
    return np.maximum(rest @ rest - by**2 * size, 0.0), slope[0] + by * (1 - slope[1:])


def _line(values: Floats, period: int) -> tuple[float, float]:
    """Least squares through the means over a period; the level is where the line stands now, moved to the present."""
    smooth = np.convolve(values, np.full(period, 1 / period), "valid") if period > 1 else values
    places = np.arange(len(smooth), dtype=np.float64) + (period - 1) / 2 - (len(values) - 1)
    centred = places - places.mean()
    slope = float(centred @ (smooth - smooth.mean()) / (centred @ centred))
    level = float(smooth.mean() - slope * places.mean())
    latest = values[-period:] if period > 1 else values[-3:]
    back = np.arange(1 - len(latest), 1)
    # A walk starts from where it is; noise is not where it starts from. Half way serves both.
    return (level + float(np.mean(latest - slope * back))) / 2, slope


def _bend(values: Floats, period: int) -> float:
    """Half of what the slopes of the two halves differ by: a line that bends is no surer than that."""
    half = len(values) // 2
    if half < max(4, 2 * period):
        return 0.0
    return abs(_line(values[:half], period)[1] - _line(values[half:], period)[1]) / 2


def _variances(values: Floats, slope: float, period: int) -> tuple[float, float]:
    """The variance a step of the walk, and of the noise, from differences at growing lags (whole periods)."""
    rest = values - slope * np.arange(len(values))
    furthest = max(len(values) // 4, 2)
    lags = np.unique(np.geomspace(1, furthest, 8).astype(int)) if period == 1 else np.arange(1, 5) * period
    lags = lags[lags < len(values) * 0.8]
    spreads = np.array([float(np.mean((rest[lag:] - rest[:-lag]) ** 2)) for lag in lags])
    if len(lags) < 2:
        return float(spreads[0] / lags[0]), 0.0
    weights = 1.0 / lags
    middle = np.average(lags, weights=weights)
    walk = float(weights * (lags - middle) @ spreads / (weights * (lags - middle) @ lags))
    walk = max(walk, 0.0)
    return walk, max(float(np.average(spreads - walk * lags, weights=weights)) / 2, 0.0)


def _tested(values: Floats, period: int) -> tuple[Floats, Floats, Floats]:
    """The line's and naive's errors at the end of the series, from origins in its later half, and the line's reach."""
    count = len(values)
    first = max(count // 2, min(count - 2, 12))
    origins = np.unique(np.linspace(first, max(first, count - 1 - max(count // 10, 1)), _ORIGINS).astype(int))
    line, naive, spread = [], [], []
    for origin in origins.tolist():
        known = values[:origin]
        inner = period if period * _CYCLES <= origin else 1
        level, slope = _line(known, inner)
        walk, noise = _variances(known, slope, inner)
        steps = np.arange(1, count - origin + 1)
        came = values[origin:]
        line.append(float(np.mean(np.abs(came - level - slope * steps))))
        naive.append(float(np.mean(np.abs(came - known[-1]))))
        past = Trend(origin, level, slope, walk, noise, _bend(known, inner), 1.0, 0.0, 0.0)
        spread.append(float(np.mean(past.reach(steps))))
    return np.array(line), np.array(naive), np.array(spread)
