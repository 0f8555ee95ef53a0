"""Search over log patterns as clients see it: what is at work is in every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from dishka import Provider, Scope, make_async_container
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from aiops.intelligence.meaning.job import MeaningJob
from aiops.intelligence.meaning.module import MEANING_ROUTES, MeaningProvider
from aiops.kernel.clock import Clock, VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.registry.ports import Clusters
from aiops.settings import Settings
from tests.intelligence.embeddings import KEY, EmbeddingsServer
from tests.intelligence.meaning_seeds import FULL, LOGIN, keep_patterns


class _OneCluster:
    def __init__(self, cluster_id: UUID) -> None:
        self._id = cluster_id

    async def visible(self, _principal: Principal) -> list[Any]:
        return [SimpleNamespace(id=self._id, name="c0")]


@asynccontextmanager
async def client(
    database: Database, clock: VirtualClock, cluster: UUID, settings: Settings
) -> AsyncIterator[tuple[AsyncTestClient[Litestar], MeaningJob]]:
    given: dict[Any, Any] = {
        Database: database,
        Clock: clock,
        Clusters: _OneCluster(cluster),
        Settings: settings,
    }
    outside = Provider(scope=Scope.APP)
    for kind in given:
        outside.from_context(provides=kind, scope=Scope.APP)
    container = make_async_container(MeaningProvider(), outside, context=given)

    async def principal() -> Principal:
        return Principal.system("test")

    app = Litestar(list(MEANING_ROUTES), dependencies={"principal": Provide(principal)})
    setup_dishka(container, app)
    async with AsyncTestClient(app) as opened:
        yield opened, await container.get(MeaningJob)
    await container.close()


async def test_by_words_the_answer_says_so_and_why(database: Database, clock: VirtualClock) -> None:
    cluster = new_id()
    await keep_patterns(database, cluster, FULL, LOGIN)
    async with client(database, clock, cluster, Settings(embeddings="off")) as (http, job):
        await job.step()
        answer = (await http.get("/api/v1/log-patterns/search", params={"q": "disk full"})).json()
        assert (answer["method"], answer["model"], answer["waiting"]) == ("words", None, 0)
        assert "AIOPS_EMBEDDINGS" in answer["note"]
        [item] = answer["items"]
        assert (item["pattern"], item["cluster"], item["by"]) == (FULL, "c0", "words")
        assert (await http.get("/api/v1/log-patterns/search")).status_code == 400
        nobody = await http.get("/api/v1/log-patterns/search", params={"q": "x", "limit": 101})
        assert nobody.status_code == 400


async def test_an_endpoint_is_named_and_gets_each_pattern_once(database: Database, clock: VirtualClock) -> None:
    cluster = new_id()
    ids = await keep_patterns(database, cluster, FULL, "No space for <*>", LOGIN)
    async with EmbeddingsServer() as server:
        settings = Settings(embeddings_url=server.url, embeddings_model="of-words", embeddings_key=KEY)
        assert KEY not in repr(settings)
        async with client(database, clock, cluster, settings) as (http, job):
            await job.step()
            await job.step()
            answer = (await http.get(f"/api/v1/log-patterns/{ids[0]}/alike")).json()
            assert (answer["method"], answer["note"]) == ("endpoint", None)
            assert [(item["pattern"], item["by"]) for item in answer["items"]] == [("No space for <*>", "meaning")]
        assert [len(one["input"]) for one in server.asked] == [3]
