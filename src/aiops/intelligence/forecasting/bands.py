"""How far what comes may lie from a forecast: by the errors that the same models made at past moments."""

from __future__ import annotations

import numpy as np

from aiops.intelligence.forecasting.backtest import BackTest
from aiops.intelligence.forecasting.candidates import Floats

COVERAGE = 0.90
# That a band never narrows again adds about two points to what its quantiles cover.
_ASKED = 0.88
_FEWEST_ERRORS = 12


def reach(test: BackTest, horizon: int) -> tuple[Floats, Floats]:
    """For each step what to add to the forecast for the lower (≤ 0) and the upper (≥ 0) end of the 90 % interval.

    Quantiles of the errors by step, as split conformal prediction takes them (Lei et al. 2018), never narrower than at
    an earlier step. Past the steps that were tried, both grow as they did, between the root of the distance and the
    distance itself.
    """
    counts = np.isfinite(test.errors).sum(axis=0)
    enough = np.flatnonzero(counts >= min(_FEWEST_ERRORS, counts[0]))
    steps = test.steps[enough].astype(np.float64)
    below, above = np.empty(len(enough)), np.empty(len(enough))
    for place, column in enumerate(enough):
        errors = test.errors[:, column]
        errors = errors[np.isfinite(errors)]
        tail = max(0.0, 1 - (1 + _ASKED) / 2 * (len(errors) + 1) / len(errors))
        low, high = np.quantile(errors, (tail, 1 - tail))
        below[place], above[place] = max(-low, 0.0), max(high, 0.0)
    return -_over(steps, below, horizon), _over(steps, above, horizon)


def _over(steps: Floats, widths: Floats, horizon: int) -> Floats:
    widths = np.maximum.accumulate(widths)
    wanted = np.arange(1, horizon + 1)
    found = np.interp(wanted, steps, widths)
    last = int(steps[-1])
    if horizon > last:
        past = wanted > last
        found[past] = widths[-1] * (wanted[past] / last) ** _growth(steps, widths)
    return np.asarray(found)


def _growth(steps: Floats, widths: Floats) -> float:
    """The power of the distance that the width grows with, from the later half of the steps."""
    early = int(np.searchsorted(steps, steps[-1] / 3))
    if steps[early] == steps[-1] or widths[early] <= 0:
        return 1.0 if widths[-1] > 0 else 0.5
    return float(np.clip(np.log(widths[-1] / widths[early]) / np.log(steps[-1] / steps[early]), 0.5, 1.0))
