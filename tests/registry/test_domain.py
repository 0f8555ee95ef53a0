from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aiops.registry import domain
from aiops.registry.ports import ClusterType, Connectivity, EndpointStatus, Platform, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def endpoints(**up: bool) -> dict[str, EndpointStatus]:
    return {name: EndpointStatus(ok=ok, checked_at=NOW) for name, ok in up.items()}


@pytest.mark.parametrize(
    ("found", "state", "score"),
    [
        (endpoints(prometheus=True), State.ONLINE, 100),
        (endpoints(prometheus=False), State.OFFLINE, 0),
        (endpoints(samples=True), State.ONLINE, 100),
        (endpoints(samples=False), State.OFFLINE, 0),
        (endpoints(prometheus=True, loki=False), State.DEGRADED, 85),
        (endpoints(api_server=True, prometheus=False), State.DEGRADED, 80),
        (endpoints(api_server=True, prometheus=False, loki=False, tempo=False), State.DEGRADED, 50),
        (endpoints(api_server=False, prometheus=True), State.OFFLINE, 50),
        (endpoints(api_server=False, prometheus=False, loki=False, tempo=False), State.OFFLINE, 0),
    ],
)
def test_state_and_score_follow_from_the_endpoints(found: dict[str, EndpointStatus], state: State, score: int) -> None:
    status = domain.status_of(found, [domain.judged_ok(found)], NOW)
    assert (status.state, status.health_score) == (state, score)


def test_a_cluster_with_nothing_to_judge_by_is_unknown_and_has_no_score() -> None:
    status = domain.status_of({}, [], NOW)
    assert (status.state, status.health_score) == (State.UNKNOWN, None)


@pytest.mark.parametrize(
    ("recent", "connectivity"),
    [
        ([], Connectivity.DISCONNECTED),
        ([True], Connectivity.CONNECTED),
        ([True, True, False], Connectivity.DISCONNECTED),
        ([False, False, True], Connectivity.CONNECTED),
        ([True, False, True], Connectivity.INTERMITTENT),
        ([False, True, False], Connectivity.INTERMITTENT),
        ([True, False, True, True, True, True, True, True], Connectivity.CONNECTED),
    ],
)
def test_connectivity_is_intermittent_while_recent_probes_flip(recent: list[bool], connectivity: Connectivity) -> None:
    assert domain.connectivity_of(recent) is connectivity


@pytest.mark.parametrize(("age", "ok"), [(0, True), (29.9, True), (30, False), (3600, False)])
def test_a_host_is_judged_by_the_age_of_its_samples(age: float, ok: bool) -> None:
    found = domain.freshness(NOW - timedelta(seconds=age), NOW)
    assert found.ok is ok
    assert (found.error is None) is ok


def test_a_host_that_never_spoke_says_so() -> None:
    assert domain.freshness(None, NOW).error == "No samples have arrived yet"


@pytest.mark.parametrize(
    ("kind", "interval", "timeout"),
    [
        (ClusterType.HUB, 15, 5),
        (ClusterType.SPOKE, 30, 10),
        (ClusterType.EDGE, 60, 15),
        (ClusterType.FAR_EDGE, 120, 30),
    ],
)
def test_each_type_has_its_pace(kind: ClusterType, interval: float, timeout: float) -> None:
    assert domain.pace_of(kind, Platform.STANDALONE) == domain.Pace(interval, timeout)
