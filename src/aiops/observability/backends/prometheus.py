"""A cluster's own Prometheus, or anything that speaks its HTTP API."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, TypeVar, cast

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.asking import (
    AT_ONCE,
    MAX_REPLY_BYTES,
    MAX_SERIES,
    Asking,
    Form,
    bound_series,
    not_answering,
    shortened,
    speaks_otherwise,
)
from aiops.observability.ports import Labels
from aiops.observability.service.metrics.remote import (
    MatrixResult,
    Meaning,
    RemoteAnswer,
    RemoteInstant,
    RemoteRange,
    RemoteWithin,
    VectorResult,
)
from aiops.registry.ports import Target

T = TypeVar("T")


class _Status(msgspec.Struct):
    status: str
    error: str | None = None


class _InstantReply(msgspec.Struct):
    status: str
    data: RemoteInstant | None = None
    warnings: list[str] = []


class _RangeReply(msgspec.Struct):
    status: str
    data: RemoteRange | None = None
    warnings: list[str] = []


class _NamesReply(msgspec.Struct):
    status: str
    data: list[str] | None = None
    warnings: list[str] = []


class _SeriesReply(msgspec.Struct):
    status: str
    data: list[Labels] | None = None
    warnings: list[str] = []


class _MetadataReply(msgspec.Struct):
    status: str
    data: dict[str, list[Meaning]] | None = None
    warnings: list[str] = []


_INSTANT = msgspec.json.Decoder(_InstantReply)
_RANGE = msgspec.json.Decoder(_RangeReply)
_NAMES = msgspec.json.Decoder(_NamesReply)
_SERIES = msgspec.json.Decoder(_SeriesReply)
_METADATA = msgspec.json.Decoder(_MetadataReply)
_STATUS = msgspec.json.Decoder(_Status)


class PrometheusBackend:
    """Implements `RemoteMetrics`. An answer of more than `max_series` is refused; a Prometheus from 3.0 on is told not
    to send more."""

    def __init__(
        self,
        connection: Outbound | aiohttp.ClientSession,
        clock: Clock,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        max_series: int = MAX_SERIES,
        at_once: int = AT_ONCE,
    ) -> None:
        self._asking = Asking(connection, clock, max_reply_bytes=max_reply_bytes, at_once=at_once)
        self._max_series = max_series
        # One more than are taken: an answer that was cut off there is told from one that just fits.
        self._limit = "limit", str(max_series + 1)

    async def instant(
        self, target: Target, query: str, at_s: float | None, timeout_s: float
    ) -> RemoteAnswer[RemoteInstant]:
        form = _instant_form(query, at_s, timeout_s, self._limit)
        return await self._ask(target, "POST", "query", form, _INSTANT, timeout_s)

    async def range(
        self, target: Target, query: str, start_s: float, end_s: float, step_s: float, timeout_s: float
    ) -> RemoteAnswer[RemoteRange]:
        form = [
            ("query", query),
            ("start", _seconds(start_s)),
            ("end", _seconds(end_s)),
            ("step", _seconds(step_s)),
            ("timeout", f"{math.ceil(timeout_s * 1000)}ms"),
            self._limit,
        ]
        return await self._ask(target, "POST", "query_range", form, _RANGE, timeout_s)

    async def labels(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[str]]:
        return await self._ask(target, "POST", "labels", _form(within), _NAMES, timeout_s)

    async def label_values(
        self, target: Target, name: str, within: RemoteWithin, timeout_s: float
    ) -> RemoteAnswer[list[str]]:
        return await self._ask(target, "GET", f"label/{name}/values", _form(within), _NAMES, timeout_s)

    async def series(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[Labels]]:
        return await self._ask(target, "POST", "series", [*_form(within), self._limit], _SERIES, timeout_s)

    async def metadata(
        self, target: Target, metric: str | None, timeout_s: float
    ) -> RemoteAnswer[dict[str, list[Meaning]]]:
        form = [] if metric is None else [("metric", metric)]
        return await self._ask(target, "GET", "metadata", form, _METADATA, timeout_s)

    async def _ask(
        self,
        target: Target,
        method: str,
        path: str,
        form: Form,
        decoder: msgspec.json.Decoder[Any],
        timeout_s: float,
    ) -> RemoteAnswer[Any]:
        body = await self._asking.ask(target, method, f"/api/v1/{path}", form, timeout_s, _judge)
        if b'"histograms":[' in body or b'"histogram":[' in body:
            raise Invalid(
                "Its answer has native histograms, which the hub can't show: ask for numbers of them, as in "
                "histogram_quantile(…) or histogram_count(…)."
            )
        answer = _decoded(body, decoder)
        if decoder is not _NAMES and decoder is not _METADATA:
            self._bound(answer.data)
        return answer

    def _bound(self, data: Any) -> None:
        series = data.result if isinstance(data, VectorResult | MatrixResult) else data
        if isinstance(series, list):
            bound_series(len(series), self._max_series)


@lru_cache(maxsize=64)
def _instant_form(query: str, at_s: float | None, timeout_s: float, limit: tuple[str, str]) -> Form:
    """Once for all the clusters that are asked the same."""
    form = ("query", query), ("timeout", f"{math.ceil(timeout_s * 1000)}ms"), limit
    return form if at_s is None else (*form, ("time", _seconds(at_s)))


def _judge(status: int, body: bytes) -> AiopsError:
    message = _message(body)
    if message is not None and status in {400, 422}:
        return Invalid(f"Its Prometheus refused the query: {message}")
    return not_answering(status, message)


def _form(within: RemoteWithin) -> list[tuple[str, str]]:
    match = [("match[]", text) for text in within.match]
    return [*match, ("start", _seconds(within.start_s)), ("end", _seconds(within.end_s))]


def _decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> RemoteAnswer[Any]:
    try:
        reply = cast("Any", decoder.decode(body))
    except msgspec.DecodeError as error:
        raise speaks_otherwise("Prometheus", error) from error
    if reply.status != "success" or reply.data is None:
        raise speaks_otherwise("Prometheus")
    return RemoteAnswer(reply.data, tuple(reply.warnings), len(body))


def _message(body: bytes) -> str | None:
    try:
        error = _STATUS.decode(body).error
    except msgspec.DecodeError:
        return None
    return shortened(error) if error else None


def _seconds(value: float) -> str:
    return f"{value:.3f}"
