from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops.intelligence.detectors.robust_band import RobustBand
from aiops.intelligence.needs import Ended, Scores, SeriesState
from aiops.intelligence.packing import pack, unpack
from aiops.observability.ports import Watch

CPU = Watch("node_cpu", "CPU", "cpu", "ratio", "up", 0.1, ("instance",))
RATE = Watch("rate", "Requests", "rate", "req/s", "both", 1.0, ("service",))
Values = npt.NDArray[np.float64]


class Run:
    """Feeds a detector value by value, every 5 s."""

    def __init__(self, watch: Watch = CPU, series: int = 1) -> None:
        self.detector = RobustBand()
        self.watch = watch
        self.state: SeriesState = self.detector.fresh(series)
        self.at = 1_000_000.0
        self.last: Scores | None = None

    def feed(self, values: Values) -> list[Scores]:
        told = []
        for value in values:
            self.at += 5
            row = np.atleast_1d(value).astype(float)
            self.state, scores = self.detector.step(self.state, self.watch, self.at, 5.0, row)
            told.append(scores)
        self.last = told[-1]
        return told


def noise(count: int, level: float = 0.15, spread: float = 0.02, seed: int = 7) -> Values:
    return np.clip(np.random.default_rng(seed).normal(level, spread, count), 0, 1)


def starts(told: list[Scores]) -> list[int]:
    return [index for index, scores in enumerate(told) if scores.started[0]]


def ends(told: list[Scores]) -> list[int]:
    return [index for index, scores in enumerate(told) if scores.ended[0]]


def test_it_learns_within_three_minutes_and_says_how_far_it_is() -> None:
    told = Run().feed(noise(40))
    assert [int(scores.seen[0]) for scores in told[:3]] == [1, 2, 3]
    assert np.isnan(told[35].expected[0])
    assert told[36].lower[0] < 0.15 < told[36].upper[0]
    assert told[36].needed * 5 <= 300


def test_it_learns_at_once_from_history() -> None:
    detector = RobustBand()
    state = detector.learn(detector.fresh(1), CPU, np.arange(0.0, 3600.0, 15.0), noise(240)[None, :])
    _, scores = detector.step(state, CPU, 3600.0, 5.0, np.array([0.97]))
    assert scores.upper[0] < 0.4
    assert scores.learned_s[0] > 3000


def test_a_step_of_the_load_is_found_within_four_values() -> None:
    run = Run()
    run.feed(noise(100))
    assert starts(run.feed(noise(6, 0.97, 0.01)))[0] in (1, 2, 3)


def test_a_modest_step_takes_three_values_and_a_blip_is_none() -> None:
    run = Run()
    run.feed(noise(200))
    assert starts(run.feed(np.concatenate([[0.95], noise(30)]))) == []
    assert starts(run.feed(np.full(5, 0.3))) == [2]


def test_a_noisy_but_normal_day_raises_nothing() -> None:
    day = np.arange(17_280)
    rng = np.random.default_rng(3)
    cpu = np.clip(0.35 + 0.15 * np.sin(day / 17_280 * 2 * np.pi) + rng.normal(0, 0.04, len(day)), 0, 1)
    assert starts(Run().feed(cpu)) == []


def test_regular_bursts_of_a_rate_raise_nothing() -> None:
    rate = np.where(np.arange(5000) % 12 == 0, 300.0, 4.0) + np.random.default_rng(5).exponential(1, 5000)
    assert starts(Run(RATE).feed(rate)) == []


def test_a_constant_that_changes_is_found() -> None:
    run = Run()
    run.feed(np.full(60, 0.2))
    assert len(starts(run.feed(np.full(10, 0.6)))) == 1


def test_a_long_anomaly_does_not_drag_the_band_and_it_recovers() -> None:
    run = Run()
    before = run.feed(noise(300))[-1].upper[0]
    told = run.feed(noise(240, 0.97, 0.01))
    assert told[-1].upper[0] == pytest.approx(before, abs=0.02)
    assert told[-1].active[0] == 1
    after = run.feed(noise(60, seed=9))
    assert ends(after) == [2]
    assert after[2].ended[0] == Ended.BACK_IN_BAND
    assert starts(after) == []


def test_a_shift_that_stays_half_an_hour_is_the_new_normal() -> None:
    run = Run()
    run.feed(noise(300))
    told = run.feed(noise(380, 0.7, 0.02))
    assert [int(told[index].ended[0]) for index in ends(told)] == [Ended.NEW_NORMAL]
    assert ends(told)[0] in range(355, 366)
    assert told[-1].lower[0] < 0.7 < told[-1].upper[0]
    assert len(starts(told)) == 1


def test_the_direction_that_does_not_hurt_raises_nothing() -> None:
    run = Run()
    run.feed(noise(100, 0.8))
    assert starts(run.feed(noise(50, 0.1))) == []
    busy = Run(RATE)
    busy.feed(noise(100) * 1000)
    assert starts(busy.feed(np.zeros(10))) == [1]
    assert busy.last is not None
    assert busy.last.active[0] == -1


def test_missing_values_neither_teach_nor_alarm_and_a_series_that_is_gone_ends() -> None:
    run = Run(series=2)
    both = np.stack([noise(100), np.full(100, np.nan)], axis=1)
    told = run.feed(both)
    assert np.isnan(told[-1].expected[1])
    assert told[-1].seen.tolist() == [36, 0] or told[-1].seen[1] == 0
    run.feed(np.array([[0.97, np.nan]] * 4))
    assert run.last is not None
    assert run.last.active[0] == 1
    told = run.feed(np.full((70, 2), np.nan))
    assert [int(s.ended[0]) for s in told if s.ended[0]] == [Ended.SERIES_GONE]


def test_after_a_long_gap_evidence_is_forgotten_and_the_band_kept() -> None:
    run = Run()
    run.feed(noise(100))
    run.feed(np.array([0.9]))
    run.at += 3600
    told = run.feed(np.array([0.9, 0.9]))
    assert starts(told) == [1]
    assert told[0].upper[0] < 0.4


def test_a_band_stays_within_what_the_unit_allows() -> None:
    scores = Run().feed(noise(80, 0.97, 0.03))[-1]
    assert scores.upper[0] <= 1.0
    assert Run().feed(noise(80, 0.01, 0.01))[-1].lower[0] >= 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), cut=st.integers(1, 199))
def test_a_restart_in_the_middle_changes_nothing(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.abs(rng.normal(0.2, 0.05, (200, 3)))
    values[rng.random(values.shape) < 0.05] = np.nan
    values[120:140, 0] = 0.95
    straight, restarted = Run(series=3), Run(series=3)
    told = straight.feed(values)
    first = restarted.feed(values[:cut])
    restarted.state = unpack(pack(restarted.state))
    for mine, other in zip(told, first + restarted.feed(values[cut:]), strict=True):
        for field in ("score", "expected", "lower", "upper", "seen", "active", "started", "ended", "since"):
            np.testing.assert_array_equal(getattr(mine, field), getattr(other, field))
