"""The registry's routes, wired as in the hub, with sign-in left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from dishka import Provider, Scope, make_async_container
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar
from litestar.di import Provide

from aiops.gateway.http.errors import EXCEPTION_HANDLERS
from aiops.kernel.clock import Clock, VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.principal import Principal
from aiops.registry.module import context
from aiops.registry.ports import Clusters
from aiops.registry.service import Fleet, ProbeJob
from aiops.settings import Settings
from tests.registry.rig import ADMIN

Client = httpx.AsyncClient


def _principal() -> Principal:
    return ADMIN


@pytest.fixture
async def client(database: Database, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Client]:
    part = context()
    kernel = Provider(scope=Scope.APP)
    kernel.provide(lambda: Settings(data_dir=tmp_path, offer_local_prometheus=False), provides=Settings)
    kernel.provide(lambda: clock, provides=Clock)
    kernel.provide(lambda: database, provides=Database)
    container = make_async_container(kernel, part.provider)
    assert await container.get(Clusters) is await container.get(Fleet)
    assert isinstance(await part.jobs[0].build(container), ProbeJob)
    app = Litestar(
        list(part.routes),
        dependencies={"principal": Provide(_principal, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
    )
    setup_dishka(container, app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://hub") as client:
        yield client
    await container.close()


async def add(client: Client, **body: Any) -> dict[str, Any]:
    reply = await client.post("/api/v1/clusters", json=body)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_the_life_of_a_cluster(client: Client, prometheus_url: str) -> None:
    added = await add(client, name="prod-1", prometheus_url=prometheus_url, bearer_token="s3cret")
    path = f"/api/v1/clusters/{added['id']}"
    assert (await client.get(path)).json() == added
    assert (await client.get("/api/v1/clusters/by-name/prod-1")).json() == added

    changed = await client.patch(path, json={"display_name": "Production", "bearer_token": None})
    assert (changed.status_code, changed.json()["credential_kind"]) == (200, "NONE")
    refreshed = await client.post(f"{path}/refresh")
    assert (refreshed.status_code, refreshed.json()["status"]["state"]) == (200, "ONLINE")
    assert (await client.get(f"{path}/status")).json()["health_score"] == 100
    history = (await client.get(f"{path}/history")).json()
    assert (history["total"], history["items"][0]["state"], history["next_cursor"]) == (1, "ONLINE", None)
    summary = (await client.get("/api/v1/fleet/summary")).json()
    assert (summary["total"], summary["by_state"]["ONLINE"]) == (1, 1)

    assert (await client.delete(path)).status_code == 204
    gone = await client.get(path)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "CLUSTER_NOT_FOUND")


async def test_lists_take_filters_and_pages_from_the_address(client: Client) -> None:
    for number in range(3):
        await add(client, name=f"edge-{number}", prometheus_url="http://example.com", cluster_type="EDGE")
    await add(client, name="hub-0", prometheus_url="http://example.com", cluster_type="HUB")
    first = (await client.get("/api/v1/clusters", params={"cluster_type": "EDGE", "page_size": 2})).json()
    assert ([item["name"] for item in first["items"]], first["total"]) == (["edge-0", "edge-1"], 3)
    rest = await client.get(
        "/api/v1/clusters", params={"cluster_type": "EDGE", "page_size": 2, "cursor": first["next_cursor"]}
    )
    assert [item["name"] for item in rest.json()["items"]] == ["edge-2"]
    assert (await client.get("/api/v1/clusters", params={"state": "OFFLINE"})).json()["total"] == 0


async def test_a_connection_is_tested_without_registering_anything(client: Client, prometheus_url: str) -> None:
    found = await client.post("/api/v1/clusters/test-connection", json={"prometheus_url": prometheus_url})
    assert (found.status_code, found.json()["ok"]) == (200, True)
    assert (await client.get("/api/v1/clusters/offers")).json() == {"offers": []}
    assert (await client.get("/api/v1/clusters")).json() == {"items": [], "next_cursor": None, "total": 0}


NOBODY = "01a1ff00-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/clusters", {"name": "prod-1"}, 422),
        ("POST", "/api/v1/clusters", {"name": "prod-1", "prometheus_url": "http://a", "unknown": 1}, 422),
        ("POST", "/api/v1/clusters", {"name": "prod-1", "prometheus_url": "http://169.254.169.254"}, 422),
        ("POST", "/api/v1/clusters", {"name": "taken", "prometheus_url": "http://a"}, 409),
        ("GET", "/api/v1/clusters?page_size=101", None, 422),
        ("GET", "/api/v1/clusters?cursor=made-up", None, 422),
        ("GET", "/api/v1/clusters?name=%00", None, 422),
        ("GET", "/api/v1/clusters/by-name/%00", None, 404),
        ("GET", f"/api/v1/clusters/{NOBODY}/history?end=0001-01-01T00:00:00Z", None, 422),
        ("PATCH", f"/api/v1/clusters/{NOBODY}", {"region": "eu"}, 404),
        ("POST", f"/api/v1/clusters/{NOBODY}/refresh", None, 404),
    ],
)
async def test_errors_are_told_apart(
    client: Client, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    await add(client, name="taken", prometheus_url="http://example.com")
    reply = await client.request(method, path, json=body)
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]["message"]


async def test_the_document_describes_every_route(client: Client) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    assert {path for path in paths if "/clusters" in path or "/fleet" in path} == {
        "/api/v1/clusters",
        "/api/v1/clusters/by-name/{name}",
        "/api/v1/clusters/candidates",
        "/api/v1/clusters/import",
        "/api/v1/clusters/offers",
        "/api/v1/clusters/test-connection",
        "/api/v1/clusters/{cluster_id}",
        "/api/v1/clusters/{cluster_id}/credentials",
        "/api/v1/clusters/{cluster_id}/credentials/rotate",
        "/api/v1/clusters/{cluster_id}/credentials/validate",
        "/api/v1/clusters/{cluster_id}/history",
        "/api/v1/clusters/{cluster_id}/refresh",
        "/api/v1/clusters/{cluster_id}/status",
        "/api/v1/clusters/{cluster_id}/suggestions",
        "/api/v1/fleet/capabilities",
        "/api/v1/fleet/health",
        "/api/v1/fleet/summary",
    }
