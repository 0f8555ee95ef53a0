"""The ensemble's engine: causal, streaming, over n series on one time axis.

Each member is one way of being unusual, as a figure that is large then: a value that is high or low, a jump, a slow
level, a spread that is wide or narrow, a difference to the same time of the days before. What a figure is worth is how
rare it is for its own past (`tails`); the evidence of a row is the sum over the members. The past that counts
ends at the last full block, so a row never speaks about itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aiops.intelligence.ensemble import alarms, season, tails, windows
from aiops.intelligence.ensemble.alarms import Sensitivity

Floats = npt.NDArray[np.float64]

MEMBERS = (
    "high", "low", "jump", "restless", "still", "level high", "level low", "level shift",
    "unlike yesterday", "unlike last week", "unlike any day", "outside all days",
)  # fmt: skip
# A jump is judged among all jumps and, downwards, among those too. The prediction's error has a tail as well, from
# which comes the expected band; it is no member. The errors of both predictors follow it, which have no tail.
_JUMP, _FALL = 2, 3
_TAILED = len(MEMBERS) + 2
_FIGURES = _TAILED + 2
_SHORTEST, _SHORT, _LONG, _SLOW, _SLOWEST = 3, 6, 12, 96, 768
_CONTEXT = _SLOW + _SLOWEST
_BLOCK = 128
_FIRST_BLOCK = 16
# A rarity counts as it is up to 10⁻⁶, from there on 2 for each doubling; in full from a past of 2,000 values on.
_PLAIN_UNTIL, _PER_DOUBLING, _MOST_A_MEMBER = 6.0, 2.0, 12.0
_TRUSTED_FROM = 3.3
_INTERVAL_FROM = 32
_PIECE = 4096
# A tail is at least this wide, as a part of the width and of the size of the values: less is no movement but rounding.
_OF_WIDTH, _OF_SIZE = 1e-3, 1e-6
_ERROR_MEMORY = 0.9
# A series is silent that gives nothing for so many intervals, and for so many times its longest pause before.
_SILENT_INTERVALS, _SILENT_TIMES = 10.0, 3.0
# How rare a value on the edge of the expected band is.
_SILENT_EVIDENCE = 2 * Sensitivity.MEDIUM.value
_EDGE = {Sensitivity.LOW: 5.0, Sensitivity.MEDIUM: 4.0, Sensitivity.HIGH: 3.3, Sensitivity.EXTREME: 2.7}


@dataclass(frozen=True)
class State:
    """What is remembered of n series: bounded, whatever was seen.

    `times` are those of the first 32 rows, `recent` (n, up to 864) the latest values, `pending` the figures of the
    block that ends at row `block_end`, `errors` (2, n) how far the two predictors have been off, `seen_at` and `pause`
    when each series was last seen and its longest pause, `least` its smallest value.
    """

    rows: int
    interval_s: float
    times: Floats
    recent: Floats
    days: season.Days
    tails: tails.Tails
    pending: Floats
    block_end: int
    errors: Floats
    seen_at: Floats
    pause: Floats
    least: Floats
    rest: alarms.Rest


@dataclass(frozen=True)
class Scored:
    """Of each row (n, t): `score` 0 to 1, `evidence` by member (n, members, t), and what was expected of it; NaN while
    that is unknown. The last member is silence."""

    score: Floats
    evidence: Floats
    expected: Floats
    lower: Floats
    upper: Floats


def fresh(series: int) -> State:
    return State(
        rows=0,
        interval_s=np.nan,
        times=np.zeros(0),
        recent=np.zeros((series, 0)),
        days=season.fresh(series),
        tails=tails.fresh(series * _TAILED),
        pending=np.zeros((series, _FIGURES, 0)),
        block_end=_FIRST_BLOCK,
        errors=np.full((2, series), np.nan),
        seen_at=np.full(series, np.nan),
        pause=np.zeros(series),
        least=np.full(series, np.inf),
        rest=alarms.fresh(series),
    )


def advance(
    state: State, times: Floats, values: Floats, sensitivity: Sensitivity = Sensitivity.MEDIUM
) -> tuple[State, Scored]:
    """Score `values` (n, t) at `times` (t): Unix seconds, ascending, later than what was seen. NaN: no value there.

    However a stretch is cut into calls, the scores are the same but for rounding. `sensitivity` sets the width of the
    band alone.
    """
    parts = []
    at = 0
    while at < len(times):
        # The interval is known from row 32 on: no piece goes past it.
        until = at + (_INTERVAL_FROM - state.rows if state.rows < _INTERVAL_FROM else _PIECE)
        state, scored = _piece(state, times[at:until], values[:, at:until], sensitivity)
        parts.append(scored)
        at = until
    if not parts:
        none = np.zeros((len(state.pause), 0))
        return state, Scored(none, np.zeros((len(state.pause), len(MEMBERS) + 1, 0)), none, none, none)
    return state, Scored(
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=-1)
            for name in ("score", "evidence", "expected", "lower", "upper")
        )
    )


def _piece(state: State, times: Floats, values: Floats, sensitivity: Sensitivity) -> tuple[State, Scored]:
    here = np.isfinite(values)
    state, silence = _silence(state, times, here)
    filled = _filled(state.recent, values)
    context = np.concatenate([state.recent, filled], axis=1)
    new = slice(state.recent.shape[1], None)
    short = windows.mean(context, _SHORT)
    smooth = windows.mean(context, _SHORTEST)[:, new], short[:, new]
    days = season.learn(state.days, times, *smooth, state.interval_s)
    compared = season.compare(days, times, *smooth, state.interval_s)
    figures = _figures(context, new, compared)
    figures[~np.repeat(here[:, None], _FIGURES, axis=1)] = np.nan
    predictions = np.stack([windows.before(short, 1)[:, new], compared.usual])
    state = replace(state, recent=context[:, -_CONTEXT:], days=season.forget(days))
    state, evidence, band = _by_blocks(state, filled, here, figures, predictions, _EDGE[sensitivity])
    evidence = np.concatenate([evidence, silence[:, None]], axis=1)
    rest, scores = alarms.decide(state.rest, state.rows, evidence.sum(axis=1))
    known_times = np.concatenate([state.times, times])[:_INTERVAL_FROM]
    interval_s = state.interval_s
    if not np.isfinite(interval_s) and len(known_times) == _INTERVAL_FROM:
        interval_s = float(np.median(np.diff(known_times)))
    state = replace(state, rows=state.rows + len(times), times=known_times, interval_s=interval_s, rest=rest)
    return state, Scored(scores, evidence, *band)


def _filled(recent: Floats, values: Floats) -> Floats:
    """A missing value counts as the last one for what looks back on it; before the first, as that."""
    if np.isfinite(values).all():
        return values
    last = recent[:, -1:] if recent.shape[1] else np.full((len(values), 1), np.nan)
    both = np.concatenate([last, values], axis=1)
    known = np.isfinite(both)
    place = np.maximum.accumulate(np.where(known, np.arange(both.shape[1]), 0), axis=1)
    filled = np.take_along_axis(both, place, axis=1)
    first = np.take_along_axis(both, np.argmax(known, axis=1)[:, None], axis=1)
    return np.where(np.isfinite(filled), filled, np.where(np.isfinite(first), first, 0.0))[:, 1:]


def _silence(state: State, times: Floats, here: npt.NDArray[np.bool_]) -> tuple[State, Floats]:
    """How far a pause goes beyond the longest before: enough for an alarm by itself."""
    seen = np.concatenate([state.seen_at[:, None], np.where(here, times, np.nan)], axis=1)
    latest = np.fmax.accumulate(seen, axis=1)
    pause = np.nan_to_num(times - latest[:, :-1])
    ended = np.maximum.accumulate(np.concatenate([state.pause[:, None], np.where(here, pause, 0.0)], axis=1), axis=1)
    limit = np.maximum(_SILENT_TIMES * ended[:, :-1], _SILENT_INTERVALS * np.nan_to_num(state.interval_s, nan=np.inf))
    evidence = np.where(pause > limit, _SILENT_EVIDENCE, 0.0)
    return replace(state, seen_at=latest[:, -1], pause=ended[:, -1]), evidence


def _figures(context: Floats, new: slice, compared: season.Compared) -> Floats:
    """The members' figures (n, figures, t), each large where it is unusual; the last are left for the errors."""
    value = context[:, new]
    jump = value - windows.before(context, 1)[:, new]
    spread = windows.spread(context[:, -(value.shape[1] + _LONG) :], _LONG)[:, -value.shape[1] :]
    slowest = windows.before(windows.mean(context, _SLOWEST), _SLOW)[:, new]
    long = windows.mean(context, _LONG)[:, new]
    shift = np.abs(windows.mean(context, _SLOW)[:, new] - slowest)
    members = [
        value, -value, np.abs(jump), -jump, spread, -spread, long, -long, shift,
        compared.day, compared.week, compared.nearest, compared.outside,
    ]  # fmt: skip
    return np.stack(members + [np.full_like(value, np.nan)] * (_FIGURES - len(members)), axis=1)


