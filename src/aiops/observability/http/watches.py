"""Which watches there are."""

from __future__ import annotations

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get

from aiops.kernel.http import Caller
from aiops.kernel.principal import Role
from aiops.observability.ports import Watch, WatchFeed


class WatchList(msgspec.Struct):
    items: list[Watch]


class WatchController(Controller):
    tags = ("observability",)

    @get("/api/v1/watches", summary="All watches, shipped ones first")
    @inject
    async def list_watches(self, principal: Caller, feed: FromDishka[WatchFeed]) -> WatchList:
        principal.require(Role.VIEWER)
        return WatchList(feed.watches())
