"""Prometheus' own clients ask the fleet as if it were one Prometheus."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.e2e.rig import token_of
from tests.lab.hub import Hub, add_cluster, add_user
from tests.lab.packages import binary, lab_available
from tests.observability.fleet_samples import START_S, prometheus_with, samples_of

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]
AT = START_S + 3333
RANGE = {"start": START_S + 3000, "end": START_S + 3600, "step": "60"}


class Fleet:
    """A hub of two clusters that are there and one that is gone."""

    def __init__(self, stack: ExitStack) -> None:
        self.hub = stack.enter_context(Hub())
        admin = stack.enter_context(self.hub.client())
        self.east = add_cluster(admin, "east", prometheus_with(samples_of("east"), stack).url)
        add_cluster(admin, "west", prometheus_with(samples_of("west"), stack).url)
        self.viewer = stack.enter_context(add_user(self.hub.url, admin, "grafana", "viewer", None))
        self.limited = stack.enter_context(add_user(self.hub.url, admin, "narrow", "viewer", [self.east["id"]]))
        self.admin = admin

    def get(self, path: str, **query: Any) -> Any:
        return _data(self.viewer.get(f"/prometheus/api/v1/{path}", params=query))


def _data(reply: httpx.Response) -> Any:
    body = reply.json()
    assert (reply.status_code, body["status"]) == (200, "success"), reply.text
    return body["data"]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack)


def test_promtool_asks_a_range_with_a_bearer_token(fleet: Fleet) -> None:
    done = subprocess.run(
        [
            str(binary("promtool")), "query", "range", "--format=json",
            f"--header=Authorization=Bearer {token_of(fleet.viewer)}",
            f"--start={RANGE['start']}", f"--end={RANGE['end']}", "--step=60s",
            f"{fleet.hub.url}/prometheus", "sum by (zone) (temperature)",
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {series["metric"]["zone"] for series in json.loads(done.stdout)} == {"x", "y"}


def test_promtool_without_a_token_is_turned_away(fleet: Fleet) -> None:
    command = [str(binary("promtool")), "query", "instant", f"{fleet.hub.url}/prometheus", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "Sign in first" in done.stderr


def test_a_session_as_grafana_has_it(fleet: Fleet) -> None:
    """Save and test, the metric browser, a variable, a panel, Explore."""
    client = fleet.viewer
    assert fleet.get("status/buildinfo")["version"] == "2.42.0"
    health = client.post("/prometheus/api/v1/query", data={"query": "1+1", "time": AT})
    assert _data(health) == {"resultType": "scalar", "result": [AT, "2"]}
    around = {"start": START_S, "end": START_S + 7200}
    assert {"cluster", "instance", "zone", "__name__"} <= set(fleet.get("labels", **around))
    assert "temperature" in fleet.get("label/__name__/values", **around)
    assert fleet.get("label/cluster/values", **{"match[]": "temperature", **around}) == ["east", "west"]
    assert fleet.get("label/instance/values", **{"match[]": 'temperature{cluster="east"}', **around}) == ["1", "2"]
    assert isinstance(fleet.get("metadata", limit=10), dict)
    panel = client.post("/prometheus/api/v1/query_range", data={"query": "topk(1, temperature)", **RANGE})
    matrix = _data(panel)
    assert matrix["resultType"] == "matrix"
    assert all(len(point) == 2 and isinstance(point[1], str) for one in matrix["result"] for point in one["values"])
    found = fleet.get("series", **{"match[]": ["info", 'limit{zone="x"}'], **around})
    assert {(one["__name__"], one["cluster"]) for one in found} == {
        ("info", "east"),
        ("info", "west"),
        ("limit", "east"),
        ("limit", "west"),
    }
    explore = client.post("/prometheus/api/v1/series", data={"match[]": "info", **around})
    assert {one["cluster"] for one in _data(explore)} == {"east", "west"}


def test_a_wrong_query_fails_in_prometheus_own_form(fleet: Fleet) -> None:
    reply = fleet.viewer.get("/prometheus/api/v1/query", params={"query": "sum(up"})
    assert reply.status_code == 400
    assert (reply.json()["status"], reply.json()["errorType"]) == ("error", "bad_data")
    assert "position" in reply.json()["error"]
    missing = fleet.viewer.get("/prometheus/api/v1/query_range", params={"query": "up"})
    assert (missing.status_code, missing.json()["errorType"]) == (400, "bad_data")


def test_a_limited_user_sees_one_cluster_also_in_a_sum(fleet: Fleet) -> None:
    query: dict[str, str | int] = {"query": "count(temperature)", "time": AT}
    limited = _data(fleet.limited.get("/prometheus/api/v1/query", params=query))
    alone = fleet.get("query", query='count(temperature{cluster="east"})', time=AT)
    assert limited["result"] == alone["result"]
    assert _data(fleet.limited.get("/prometheus/api/v1/label/cluster/values")) == ["east"]


def test_a_cluster_that_is_gone_is_named_in_a_warning(fleet: Fleet) -> None:
    gone = add_cluster(fleet.admin, "gone", "http://127.0.0.1:1")
    try:
        reply = fleet.viewer.get("/prometheus/api/v1/query", params={"query": "count(temperature)", "time": AT})
        assert _data(reply)["result"][0]["value"][1] != "0"
        (warning,) = reply.json()["warnings"]
        assert warning.startswith("gone: 127.0.0.1:1 refused the connection")
    finally:
        fleet.admin.delete(f"/api/v1/clusters/{gone['id']}")
