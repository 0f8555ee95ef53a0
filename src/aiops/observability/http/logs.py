"""LogQL over HTTP. 206 says that a cluster did not answer; `clusters` says which and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.metrics import ClusterIds, duration, in_part, moment, reply
from aiops.observability.ports_signals import Direction, LogsResult
from aiops.observability.service.logs import LogsService
from aiops.observability.service.logs_labels import LogLabels, LogLabelValues, LogNames

_TIME = "RFC 3339 with up to nine digits, Unix seconds, or Unix nanoseconds"
_NANOSECONDS = re.compile(r"\d{12,20}")
_FRACTION = re.compile(r"\.(\d+)(?=$|[Zz+-])")

LogQL = Annotated[str, QueryParameter(name="query", description="LogQL")]
Selector = Annotated[str | None, QueryParameter(name="query", description="A stream selector")]
Time = Annotated[str | None, QueryParameter(description=_TIME)]
Limit = Annotated[int, QueryParameter(description="Of lines, over all clusters; at most 5,000")]
Order = Annotated[Direction, QueryParameter(description="Newest or oldest lines first")]


class LogsController(Controller):
    path = "/api/v1/logs"
    tags: Sequence[str] = ["observability"]
    middleware = [EndsWithItsClient()]  # noqa: RUF012

    @get(
        "/query",
        summary="LogQL at one moment over clusters: numbers, or the lines of the hour before",
        responses=in_part(LogsResult),
    )
    @inject
    async def query(
        self,
        principal: Caller,
        service: FromDishka[LogsService],
        logql: LogQL,
        time: Time = None,
        limit: Limit = 100,
        direction: Order = Direction.BACKWARD,
        cluster_id: ClusterIds = None,
        timeout: FromQuery[float] = 30.0,
    ) -> Response[LogsResult]:
        result = await service.query(
            principal,
            logql,
            at_ns=nanoseconds(time),
            limit=limit,
            direction=direction,
            cluster_ids=cluster_id,
            timeout_s=timeout,
        )
        return reply(result, result.clusters)

    @get(
        "/query_range",
        summary="LogQL over a time range and clusters: lines merged by time, or numbers at every step",
        responses=in_part(LogsResult),
    )
    @inject
    async def query_range(
        self,
        principal: Caller,
        service: FromDishka[LogsService],
        logql: LogQL,
        start: Annotated[str, QueryParameter(description=_TIME)],
        end: Annotated[str, QueryParameter(description=_TIME)],
        step: Annotated[str | None, QueryParameter(description="Seconds or a duration such as 15s")] = None,
        limit: Limit = 100,
        direction: Order = Direction.BACKWARD,
        cluster_id: ClusterIds = None,
        timeout: FromQuery[float] = 30.0,
    ) -> Response[LogsResult]:
        result = await service.query_range(
            principal,
            logql,
            start_ns=nanoseconds(start),
            end_ns=nanoseconds(end),
            step_s=None if step is None else duration(step),
            limit=limit,
            direction=direction,
            cluster_ids=cluster_id,
            timeout_s=timeout,
        )
        return reply(result, result.clusters)

    @get("/labels", summary="The names of the labels of log streams", responses=in_part(LogLabels))
    @inject
    async def labels(
        self,
        principal: Caller,
        names: FromDishka[LogNames],
        selector: Selector = None,
        start: Time = None,
        end: Time = None,
        cluster_id: ClusterIds = None,
    ) -> Response[LogLabels]:
        result = await names.labels(
            principal,
            selector=selector,
            start_ns=nanoseconds(start),
            end_ns=nanoseconds(end),
            cluster_ids=cluster_id,
        )
        return reply(result, result.clusters)

    @get(
        "/label/{name:str}/values",
        summary="The values of one label of log streams",
        responses=in_part(LogLabelValues),
    )
    @inject
    async def label_values(
        self,
        principal: Caller,
        names: FromDishka[LogNames],
        name: FromPath[str],
        selector: Selector = None,
        start: Time = None,
        end: Time = None,
        cluster_id: ClusterIds = None,
    ) -> Response[LogLabelValues]:
        result = await names.label_values(
            principal,
            name,
            selector=selector,
            start_ns=nanoseconds(start),
            end_ns=nanoseconds(end),
            cluster_ids=cluster_id,
        )
        return reply(result, result.clusters)


def nanoseconds(text: str | None) -> Any:
    """Unix nanoseconds, exact; `None` for none. Raises `Invalid`."""
    if text is None:
        return None
    if _NANOSECONDS.fullmatch(text):
        return int(text)
    fraction = _FRACTION.search(text)
    if fraction is None or len(fraction[1]) > 9:
        return round(moment(text).timestamp() * 1000) * 1_000_000
    whole = moment(text[: fraction.start()] + text[fraction.end() :])
    sign = -1 if text.lstrip().startswith("-") else 1
    return round(whole.timestamp()) * 1_000_000_000 + sign * int(fraction[1].ljust(9, "0"))
