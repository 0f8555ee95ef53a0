"""A series as it comes, made into values at equal distances, and the periods that it may repeat itself in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aiops.intelligence.forecasting.candidates import Floats

MOST_VALUES = 4032
_DAY_S, _WEEK_S = 86_400.0, 604_800.0
_CYCLES_NEEDED = 2.5
_MOST_FILLED = 0.25
_SMALLEST = 1e-120
_REPEATS_FROM = 0.3


@dataclass(frozen=True)
class Regular:
    """`values[i]` at `end - (len(values) - 1 - i) * step_s` Unix seconds; `filled` of them lay in gaps.

    `uneven`: the times keep no distance, so the values are taken one after the other, at their mean distance.
    """

    end: float
    step_s: float
    values: Floats
    filled: int = 0
    uneven: bool = False

    def since(self, place: int) -> Regular:
        """The part from that index on."""
        return Regular(self.end, self.step_s, self.values[place:], self.filled, self.uneven)


def regular(times: Floats, values: Floats) -> Regular:
    """The latest 4,032 values at the usual distance of `times` (Unix seconds); gaps hold a straight line.

    Of several values at one time the last holds; values that are not finite count as missing. At least two are needed.
    """
    # The square of what is smaller is 0 to the machine.
    values = np.where(np.abs(values) < _SMALLEST, 0.0, values)
    known = np.isfinite(values) & np.isfinite(times)
    times, values = times[known], values[known]
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    last = np.append(np.diff(times) > 0, True)
    times, values = times[last][-MOST_VALUES:], values[last][-MOST_VALUES:]
    distances = np.diff(times)
    step = float(np.median(distances))
    # Counted from one to the next: the small errors of a drifting schedule do not add up to a place.
    places = np.concatenate(([0], np.cumsum(np.maximum(np.round(distances / step), 1)))).astype(np.int64)
    if places[-1] + 1 - len(places) > _MOST_FILLED * len(places):
        mean = float(times[-1] - times[0]) / (len(times) - 1)
        return Regular(float(times[-1]), mean, values, uneven=True)
    whole = np.interp(np.arange(places[-1] + 1), places, values)[-MOST_VALUES:]
    return Regular(float(times[-1]), step, whole, int(places[-1]) + 1 - len(places))


def periods_of(series: Regular) -> tuple[int, ...]:
    """In values: day and week where the history has them two and a half times, and what it repeats by itself."""
    values, step_s, found = series.values, series.step_s, list[int]()
    for seconds in () if series.uneven else (_DAY_S, _WEEK_S):
        period = round(seconds / step_s)
        if period >= 4 and abs(period * step_s - seconds) < 0.01 * step_s * period:
            found.append(period)
    found = [period for period in found if period * _CYCLES_NEEDED <= len(values)]
    own = _own_period(values)
    if own and not any(abs(own - one) <= max(0.03 * one, 1) for one in found):
        found.append(own)
    return tuple(found)


def _own_period(values: Floats) -> int | None:
    """The lag of the highest peak of the autocorrelation, spikes and the straight line taken off."""
    count = len(values)
    longest = int(count / _CYCLES_NEEDED)
    if longest < 6:
        return None
    places = np.arange(count)
    low, high = np.quantile(values, (0.02, 0.98))
    cut = np.clip(values, low, high)
    rest = cut - np.polyval(np.polyfit(places, cut, 1), places)
    power = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    lagged = np.fft.irfft(power)[: longest + 2]
    if lagged[0] <= 0:
        return None
    alike = lagged / lagged[0] * count / (count - np.arange(longest + 2))
    inner = np.arange(4, longest + 1)
    peaks = inner[(alike[inner] >= alike[inner - 1]) & (alike[inner] > alike[inner + 1])]
    # A peak only counts after a valley: a slow series is like itself at each short lag.
    valley = np.flatnonzero(alike < _REPEATS_FROM / 2)
    peaks = peaks[peaks > valley[0]] if len(valley) else peaks[:0]
    if not len(peaks) or alike[peaks].max() < _REPEATS_FROM:
        return None
    return int(peaks[np.argmax(alike[peaks])])
