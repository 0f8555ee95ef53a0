"""PromQL over HTTP. 206 says that a cluster did not answer; `clusters` says which and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import promql_parser
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK

from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.ports import ClusterOutcome, InstantResult, QueryStatus, RangeResult
from aiops.observability.service.metrics.names import (
    LabelNames,
    LabelValues,
    MetadataFound,
    SeriesFound,
    SeriesNames,
    Within,
)
from aiops.observability.service.metrics.service import MetricsService

_TIME = "RFC 3339 or Unix seconds"
_STEP = "Seconds or a Prometheus duration such as 15s"


def in_part(result: type[Any]) -> dict[int, ResponseSpec]:
    """Documents the 206 of a route that spans clusters."""
    told = "A cluster did not answer, or in part: `clusters` says which and why"
    return {206: ResponseSpec(result, generate_examples=False, description=told)}


PromQL = Annotated[str, QueryParameter(name="query", description="PromQL")]
ClusterIds = Annotated[
    list[UUID] | None, QueryParameter(name="cluster_id", description="May be repeated; all in scope where left out")
]

Match = Annotated[
    list[str] | None, QueryParameter(name="match", description="A selector: only what it finds; may be repeated")
]
Timeout = Annotated[float, QueryParameter(gt=0, le=120, description="Seconds that clusters have to answer")]


class QueryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str
    time: str | float | None = None
    cluster_id: list[UUID] | None = None
    timeout: float = 30.0


class QueryRangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str
    start: str | float
    end: str | float
    step: str | float
    cluster_id: list[UUID] | None = None
    timeout: float = 30.0


class MetricsController(Controller):
    path = "/api/v1/metrics"
    middleware = [EndsWithItsClient()]  # noqa: RUF012
    tags: Sequence[str] = ["observability"]

    @get("/query", summary="Evaluate PromQL at one moment over clusters", responses=in_part(InstantResult))
    @inject
    async def query(
        self,
        principal: Caller,
        service: FromDishka[MetricsService],
        promql: PromQL,
        time: Annotated[str | None, QueryParameter(description=_TIME)] = None,
        cluster_id: ClusterIds = None,
        timeout: FromQuery[float] = 30.0,
    ) -> Response[InstantResult]:
        return await _instant(service, principal, QueryBody(promql, time, cluster_id, timeout))

    @post(
        "/query",
        summary="As GET, for long queries",
        status_code=HTTP_200_OK,
        responses=in_part(InstantResult),
    )
    @inject
    async def post_query(
        self, principal: Caller, service: FromDishka[MetricsService], data: JSONBody[QueryBody]
    ) -> Response[InstantResult]:
        return await _instant(service, principal, data)

    @get(
        "/query_range",
        summary="Evaluate PromQL at every step of a time range over clusters",
        responses=in_part(RangeResult),
    )
    @inject
    async def query_range(
        self,
        principal: Caller,
        service: FromDishka[MetricsService],
        promql: PromQL,
        start: Annotated[str, QueryParameter(description=_TIME)],
        end: Annotated[str, QueryParameter(description=_TIME)],
        step: Annotated[str, QueryParameter(description=_STEP)],
        cluster_id: ClusterIds = None,
        timeout: FromQuery[float] = 30.0,
    ) -> Response[RangeResult]:
        return await _range(service, principal, QueryRangeBody(promql, start, end, step, cluster_id, timeout))

    @post(
        "/query_range",
        summary="As GET, for long queries",
        status_code=HTTP_200_OK,
        responses=in_part(RangeResult),
    )
    @inject
    async def post_query_range(
        self, principal: Caller, service: FromDishka[MetricsService], data: JSONBody[QueryRangeBody]
    ) -> Response[RangeResult]:
        return await _range(service, principal, data)

    @get("/labels", summary="The names of labels", responses=in_part(LabelNames))
    @inject
    async def labels(
        self,
        principal: Caller,
        service: FromDishka[SeriesNames],
        match: Match = None,
        cluster_id: ClusterIds = None,
        timeout: Timeout = 30.0,
    ) -> Response[LabelNames]:
        within = Within(tuple(match or ()))
        result = await service.labels(principal, within=within, cluster_ids=cluster_id, timeout_s=timeout)
        return reply(result, result.clusters)

    @get("/label/{name:str}/values", summary="The values of one label", responses=in_part(LabelValues))
    @inject
    async def label_values(
        self,
        principal: Caller,
        service: FromDishka[SeriesNames],
        name: FromPath[str],
        match: Match = None,
        cluster_id: ClusterIds = None,
        timeout: Timeout = 30.0,
    ) -> Response[LabelValues]:
        within = Within(tuple(match or ()))
        result = await service.label_values(principal, name, within=within, cluster_ids=cluster_id, timeout_s=timeout)
        return reply(result, result.clusters)

    @get("/series", summary="The series that a selector finds", responses=in_part(SeriesFound))
    @inject
    async def series(
        self,
        principal: Caller,
        service: FromDishka[SeriesNames],
        match: FromQuery[str],
        cluster_id: ClusterIds = None,
        timeout: Timeout = 30.0,
    ) -> Response[SeriesFound]:
        result = await service.series(principal, Within((match,)), cluster_ids=cluster_id, timeout_s=timeout)
        return reply(result, result.clusters)

    @get("/metadata", summary="What metrics mean, as their exporters say", responses=in_part(MetadataFound))
    @inject
    async def metadata(
        self,
        principal: Caller,
        service: FromDishka[SeriesNames],
        metric: FromQuery[str | None] = None,
        cluster_id: ClusterIds = None,
        timeout: Timeout = 30.0,
    ) -> Response[MetadataFound]:
        result = await service.metadata(principal, metric, cluster_ids=cluster_id, timeout_s=timeout)
        return reply(result, result.clusters)


async def _instant(service: MetricsService, principal: Caller, body: QueryBody) -> Response[InstantResult]:
    at = None if body.time is None else moment(body.time)
    result = await service.query(principal, body.query, at=at, cluster_ids=body.cluster_id, timeout_s=body.timeout)
    return reply(result, result.clusters)


async def _range(service: MetricsService, principal: Caller, body: QueryRangeBody) -> Response[RangeResult]:
    result = await service.query_range_printed(
        principal,
        body.query,
        start=moment(body.start),
        end=moment(body.end),
        step_s=duration(body.step),
        cluster_ids=body.cluster_id,
        timeout_s=body.timeout,
    )
    return reply(result, result.clusters)


def reply(result: Any, outcomes: Sequence[ClusterOutcome]) -> Response[Any]:
    """200 where every cluster answered in full, else 206."""
    whole = all(outcome.status is QueryStatus.SUCCESS for outcome in outcomes)
    return Response(result, status_code=200 if whole else 206)


def moment(text: str | float) -> datetime:
    """A point in time as RFC 3339 or Unix seconds. Raises `Invalid`."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        parsed = datetime.fromisoformat(str(text))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{str(text)[:64]!r} is no time: use RFC 3339 or Unix seconds.") from None


def duration(text: str | float) -> float:
    """Seconds of a number or of a Prometheus duration. Raises `Invalid`."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(promql_parser.parse_duration(str(text)).total_seconds())
    except (ValueError, OverflowError):
        raise Invalid(f"{str(text)[:64]!r} is no duration: use seconds or, for example, 15s.") from None
