"""What a series will be, how sure that is, when it reaches a threshold, and when nothing can be said."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops.intelligence.forecasting.candidates import Floats, Past, candidates
from aiops.intelligence.forecasting.crossing import crossing
from aiops.intelligence.forecasting.engine import forecast
from aiops.intelligence.forecasting.refusals import CantForecast
from aiops.intelligence.forecasting.series import regular

MINUTE, DAY = 60.0, 86_400.0
START = 1_700_000_000.0


def times_of(values: Floats, step_s: float = MINUTE) -> Floats:
    return START + step_s * np.arange(float(len(values)))


def noise(count: int, size: float, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, size, count)


def test_no_model_looks_past_its_origin() -> None:
    values = 5 + np.sin(np.arange(400) / 6) + noise(400, 0.3)
    changed = values.copy()
    changed[300:] = 1e6
    origins, steps = np.arange(100, 300), np.arange(1, 13)
    for name, model in candidates(400, (38, 100)).items():
        before, after = model(Past(values, origins, steps)), model(Past(changed, origins, steps))
        assert np.array_equal(before, after), name


def test_a_daily_pattern_is_continued_and_beats_naive_by_far() -> None:
    hours = np.arange(14 * 24)
    values = 100 + 40 * np.sin(2 * np.pi * hours / 24) + noise(len(hours), 2)
    found = forecast(times_of(values, 3600.0), values, 24)
    came = 100 + 40 * np.sin(2 * np.pi * np.arange(len(hours), len(hours) + 24) / 24)
    assert np.abs(found.point - came).mean() < 4
    assert found.test.loss < found.test.naive_loss / 4
    assert any("cycle of 24" in name for name in found.models)


def test_a_walk_that_nothing_can_foretell_stays_with_what_it_is_now() -> None:
    values = 500 + np.cumsum(noise(800, 1.0))
    found = forecast(times_of(values), values, 12)
    assert np.abs(found.point - values[-1]).max() < 3
    assert found.upper[11] - found.lower[11] > 1.5 * (found.upper[0] - found.lower[0])


def test_nine_of_ten_values_come_within_the_interval() -> None:
    kinds = {
        "noise": 50 + noise(1000, 5),
        "walk": np.cumsum(noise(1000, 1)),
        "spikes": np.where(noise(1000, 1) > 2, 90.0, 10.0) + noise(1000, 1, seed=2),
        "season": 100 + 30 * np.sin(np.arange(1000) / 20) + noise(1000, 3),
    }
    for name, values in kinds.items():
        within = []
        for now in range(400, 980, 40):
            found = forecast(times_of(values[:now]), values[:now], 12)
            came = values[now : now + 12]
            within.append(((came >= found.lower) & (came <= found.upper)).mean())
        assert 0.8 <= float(np.mean(within)) <= 0.99, name


@pytest.mark.parametrize("flat", [0, 60])
def test_the_time_to_full_of_a_disk_is_right_once_a_third_is_gone(flat: int) -> None:
    filling = np.concatenate([np.full(flat, 30.0), 30 + 70 * np.arange(300) / 299]) + noise(flat + 300, 0.3)
    third = flat + 100
    reached = crossing(forecast(times_of(filling[:third]), filling[:third], 12), 100.0)
    left = 200 * MINUTE
    now = START + MINUTE * (third - 1)
    assert reached.at is not None
    assert reached.earliest is not None
    assert reached.latest is not None
    assert abs(reached.at - now - left) < 0.1 * left
    assert reached.earliest < reached.at < reached.latest


def test_what_runs_down_reaches_zero_when_it_must() -> None:
    left = 30 * DAY - 3600.0 * np.arange(72.0)
    reached = crossing(forecast(times_of(left, 3600.0), left, 24), 0.0)
    assert reached.at == pytest.approx(START + 30 * DAY, abs=60)


def test_a_series_without_a_course_has_no_time_to_its_threshold() -> None:
    for values in (50 + noise(400, 2), np.full(100, 7.0)):
        reached = crossing(forecast(times_of(values), values, 12), 1000.0)
        assert reached.at is None
        assert reached.reason is not None
    falling = 100 - np.arange(100.0) * 0.5
    assert crossing(forecast(times_of(falling), falling, 12), 200.0).at is None


@pytest.mark.parametrize(
    "values",
    [
        np.concatenate([np.arange(200.0), np.arange(100.0)]),
        np.concatenate([np.arange(200.0) + noise(200, 3), np.arange(100.0) + noise(100, 3)]),
        np.concatenate([np.arange(200.0), [0.0]]),
        np.tile(np.arange(50.0), 4),
        -np.concatenate([np.arange(200.0), np.arange(100.0)]),
        np.concatenate([np.full(60, 20.0) + noise(60, 0.1), 20 + np.arange(60.0), np.full(30, 20.0) + noise(30, 0.1)]),
        np.concatenate([np.arange(200.0), 200 - 18 * np.arange(10.0), 20 + np.arange(40.0)]),
        np.concatenate([np.arange(200.0), 150 + np.arange(50.0)]),
    ],
    ids=["counter", "noisy", "just now", "often", "renewed", "cleaned disk", "cleaned slowly", "cleaned a little"],
)
def test_a_reset_series_is_refused_and_says_so(values: Floats) -> None:
    with pytest.raises(CantForecast, match="was reset"):
        forecast(times_of(values), values, 12)


def test_a_reset_that_is_long_past_is_no_reason_to_refuse() -> None:
    values = np.concatenate([np.arange(30.0), np.arange(200.0)])
    found = forecast(times_of(values), values, 1)
    assert found.point[0] == pytest.approx(200, abs=1)


def test_a_level_that_changed_is_no_reset() -> None:
    values = np.concatenate([np.full(100, 50.0), np.full(100, 20.0)]) + noise(200, 1)
    assert forecast(times_of(values), values, 12).point[0] == pytest.approx(20, abs=2)


@pytest.mark.parametrize(("count", "horizon"), [(0, 1), (1, 1), (15, 12), (100, 401)])
def test_a_short_history_is_refused(count: int, horizon: int) -> None:
    values = noise(count, 1)
    with pytest.raises(CantForecast, match="too short"):
        forecast(times_of(values), values, horizon)


def test_gaps_and_repeated_times_leave_the_distance_as_it_is() -> None:
    values = np.arange(100.0)
    times = times_of(values)
    kept = np.concatenate([np.arange(40), np.arange(50, 100)])
    values[60] = np.nan
    series = regular(np.append(times[kept], times[-1]), np.append(values[kept], 99.0))
    assert series.step_s == MINUTE
    assert np.array_equal(series.values, np.arange(100.0))
    assert series.filled == 11


def test_what_was_never_negative_is_not_forecast_to_be() -> None:
    values = np.maximum(0.0, 20 - 0.2 * np.arange(100) + noise(100, 1))
    found = forecast(times_of(values), values, 48)
    assert found.lower.min() >= 0
    assert (found.lower <= found.point).all()
    assert (found.point <= found.upper).all()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_the_time_to_full_of_a_real_file_system_is_right_once_a_third_is_gone(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m,mode=755", "tmpfs", str(tmp_path)], check=True)
    used, chance = [], np.random.default_rng(1)
    try:
        for number in range(10_000):
            room = os.statvfs(tmp_path)
            used.append(1 - room.f_bavail / room.f_blocks)
            if room.f_bavail * room.f_frsize < 2**18:
                break
            # A reading a minute: logs of uneven size, and a temporary file that is there every other time.
            (tmp_path / f"log-{number}").write_bytes(bytes(int(chance.gamma(2, 50_000))))
            (tmp_path / "temporary").write_bytes(bytes(100_000 * (number % 2)))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    disk = np.array(used)
    third = int(np.argmax(disk > 1 / 3))
    reached = crossing(forecast(times_of(disk[:third]), disk[:third], 12), float(disk[-1]))
    left = (len(disk) - third) * MINUTE
    assert reached.at is not None
    assert abs(reached.at - times_of(disk)[-1]) < 0.15 * left


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=20, max_size=70), st.integers(1, 100))
def test_whatever_the_values_are_there_is_a_forecast_or_a_reason(raw: list[float], horizon: int) -> None:
    values = np.array(raw)
    try:
        found = forecast(times_of(values), values, horizon)
    except CantForecast:
        return
    assert len(found.point) == horizon
    assert np.isfinite(np.concatenate([found.lower, found.point, found.upper])).all()
    reached = crossing(found, 1.0)
    assert (reached.at is None) == (reached.reason is not None)
