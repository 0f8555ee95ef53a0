"""What holds for every detector, shipped or of another package; a new file is covered with no edit here."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from aiops.intelligence.detectors import installed
from aiops.intelligence.needs import Detector
from aiops.intelligence.packing import pack, unpack
from aiops.observability.ports import Watch

WATCH = Watch("w", "W", "w", "req/s", "both", 1.0, ("instance",))


@pytest.fixture(params=sorted(installed().usable))
def detector(request: pytest.FixtureRequest) -> Detector:
    return installed()[request.param].build()


def test_none_is_broken() -> None:
    assert installed().broken == ()


def test_its_settings_have_a_schema_and_defaults(detector: Detector) -> None:
    assert msgspec.json.schema(detector.Config)
    assert detector.Config()


def test_it_learns_finds_a_step_and_leaves_the_state_it_was_given_alone(detector: Detector) -> None:
    rng = np.random.default_rng(2)
    state = detector.fresh(4)
    for index in range(100):
        before = pack(state)
        following, scores = detector.step(state, WATCH, 5.0 * index, 5.0, rng.normal(50, 2, 4))
        assert pack(state) == before
        state = unpack(pack(following))
    assert np.isfinite(scores.expected).all()
    assert (scores.lower <= scores.expected).all()
    assert (scores.expected <= scores.upper).all()
    for index in range(100, 105):
        state, scores = detector.step(state, WATCH, 5.0 * index, 5.0, np.array([50.0, 500.0, 0.0, np.nan]))
    assert scores.active.tolist() == [0, 1, -1, 0]


def test_no_series_at_all_is_fine(detector: Detector) -> None:
    state, scores = detector.step(detector.fresh(0), WATCH, 0.0, 5.0, np.zeros(0))
    assert len(state.columns) == len(scores.score) == 0
