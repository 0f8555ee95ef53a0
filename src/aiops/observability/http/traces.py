"""Traces over HTTP. 206 says that a cluster did not answer; `clusters` says which and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.metrics import ClusterIds, in_part, moment, reply
from aiops.observability.ports_signals import Trace, TracesFound
from aiops.observability.service.traces import TraceNames, TracesService
from aiops.observability.traceql import composed

_TIME = "RFC 3339 or Unix seconds"
_DURATION = "As 250ms or 1.5s"

Time = Annotated[str | None, QueryParameter(description=_TIME)]
TraceQL = Annotated[str | None, QueryParameter(description="TraceQL; in place of the fields below")]
Duration = Annotated[str | None, QueryParameter(description=_DURATION)]
Tags = Annotated[list[str] | None, QueryParameter(description="As http.method=GET; may be repeated")]


class TracesController(Controller):
    path = "/api/v1/traces"
    tags: Sequence[str] = ["observability"]
    middleware = [EndsWithItsClient()]  # noqa: RUF012

    @get("/search", summary="Find traces in clusters, newest first", responses=in_part(TracesFound))
    @inject
    async def search(
        self,
        principal: Caller,
        service_: FromDishka[TracesService],
        q: TraceQL = None,
        service: FromQuery[str | None] = None,
        operation: FromQuery[str | None] = None,
        tag: Tags = None,
        min_duration: Duration = None,
        max_duration: Duration = None,
        errors_only: FromQuery[bool] = False,
        start: Time = None,
        end: Time = None,
        limit: FromQuery[int] = 20,
        cluster_id: ClusterIds = None,
        timeout: FromQuery[float] = 30.0,
    ) -> Response[TracesFound]:
        fields = composed(
            service=service,
            operation=operation,
            tags=tag or (),
            min_duration=min_duration,
            max_duration=max_duration,
            errors_only=errors_only,
        )
        if q is not None and fields != composed():
            raise Invalid("Give either `q`, or fields such as `service`.")
        result = await service_.search(
            principal,
            fields if q is None else q,
            start=_moment(start),
            end=_moment(end),
            limit=limit,
            cluster_ids=cluster_id,
            timeout_s=timeout,
        )
        return reply(result, result.clusters)

    @get("/services", summary="The services that have spans", responses=in_part(TraceNames))
    @inject
    async def services(
        self,
        principal: Caller,
        service_: FromDishka[TracesService],
        start: Time = None,
        end: Time = None,
        cluster_id: ClusterIds = None,
    ) -> Response[TraceNames]:
        result = await service_.services(principal, start=_moment(start), end=_moment(end), cluster_ids=cluster_id)
        return reply(result, result.clusters)

    @get("/operations", summary="The names of spans, of one service or of all", responses=in_part(TraceNames))
    @inject
    async def operations(
        self,
        principal: Caller,
        service_: FromDishka[TracesService],
        service: FromQuery[str | None] = None,
        start: Time = None,
        end: Time = None,
        cluster_id: ClusterIds = None,
    ) -> Response[TraceNames]:
        result = await service_.operations(
            principal, service, start=_moment(start), end=_moment(end), cluster_ids=cluster_id
        )
        return reply(result, result.clusters)

    @get(
        "/{trace_id:str}",
        summary="One trace, of the parts that all clusters hold, as a tree of spans",
        responses=in_part(Trace),
    )
    @inject
    async def one(
        self,
        principal: Caller,
        service_: FromDishka[TracesService],
        trace_id: FromPath[str],
        cluster_id: ClusterIds = None,
        timeout: FromQuery[float] = 30.0,
    ) -> Response[Trace]:
        result = await service_.get(principal, trace_id, cluster_ids=cluster_id, timeout_s=timeout)
        return reply(result, result.clusters)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)