def _by_blocks(
    state: State, values: Floats, here: npt.NDArray[np.bool_], figures: Floats, predictions: Floats, edge: float
) -> tuple[State, Floats, tuple[Floats, Floats, Floats]]:
    """Evidence and band, block after block: each is judged by what was learned from the blocks before."""
    series, _, length = figures.shape
    evidence = np.zeros((series, len(MEMBERS), length))
    expected, half = np.full((series, length), np.nan), np.full((series, length), np.nan)
    lowest = np.zeros((series, length))
    figures[:, _TAILED:] = np.abs(np.where(here, values, np.nan) - predictions).transpose(1, 0, 2)
    at = 0
    while at < length:
        cut = slice(at, min(length, state.block_end - state.rows))
        by_day = (state.errors[1] < state.errors[0])[:, None] & np.isfinite(predictions[1, :, cut])
        expected[:, cut] = np.where(by_day, predictions[1, :, cut], predictions[0, :, cut])
        figures[:, _TAILED - 1, cut] = np.where(by_day, figures[:, -1, cut], figures[:, -2, cut])
        threshold, beta, share = _shape(state.tails, series)
        rare = tails.rarity(threshold, beta, share, figures[:, :_TAILED, cut].reshape(series * _TAILED, -1))
        rare = _told(rare.reshape(series, _TAILED, -1), state.tails.counts)[:, :-1]
        rare[:, _JUMP] = np.maximum(rare[:, _JUMP], rare[:, _FALL])
        evidence[:, :, cut] = np.delete(rare, _FALL, axis=1)
        half[:, cut] = tails.reach(threshold, beta, share, edge).reshape(series, _TAILED)[:, -1:]
        lowest[:, cut] = np.where(state.least >= 0, 0.0, -np.inf)[:, None]
        state = replace(state, pending=np.concatenate([state.pending, figures[:, :, cut]], axis=2))
        at = cut.stop
        if state.rows + at == state.block_end:
            state = _learn(state)
    known = np.isfinite(half)
    band = (expected, np.maximum(expected - half, np.minimum(lowest, expected)), expected + half)
    return state, evidence, tuple(np.where(known, side, np.nan) for side in band)  # type: ignore[return-value]


