from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from dishka import Provider, Scope, make_async_container
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from aiops.intelligence.module import context
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock, VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.fakes import FakeLogFeed, FakeMetrics
from aiops.observability.ports import Alerts, Metrics, WatchFeed
from aiops.observability.ports_maintenance import Maintained
from aiops.observability.ports_past import Past
from aiops.observability.ports_signals import LogFeed, Traces, TracesFound
from aiops.registry.ports import Clusters, ClusterUptime, Uptimes
from aiops.registry.ports_objects import Objects
from aiops.settings import Settings
from tests.intelligence.test_incidents import ROOT, Hub


class Names:
    """The two clusters of the tests, by name."""

    def __init__(self, *ids: UUID) -> None:
        self._ids = ids

    async def visible(self, principal: Principal) -> list[Any]:
        return [SimpleNamespace(id=i, name=f"c{n}") for n, i in enumerate(self._ids) if principal.sees(i)]


class NoTraces:
    """Of clusters without a Tempo."""

    async def search(self, principal: Principal, query: str, **terms: Any) -> TracesFound:
        return TracesFound(traces=[], more=False, query=query, clusters=[], notes=[], without=[])


class NoUptimes:
    """Of clusters that nothing is known of."""

    async def between(self, principal: Principal, start: datetime, end: datetime) -> list[ClusterUptime]:
        return []


@asynccontextmanager
async def client(hub: Hub, *clusters: UUID) -> AsyncIterator[AsyncTestClient[Litestar]]:
    given: dict[Any, Any] = {
        Database: hub.database,
        Clock: hub.clock,
        WatchFeed: hub.feed,
        Alerts: hub.alerts,
        Clusters: Names(*clusters),
        Metrics: FakeMetrics(),
        # Another detector than that of `Hub`, which learns first: what is open stays so.
        Settings: Settings(),
        LogFeed: FakeLogFeed(),
        Traces: NoTraces(),
        Uptimes: NoUptimes(),
        Maintained: hub.maintenance,
        # Nobody asks for the past here, nor for what a cluster's API lists.
        Past: SimpleNamespace(),
        Objects: SimpleNamespace(),
    }
    outside = Provider(scope=Scope.APP)
    for kind in given:
        outside.from_context(provides=kind, scope=Scope.APP)
    container = make_async_container(context().provider, outside, context=given)
    hub.watcher = await container.get(Watcher)

    async def principal() -> Principal:
        return ROOT

    app = Litestar(list(context().routes), dependencies={"principal": Provide(principal)})
    setup_dishka(container, app)
    async with AsyncTestClient(app) as opened:
        yield opened
    await container.close()


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def test_the_whole_story_is_told_over_http(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    await hub.fire(a)
    await hub.ranking.step()
    async with client(hub, a) as http:
        await hub.tick(a, node_cpu=0.98)
        page = (await http.get("/api/v1/incidents?page_size=1&status=OPEN")).json()
        assert (page["total"], page["items"][0]["clusters"]) == (1, [{"id": str(a), "name": "c0"}])
        shown = (await http.get(f"/api/v1/incidents/{page['items'][0]['id']}")).json()
        assert shown["causes"][0] | {"rank": 1, "cluster": "c0", "watch": "node_cpu"} == shown["causes"][0]
        assert shown["alerts"][0]["fingerprint"] == "f1"
        anomalies = (await http.get("/api/v1/anomalies?active=true&watch=node_cpu")).json()
        assert [item["id"] for item in anomalies["items"]] == [item["id"] for item in shown["anomalies"]]
        assert (await http.get(f"/api/v1/anomalies/{anomalies['items'][0]['id']}")).json()["cluster"] == "c0"
        reply = await http.patch(f"/api/v1/incidents/{shown['id']}", json={"status": "ACKNOWLEDGED"})
        assert reply.json()["status"] == "ACKNOWLEDGED"
        assert (await http.get(f"/api/v1/expectations?cluster_id={a}")).json()["items"][0]["anomaly_id"]
        openapi = (await http.get("/schema/openapi.json")).json()
        assert "/api/v1/incidents/{incident_id}" in openapi["paths"]
