"""What the seasonal band does beyond the rare one: it knows the time of the day and of the week."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from aiops.intelligence.detectors.rare_band import RareBand
from aiops.intelligence.detectors.seasonal_band import SeasonalBand
from aiops.intelligence.needs import Scores, SeriesState, Way
from aiops.intelligence.packing import pack, unpack
from aiops.observability.ports import Watch

LOAD = Watch("load", "Load", "load", "req/s", "both", 1.0, ("service",))
Values = npt.NDArray[np.float64]
DAY_S, STEP_S = 86_400.0, 60.0
A_DAY = int(DAY_S / STEP_S)
# A Monday; what is looked at begins fifteen days later.
MONDAY = 1_699_833_600.0
FIRST = 15 * A_DAY


def times(count: int) -> Values:
    return np.asarray(MONDAY + STEP_S * np.arange(count))


def daily(count: int, seed: int = 3) -> Values:
    """More by day than by night."""
    at = times(count)
    return np.asarray(100 + 60 * np.sin(2 * np.pi * at / DAY_S) + np.random.default_rng(seed).normal(0, 3, count))


def knowing(detector: RareBand, values: Values, days: int = 14) -> SeriesState:
    """The state after the past of `values`, with so many days of it."""
    at = times(len(values))
    state = detector.learn(detector.fresh(1), LOAD, at[FIRST - 60 : FIRST], values[None, FIRST - 60 : FIRST])
    if isinstance(detector, SeasonalBand):
        past = slice(FIRST - days * A_DAY, FIRST, 10)
        state = detector.recall(state, float(at[FIRST]), at[past], values[None, past])
    return state


def went(detector: RareBand, values: Values, state: SeriesState) -> list[Scores]:
    at, said = times(len(values)), []
    for place in range(FIRST, len(values)):
        state, scores = detector.step(state, LOAD, float(at[place]), STEP_S, values[place : place + 1])
        said.append(scores)
    return said


def told(said: list[Scores]) -> list[int]:
    """Minutes after midnight of what began."""
    return [place for place, scores in enumerate(said) if scores.started[0]]


def with_nightly_job(count: int, minute: int) -> Values:
    values = np.random.default_rng(5).normal(50, 2, count)
    minutes = np.arange(count) % A_DAY
    return np.asarray(np.where((minutes >= minute) & (minutes < minute + 15), values + 100, values))


def test_a_job_of_every_night_is_not_told_where_the_rare_band_tells_it() -> None:
    values = with_nightly_job(FIRST + A_DAY // 4, 125)
    assert told(went(SeasonalBand(), values, knowing(SeasonalBand(), values))) == []
    assert told(went(RareBand(), values, knowing(RareBand(), values))) == [pytest.approx(126, abs=2)]


def test_the_same_at_another_time_is_told() -> None:
    values = with_nightly_job(FIRST + A_DAY // 4, 125)
    values[FIRST + 240 : FIRST + 255] += 100
    assert told(went(SeasonalBand(), values, knowing(SeasonalBand(), values))) == [pytest.approx(241, abs=2)]


def test_what_is_ordinary_by_day_breaks_the_pattern_by_night_and_ends_with_it() -> None:
    values = daily(FIRST + A_DAY)
    # It creeps up, so that no band of the last hour sees it leave.
    values[FIRST + 600 : FIRST + 900] += np.linspace(0, 80, 300)
    values[FIRST + 900 : FIRST + 980] += 80
    detector = SeasonalBand()
    said = went(detector, values, knowing(detector, values))
    (begun,) = told(said)
    assert 600 < begun < 1000
    scores = said[begun]
    assert scores.ways is not None
    assert scores.ways[0] == Way.PATTERN_BREAK
    assert not scores.lower[0] <= values[FIRST + begun] <= scores.upper[0]
    over = next(place for place in range(begun, len(said)) if said[place].ended[0])
    assert 980 <= over < 1040


def test_an_ordinary_day_and_a_weekend_are_left_alone() -> None:
    week = np.arange(FIRST + 7 * A_DAY) // A_DAY % 7
    values = daily(FIRST + 7 * A_DAY) * np.where(week >= 5, 0.4, 1.0)
    detector = SeasonalBand()
    assert told(went(detector, values, knowing(detector, values))) == []


def test_before_seven_days_are_known_no_pattern_is_broken() -> None:
    values = daily(FIRST + A_DAY)
    values[FIRST:] = values[FIRST - A_DAY // 2 : FIRST + A_DAY // 2].copy()
    detector = SeasonalBand()
    said = went(detector, values, knowing(detector, values, days=4))
    assert all(scores.ways is not None and scores.ways[0] == Way.BESIDE for scores in said)


def test_a_restart_amid_a_break_goes_on_as_if_there_was_none() -> None:
    values = daily(FIRST + A_DAY // 2)
    values[FIRST + 100 :] += np.minimum(np.arange(A_DAY // 2 - 100) / 3, 90)
    detector = SeasonalBand()
    at, state, same = times(len(values)), knowing(detector, values), knowing(detector, values)
    begun = []
    for place in range(FIRST, len(values)):
        state, scores = detector.step(state, LOAD, float(at[place]), STEP_S, values[place : place + 1])
        again, twin = SeasonalBand().step(unpack(pack(same)), LOAD, float(at[place]), STEP_S, values[place : place + 1])
        same = again
        assert (twin.started[0], twin.active[0]) == (scores.started[0], scores.active[0])
        begun.append(bool(scores.started[0]))
    assert any(begun)
    assert pack(state) == pack(same)


def test_what_seldom_changes_is_the_same_array_until_a_slot_ends() -> None:
    values = daily(FIRST + 40)
    detector = SeasonalBand()
    at, state = times(len(values)), knowing(detector, values)
    kept = []
    for place in range(FIRST, len(values)):
        before = state.slow
        state, _ = detector.step(state, LOAD, float(at[place]), STEP_S, values[place : place + 1])
        kept.append(state.slow is before)
    assert [place for place, same in enumerate(kept) if not same] == [30]
