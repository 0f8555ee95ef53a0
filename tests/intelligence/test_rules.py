"""What a watch finds by its own rules, from the numbers alone."""

from __future__ import annotations

import numpy as np

from aiops.intelligence.domain import rules
from aiops.observability.ports import Threshold, Watch

NAN = float("nan")


def watch(silence_s: float | None = None, **limit: float) -> Watch:
    threshold = Threshold(**limit) if limit else None
    return Watch("w", "W", "w", "", "both", 0.0, (), threshold=threshold, silence_s=silence_s)


class Series:
    """One series, looked at every 15 s."""

    def __init__(self, watched: Watch) -> None:
        self.watched, self.columns = watched, rules.fresh(1)

    def gets(self, *values: float, whole: bool = True) -> rules.Said:
        for value in values:
            self.columns, said = rules.step(self.columns, self.watched, np.array([value]), 15.0, whole=whole)
        return said


def test_a_value_past_its_limit_is_told_once_it_has_been_there_for_as_long_as_is_asked() -> None:
    series = Series(watch(above=10.0, for_s=60.0))
    assert series.gets(11, 11, 11, 11).breach[0] == 0
    said = series.gets(11)
    assert (said.breach[0], said.breach_s[0]) == (1, 60)
    assert series.gets(5, 5).breach[0] == 1, "one value within is not the end of it"
    assert series.gets(5).breach[0] == 0
    assert series.gets(11, 11, 5, 11, 11, 11, 11).breach[0] == 0, "what falls back begins anew"


def test_a_limit_below_is_breached_from_above_and_without_a_wait_at_once() -> None:
    series = Series(watch(below=1.0))
    assert series.gets(1.0).breach[0] == 0
    assert series.gets(0.5).breach[0] == -1
    assert series.gets(NAN, NAN, NAN).breach[0] == -1, "no value is not a good value"


def test_a_series_that_stops_is_a_silence_and_ends_when_it_returns() -> None:
    series = Series(watch(silence_s=60.0))
    series.gets(*[1.0] * 60)
    assert not series.gets(NAN, NAN, NAN).silent[0]
    said = series.gets(NAN)
    assert said.silent[0]
    assert said.absent_s[0] == 60
    assert not series.gets(1.0).silent[0]


def test_what_has_not_been_there_for_long_is_not_missed() -> None:
    series = Series(watch(silence_s=60.0))
    series.gets(*[1.0] * 40)
    assert not series.gets(*[NAN] * 100).silent[0]


def test_a_series_that_usually_pauses_is_waited_for() -> None:
    series = Series(watch(silence_s=60.0))
    for _ in range(10):
        series.gets(*[1.0] * 20)
        assert not series.gets(NAN, NAN, NAN).silent[0]
    series.gets(1.0)
    assert not series.gets(*[NAN] * 8).silent[0]
    assert series.gets(NAN).silent[0]


def test_series_that_were_left_out_are_not_taken_for_silent() -> None:
    series = Series(watch(silence_s=60.0))
    series.gets(*[1.0] * 60)
    assert not series.gets(*[NAN] * 20, whole=False).silent[0]
    assert series.gets(*[NAN] * 4).silent[0]


def test_a_series_is_given_up_after_a_day() -> None:
    series = Series(watch(silence_s=60.0))
    series.gets(*[1.0] * 60)
    assert series.gets(*[NAN] * 5000).silent[0]
    assert not series.gets(*[NAN] * 1000).silent[0]
