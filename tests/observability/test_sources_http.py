"""Sources, pushes, the webhook and alerts through the whole hub, over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.app import create_app
from aiops.gateway.passwords import Argon2Hasher
from aiops.gateway.service import AuthService
from aiops.gateway.store import SqlUserStore
from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.principal import Principal, Role
from aiops.settings import Settings

PASSWORD = "correct horse battery"
Client = AsyncTestClient[Litestar]
Headers = dict[str, str]


class NoSources:
    async def authenticate(self, token: str) -> Principal | None:
        return None


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Client]:
    settings = Settings(data_dir=tmp_path, watch_host=False, offer_local_prometheus=False)
    async with AsyncTestClient(create_app(settings, database_url)) as client:
        yield client


async def signed_in(hub: Client, database: Database, role: Role) -> Headers:
    auth = AuthService(database, SystemClock(), SqlUserStore(), Argon2Hasher(), NoSources())
    await auth.add_user(Principal.system("test"), role.value, PASSWORD, role, None, must_change_password=False)
    reply = await hub.post("/api/v1/auth/login", json={"username": role.value, "password": PASSWORD})
    hub.cookies.clear()
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


@pytest.fixture
async def admin(hub: Client, database: Database) -> Headers:
    return await signed_in(hub, database, Role.ADMIN)


@pytest.fixture
async def cluster(hub: Client, admin: Headers) -> str:
    reply = await hub.post("/api/v1/clusters", json={"name": "edge", "platform": "HOST"}, headers=admin)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


@pytest.fixture
async def source(hub: Client, admin: Headers, cluster: str) -> dict[str, Any]:
    reply = await hub.post("/api/v1/sources", json={"name": "agent", "cluster_id": cluster}, headers=admin)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


@pytest.fixture
def pusher(source: dict[str, Any]) -> Headers:
    return {"Authorization": f"Bearer {source['token']}"}


async def test_a_sources_token_is_shown_once_and_ends_with_it(
    hub: Client, admin: Headers, cluster: str, source: dict[str, Any], pusher: Headers
) -> None:
    again = await hub.post("/api/v1/sources", json={"name": "agent", "cluster_id": cluster}, headers=admin)
    assert again.status_code == 409
    listed = await hub.get("/api/v1/sources", headers=admin)
    assert [one["name"] for one in listed.json()["items"]] == ["agent"]
    assert source["token"] not in listed.text
    assert (await hub.post("/api/metrics", json={"metrics": []}, headers=pusher)).status_code == 202
    assert (await hub.delete(f"/api/v1/sources/{source['id']}", headers=admin)).status_code == 204
    assert (await hub.post("/api/metrics", json={"metrics": []}, headers=pusher)).status_code == 401
    assert (await hub.delete(f"/api/v1/sources/{source['id']}", headers=admin)).status_code == 404


async def test_a_viewer_makes_no_source(hub: Client, database: Database, cluster: str) -> None:
    viewer = await signed_in(hub, database, Role.VIEWER)
    refused = await hub.post("/api/v1/sources", json={"name": "mine", "cluster_id": cluster}, headers=viewer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "PERMISSION_DENIED")


async def test_what_is_pushed_is_answered(hub: Client, admin: Headers, pusher: Headers) -> None:
    at = float(int(time.time()))
    metrics = [{"name": "load", "labels": {"core": str(n)}, "value": n + 0.5, "timestamp": at} for n in range(3)]
    pushed = await hub.post("/api/metrics", json={"metrics": metrics}, headers=pusher)
    assert (pushed.status_code, pushed.json()) == (202, {"accepted": 3})
    query: dict[str, Any] = {"query": 'load{core="1"}', "start": at, "end": at + 15, "step": 15}
    answer = (await hub.get("/api/v1/metrics/query_range", params=query, headers=admin)).json()
    assert [one["values"] for one in answer["series"]] == [[[at, "1.5"], [at + 15, "1.5"]]]
    assert answer["series"][0]["metric"] == {"__name__": "load", "core": "1", "cluster": "edge"}


async def test_a_push_with_a_fault_is_refused_whole(hub: Client, admin: Headers, pusher: Headers) -> None:
    metrics = [{"name": "good", "value": 1}, {"name": "not good", "value": 1}]
    refused = await hub.post("/api/metrics", json={"metrics": metrics}, headers=pusher)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["errors"][0]["index"] == 1
    answer = await hub.get("/api/v1/metrics/query", params={"query": "good"}, headers=admin)
    assert answer.json()["series"] == []


async def test_only_a_source_pushes_and_only_pushes(hub: Client, admin: Headers, pusher: Headers) -> None:
    bodies: dict[str, dict[str, list[Any]]] = {
        "/api/metrics": {"metrics": []},
        "/api/v1/alerts/webhook": {"alerts": []},
    }
    for path, body in bodies.items():
        assert (await hub.post(path, json=body, headers=admin)).status_code == 403
        assert (await hub.post(path, json=body)).status_code == 401
    assert (await hub.get("/api/v1/alerts", headers=pusher)).status_code == 403


async def test_an_alert_is_listed_found_and_resolved(
    hub: Client, admin: Headers, pusher: Headers, cluster: str
) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "DiskFull", "severity": "critical"},
        "annotations": {"summary": "The disk fills"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "f00d",
    }
    webhook = {"version": "4", "status": "firing", "receiver": "hub", "alerts": [alert]}
    taken = await hub.post("/api/v1/alerts/webhook", json=webhook, headers=pusher)
    assert (taken.status_code, taken.json()) == (200, {"accepted": 1})
    listed = (await hub.get("/api/v1/alerts", params={"q": "disk", "state": "FIRING"}, headers=admin)).json()
    assert (listed["total"], listed["items"][0]["cluster"], listed["items"][0]["severity"]) == (1, "edge", "CRITICAL")
    webhook["alerts"] = [{**alert, "status": "resolved", "endsAt": "2026-01-01T01:00:00Z"}]
    await hub.post("/api/v1/alerts/webhook", json=webhook, headers=pusher)
    found = await hub.get("/api/v1/alerts/f00d", params={"cluster_id": cluster}, headers=admin)
    assert (found.status_code, found.json()["state"]) == (200, "RESOLVED")
    history = (await hub.get("/api/v1/alerts/history", params={"page_size": 1}, headers=admin)).json()
    assert (history["total"], [one["state"] for one in history["items"]]) == (2, ["RESOLVED"])
    rest = await hub.get("/api/v1/alerts/history", params={"cursor": history["next_cursor"]}, headers=admin)
    assert [one["state"] for one in rest.json()["items"]] == ["FIRING"]
    assert (await hub.get("/api/v1/alerts", params={"cursor": "%%"}, headers=admin)).status_code == 422
    assert (await hub.get("/api/v1/alerts/none", params={"cluster_id": cluster}, headers=admin)).status_code == 404
