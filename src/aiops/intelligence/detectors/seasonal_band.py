"""The rare band, beside it what is usual at this time of the day and week."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from aiops.intelligence.detectors.rare_band import EXCESS, RareBand
from aiops.intelligence.detectors.robust_band import LAST, LEVEL
from aiops.intelligence.ensemble import slots
from aiops.intelligence.needs import Ended, Flags, Floats, Scores, SeriesState, Way
from aiops.observability.ports import Sensitivity, Watch

# Behind the columns of the rare band: the slot under way with the sum, number, lowest and highest of its values; the
# mean of the last half hour as a sum of weights and of weighted values; and how long it has been beside what is usual
# (s), which side is told of, since when, and how long the values have been back (s).
SLOT, SUM, COUNT, LOW, HIGH, WEIGHT, WEIGHTED, BESIDE_S, SIDE, OUT_SINCE, BACK_S = range(EXCESS + 1, EXCESS + 12)
_COLUMNS = 11
# Told already as something else, and not again before it is over.
_TOLD = 2.0
_SMOOTHED_S = slots.SLOT_S / 2
_SMOOTH_FROM = 0.95
# A break is over where what was beside is this part of the way from the prediction to the edge.
_BACK = 0.75
_DAYS = 7
# Where a fifth of the slots is missing the others do.
_KNOWN_FROM = int(0.8 * _DAYS * slots.A_DAY)
_RARITY = {Sensitivity.LOW: 2e-5, Sensitivity.MEDIUM: 1e-4, Sensitivity.HIGH: 1e-3, Sensitivity.EXTREME: 4e-3}


class SeasonalBand(RareBand):
    """Expects what the rare band does, and knows the last fortnight in slots of half an hour.

    What recurs about this time of the day on three of the last seven days, or on this day of the last two weeks, widens
    the band. And the mean of the last half hour is held against three predictions: as a day before, as a week before,
    as the median of seven days. Where it is farther from each than such predictions are off once in 10,000 times, for
    five minutes, that is a break of the pattern, or, outside of all that the fortnight had, a change of the trend. Both
    take seven days of a past.
    """

    name: ClassVar[str] = "seasonal-band"
    recalls_s: ClassVar[float] = slots.SLOTS * slots.SLOT_S
    recall_step_s: ClassVar[float] = 600.0

    class Config(RareBand.Config, frozen=True, forbid_unknown_fields=True):
        """`season_floor` is how far from a prediction, as a part of it, is at least no break."""

        season_floor: float = 0.1
        beside_s: float = 300.0
        season_back_s: float = 300.0
        season_normal_s: float = 21_600.0

    def __init__(self, config: SeasonalBand.Config | None = None) -> None:
        self._season = config or SeasonalBand.Config()
        super().__init__(self._season)

    def fresh(self, count: int) -> SeriesState:
        state = super().fresh(count)
        more = np.zeros((count, _COLUMNS))
        columns = np.concatenate([state.columns, more], axis=1)
        columns[:, [SLOT, LOW, HIGH, OUT_SINCE]] = np.nan
        return SeriesState(columns, state.ring, slots.fresh(count))

    def learn(self, state: SeriesState, watch: Watch, times: Floats, values: Floats) -> SeriesState:
        learned = super().learn(state, watch, times, values)
        rows = np.flatnonzero(learned.columns[:, WEIGHT] == 0)
        if len(rows) and len(times):
            ages = np.exp((times - times[-1]) / _SMOOTHED_S)
            weights = np.where(np.isfinite(values[rows]), ages / ages.sum(), 0.0)
            reached = 1.0 - np.exp((times[0] - times[-1]) / _SMOOTHED_S)
            learned.columns[rows, WEIGHT] = reached * weights.sum(axis=1)
            learned.columns[rows, WEIGHTED] = reached * (weights * np.nan_to_num(values[rows])).sum(axis=1)
        return learned

    def strangers(self, state: SeriesState) -> Flags:
        known: Flags = slots.reckoned(state.slow)[:, slots.KNOWN] >= slots.A_DAY
        return ~known

    def recall(self, state: SeriesState, at: float, times: Floats, values: Floats) -> SeriesState:
        now = int(at // slots.SLOT_S)
        rows = np.flatnonzero(self.strangers(state))
        if not len(rows) or not len(times):
            return state
        slow = state.slow.copy()
        slow[rows] = slots.recall(slow[rows], now, times, values[rows])
        columns = state.columns.copy()
        columns[rows, SLOT] = np.where(np.isfinite(columns[rows, SLOT]), columns[rows, SLOT], now)
        return replace(state, columns=columns, slow=slow)

    def step(
        self, state: SeriesState, watch: Watch, at: float, interval_s: float, values: Floats
    ) -> tuple[SeriesState, Scores]:
        state = _turned(state, int(at // slots.SLOT_S))
        following, scores = super().step(state, watch, at, interval_s, values)
        columns = following.columns
        _gather(columns, values, at - state.columns[:, LAST], interval_s)
        return following, self._beside_usual(following, watch, at, interval_s, values, scores)

    def _reaches(self, state: SeriesState, half: Floats, watch: Watch) -> tuple[Floats, Floats]:
        reckoned, level = slots.reckoned(state.slow), state.columns[:, LEVEL]
        # NaN, where nothing is known, is not greater.
        down, up = level - reckoned[:, slots.LOW], reckoned[:, slots.HIGH] - level
        return np.where(down > half, down + half / 2, half), np.where(up > half, up + half / 2, half)

    def _beside_usual(
        self, state: SeriesState, watch: Watch, at: float, interval_s: float, values: Floats, scores: Scores
    ) -> Scores:
        """Follow whether the last half hour is as usual at this time, and say so where the band says nothing."""
        columns, reckoned = state.columns, slots.reckoned(state.slow)
        here = np.isfinite(values)
        known = (reckoned[:, slots.KNOWN] >= _KNOWN_FROM) & (columns[:, WEIGHT] > _SMOOTH_FROM)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = columns[:, WEIGHTED] / columns[:, WEIGHT]
            usual, distance = _nearest(slots.predicted(state.slow, at), mean)
            half = self._reach(reckoned, watch, usual)
            out = here & known & (np.abs(distance) > half)
            side = np.sign(distance)
            near = half / 2
            recurs = (values >= reckoned[:, slots.LOW] - near) & (values <= reckoned[:, slots.HIGH] + near)
            beyond = out & ((values - usual) * side > half) & ~recurs
            within = np.abs(values - usual) <= _BACK * half, ~known | (np.abs(distance) <= _BACK * half)
        if watch.worse != "both":
            hurts = side == (-1 if watch.worse == "down" else 1)
            out, beyond = out & hurts, beyond & hurts
        started, ended = self._follow(columns, here, out, beyond, within, side, scores, at, interval_s)
        told = (columns[:, SIDE] != 0) & (columns[:, SIDE] != _TOLD) & (scores.active == 0)
        # What leaves its band for what is ordinary at other times breaks its pattern.
        with np.errstate(invalid="ignore"):
            elsewhen = (np.abs(values - usual) > half) & _ever(values, reckoned)
        broken = (scores.active != 0) & known & elsewhen
        broken[told] = _ever(mean, reckoned)[told]
        days = reckoned[:, slots.KNOWN] // slots.A_DAY
        days[reckoned[:, slots.KNOWN] >= _KNOWN_FROM] = _DAYS
        ways = np.where(broken, Way.PATTERN_BREAK, np.where(told, Way.TREND_CHANGE, Way.BESIDE)).astype(np.int64)
        scores = replace(scores, ways=ways, days=days, days_needed=_DAYS)
        if not told.any() and not ended.any():
            return scores
        return _said(scores, told, started, ended, columns, reckoned, mean, usual, half, values)

    def _reach(self, reckoned: Floats, watch: Watch, usual: Floats) -> Floats:
        edge = float(np.log(slots.TAIL_SHARE / _RARITY[watch.sensitivity]))
        learned = reckoned[:, slots.THRESHOLD] + edge * reckoned[:, slots.EXCESS]
        floor = np.maximum(self._season.season_floor * np.abs(usual), max(watch.minimum, 1e-12))
        reach: Floats = np.maximum(learned, floor)
        return reach

    def _follow(
        self,
        columns: Floats,
        here: Flags,
        out: Flags,
        beyond: Flags,
        within: tuple[Flags, Flags],
        side: Floats,
        scores: Scores,
        at: float,
        interval_s: float,
    ) -> tuple[Flags, Floats]:
        """Which breaks begin, and why others end (0: not); `within` are the value and the mean, well within again."""
        config = self._season
        quiet = columns[:, SIDE] == 0
        if quiet.all() and not out.any():
            columns[here, BESIDE_S] = 0.0
            columns[here, OUT_SINCE] = np.nan
            return np.zeros(len(columns), bool), np.zeros(len(columns))
        columns[out & np.isnan(columns[:, OUT_SINCE]), OUT_SINCE] = at
        columns[here, BESIDE_S] = np.where(out, columns[:, BESIDE_S] + interval_s, 0.0)[here]
        back = np.maximum(columns[:, BACK_S] + np.where(within[0], interval_s, -interval_s), 0.0)
        columns[here, BACK_S] = back[here]
        columns[here & ~out & quiet, OUT_SINCE] = np.nan
        # What the band tells of is one thing with what follows from it here.
        elsewhere = quiet & (scores.active != 0)
        started = quiet & ~elsewhere & beyond & (columns[:, BESIDE_S] >= config.beside_s)
        columns[started, SIDE] = side[started]
        columns[elsewhere & out, SIDE] = _TOLD
        columns[started | elsewhere, BACK_S] = 0.0
        ended = np.zeros(len(columns))
        going = (columns[:, SIDE] != 0) & ~started
        long = going & (columns[:, SIDE] != _TOLD) & (at - columns[:, OUT_SINCE] >= config.season_normal_s)
        ended[going & ((here & within[1]) | (columns[:, BACK_S] >= config.season_back_s))] = Ended.BACK_IN_BAND
        ended[going & (at - columns[:, LAST] > config.gone_s)] = Ended.SERIES_GONE
        was_told = columns[:, SIDE] == _TOLD
        over = ended > 0
        # The mean still has in it what is over.
        columns[over, WEIGHT] = 0.0
        columns[over, WEIGHTED] = 0.0
        columns[over, SIDE] = 0.0
        columns[over, BESIDE_S] = 0.0
        columns[over, OUT_SINCE] = np.nan
        ended[long & ~over] = Ended.NEW_NORMAL
        columns[long & ~over, SIDE] = _TOLD
        ended[was_told] = Ended.NOT
        return started, ended


def _turned(state: SeriesState, now: int) -> SeriesState:
    """With the slot that is over among those that are known."""
    begun = state.columns[:, SLOT]
    if not len(begun) or not (begun != now).any():
        return state
    columns = state.columns.copy()
    count = columns[:, COUNT]
    with np.errstate(invalid="ignore", divide="ignore"):
        figures = np.stack([columns[:, SUM] / count, columns[:, LOW], columns[:, HIGH]], axis=1)
    # What is told as a break says nothing of how far it usually goes.
    figures[(columns[:, SIDE] != 0) & (columns[:, SIDE] != _TOLD), 1:] = np.nan
    behind = ~(begun >= now)
    slow = slots.turn(state.slow, np.where(behind, begun, np.nan), now, figures)
    columns[behind, SLOT] = now
    for column, value in ((SUM, 0.0), (COUNT, 0.0), (LOW, np.nan), (HIGH, np.nan)):
        columns[behind, column] = value
    return replace(state, columns=columns, slow=slow)


def _gather(columns: Floats, values: Floats, gap_s: Floats, interval_s: float) -> None:
    """Take the values up into the slot under way, and into the mean of the last half hour."""
    here = np.isfinite(values)
    columns[here, SUM] += values[here]
    columns[here, COUNT] += 1
    columns[:, LOW] = np.fmin(columns[:, LOW], values)
    columns[:, HIGH] = np.fmax(columns[:, HIGH], values)
    lost = here & (gap_s > _SMOOTHED_S)
    columns[lost, WEIGHT] = 0.0
    columns[lost, WEIGHTED] = 0.0
    share = -np.expm1(-np.minimum(np.nan_to_num(gap_s, nan=interval_s), _SMOOTHED_S) / _SMOOTHED_S)
    columns[here, WEIGHT] += (share * (1.0 - columns[:, WEIGHT]))[here]
    columns[here, WEIGHTED] += (share * (values - columns[:, WEIGHTED]))[here]


def _nearest(predictions: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """The prediction that is nearest to the mean, and how far that is beyond it."""
    off = mean - predictions
    place = np.argmin(np.where(np.isfinite(off), np.abs(off), np.inf), axis=0)[None]
    return np.take_along_axis(predictions, place, 0)[0], np.take_along_axis(off, place, 0)[0]


def _ever(values: Floats, reckoned: Floats) -> Flags:
    """Whether that is within what the slots of the fortnight were."""
    within: Flags = (values >= reckoned[:, slots.LEAST]) & (values <= reckoned[:, slots.MOST])
    return within


def _said(
    scores: Scores,
    told: Flags,
    started: Flags,
    ended: Floats,
    columns: Floats,
    reckoned: Floats,
    mean: Floats,
    usual: Floats,
    half: Floats,
    values: Floats,
) -> Scores:
    far = np.maximum(np.abs(mean - usual), np.abs(values - usual)) / half
    return replace(
        scores,
        score=np.where(told, far, scores.score),
        expected=np.where(told, usual, scores.expected),
        lower=np.where(told, np.maximum(usual - half, 0.0), scores.lower),
        upper=np.where(told, usual + half, scores.upper),
        active=np.where(told, columns[:, SIDE], scores.active).astype(np.int64),
        started=scores.started | (started & told),
        ended=np.where((scores.active == 0) & (scores.ended == 0), ended, scores.ended).astype(np.int64),
        since=np.where(told, columns[:, OUT_SINCE], scores.since),
        learned_s=np.where(told, reckoned[:, slots.KNOWN] * slots.SLOT_S, scores.learned_s),
    )
