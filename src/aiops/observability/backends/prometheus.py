"""A cluster's own Prometheus, or anything that speaks its HTTP API."""

from __future__ import annotations

import asyncio
import math
from typing import Any, TypeVar, cast

import aiohttp
import msgspec
from yarl import URL

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid, TimedOut, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.breaker import Breaker
from aiops.observability.ports import Labels
from aiops.observability.service.metrics_remote import (
    Meaning,
    RemoteAnswer,
    RemoteInstant,
    RemoteRange,
    RemoteWithin,
)
from aiops.registry.ports import Target

MAX_REPLY_BYTES = 50 * 1024 * 1024

_MOST_BREAKERS = 10_000
_ERROR_CHARACTERS = 300

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
    """Implements `RemoteMetrics`. One breaker an endpoint; one retry, and only where the connection was reset."""

    def __init__(
        self, connection: Outbound | aiohttp.ClientSession, clock: Clock, *, max_reply_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._max_reply_bytes = max_reply_bytes
        self._breakers: dict[str, Breaker] = {}

    async def instant(
        self, target: Target, query: str, at_s: float | None, timeout_s: float
    ) -> RemoteAnswer[RemoteInstant]:
        form = [("query", query), ("timeout", f"{math.ceil(timeout_s * 1000)}ms")]
        if at_s is not None:
            form.append(("time", _seconds(at_s)))
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
        ]
        return await self._ask(target, "POST", "query_range", form, _RANGE, timeout_s)

    async def labels(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[str]]:
        return await self._ask(target, "POST", "labels", _form(within), _NAMES, timeout_s)

    async def label_values(
        self, target: Target, name: str, within: RemoteWithin, timeout_s: float
    ) -> RemoteAnswer[list[str]]:
        return await self._ask(target, "GET", f"label/{name}/values", _form(within), _NAMES, timeout_s)

    async def series(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[Labels]]:
        return await self._ask(target, "POST", "series", _form(within), _SERIES, timeout_s)

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
        form: list[tuple[str, str]],
        decoder: msgspec.json.Decoder[Any],
        timeout_s: float,
    ) -> RemoteAnswer[Any]:
        breaker = self._breaker(target.url)
        if not breaker.admit():
            raise Unavailable(
                f"It failed too often and is left alone for another {breaker.retry_after_s():.0f} s.",
                code="CLUSTER_UNREACHABLE",
            )
        try:
            async with asyncio.timeout(timeout_s):
                body = await self._send(target, method, path, form)
        except TimeoutError:
            breaker.failed()
            raise TimedOut(f"It did not answer within {timeout_s:g} s.", code="QUERY_TIMEOUT") from None
        except Unavailable:
            breaker.failed()
            raise
        except (aiohttp.ClientError, OSError) as error:
            breaker.failed()
            raise Unavailable(f"It cannot be reached: {error}", code="CLUSTER_UNREACHABLE") from error
        except Invalid:
            breaker.succeeded()
            raise
        except BaseException:
            breaker.abandoned()
            raise
        breaker.succeeded()
        return _decoded(body, decoder)

    async def _send(self, target: Target, method: str, path: str, form: list[tuple[str, str]]) -> bytes:
        try:
            return await self._once(target, method, path, form)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
            # A kept connection that the server closed meanwhile; these requests only read.
            return await self._once(target, method, path, form)

    async def _once(self, target: Target, method: str, path: str, form: list[tuple[str, str]]) -> bytes:
        url = URL(f"{target.url.rstrip('/')}/api/v1/{path}")
        options: dict[str, Any] = {"data": form} if method == "POST" else {"params": form}
        if isinstance(self._connection, Outbound):
            options |= {"tls": target.tls, "proxy_url": target.proxy_url}
        async with self._connection.request(method, url, headers=target.headers, **options) as response:
            body = await self._read(response)
            if response.status == 200:
                return body
            message = _message(body)
            if message is not None and response.status in {400, 422}:
                raise Invalid(f"Its Prometheus refused the query: {message}")
            raise Unavailable(
                f"It answered with HTTP {response.status}{f': {message}' if message else ''}.",
                code="CLUSTER_UNREACHABLE",
            )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        pieces, size = [], 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > self._max_reply_bytes:
                response.close()
                raise Invalid(
                    f"Its answer is larger than {self._max_reply_bytes // (1024 * 1024)} MB: "
                    "ask for fewer series or a longer step."
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _breaker(self, url: str) -> Breaker:
        breaker = self._breakers.get(url)
        if breaker is None:
            if len(self._breakers) >= _MOST_BREAKERS:
                self._breakers.pop(next(iter(self._breakers)))
            breaker = self._breakers[url] = Breaker(self._clock)
        return breaker


def _form(within: RemoteWithin) -> list[tuple[str, str]]:
    match = [("match[]", text) for text in within.match]
    return [*match, ("start", _seconds(within.start_s)), ("end", _seconds(within.end_s))]


def _decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> RemoteAnswer[Any]:
    try:
        reply = cast("Any", decoder.decode(body))
    except msgspec.DecodeError as error:
        raise Unavailable(f"It did not answer as a Prometheus does: {error}", code="CLUSTER_UNREACHABLE") from error
    if reply.status != "success" or reply.data is None:
        raise Unavailable("It did not answer as a Prometheus does.", code="CLUSTER_UNREACHABLE")
    return RemoteAnswer(reply.data, tuple(reply.warnings), len(body))


def _message(body: bytes) -> str | None:
    try:
        error = _STATUS.decode(body).error
    except msgspec.DecodeError:
        return None
    return error[:_ERROR_CHARACTERS] if error else None


def _seconds(value: float) -> str:
    return f"{value:.3f}"
