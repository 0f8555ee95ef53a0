"""`GET /api/v1/watches` lists what is watched."""

from __future__ import annotations

from dishka import Provider, Scope, make_async_container
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from aiops.kernel.clock import VirtualClock
from aiops.kernel.principal import Principal
from aiops.observability.http.watches import WatchController
from aiops.observability.service.watches import Watches
from tests.observability.test_watches import world
from tests.observability.watching import FakeTransactions


async def test_all_watches_are_listed(clock: VirtualClock) -> None:
    here = world(clock)
    watches = Watches(FakeTransactions(), clock, here.kept, here.book, here.service, here.clusters)
    provider = Provider(scope=Scope.APP)
    provider.provide(lambda: watches, provides=Watches)
    who = Provide(lambda: Principal.system("test"), sync_to_thread=False)
    app = Litestar([WatchController], dependencies={"principal": who})
    setup_dishka(make_async_container(provider), app)

    async with AsyncTestClient(app) as client:
        reply = await client.get("/api/v1/watches")

    assert reply.status_code == 200
    assert [item["name"] for item in reply.json()["items"]][:2] == ["node_cpu", "node_memory"]
    assert reply.json()["items"][0]["query"].startswith("1 - avg by (instance)")
