"""What the isolation forest keeps of the rare band, what it adds, and how its findings are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from aiops.intelligence.detectors.isolation_forest import IsolationForest
from aiops.intelligence.detectors.rare_band import RareBand
from aiops.intelligence.domain.anomalies import AnomalyFilter
from aiops.intelligence.packing import pack, unpack
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.observability.ports import Watch
from tests.intelligence.test_another_detector import look_with_another
from tests.intelligence.test_incidents import ROOT, Hub
from tests.intelligence.test_rare_band import bursts, starts

RATE = Watch("rate", "Requests", "rate", "req/s", "both", 0.1, ("service",))


def test_bursts_are_no_news_and_a_spike_beyond_a_day_of_them_is_found_at_once() -> None:
    day = bursts(5300)
    day[5000:5008] += 2 * np.ptp(day)
    (found,) = starts(IsolationForest(), day[240:], day[:240])
    assert 240 + found in range(5000, 5004)


def test_a_step_is_found_as_fast_as_by_the_rare_band() -> None:
    rng = np.random.default_rng(2)
    past = rng.normal(100, 4, 240)
    values = np.concatenate([rng.normal(100, 4, 40), rng.normal(200, 4, 10)])
    assert starts(IsolationForest(), values, past) == starts(RareBand(), values, past) == [41]


def test_the_band_is_another_after_another_value() -> None:
    values = 100 + np.random.default_rng(5).normal(0, 1, 2400)
    detector = IsolationForest()
    widths: list[float] = []
    state = detector.learn(detector.fresh(1), RATE, 15.0 * np.arange(-240.0, 0.0), values[None, :240])
    for index, value in enumerate(values[240:]):
        state, scores = detector.step(state, RATE, 15.0 * index, 15.0, np.array([value]))
    for before in (100.0, 106.0):
        after, _ = detector.step(state, RATE, 40_000.0, 15.0, np.array([before]))
        _, scores = detector.step(after, RATE, 40_015.0, 15.0, np.array([100.0]))
        widths.append(float(scores.upper[0] - scores.lower[0]))
    assert widths[1] < 0.9 * widths[0]


def test_values_that_are_missing_from_the_past_teach_nothing() -> None:
    values = 10 + np.random.default_rng(3).uniform(-1, 1, (2, 240))
    values[1, 100:] = np.nan
    detector = IsolationForest()
    learned = detector.learn(detector.fresh(2), RATE, 15.0 * np.arange(240.0), values)
    counted = learned.slow.view(np.uint16).reshape(2, 16, -1)
    # 230 and 90 of the rows, the first ten having too little before them; each tree has all of them at each depth.
    assert counted[:, :, 0].tolist() == [[230] * 16, [90] * 16]
    assert (counted[:, :, 2:4].sum(axis=2) == counted[:, :, 0]).all()


def test_series_that_come_to_a_batch_that_had_none_are_fine() -> None:
    detector = IsolationForest()
    state, scores = detector.step(unpack(pack(detector.fresh(0))), RATE, 0.0, 15.0, np.zeros(0))
    assert scores.detection_type == "ML_BASED"
    assert len(state.slow) == 0


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def test_its_findings_say_that_a_machine_learned_them(hub: Hub) -> None:
    a = new_id()
    look_with_another(hub, IsolationForest())
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    (found,) = (await hub.reading.anomalies(ROOT, AnomalyFilter(watch="node_cpu"), 10, None))[0]
    assert found.detection_type == "ML_BASED"
