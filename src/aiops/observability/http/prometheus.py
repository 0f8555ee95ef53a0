"""The fleet as one Prometheus data source: Prometheus' own HTTP API below `/prometheus`, for Grafana and its like.

Answers and errors have Prometheus' form, and not the envelope of the other routes: clients know no other. A cluster
that did not answer is named in `warnings`. Protocol: https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.status_codes import HTTP_200_OK

from aiops.kernel.errors import (
    AiopsError,
    Invalid,
    NotFound,
    PermissionDenied,
    Rejected,
    Retriable,
    TimedOut,
    Unauthenticated,
)
from aiops.kernel.http import ERROR_FORM, Caller, EndsWithItsClient
from aiops.observability.http.metrics import duration, moment
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.service.metrics.names import SeriesNames, Within
from aiops.observability.service.metrics.service import MetricsService

SPOKEN_VERSION = "2.42.0"
"""The Prometheus whose API this is."""

_TIME = "RFC 3339 or Unix seconds"
Match = Annotated[list[str] | None, QueryParameter(name="match[]", description="A selector; may be repeated")]
Start = Annotated[str | None, QueryParameter(description=_TIME)]
End = Annotated[str | None, QueryParameter(description=_TIME)]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`status` is `success` or `error`."""

    status: str
    data: Any = None
    error_type: str | None = msgspec.field(default=None, name="errorType")
    error: str | None = None
    warnings: list[str] = []


class QueryForm(msgspec.Struct, frozen=True):
    query: str
    time: str | None = None
    timeout: str | None = None


class QueryRangeForm(msgspec.Struct, frozen=True):
    query: str
    start: str
    end: str
    step: str
    timeout: str | None = None


class SelectForm(msgspec.Struct, frozen=True):
    match: str | list[str] = msgspec.field(default_factory=list, name="match[]")
    start: str | None = None
    end: str | None = None


def _failed(status: int, kind: str, message: str) -> Response[Answer]:
    return Response(
        Answer(status="error", error_type=kind, error=message), status_code=status, media_type="application/json"
    )


_FORMS: dict[type[AiopsError], tuple[int, str]] = {
    Unauthenticated: (401, "unauthorized"),
    PermissionDenied: (403, "forbidden"),
    NotFound: (404, "not_found"),
    Invalid: (400, "bad_data"),
    Rejected: (422, "execution"),
    TimedOut: (503, "timeout"),
    Retriable: (503, "unavailable"),
}


def _on_error(_request: Request[Any, Any, Any], error: AiopsError) -> Response[Answer]:
    status, kind = next(form for of, form in _FORMS.items() if isinstance(error, of))
    return _failed(status, kind, error.message)


def _on_bad_request(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Answer]:
    told = [str(one.get("key", "")) for one in error.extra or () if isinstance(one, dict)]
    return _failed(400, "bad_data", ", ".join([error.detail, *told]))


