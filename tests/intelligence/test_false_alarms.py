"""A small part of `bench false_alarms`: the stated rate holds, and faults in the same series are found."""

from __future__ import annotations

import numpy as np

from aiops.intelligence.ensemble.alarms import Sensitivity, is_alarm
from aiops.intelligence.ensemble.engine import advance, fresh
from bench.ordinary import DAY, FAULTS, INTERVAL_S, KINDS, Floats, made, with_fault

_WEEKS, _SERIES = 2, 3
_ROWS = _WEEKS * 7 * DAY


def scores(values: Floats) -> Floats:
    return advance(fresh(len(values)), 1.7e9 + INTERVAL_S * np.arange(float(_ROWS)), values)[1].score


def test_ordinary_series_of_every_kind_are_left_alone_at_medium() -> None:
    series = np.concatenate([made(kind, _SERIES, _ROWS) for kind in KINDS])
    alarms = int(is_alarm(scores(series), Sensitivity.MEDIUM).sum())
    assert alarms <= 0.5 * len(series) * _WEEKS


def test_nine_of_ten_faults_in_them_are_found_at_medium() -> None:
    found = []
    for name, fault in FAULTS.items():
        for kind in fault.kinds:
            values, places = with_fault(kind, name, _SERIES, _ROWS)
            told = is_alarm(scores(values), Sensitivity.MEDIUM)
            found += [bool(told[row, at : at + fault.within].any()) for row, at in enumerate(places)]
    assert np.mean(found) >= 0.9
