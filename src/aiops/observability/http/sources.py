"""Sources and their tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.observability.ports import PushSource
from aiops.observability.service.alert_webhooks import AlertWebhooks
from aiops.observability.service.sources import NewSource, Sources


class SourceWish(msgspec.Struct, forbid_unknown_fields=True):
    """`alert_settings`: by the form of its alerts (`GET /api/v1/alert-formats`), how it is read."""

    name: str
    cluster_id: UUID
    alert_settings: dict[str, dict[str, Any]] = {}


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
        self,
        principal: Caller,
        sources: FromDishka[Sources],
        webhooks: FromDishka[AlertWebhooks],
        data: JSONBody[SourceWish],
    ) -> NewSource:
        for form, settings in data.alert_settings.items():
            webhooks.check(form, settings)
        return await sources.create(principal, data.cluster_id, data.name, data.alert_settings)

    @delete("/{source_id:uuid}", summary="Take a source's token away")
    @inject
    async def remove_source(self, principal: Caller, sources: FromDishka[Sources], source_id: FromPath[UUID]) -> None:
        await sources.delete(principal, source_id)
