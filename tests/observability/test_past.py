"""What the series of an alert tell of its episodes."""

from __future__ import annotations

import numpy as np

from aiops.observability.ports import Floats, Labels
from aiops.observability.service.past import BRIDGED_S, Run, joined, runs_of

_ALERT = {"__name__": "ALERTS", "alertname": "Hot", "alertstate": "firing", "pod": "a"}
_SINCE = {"__name__": "ALERTS_FOR_STATE", "alertname": "Hot", "pod": "a"}

Asked = tuple[Floats, list[Labels], Floats]


def _asked(labels: Labels, *rows: list[float]) -> Asked:
    return _times(len(rows[0])), [labels] * len(rows), np.array(rows)


def _times(count: int) -> Floats:
    return np.arange(0, 60 * count, 60, dtype=np.float64)


def _episodes(firing: list[float], since: list[float] | None) -> list[tuple[float, float]]:
    told = (_times(len(firing)), [], np.empty((0, len(firing)))) if since is None else _asked(_SINCE, since)
    ((labels, runs),) = runs_of(_asked(_ALERT, firing), told, 60.0)
    assert labels == {"alertname": "Hot", "pod": "a"}
    return [(run.start, run.end) for run in joined(runs, BRIDGED_S)]


_NO = float("nan")


def test_an_alert_that_ends_and_fires_again_is_two_episodes() -> None:
    assert _episodes([1, 1, _NO, _NO, 1], [10, 10, _NO, _NO, 200]) == [(0, 60), (240, 240)]


def test_a_server_that_was_started_again_splits_no_episode() -> None:
    gap = [_NO] * 20
    assert _episodes([1, 1, *gap, 1], [10, 10, *gap, 10]) == [(0, 22 * 60)]


def test_where_nobody_tells_since_when_a_missed_scrape_splits_nothing() -> None:
    assert _episodes([1, _NO, 1], None) == [(0, 120)]
    assert _episodes([1, *[_NO] * 9, 1], None) == [(0, 0), (600, 600)]


def test_a_pair_of_servers_tells_of_one_alert() -> None:
    runs = [Run(0, 120, 10), Run(60, 300, 10)]
    assert joined(runs, BRIDGED_S) == [Run(0, 300, 10)]
