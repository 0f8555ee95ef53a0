"""Sources and their tokens."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.observability.ports import PushSource
from aiops.observability.service.sources import NewSource, Sources


class SourceWish(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    cluster_id: UUID


class SourceList(msgspec.Struct):
    items: list[PushSource]


class SourceController(Controller):
    path = "/api/v1/sources"
    tags = ("observability",)

    @get(summary="Who may push into the clusters in scope")
    @inject
    async def list_sources(self, principal: Caller, sources: FromDishka[Sources]) -> SourceList:
        return SourceList(await sources.all(principal))

    @post(summary="Let something push into a cluster; its token is shown this once")
    @inject
    async def add_source(
        self, principal: Caller, sources: FromDishka[Sources], data: JSONBody[SourceWish]
    ) -> NewSource:
        return await sources.create(principal, data.cluster_id, data.name)

    @delete("/{source_id:uuid}", summary="Take a source's token away")
    @inject
    async def remove_source(self, principal: Caller, sources: FromDishka[Sources], source_id: FromPath[UUID]) -> None:
        await sources.delete(principal, source_id)
