"""Alerts that the hub reads by itself, and silences, through the whole hub, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.app import create_app
from aiops.kernel.database import Database
from aiops.kernel.principal import Role
from aiops.settings import Settings
from tests.lab.packages import lab_available
from tests.lab.servers import Alertmanager
from tests.observability.alerting import QUIET, raise_alert
from tests.observability.test_sources_http import signed_in

pytestmark = pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))

NOWHERE = "http://127.0.0.1:9"
Client = AsyncTestClient[Litestar]
Headers = dict[str, str]


@pytest.fixture(scope="module")
def manager() -> Iterator[Alertmanager]:
    with Alertmanager(QUIET) as server:
        yield server


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Client]:
    settings = Settings(data_dir=tmp_path, watch_host=False, offer_local_prometheus=False)
    async with AsyncTestClient(create_app(settings, database_url)) as client:
        yield client


@pytest.fixture
async def admin(hub: Client, database: Database) -> Headers:
    return await signed_in(hub, database, Role.ADMIN)


async def _cluster(hub: Client, admin: Headers, name: str, alertmanager: str) -> str:
    body = {"name": name, "prometheus_url": NOWHERE, "alertmanager_url": alertmanager}
    reply = await hub.post("/api/v1/clusters", json=body, headers=admin)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def _until(ask: Callable[[], Awaitable[Any]], true: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(40):
        while not true(found := await ask()):
            await asyncio.sleep(0.2)
    return found


async def test_an_alert_is_read_silenced_and_heard_again(hub: Client, admin: Headers, manager: Alertmanager) -> None:
    east = await _cluster(hub, admin, "east", manager.url)
    raise_alert(manager, "DiskFull", starts=datetime.now(UTC).isoformat(), severity="critical", disk="sda")

    async def alert() -> dict[str, Any]:
        listed = (await hub.get("/api/v1/alerts", headers=admin)).json()
        (known,) = listed["clusters"]
        assert (known["cluster"], known["origin"], known["error"]) == ("east", "ALERTMANAGER", None)
        return next(iter(listed["items"]), {})

    read = await _until(alert, lambda one: one.get("name") == "DiskFull")
    assert (read["state"], read["severity"], read["suppressed"]) == ("FIRING", "CRITICAL", False)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    wish = {
        "matchers": [{"name": "disk", "value": "sda"}],
        "ends_at": until,
        "comment": "new disk",
        "cluster_ids": [east],
    }
    made = await hub.post("/api/v1/silences", json=wish, headers=admin)
    assert made.status_code == 201, made.text
    (silence,) = made.json()["items"]
    again = await hub.post("/api/v1/silences", json=wish, headers=admin)
    assert again.json()["items"] == [{**silence, "existed": True}]
    silenced = await _until(alert, lambda one: bool(one["suppressed"]))
    assert silenced["silenced_by"] == [silence["id"]]
    (listed,) = (await hub.get("/api/v1/silences", headers=admin)).json()["items"]
    assert (listed["id"], listed["created_by"], listed["comment"]) == (silence["id"], "admin", "new disk")
    ended = await hub.delete(f"/api/v1/silences/{east}/{silence['id']}", headers=admin)
    assert ended.status_code == 204
    await _until(alert, lambda one: not one["suppressed"])


async def test_a_cluster_that_does_not_answer_is_named_everywhere(
    hub: Client, database: Database, admin: Headers, manager: Alertmanager
) -> None:
    ids = [await _cluster(hub, admin, "north", manager.url), await _cluster(hub, admin, "silent", NOWHERE)]

    async def alerts() -> Any:
        return await hub.get("/api/v1/alerts", headers=admin)

    reply = await _until(alerts, lambda one: one.status_code == 206)
    known = {one["cluster"]: one for one in reply.json()["clusters"]}
    assert (known["silent"]["age_s"], "refused the connection" in known["silent"]["error"]) == (None, True)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    wish = {"matchers": [{"name": "a", "value": "b"}], "ends_at": until, "comment": "both", "cluster_ids": ids}
    made = await hub.post("/api/v1/silences", json=wish, headers=admin)
    assert (made.status_code, [one["cluster"] for one in made.json()["items"]]) == (206, ["north"])
    listed = await hub.get("/api/v1/silences", headers=admin)
    assert listed.status_code == 206
    rules = await hub.get("/api/v1/alerts/rules", headers=admin)
    assert {one["cluster"]: one["status"] for one in rules.json()["clusters"]} == {"north": "ERROR", "silent": "ERROR"}
    viewer = await signed_in(hub, database, Role.VIEWER)
    assert (await hub.get("/api/v1/silences", headers=viewer)).status_code == 206
    refused = await hub.post("/api/v1/silences", json=wish, headers=viewer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "PERMISSION_DENIED")
    gone = await hub.delete(f"/api/v1/clusters/{ids[1]}", headers=admin)
    assert gone.status_code == 204
    assert (await _until(alerts, lambda one: one.status_code == 200)).json()["clusters"][0]["cluster"] == "north"
