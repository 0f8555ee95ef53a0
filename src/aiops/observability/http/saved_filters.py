"""Saved filters of alerts over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.observability.needs_alerts import SavedFilter
from aiops.observability.service.saved_filters import FilterWish, SavedFilters


class SavedFilterList(msgspec.Struct, frozen=True):
    items: list[SavedFilter]


class SavedFilterController(Controller):
    path = "/api/v1/alert-filters"
    tags = ("observability",)

    @get(summary="One's own filters of alerts, then those that others share")
    @inject
    async def list_filters(self, principal: Caller, filters: FromDishka[SavedFilters]) -> SavedFilterList:
        return SavedFilterList(await filters.all(principal))

    @post(summary="Keep a filter of alerts, in place of one's own of that name")
    @inject
    async def save_filter(
        self, principal: Caller, filters: FromDishka[SavedFilters], data: JSONBody[FilterWish]
    ) -> SavedFilter:
        return await filters.save(principal, data)

    @delete("/{filter_id:uuid}", summary="Delete a saved filter")
    @inject
    async def delete_filter(
        self, principal: Caller, filters: FromDishka[SavedFilters], filter_id: FromPath[UUID]
    ) -> None:
        await filters.delete(principal, filter_id)
