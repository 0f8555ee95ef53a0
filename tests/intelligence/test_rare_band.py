"""What the rare band does beyond the robust one: it knows what a series does now and then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aiops.intelligence.detectors.rare_band import RareBand
from aiops.intelligence.detectors.robust_band import RobustBand
from aiops.observability.ports import Watch

RATE = Watch("rate", "Requests", "rate", "req/s", "both", 1.0, ("service",))
Values = npt.NDArray[np.float64]


def starts(detector: RobustBand, values: Values, learned: Values | None = None) -> list[int]:
    state = detector.fresh(1)
    if learned is not None:
        state = detector.learn(state, RATE, 15.0 * np.arange(-float(len(learned)), 0.0), learned[None, :])
    found = []
    for index, value in enumerate(values):
        state, scores = detector.step(state, RATE, 15.0 * index, 15.0, np.array([value]))
        if scores.started[0]:
            found.append(index)
    return found


def bursts(count: int, seed: int = 4) -> Values:
    rng = np.random.default_rng(seed)
    heights = np.where(rng.random(count) < 0.04, rng.lognormal(3, 0.8, count), 0.0)
    return np.asarray(5 + rng.exponential(1.0, count) + np.convolve(heights, [1.0, 0.6, 0.3])[:count])


def test_bursts_that_come_all_day_are_its_own_where_the_robust_band_tells_each() -> None:
    day = bursts(5760)
    assert len(starts(RobustBand(), day)) > 50
    assert len(starts(RareBand(), day)) <= 3


def test_a_spike_beyond_all_bursts_is_found_at_once() -> None:
    day = bursts(5760)
    day[5000:5008] += 2 * np.ptp(day)
    found = [row for row in starts(RareBand(), day) if row >= 5000]
    assert found[0] in range(5000, 5004)


def test_a_step_is_found_as_fast_as_by_the_robust_band() -> None:
    rng = np.random.default_rng(2)
    past = rng.normal(100, 4, 240)
    values = np.concatenate([rng.normal(100, 4, 40), rng.normal(200, 4, 10)])
    assert starts(RareBand(), values, past) == starts(RobustBand(), values, past) == [41]