class PrometheusController(Controller):
    path = "/prometheus/api/v1"
    middleware = [EndsWithItsClient()]  # noqa: RUF012
    tags: Sequence[str] = ["prometheus"]
    exception_handlers = {Rejected: _on_error, Retriable: _on_error, HTTPException: _on_bad_request}  # noqa: RUF012
    opt = {ERROR_FORM: Answer}  # noqa: RUF012

    @get("/query", summary="Evaluate PromQL over the fleet at one moment")
    @inject
    async def query(
        self,
        principal: Caller,
        service: FromDishka[MetricsService],
        promql: Annotated[str, QueryParameter(name="query")],
        time: Start = None,
        timeout: FromQuery[str | None] = None,
    ) -> Response[Answer]:
        return await _instant(service, principal, QueryForm(promql, time, timeout))

    @post("/query", summary="As GET, with a form", status_code=HTTP_200_OK, opt={"form": True})
    @inject
    async def post_query(
        self, principal: Caller, service: FromDishka[MetricsService], data: URLEncodedBody[QueryForm]
    ) -> Response[Answer]:
        return await _instant(service, principal, data)

    @get("/query_range", summary="Evaluate PromQL over the fleet at every step of a time range")
    @inject
    async def query_range(
        self,
        principal: Caller,
        service: FromDishka[MetricsService],
        promql: Annotated[str, QueryParameter(name="query")],
        start: Annotated[str, QueryParameter(description=_TIME)],
        end: Annotated[str, QueryParameter(description=_TIME)],
        step: Annotated[str, QueryParameter(description="Seconds or a duration such as 15s")],
        timeout: FromQuery[str | None] = None,
    ) -> Response[Answer]:
        return await _range(service, principal, QueryRangeForm(promql, start, end, step, timeout))

    @post("/query_range", summary="As GET, with a form", status_code=HTTP_200_OK, opt={"form": True})
    @inject
    async def post_query_range(
        self, principal: Caller, service: FromDishka[MetricsService], data: URLEncodedBody[QueryRangeForm]
    ) -> Response[Answer]:
        return await _range(service, principal, data)

    @get("/series", summary="The series that selectors find")
    @inject
    async def series(
        self,
        principal: Caller,
        names: FromDishka[SeriesNames],
        match: Match = None,
        start: Start = None,
        end: End = None,
    ) -> Response[Answer]:
        return await _series(names, principal, _within(match, start, end))

    @post("/series", summary="As GET, with a form", status_code=HTTP_200_OK, opt={"form": True})
    @inject
    async def post_series(
        self, principal: Caller, names: FromDishka[SeriesNames], data: URLEncodedBody[SelectForm]
    ) -> Response[Answer]:
        return await _series(names, principal, _within(data.match, data.start, data.end))

    @get("/labels", summary="The names of labels")
    @inject
    async def labels(
        self,
        principal: Caller,
        names: FromDishka[SeriesNames],
        match: Match = None,
        start: Start = None,
        end: End = None,
    ) -> Response[Answer]:
        return await _labels(names, principal, _within(match, start, end))

    @post("/labels", summary="As GET, with a form", status_code=HTTP_200_OK, opt={"form": True})
    @inject
    async def post_labels(
        self, principal: Caller, names: FromDishka[SeriesNames], data: URLEncodedBody[SelectForm]
    ) -> Response[Answer]:
        return await _labels(names, principal, _within(data.match, data.start, data.end))

    @get("/label/{name:str}/values", summary="The values of one label")
    @inject
    async def label_values(
        self,
        principal: Caller,
        names: FromDishka[SeriesNames],
        name: FromPath[str],
        match: Match = None,
        start: Start = None,
        end: End = None,
    ) -> Response[Answer]:
        found = await names.label_values(principal, name, within=_within(match, start, end))
        return _answer(found.values, found.clusters)

    @get("/metadata", summary="What metrics mean, as their exporters say")
    @inject
    async def metadata(
        self,
        principal: Caller,
        names: FromDishka[SeriesNames],
        metric: FromQuery[str | None] = None,
        limit: FromQuery[int | None] = None,
    ) -> Response[Answer]:
        found = await names.metadata(principal, metric)
        return _answer(dict(list(found.metadata.items())[: limit if limit and limit > 0 else None]), found.clusters)

    @get("/status/buildinfo", summary="Which Prometheus' API this speaks")
    async def buildinfo(self, principal: Caller) -> Response[Answer]:
        told = {
            "version": SPOKEN_VERSION,
            "application": "AIOps NextGen",
            "revision": version("aiops-nextgen"),
            "goVersion": "",
        }
        return _answer(told, ())


async def _instant(service: MetricsService, principal: Caller, form: QueryForm) -> Response[Answer]:
    at = moment(form.time) if form.time else datetime.now(UTC)
    result = await service.query(principal, form.query, at=at, timeout_s=_timeout(form.timeout))
    if result.scalar:
        return _answer({"resultType": "scalar", "result": result.series[0].value}, result.clusters)
    return _answer({"resultType": "vector", "result": result.series}, result.clusters)


async def _range(service: MetricsService, principal: Caller, form: QueryRangeForm) -> Response[Answer]:
    result = await service.query_range_printed(
        principal,
        form.query,
        start=moment(form.start),
        end=moment(form.end),
        step_s=duration(form.step),
        timeout_s=_timeout(form.timeout),
    )
    return _answer({"resultType": "matrix", "result": result.series}, result.clusters)


async def _series(names: SeriesNames, principal: Caller, within: Within) -> Response[Answer]:
    found = await names.series(principal, within)
    return _answer(found.series, found.clusters)


async def _labels(names: SeriesNames, principal: Caller, within: Within) -> Response[Answer]:
    found = await names.labels(principal, within=within)
    return _answer(found.labels, found.clusters)


def _within(match: str | Sequence[str] | None, start: str | None, end: str | None) -> Within:
    selectors = (match,) if isinstance(match, str) else tuple(match or ())
    return Within(selectors, moment(start).timestamp() if start else None, moment(end).timestamp() if end else None)


def _timeout(text: str | None) -> float:
    return duration(text) if text else 30.0


def _answer(data: Any, outcomes: Sequence[ClusterOutcome]) -> Response[Answer]:
    missing = [one for one in outcomes if one.status is not QueryStatus.SUCCESS]
    return Response(Answer(status="success", data=data, warnings=[f"{one.cluster}: {one.error}" for one in missing]))
