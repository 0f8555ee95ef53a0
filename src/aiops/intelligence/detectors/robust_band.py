"""A band around a slowly adapting level, decided by evidence rather than by one value."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import ClassVar

import msgspec
import numpy as np

from aiops.intelligence.needs import Ended, Flags, Floats, Integers, Scores, SeriesState
from aiops.observability.ports import Sensitivity, Watch

# The columns of the state: how many values were seen, where the series usually is and how far it usually strays from
# there, when it was last seen, and what is in motion (evidence for an anomaly, since when, how long it has been back).
SEEN, LEVEL, SCALE, LAST, SPAN, EVIDENCE, OUT_SINCE, BACK, ACTIVE = range(9)
_COLUMNS = 9
_DECIDED = 3.0
_WIDTH = {Sensitivity.LOW: 1.5, Sensitivity.MEDIUM: 1.0, Sensitivity.HIGH: 0.75, Sensitivity.EXTREME: 0.5}
_FAR = 2.0


class RobustBand:
    """Expects level ± reach: a robust location and a mean absolute deviation, both adapting slowly.

    Learning takes 36 values at 5 s (3 min) and 20 at 15 s (5 min), or none where history holds as many. A value out of
    the band is evidence 1, one more than twice as far as the band reaches 1.5, one inside takes 0.5 back; evidence 3
    is an anomaly. What lies out of the band teaches nothing, so an anomaly does not drag the band. It ends after 3
    values inside, after 5 min without a value, or when the series has stayed out for 30 min: then that is the new
    normal, and the band is learned again from its latest values.
    """

    name: ClassVar[str] = "robust-band"
    forgets_s: ClassVar[float] = 43_200.0

    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`reach` is the half width of the band in mean absolute deviations, `relative_floor` in levels."""

        reach: float = 5.0
        relative_floor: float = 0.05
        learn_at_most: int = 36
        learn_at_least: int = 20
        learn_s: float = 180.0
        level_memory_s: float = 1800.0
        scale_memory_s: float = 3600.0
        back_samples: int = 3
        new_normal_s: float = 1800.0
        gone_s: float = 300.0

    def __init__(self, config: RobustBand.Config | None = None) -> None:
        self._config = config or RobustBand.Config()

    def needed(self, interval_s: float) -> int:
        """How many values a band is learned from at this distance of evaluations."""
        config = self._config
        return int(np.clip(round(config.learn_s / max(interval_s, 0.1)), config.learn_at_least, config.learn_at_most))

    def fresh(self, count: int) -> SeriesState:
        columns = np.zeros((count, _COLUMNS))
        columns[:, [LAST, OUT_SINCE]] = np.nan
        return SeriesState(columns, np.full((count, self._config.learn_at_most), np.nan))

    def learn(self, state: SeriesState, watch: Watch, times: Floats, values: Floats) -> SeriesState:
        columns, ring = state.columns.copy(), state.ring.copy()
        counts = np.isfinite(values).sum(axis=1)
        rows = np.flatnonzero(
            (columns[:, SCALE] == 0) & (columns[:, SPAN] == 0) & (counts >= self._config.learn_at_least)
        )
        if len(rows):
            columns[rows, LEVEL], columns[rows, SCALE] = _robust(values[rows])
            columns[rows, SEEN] = np.maximum(counts[rows], self._config.learn_at_most)
            seen_at = np.where(np.isfinite(values[rows]), times, np.nan)
            columns[rows, SPAN] = np.maximum(np.nanmax(seen_at, axis=1) - np.nanmin(seen_at, axis=1), 1.0)
            ring[rows] = np.nan
        return replace(state, columns=columns, ring=ring)

    def step(
        self, state: SeriesState, watch: Watch, at: float, interval_s: float, values: Floats
    ) -> tuple[SeriesState, Scores]:
        columns, ring = state.columns.copy(), state.ring.copy()
        here = np.isfinite(values)
        needed = self.needed(interval_s)
        dt = self._elapsed(columns, ring, here, at, interval_s)
        known = columns[:, SPAN] > 0
        half = self._half_width(columns, watch)
        distance = np.where(known & here, values - columns[:, LEVEL], np.nan)
        down, up = self._reaches(state, half, watch)
        lower, upper = _bounds(columns[:, LEVEL], down, up, watch)
        above, below = known & here & (values > upper), known & here & (values < lower)
        score = np.abs(distance) / np.where(distance < 0, down, up)
        side = np.where(above, 1, np.where(below, -1, 0))
        hurts = (side != 0) if watch.worse == "both" else (side == (-1 if watch.worse == "down" else 1))
        was = columns[:, ACTIVE].copy()
        expected = columns[:, LEVEL].copy()
        since = self._gather_evidence(columns, here & known, hurts, side, score, at)
        ended = self._end(columns, ring, here & known, at)
        self._adapt(columns, here & known & ~hurts & (columns[:, ACTIVE] == 0), distance, half, dt)
        self._remember(columns, ring, here, values, side != 0)
        self._finish_learning(columns, ring, needed, interval_s)
        columns[here, LAST] = at
        columns[here, SEEN] += 1
        active = np.where(ended > 0, 0, columns[:, ACTIVE]).astype(np.int64)
        hidden = ~known
        for band in (expected, lower, upper):
            band[hidden] = np.nan
        scores = Scores(
            score=np.where(known, score, np.nan),
            expected=expected,
            lower=lower,
            upper=upper,
            seen=np.minimum(columns[:, SEEN], np.where(columns[:, SPAN] > 0, np.inf, needed - 1)).astype(np.int64),
            needed=needed,
            active=active,
            started=(was == 0) & (columns[:, ACTIVE] != 0),
            ended=ended,
            since=since,
            learned_s=columns[:, SPAN].copy(),
        )
        return replace(state, columns=columns, ring=ring), scores

    def _elapsed(self, columns: Floats, ring: Floats, here: Flags, at: float, interval_s: float) -> Floats:
        """Seconds since each series' last value; after a long gap what was in motion is forgotten, the band is kept."""
        dt = np.where(np.isfinite(columns[:, LAST]), at - columns[:, LAST], interval_s)
        gap = here & (dt > max(self._config.gone_s, 10 * interval_s))
        columns[gap, EVIDENCE] = 0
        columns[gap, BACK] = 0
        columns[gap & (columns[:, ACTIVE] == 0), OUT_SINCE] = np.nan
        ring[gap] = np.nan
        return np.clip(dt, 0, 4 * interval_s)

    def _half_width(self, columns: Floats, watch: Watch) -> Floats:
        config = self._config
        learned = np.maximum(config.reach * columns[:, SCALE], config.relative_floor * np.abs(columns[:, LEVEL]))
        # What matters to nobody stays so, however sensitive the watch.
        return np.maximum(_WIDTH[watch.sensitivity] * learned, max(watch.minimum, 1e-12))

    def _reaches(self, state: SeriesState, half: Floats, watch: Watch) -> tuple[Floats, Floats]:
        """How far the band reaches below and above its level."""
        return half, half

    def _gather_evidence(
        self, columns: Floats, here: Flags, hurts: Flags, side: Integers, score: Floats, at: float
    ) -> Floats:
        out, inside = here & (side != 0), here & (side == 0)
        started_out = out & np.isnan(columns[:, OUT_SINCE])
        columns[started_out, OUT_SINCE] = at
        evidence = columns[:, EVIDENCE]
        evidence[here & hurts] += np.where(score > _FAR, _DECIDED / 2, 1.0)[here & hurts]
        evidence[here & ~hurts] = np.maximum(0, evidence[here & ~hurts] - 0.5)
        columns[inside, BACK] += 1
        columns[out, BACK] = 0
        decided = here & hurts & (evidence >= _DECIDED) & (columns[:, ACTIVE] == 0)
        columns[decided, ACTIVE] = side[decided]
        forgotten = (
            inside & (columns[:, ACTIVE] == 0) & ((evidence == 0) | (columns[:, BACK] >= self._config.back_samples))
        )
        since = columns[:, OUT_SINCE].copy()
        columns[forgotten, OUT_SINCE] = np.nan
        return since

    def _end(self, columns: Floats, ring: Floats, here: Flags, at: float) -> Integers:
        config = self._config
        ended = np.zeros(len(columns), np.int64)
        active = columns[:, ACTIVE] != 0
        ended[active & ~here & (at - columns[:, LAST] > config.gone_s)] = Ended.SERIES_GONE
        stayed = here & (columns[:, BACK] == 0) & (at - columns[:, OUT_SINCE] >= config.new_normal_s)
        rows = np.flatnonzero(stayed & (np.isfinite(ring).sum(axis=1) >= config.learn_at_least))
        if len(rows):
            columns[rows, LEVEL], columns[rows, SCALE] = _robust(ring[rows])
            columns[rows, SPAN] = config.learn_s
            columns[rows, SEEN] = config.learn_at_most
            columns[rows, EVIDENCE] = 0
            columns[rows, OUT_SINCE] = np.nan
            ring[rows] = np.nan
            ended[rows] = np.where(active[rows], Ended.NEW_NORMAL, Ended.NOT)
        ended[active & here & (columns[:, BACK] >= config.back_samples)] = Ended.BACK_IN_BAND
        over = ended > 0
        columns[over, ACTIVE] = 0
        columns[over, EVIDENCE] = 0
        columns[over, OUT_SINCE] = np.nan
        return ended

    def _adapt(self, columns: Floats, rows: Flags, distance: Floats, half: Floats, dt: Floats) -> None:
        config = self._config
        clipped = np.clip(distance, -half, half)
        youth = 1 / (columns[:, SEEN] + 1)
        for column, memory_s, target in (
            (LEVEL, config.level_memory_s, clipped),
            (SCALE, config.scale_memory_s, np.abs(clipped) - columns[:, SCALE]),
        ):
            weight = np.maximum(1 - np.exp(-dt / memory_s), youth)
            columns[rows, column] += (weight * target)[rows]
        columns[rows, SPAN] = np.minimum(columns[rows, SPAN] + dt[rows], config.scale_memory_s)

    def _remember(self, columns: Floats, ring: Floats, here: Flags, values: Floats, out: Flags) -> None:
        """The latest values are kept only where a band will be learned from them."""
        learning = columns[:, SPAN] == 0
        kept = learning | np.isfinite(columns[:, OUT_SINCE])
        ring[~kept] = np.nan
        rows = np.flatnonzero(here & (learning | (out & kept)))
        if len(rows):
            ring[rows, :-1] = ring[rows, 1:]
            ring[rows, -1] = values[rows]

    def _finish_learning(self, columns: Floats, ring: Floats, needed: int, interval_s: float) -> None:
        rows = np.flatnonzero((columns[:, SPAN] == 0) & (np.isfinite(ring).sum(axis=1) >= needed))
        if len(rows):
            columns[rows, LEVEL], columns[rows, SCALE] = _robust(ring[rows])
            columns[rows, SPAN] = needed * interval_s
            ring[rows] = np.nan


def _bounds(level: Floats, down: Floats, up: Floats, watch: Watch) -> tuple[Floats, Floats]:
    # No watched unit goes below zero, and a ratio ends at one.
    return np.maximum(level - down, 0.0), np.minimum(level + up, 1.0 if watch.unit == "ratio" else np.inf)


def _robust(values: Floats) -> tuple[Floats, Floats]:
    """Median, and the mean absolute distance from it without the farthest twentieth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        level = np.nanmedian(values, axis=1)
        distance = np.abs(values - level[:, None])
        distance[distance > np.nanquantile(distance, 0.95, axis=1)[:, None]] = np.nan
        return level, np.nan_to_num(np.nanmean(distance, axis=1))
