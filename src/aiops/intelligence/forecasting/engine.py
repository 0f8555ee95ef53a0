"""A forecast of one series: its steps ahead with their 90 % interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from aiops.intelligence.forecasting.backtest import BackTest, ahead, back_test
from aiops.intelligence.forecasting.bands import reach
from aiops.intelligence.forecasting.candidates import Floats
from aiops.intelligence.forecasting.refusals import too_short, usable
from aiops.intelligence.forecasting.series import Regular, periods_of, regular
from aiops.intelligence.forecasting.trend import Trend, trend_of


@dataclass(frozen=True)
class Forecast:
    """`point`, `lower` and `upper` hold for `times` (Unix seconds), the steps after the last value of `series`.

    `models` gave the point; where the horizon lies past what could be tried on the history, that is `trend` alone.
    """

    series: Regular
    times: Floats
    point: Floats
    lower: Floats
    upper: Floats
    models: tuple[str, ...]
    periods: tuple[int, ...]
    test: BackTest

    @cached_property
    def trend(self) -> Trend:
        """The straight course of the series, for what lies further ahead."""
        return trend_of(self.series, self.periods)

    @property
    def tried_whole(self) -> bool:
        """Whether the back-test reached as far as the horizon."""
        return int(self.test.steps[-1]) >= len(self.times)


def forecast(times: Floats, values: Floats, horizon: int) -> Forecast:
    """Forecast `horizon` steps (at least 1) at the usual distance of `times` (Unix seconds); raises `CantForecast`."""
    known = np.isfinite(times) & np.isfinite(values)
    if len(np.unique(times[known])) < 2:
        raise too_short(int(known.sum()))
    series = usable(regular(times, values), horizon)
    values = series.values
    periods = periods_of(series)
    test = back_test(values, horizon, periods)
    steps = np.arange(1.0, horizon + 1)
    point = ahead(values, horizon, test.models, periods)
    below, above = reach(test, horizon)
    found = Forecast(
        series, series.end + series.step_s * steps, point, point + below, point + above, test.models, periods, test
    )
    if not found.tried_whole and found.trend.believed:
        found = _along(found, steps)
    return _never_negative(found) if values.min() >= 0 else found


def _along(given: Forecast, steps: Floats) -> Forecast:
    """The same by the straight course alone: nothing else was tried so far ahead."""
    trend = given.trend
    point, half = trend.point(steps), trend.reach(steps)
    return replace(given, point=point, lower=point - half, upper=point + half, models=(trend.name,))


def _never_negative(given: Forecast) -> Forecast:
    """What was never negative (bytes, shares, counts) is not forecast to be."""
    point, lower, upper = (np.maximum(side, 0.0) for side in (given.point, given.lower, given.upper))
    return replace(given, point=point, lower=lower, upper=upper)