def _shape(remembered: tails.Tails, series: int) -> tuple[Floats, Floats, Floats]:
    """The tails' shapes, none narrower than what is rounding for the values of its series."""
    threshold, beta, share = tails.shape(remembered)
    by_series = threshold.reshape(series, _TAILED)
    high, low = by_series[:, 0], -by_series[:, 1]
    floor = _OF_WIDTH * (high - low) + _OF_SIZE * np.maximum(np.abs(high), np.abs(low)) + 1e-12
    return threshold, np.maximum(beta, np.repeat(floor, _TAILED)), share


def _learn(state: State) -> State:
    """Take up the block that is full."""
    series = len(state.pending)
    block = state.pending
    errors = _means(block[:, _TAILED:]).T
    blended = _ERROR_MEMORY * state.errors + (1 - _ERROR_MEMORY) * errors
    return replace(
        state,
        tails=tails.learn(state.tails, block[:, :_TAILED].reshape(series * _TAILED, -1)),
        pending=block[:, :, :0],
        block_end=state.block_end + min(_BLOCK, max(_FIRST_BLOCK, state.block_end // 4)),
        errors=np.where(np.isfinite(blended), blended, np.where(np.isfinite(state.errors), state.errors, errors)),
        least=np.fmin(state.least, -np.fmax.reduce(block[:, 1], axis=1)),
    )


def _means(values: Floats) -> Floats:
    """The means over the last axis of what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def _told(rarity: Floats, counts: Floats) -> Floats:
    """What rarities (n, figures, t) count for: less where the past is short (`counts`, n × figures), and what goes far
    beyond all that was ever seen counts for little more than that."""
    trust = np.minimum(np.log10(counts + 1) / _TRUSTED_FROM, 1.0).reshape(len(rarity), -1, 1)
    told = trust * rarity
    beyond = _PER_DOUBLING * np.log2(np.maximum(told / _PLAIN_UNTIL, 1.0))
    return np.minimum(np.minimum(told, _PLAIN_UNTIL) + beyond, _MOST_A_MEMBER)
