"""Replays over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, MediaType, Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.intelligence.domain.replays import ReplayResult, ReplayRun
from aiops.intelligence.service.replays import report
from aiops.intelligence.service.replays.running import Replays, ReplayWish
from aiops.kernel.errors import Conflict, Invalid
from aiops.kernel.http import Caller

PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=64)]


class ReplayPage(msgspec.Struct, frozen=True):
    items: list[ReplayRun]
    next_cursor: str | None
    total: int


class ReplayDetail(msgspec.Struct, frozen=True):
    """`result` is `null` until it is done; `noise_reduction` is the share of alerts that would be no item any more."""

    replay: ReplayRun
    result: ReplayResult | None
    noise_reduction: float | None


class ReplaysController(Controller):
    path = "/api/v1/replays"
    tags = ("intelligence",)

    @post(summary="Run the past of clusters through the hub; nobody is told of what it finds", status_code=202)
    @inject
    async def ask(self, principal: Caller, replays: FromDishka[Replays], data: JSONBody[ReplayWish]) -> ReplayRun:
        return await replays.ask(principal, data)

    @get(summary="The replays that were asked for, the newest first")
    @inject
    async def page(
        self,
        principal: Caller,
        replays: FromDishka[Replays],
        page_size: FromQuery[PageSize] = 20,
        cursor: FromQuery[Cursor] = None,
    ) -> ReplayPage:
        items, total = await replays.page(principal, page_size, _after(cursor))
        return ReplayPage(items, str(items[-1].id) if len(items) == page_size else None, total)

    @get("/{replay_id:uuid}", summary="A replay, with its result where it is done")
    @inject
    async def one(self, principal: Caller, replays: FromDishka[Replays], replay_id: FromPath[UUID]) -> ReplayDetail:
        run, result = await replays.get(principal, replay_id)
        return ReplayDetail(run, result, None if result is None else result.noise_reduction)

    @get("/{replay_id:uuid}/report", summary="A replay as a page that can be sent to somebody", media_type="text/html")
    @inject
    async def report(self, principal: Caller, replays: FromDishka[Replays], replay_id: FromPath[UUID]) -> Response[str]:
        run, result = await replays.get(principal, replay_id)
        if result is None:
            raise Conflict("This replay has no result yet.")
        return Response(
            report.page(result, f"Asked for by {run.asked_by}"),
            media_type=MediaType.HTML,
            headers={"Content-Disposition": f'attachment; filename="replay-{run.end:%Y%m%d}.html"'},
        )

    @delete("/{replay_id:uuid}", summary="Remove a replay; one that runs is stopped")
    @inject
    async def remove(self, principal: Caller, replays: FromDishka[Replays], replay_id: FromPath[UUID]) -> None:
        await replays.remove(principal, replay_id)


def _after(cursor: str | None) -> UUID | None:
    try:
        return None if cursor is None else UUID(cursor)
    except ValueError:
        raise Invalid("The cursor is not one of ours.", details={"field": "cursor"}) from None
