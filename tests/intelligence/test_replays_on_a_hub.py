"""The past of a hub's own clusters, asked for over the API and kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.rig import wait_until
from tests.lab.hub import Hub, add_user
from tests.lab.weeks import Week

JSON = dict[str, Any]
# What a Prometheus keeps counts from its newest block: an old past stays.
_END = datetime(2026, 11, 1, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def week() -> Week:
    end = _END.timestamp()
    return Week(clusters=2, start=end - 43_200, end=end, warm_s=21_600, faults_each=1, seed=7)


@pytest.fixture(scope="module")
def hub(week: Week) -> Iterator[Hub]:
    with week.prometheus() as prometheus, Hub() as hub:
        with hub.client() as admin:
            for name in week.names:
                body = {"name": name, "prometheus_url": prometheus.url, "selector": {"cluster": name}}
                assert admin.post("/api/v1/clusters", json=body).status_code == 201
        yield hub


@pytest.fixture
def admin(hub: Hub) -> Iterator[httpx.Client]:
    with hub.client() as client:
        yield client


def _ask(client: httpx.Client, clusters: list[str]) -> JSON:
    start = _END - timedelta(hours=12)
    wish = {"cluster_ids": clusters, "start": start.isoformat(), "end": _END.isoformat()}
    reply = client.post("/api/v1/replays", json=wish)
    assert reply.status_code == 202, reply.text
    made: JSON = reply.json()
    return made


def _done(client: httpx.Client, run: JSON) -> JSON:
    def look() -> JSON | None:
        found: JSON = client.get(f"/api/v1/replays/{run['id']}").json()
        return found if found["replay"]["ended_at"] else None

    return wait_until(look, "the end of the replay")


def _ids(admin: httpx.Client, week: Week) -> list[str]:
    return [admin.get(f"/api/v1/clusters/by-name/{name}").json()["id"] for name in week.names]


def test_a_past_becomes_incidents_that_only_those_see_who_see_its_clusters(
    hub: Hub, admin: httpx.Client, week: Week
) -> None:
    ids = _ids(admin, week)
    run = _done(admin, _ask(admin, ids))
    assert run["replay"]["status"] == "DONE"
    assert run["result"]["alerts"] == week.alerts
    assert week.missed(run["result"]) == []
    assert f"{week.alerts} alerts →" in run["replay"]["summary"]
    assert admin.get("/api/v1/incidents").json()["total"] == 0

    with add_user(hub.url, admin, "one-cluster", "operator", ids[:1]) as limited:
        url = f"/api/v1/replays/{run['replay']['id']}"
        assert [limited.get(path).status_code for path in (url, f"{url}/report")] == [404, 404]
        assert limited.get("/api/v1/replays").json()["total"] == 0
        own = _done(limited, _ask(limited, ids[:1]))
        assert [one["name"] for one in own["result"]["clusters"]] == week.names[:1]
        assert limited.post("/api/v1/replays", json={"cluster_ids": ids[1:]}).status_code == 404


def test_a_rule_is_tried_on_the_past_before_it_is_kept(admin: httpx.Client, week: Week) -> None:
    start = _END - timedelta(hours=12)
    rule = {"name": "all of a day", "expression": "true", "within_s": 3600}
    wish = {"cluster_ids": _ids(admin, week), "start": start.isoformat(), "end": _END.isoformat(), "rule": rule}
    run = _done(admin, admin.post("/api/v1/replays", json=wish).json())
    result = run["result"]
    assert result["before"] > len(result["incidents"])
    assert max(one["before"] for one in result["incidents"]) > 1
    assert f"{result['before']} before, now " in run["replay"]["summary"]
    assert admin.get("/api/v1/correlation-rules").json()["items"] == []
    refused = admin.post("/api/v1/replays", json={**wish, "rule": {**rule, "expression": "labels.pod =="}})
    assert refused.status_code == 422
    assert "column" in str(refused.json()["error"])


def test_its_report_can_be_sent_to_somebody(admin: httpx.Client, week: Week) -> None:
    run = _done(admin, _ask(admin, _ids(admin, week)[:1]))
    reply = admin.get(f"/api/v1/replays/{run['replay']['id']}/report")
    assert reply.headers["content-disposition"].startswith("attachment; filename=")
    assert "Asked for by admin" in reply.text


def test_what_a_dead_hub_was_at_is_taken_up_by_the_next(hub: Hub, week: Week) -> None:
    with hub.client() as admin:
        run = _ask(admin, _ids(admin, week))
    hub.kill()
    hub.start()
    with hub.client() as admin:
        assert _done(admin, run)["replay"]["status"] == "DONE"


def test_a_viewer_asks_for_none(hub: Hub, admin: httpx.Client) -> None:
    with add_user(hub.url, admin, "looks-only", "viewer", None) as viewer:
        assert viewer.post("/api/v1/replays", json={}).status_code == 403
