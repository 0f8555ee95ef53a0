"""Watches over HTTP: what is looked at, and how readily it tells."""

from __future__ import annotations

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.observability.service.watches import Watches
from aiops.observability.service.watches.keeping import WatchChange, WatchView, WatchWish


class WatchList(msgspec.Struct):
    items: list[WatchView]


class WatchController(Controller):
    path = "/api/v1/watches"
    tags = ("observability",)

    @get(summary="All watches, shipped ones first")
    @inject
    async def list_watches(self, principal: Caller, watches: FromDishka[Watches]) -> WatchList:
        return WatchList(await watches.all(principal))

    @post(summary="Watch a query of one's own")
    @inject
    async def add_watch(self, principal: Caller, watches: FromDishka[Watches], data: JSONBody[WatchWish]) -> WatchView:
        return await watches.add(principal, data)

    @get("/{watch:str}", summary="One watch")
    @inject
    async def get_watch(self, principal: Caller, watches: FromDishka[Watches], watch: FromPath[str]) -> WatchView:
        return await watches.get(principal, watch)

    @patch("/{watch:str}", summary="Change a watch, or how readily a shipped one tells")
    @inject
    async def change_watch(
        self, principal: Caller, watches: FromDishka[Watches], watch: FromPath[str], data: JSONBody[WatchChange]
    ) -> WatchView:
        return await watches.change(principal, watch, data)

    @delete("/{watch:str}", summary="Delete a watch of one's own; what it found ends")
    @inject
    async def delete_watch(self, principal: Caller, watches: FromDishka[Watches], watch: FromPath[str]) -> None:
        await watches.delete(principal, watch)
