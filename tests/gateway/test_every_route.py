"""A user who is limited to one of two clusters sees nothing of the other, whatever routes there are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.e2e.rig import LiveReader, is_event, items, wait_until
from tests.e2e.walk import Aim, Call, calls, operations
from tests.gateway.seeds import (
    TRACE_ID,
    fire_alert,
    keep_anomaly,
    keep_finding,
    keep_incident,
    keep_log_pattern,
    keep_prediction,
    keep_reminder,
    keep_topology,
    push_sample,
    signals,
)
from tests.lab.devices import Devices
from tests.lab.exporters import Exporter, chain
from tests.lab.hub import Hub, add_cluster, add_source, add_user
from tests.lab.packages import lab_available
from tests.lab.servers import Prometheus
from tests.lab.world import World

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]
MARKER = "only-theirs-7f3a"

# What has nothing of any one cluster to tell. A route that is new, and about clusters, must show the other cluster to
# the admin; one that is not belongs here.
ABOUT_NO_CLUSTER = frozenset(
    {
        "/health",
        "/ready",
        "/health/detailed",
        "/api/v1/auth/me",
        "/api/v1/users",
        "/api/v1/clusters/offers",
        "/api/v1/fleet/summary",
        "/api/v1/teams",
        "/api/v1/correlation-rules",
        # Written by people for the whole fleet, and a count.
        "/api/v1/runbooks",
        "/api/v1/runbooks/{runbook_id}",
        "/api/v1/analysis/accuracy",
        "/api/v1/fleet/capabilities",
        "/api/v1/streaming/status",
        "/api/v1/system/storage",
        "/api/v1/streaming/clients",
        "/api/v1/alerts/counts",
        "/api/v1/alert-formats",
        # Of these two only what is common to clusters: names of labels and metrics.
        "/prometheus/api/v1/labels",
        "/prometheus/api/v1/metadata",
        "/prometheus/api/v1/status/buildinfo",
        "/schema",
        "/schema/openapi.json",
        "/schema/{path}",
    }
)


class House:
    """A hub with the cluster `mine` and another that is full of marked things."""

    def __init__(self, stack: ExitStack) -> None:
        self.hub = stack.enter_context(Hub())
        self.admin = stack.enter_context(self.hub.client())
        exporter = stack.enter_context(Exporter(World(chain()), labels={"owner": MARKER}, past_s=1200))
        empty = stack.enter_context(Prometheus())
        devices = stack.enter_context(Devices({"owner": MARKER}, node=f"gpu-{MARKER}"))
        config = exporter.prometheus_config(1.0) + devices.scrape_jobs()
        other = stack.enter_context(Prometheus(config, past=exporter.past()))
        self.mine = add_cluster(self.admin, "mine", empty.url)
        # Not quite well, so that it is told of where only those with something to mend are named.
        unwell = {"alertmanager_url": "http://127.0.0.1:9", "labels": {"owner": MARKER}}
        loki, tempo = (stack.enter_context(peer) for peer in signals(MARKER))
        ways = {"loki_url": loki.url, "tempo_url": tempo.url}
        theirs = add_cluster(self.admin, "theirs-cluster", other.url, region=MARKER, **unwell, **ways)
        source = add_source(self.admin, f"source-{MARKER}", theirs["id"])
        self.tokens = (source["token"], add_source(self.admin, "my-source", self.mine["id"])["token"])
        push_sample(self.hub.url, source["token"], MARKER)
        fire_alert(self.hub.url, source["token"], f"Alert-{MARKER}", {"owner": MARKER}, MARKER)
        add_user(self.hub.url, self.admin, f"user-{MARKER}", "viewer", [theirs["id"]]).close()
        # With the role admin, so that only the scope, and no lack of a role, can keep anything back.
        self.limited = stack.enter_context(add_user(self.hub.url, self.admin, "limited", "admin", [self.mine["id"]]))
        self.shared = self._shared_incident()
        keep_anomaly(self.hub, theirs["id"], self.shared, MARKER)
        keep_finding(self.hub, theirs["id"], self.shared, MARKER)
        keep_log_pattern(self.hub, self.mine["id"], "my own")
        self.pattern = keep_log_pattern(self.hub, theirs["id"], MARKER)
        keep_log_pattern(self.hub, theirs["id"], f"other-{MARKER}")
        self.alone = keep_incident(self.hub, theirs["id"], MARKER)
        keep_prediction(self.hub, theirs["id"], MARKER)
        self.node = keep_topology(self.admin, theirs["name"], MARKER)
        wait_until(lambda: self._expected(theirs["id"]), "the expectations of the other cluster")
        wait_until(lambda: items(self.admin, "/api/v1/log-sources"), "the logs of the other cluster")
        wait_until(lambda: items(self.admin, "/api/v1/gpu/nodes"), "the GPUs of the other cluster")
        self.aim = self._aim(theirs, source["id"])
        self.document: dict[str, Any] = self.admin.get("/schema/openapi.json").json()

    def _dashboard(self) -> str:
        """The admin's own, which nobody else opens."""
        body = {"name": f"Board-{MARKER}", "panels": [{"query": f'up{{owner="{MARKER}"}}'}]}
        return str(self.admin.post("/api/v1/dashboards", json=body).json()["id"])

    def _filter(self) -> str:
        """As the dashboard."""
        body = {"name": f"Filter-{MARKER}", "query": f"label=owner%3D{MARKER}"}
        return str(self.admin.post("/api/v1/alert-filters", json=body).json()["id"])

    def _watch(self, cluster_id: str) -> str:
        body = {"name": MARKER.replace("-", "_"), "query": "up", "clusters": [cluster_id]}
        return str(self.admin.post("/api/v1/watches", json=body).json()["name"])

    def _window(self, cluster_id: str) -> str:
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()
        body = {"title": f"Works on {MARKER}", "timezone": "UTC", "starts_local": now, "duration_s": 86_400}
        # Of alerts that there are none of: all others are to be seen.
        hides = [{"name": "alertname", "value": "nothing"}]
        made = self.admin.post("/api/v1/maintenance", json={**body, "cluster_ids": [cluster_id], "matchers": hides})
        return str(made.json()["id"])

    def _change(self, cluster_id: str) -> str:
        body = {"title": f"Rollout of {MARKER}", "kind": "DEPLOYMENT", "cluster_id": cluster_id}
        return str(self.admin.post("/api/v1/changes", json=body).json()["id"])

    def _replay(self, cluster_id: str) -> str:
        made = self.admin.post("/api/v1/replays", json={"cluster_ids": [cluster_id]}).json()
        path = f"/api/v1/replays/{made['id']}"
        wait_until(lambda: self.admin.get(path).json()["replay"]["ended_at"], "the end of the replay")
        return str(made["id"])

    def _change_source(self, cluster_id: str) -> str:
        body = {"name": f"pipeline-{MARKER}", "kind": "GITHUB", "cluster_id": cluster_id}
        return str(self.admin.post("/api/v1/change-sources", json=body).json()["id"])

    def _intake_rule(self, cluster_id: str) -> str:
        body = {"name": MARKER, "cluster_ids": [cluster_id], "deduplication": {"labels": ["owner"]}, "enabled": False}
        return str(self.admin.post("/api/v1/alert-intake-rules", json=body).json()["id"])

    def _shared_incident(self) -> str:
        """One episode that struck both clusters; gives the id of its incident, which both may see in part."""
        with LiveReader(self.limited) as reader:
            for token, labels, fingerprint in zip(
                self.tokens, ({"owner": MARKER}, {}), (MARKER + "2", "mine"), strict=True
            ):
                fire_alert(self.hub.url, token, "LinkDown", labels, fingerprint)
                # One after the other: what comes at once is told of once.
                wait_until(lambda: items(self.admin, "/api/v1/incidents"), "the incident of the first of them")
            frame = reader.wait_for(is_event("INCIDENT_UPDATED"), "news of the incident that struck both")
            self.frames = reader.frames
        incident_id = str(frame["payload"]["incident_id"])
        seen = self.admin.get(f"/api/v1/incidents/{incident_id}").json()
        assert {cluster["name"] for cluster in seen["clusters"]} == {"mine", "theirs-cluster"}, seen
        return incident_id

    def _expected(self, cluster_id: str) -> bool:
        return bool(self.admin.get("/api/v1/expectations", params={"cluster_id": cluster_id}).json()["items"])

    def _aim(self, theirs: dict[str, Any], source_id: str) -> Aim:
        def ids(path: str, field: str = "id") -> list[str]:
            return [item[field] for item in items(self.admin, path, cluster_id=theirs["id"])]

        found = {
            "cluster_id": [theirs["id"]],
            "source_id": [source_id],
            "dashboard_id": [self._dashboard()],
            "filter_id": [self._filter()],
            "incident_id": [self.alone],
            "other_id": [self.alone],
            "fingerprint": ids("/api/v1/alerts", "fingerprint"),
            "alert": [f"{theirs['id']}/{one}" for one in ids("/api/v1/alerts", "fingerprint")],
            "anomaly_id": ids("/api/v1/anomalies"),
            "pattern_id": [self.pattern],
            "forecast_id": ids("/api/v1/forecasts"),
            "group_id": ids("/api/v1/anomaly-groups"),
            "trace_id": [TRACE_ID],
            "change_id": [self._change(theirs["id"])],
            "replay_id": [self._replay(theirs["id"])],
            "change_source_id": [self._change_source(theirs["id"])],
            "window_id": [self._window(theirs["id"])],
            "reminder_id": [keep_reminder(self.hub, theirs["id"], MARKER)],
            "watch": [self._watch(theirs["id"])],
            "node": [f"gpu-{MARKER}"],
            "node_id": [self.node],
            "file": [f"file-{MARKER}"],
            "intake_rule_id": [self._intake_rule(theirs["id"])],
            "silence_id": [f"silence-{MARKER}"],
        }
        assert all(found.values()), found
        return Aim(theirs["id"], theirs["name"], MARKER, found)

    def walk(self, aim: Aim, *, reading: bool) -> Iterator[Call]:
        for method, route, operation in operations(self.document):
            if (method == "GET") is reading:
                yield from calls(self.document, method, route, operation, aim)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack)


