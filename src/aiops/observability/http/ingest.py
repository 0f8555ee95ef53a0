"""`POST /api/metrics`: the body is read as it is and decoded once, by the use case."""

from __future__ import annotations

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Request, post

from aiops.kernel.http import Caller
from aiops.observability.service.intake import MOST_BYTES, Intake


class Accepted(msgspec.Struct):
    accepted: int


@post(
    "/api/metrics",
    status_code=202,
    summary="Push samples: taken whole and durable, or refused whole",
    tags=["observability"],
    opt={"source": True},
    request_max_body_size=MOST_BYTES,
)
@inject
async def push_metrics(request: Request, principal: Caller, intake: FromDishka[Intake]) -> Accepted:  # type: ignore[type-arg]
    return Accepted(await intake.push(principal, await request.body()))
