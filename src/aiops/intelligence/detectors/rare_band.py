"""The robust band, as wide as the series' own tail asks for: what it does now and then is no anomaly."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from aiops.intelligence.detectors.robust_band import ACTIVE, LEVEL, SEEN, SPAN, RobustBand
from aiops.intelligence.needs import Flags, Floats, Scores, SeriesState
from aiops.observability.ports import Watch

_SHARE = 0.02
_ROBUST_COLUMNS = 9
# Behind the columns of the robust band: its score that 2 % of the past are above, and by how much they are in the mean.
THRESHOLD, EXCESS = _ROBUST_COLUMNS, _ROBUST_COLUMNS + 1
# As narrow as the robust band itself: what a series starts with.
_FIRST_THRESHOLD, _FIRST_EXCESS = 0.45, 0.07


class RareBand(RobustBand):
    """Expects level ± reach like the robust band, but no narrower than what the series leaves once in 100,000 values.

    How far a series strays is an exponential tail above the 98 % quantile of its past scores (Siffer et al., "Anomaly
    Detection in Streams with Extreme Value Theory", KDD 2017), followed value by value. Bursts, sparse events and
    other heavy tails so widen their own band, where five deviations would raise an alarm every hour. All else, from
    learning to ending, is the robust band's.
    """

    name: ClassVar[str] = "rare-band"
    # A tail is learned within hundreds of values and forgotten slowly: a day of them tells it.
    forgets_s: ClassVar[float] = 86_400.0

    class Config(RobustBand.Config, frozen=True, forbid_unknown_fields=True):
        """`rarity` is how often a value of the past may lie on the edge of the band; the memories count values."""

        rarity: float = 1e-3
        slowest: float = 0.004
        widest: float = 200.0

    def __init__(self, config: RareBand.Config | None = None) -> None:
        self._rare = config or RareBand.Config()
        super().__init__(self._rare)

    def fresh(self, count: int) -> SeriesState:
        state = super().fresh(count)
        tail = np.tile([_FIRST_THRESHOLD, _FIRST_EXCESS], (count, 1))
        return replace(state, columns=np.concatenate([state.columns, tail], axis=1))

    def learn(self, state: SeriesState, watch: Watch, times: Floats, values: Floats) -> SeriesState:
        learned = super().learn(state, watch, times, values)
        columns = learned.columns
        rows = np.flatnonzero((state.columns[:, SPAN] == 0) & (columns[:, SPAN] > 0))
        if len(rows):
            half = super()._half_width(columns[rows], watch)[:, None]
            strayed = np.abs(values[rows] - columns[rows, LEVEL, None]) / half
            threshold = np.nanquantile(strayed, 1 - _SHARE, axis=1)
            beyond = np.where(strayed >= threshold[:, None], strayed - threshold[:, None], np.nan)
            columns[rows, THRESHOLD] = np.maximum(threshold, _FIRST_THRESHOLD)
            columns[rows, EXCESS] = np.maximum(np.nanmean(beyond, axis=1), _FIRST_EXCESS)
        return learned

    def step(
        self, state: SeriesState, watch: Watch, at: float, interval_s: float, values: Floats
    ) -> tuple[SeriesState, Scores]:
        factor = self._factor(state.columns)
        following, scores = super().step(state, watch, at, interval_s, values)
        calm = np.isfinite(scores.score) & (scores.active == 0) & (state.columns[:, ACTIVE] == 0)
        self._follow_tail(following.columns, calm, scores.score * factor)
        return following, scores

    def _half_width(self, columns: Floats, watch: Watch) -> Floats:
        return super()._half_width(columns, watch) * self._factor(columns)

    def _factor(self, columns: Floats) -> Floats:
        """How many times wider than the robust band."""
        edge = columns[:, THRESHOLD] + columns[:, EXCESS] * np.log(_SHARE / self._rare.rarity)
        factor: Floats = np.clip(edge, 1.0, self._rare.widest)
        return factor

    def _follow_tail(self, columns: Floats, calm: Flags, strayed: Floats) -> None:
        """One value each: the quantile goes up by a step where it was exceeded, else down by a fiftieth of that."""
        step = np.maximum(self._rare.slowest, 1.0 / (columns[:, SEEN] + 1))
        threshold = columns[:, THRESHOLD]
        above = calm & (strayed > threshold)
        excess = np.minimum(strayed - threshold, 10 * (threshold + columns[:, EXCESS]))
        rate = 5 * step
        columns[above, EXCESS] += (rate * (excess - columns[:, EXCESS]))[above]
        moved = threshold * np.exp(5 * step * (above - _SHARE))
        columns[calm, THRESHOLD] = np.clip(moved, 0.05, self._rare.widest)[calm]
