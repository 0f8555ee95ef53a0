"""The benchmark's scoring against what its paper states."""

from __future__ import annotations

import numpy as np
import pytest

from bench.nab_scoring import LOW_FALSE_ALARMS, STANDARD, Scored, probation, scaled_sigmoid, score, weights

_ROWS, _WINDOWS = 1000, [(400, 499), (700, 749)]


def at(*rows: int) -> Scored:
    scores = np.zeros(_ROWS)
    scores[list(rows)] = 1.0
    return Scored(scores, _WINDOWS)


def test_a_silent_detector_has_0_and_a_perfect_one_100() -> None:
    assert score([at()]).score == 0
    assert score([at(400, 700)]).score == pytest.approx(100)


def test_a_window_counts_once_by_its_earliest_row_and_less_the_later_it_is() -> None:
    assert score([at(400, 450, 499, 700)]).score == pytest.approx(100)
    early, middle, late = (score([at(row, 700)]).score for row in (410, 450, 499))
    assert 100 > early > middle > late > 50


def test_a_false_alarm_costs_its_weight_and_less_just_behind_a_window() -> None:
    far, near = score([at(300, 400, 700)]).score, score([at(500, 400, 700)]).score
    assert far == pytest.approx(100 - 100 * 0.11 / 4)
    assert far < near < 100
    assert score([at(300, 400, 700)], LOW_FALSE_ALARMS).score == pytest.approx(100 - 100 * 0.22 / 4)


def test_the_first_rows_are_not_scored() -> None:
    assert [probation(rows) for rows in (1000, 5000, 22_695)] == [150, 750, 750]
    assert score([at(0, 149, 400, 700)]).score == pytest.approx(100)


def test_the_published_points_of_the_sigmoid() -> None:
    assert scaled_sigmoid([-1.0, -0.5, 0.0, 1.0, 3.5]) == pytest.approx(
        [0.98661, 0.84828, 0.0, -0.98661, -1.0], abs=1e-5
    )
    worth, inside = weights(_ROWS, _WINDOWS, STANDARD)
    assert worth[400] == pytest.approx(1.0)
    assert (inside[400:500] == 0).all()


def test_one_threshold_holds_for_all_files() -> None:
    quiet, loud = at(400, 700), at(300, 400, 700)
    loud.scores[300] = 0.9
    assert score([quiet, loud]).score == pytest.approx(100)
    assert score([quiet, loud]).threshold == 1.0
