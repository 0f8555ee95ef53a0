"""Runbooks over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody

from aiops.intelligence.domain.runbooks import Runbook, RunbookDraft
from aiops.intelligence.service.runbooks import Runbooks
from aiops.kernel.http import Caller


class RunbookList(msgspec.Struct, frozen=True):
    items: list[Runbook]


class RunbooksController(Controller):
    path = "/api/v1/runbooks"
    tags = ("intelligence",)

    @get(summary="All runbooks, by title")
    @inject
    async def list_runbooks(self, principal: Caller, runbooks: FromDishka[Runbooks]) -> RunbookList:
        return RunbookList(await runbooks.all(principal))

    @post(summary="Add a runbook")
    @inject
    async def add_runbook(
        self, principal: Caller, runbooks: FromDishka[Runbooks], data: JSONBody[RunbookDraft]
    ) -> Runbook:
        return await runbooks.put(principal, data)

    @get("/{runbook_id:uuid}", summary="One runbook")
    @inject
    async def get_runbook(
        self, principal: Caller, runbooks: FromDishka[Runbooks], runbook_id: FromPath[UUID]
    ) -> Runbook:
        return await runbooks.get(principal, runbook_id)

    @put("/{runbook_id:uuid}", summary="Change a runbook")
    @inject
    async def change_runbook(
        self,
        principal: Caller,
        runbooks: FromDishka[Runbooks],
        runbook_id: FromPath[UUID],
        data: JSONBody[RunbookDraft],
    ) -> Runbook:
        return await runbooks.put(principal, data, runbook_id)

    @delete("/{runbook_id:uuid}", summary="Delete a runbook")
    @inject
    async def delete_runbook(
        self, principal: Caller, runbooks: FromDishka[Runbooks], runbook_id: FromPath[UUID]
    ) -> None:
        await runbooks.delete(principal, runbook_id)