def _send(client: httpx.Client, call: Call) -> httpx.Response:
    return client.request(call.method, call.path, params=list(call.query), json=call.body)


def _leaks(reply: httpx.Response, call: Call, aim: Aim) -> list[str]:
    """The other cluster's secrets in this answer; in a refusal, an echo of the asker's own words is none."""
    told = reply.text + str(reply.headers)
    echoed = call.text if reply.status_code >= 400 else ""
    return [secret for secret in aim.secrets if secret in told and secret not in echoed]


def _aimed(call: Call, aim: Aim) -> bool:
    """Whether the path itself names something of the other cluster."""
    return any(secret in call.path for secret in aim.secrets)


def test_a_limited_user_reads_nothing_of_the_other_cluster_through_any_route(house: House) -> None:
    problems = []
    for call in house.walk(house.aim, reading=True):
        reply = _send(house.limited, call)
        leaks = _leaks(reply, call, house.aim)
        if leaks:
            problems.append(f"{call.method} {call.path} {call.query} told {leaks}: {reply.text[:300]}")
        if _aimed(call, house.aim) and reply.status_code not in (403, 404):
            problems.append(f"{call.method} {call.path}: {reply.status_code}, not 404")
        if reply.status_code >= 500 and reply.status_code not in (503, 504):
            problems.append(f"{call.method} {call.path} {call.query}: {reply.status_code}")
    assert not problems, "\n".join(problems)


