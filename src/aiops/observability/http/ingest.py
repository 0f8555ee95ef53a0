"""`POST /api/metrics`: the body is read as it is and decoded once, by the use case."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Request, post
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from aiops.kernel.http import Caller
from aiops.observability.service.intake import MOST_BYTES, Intake


class Accepted(msgspec.Struct):
    accepted: int


_SAMPLE = Schema(
    type=OpenAPIType.OBJECT,
    required=["name", "value"],
    additional_properties=False,
    properties={
        "name": Schema(type=OpenAPIType.STRING),
        "value": Schema(type=OpenAPIType.NUMBER, description="JSON has no NaN: leave out a sample that is unknown"),
        "labels": Schema(type=OpenAPIType.OBJECT, additional_properties=Schema(type=OpenAPIType.STRING)),
        "timestamp": Schema(
            one_of=[Schema(type=OpenAPIType.NUMBER), Schema(type=OpenAPIType.NULL)],
            description="Unix seconds; now where it is left out",
        ),
    },
)
_BATCH = Schema(
    type=OpenAPIType.OBJECT,
    required=["metrics"],
    additional_properties=False,
    properties={"metrics": Schema(type=OpenAPIType.ARRAY, items=_SAMPLE)},
)


@dataclass
class PushOperation(Operation):
    """Tells the document of the body, which no parameter of the handler stands for."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(_BATCH)}, required=True)


@post(
    "/api/metrics",
    operation_class=PushOperation,
    status_code=202,
    summary="Push samples: taken whole and durable, or refused whole",
    tags=["observability"],
    opt={"source": True},
    request_max_body_size=MOST_BYTES,
)
@inject
async def push_metrics(request: Request, principal: Caller, intake: FromDishka[Intake]) -> Accepted:  # type: ignore[type-arg]
    return Accepted(await intake.push(principal, await request.body()))