def test_the_same_walk_as_admin_finds_the_other_cluster_on_every_route_that_is_about_clusters(house: House) -> None:
    found: dict[str, bool] = {}
    for call in house.walk(house.aim, reading=True):
        reply = _send(house.admin, call)
        seen = reply.is_success and (_aimed(call, house.aim) or any(s in reply.text for s in house.aim.secrets))
        found[call.route] = found.get(call.route, False) or seen
    blind = sorted(route for route, seen in found.items() if not seen and route not in ABOUT_NO_CLUSTER)
    assert not blind, f"the walk shows the admin nothing on {blind}: aim it better, or name the route ABOUT_NO_CLUSTER"


def test_a_limited_user_changes_nothing_of_the_other_cluster_and_cannot_tell_it_from_none(house: House) -> None:
    kept = house.admin.get(f"/api/v1/clusters/{house.aim.cluster_id}").json()
    problems = []
    nowhere = {call.route + call.method: call for call in house.walk(house.aim.elsewhere(), reading=False)}
    for call in house.walk(house.aim, reading=False):
        if "/auth/" in call.route or (house.aim.cluster_id not in call.text and "{" not in call.route):
            continue
        reply, blank = _send(house.limited, call), _send(house.limited, nowhere[call.route + call.method])
        if _leaks(reply, call, house.aim) or reply.status_code < 400 or reply.status_code != blank.status_code:
            problems.append(f"{call.method} {call.path}: {reply.status_code}, of nothing {blank.status_code}")
    assert not problems, "\n".join(problems)
    after = house.admin.get(f"/api/v1/clusters/{house.aim.cluster_id}").json()
    assert {key: kept[key] for key in ("id", "name", "labels", "region")} == {
        key: after[key] for key in ("id", "name", "labels", "region")
    }


def test_an_incident_of_both_clusters_shows_a_limited_user_only_their_part(house: House) -> None:
    path = f"/api/v1/incidents/{house.shared}"
    seen, whole = house.limited.get(path), house.admin.get(path)
    assert seen.status_code == 200
    assert not [secret for secret in house.aim.secrets if secret in seen.text]
    assert [secret for secret in house.aim.secrets if secret in whole.text], whole.text
    assert [cluster["name"] for cluster in seen.json()["clusters"]] == ["mine"]
    assert (seen.json()["alert_count"], seen.json()["anomaly_count"], seen.json()["findings"]) == (1, 0, [])
    assert len(whole.json()["findings"]) == 1
    answer = house.limited.patch(path, json={"status": "ACKNOWLEDGED"})
    assert answer.status_code == 200
    assert not [secret for secret in house.aim.secrets if secret in answer.text]


def test_no_frame_of_the_websocket_tells_of_the_other_cluster(house: House) -> None:
    with LiveReader(house.limited) as limited, LiveReader(house.admin) as admin:
        for cluster_id in (house.aim.cluster_id, house.mine["id"]):
            change = {"display_name": f"Renamed {time.time()}"}
            house.admin.patch(f"/api/v1/clusters/{cluster_id}", json=change).raise_for_status()
        told = admin.wait_for(is_event("CLUSTER_UPDATED"), "the admin's frame of the other cluster")
        assert house.aim.cluster_id in str(told)
        limited.wait_for(
            lambda frame: is_event("CLUSTER_UPDATED")(frame) and frame["cluster_id"] == house.mine["id"], "their own"
        )
        assert not [s for s in house.aim.secrets if s in str(limited.frames + house.frames)]
