"""A cluster's own Loki, or anything that speaks its HTTP API.

It answers errors in text/plain. Asked to (`categorize-labels`), it tells a stream's labels from a line's structured
metadata and from what the query parsed; one that is too old to know mixes them, and they pass as labels.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import msgspec
from yarl import URL

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.asking import (
    AT_ONCE,
    MAX_SERIES,
    Asking,
    Form,
    bound_series,
    not_answering,
    plain_message,
    speaks_otherwise,
    unreached,
)
from aiops.observability.ports import Labels
from aiops.observability.ports_signals import Direction
from aiops.observability.service.logs_remote import RemoteLogAnswer, Stream, StreamsResult, TailMessage
from aiops.observability.service.metrics.remote import MatrixResult, RemoteAnswer, VectorResult
from aiops.registry.ports import Target

MAX_REPLY_BYTES = 16 * 1024 * 1024
MAX_TAIL_MESSAGE_BYTES = 4 * 1024 * 1024

_CATEGORIZE = {"X-Loki-Response-Encoding-Flags": "categorize-labels", "Accept": "application/json"}
_LONGEST_IN_ADDRESS = 4_000
_HEARTBEAT_S = 20.0
_CONNECTS_S = 30.0


class _QueryReply(msgspec.Struct):
    status: str
    data: RemoteLogAnswer
    warnings: list[str] = []


class _NamesReply(msgspec.Struct):
    status: str
    data: list[str] = []


class _SeriesReply(msgspec.Struct):
    status: str
    data: list[Labels] = []


_QUERY = msgspec.json.Decoder(_QueryReply)
_NAMES = msgspec.json.Decoder(_NamesReply)
_SERIES = msgspec.json.Decoder(_SeriesReply)
_TAIL = msgspec.json.Decoder(TailMessage)


class LokiBackend:
    """Implements `RemoteLogs`. An answer in numbers of more than `max_series` is refused.

    `tails` holds the connections that stay open, so that they take no query's place.
    """

    def __init__(
        self,
        connection: Outbound,
        tails: Outbound,
        clock: Clock,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        max_series: int = MAX_SERIES,
        at_once: int = AT_ONCE,
    ) -> None:
        self._max_series = max_series
        self._tails = tails
        self._asking = Asking(
            connection,
            clock,
            max_reply_bytes=max_reply_bytes,
            at_once=at_once,
            smaller="ask for fewer lines or a shorter time.",
        )

    async def lines(
        self,
        target: Target,
        query: str,
        start_ns: int,
        end_ns: int,
        limit: int,
        direction: Direction,
        timeout_s: float,
    ) -> RemoteAnswer[list[Stream]]:
        form = [
            ("query", query),
            ("start", str(start_ns)),
            ("end", str(end_ns)),
            ("limit", str(limit)),
            ("direction", direction.value),
        ]
        answer = await self._query(target, "query_range", form, timeout_s)
        if not isinstance(answer.data, StreamsResult):
            raise speaks_otherwise("Loki")
        return RemoteAnswer(answer.data.result, answer.warnings, answer.size)

    async def instant(self, target: Target, query: str, at_s: float, timeout_s: float) -> RemoteAnswer[RemoteLogAnswer]:
        return await self._query(target, "query", [("query", query), ("time", _ns(at_s))], timeout_s)

    async def range(
        self, target: Target, query: str, start_s: float, end_s: float, step_s: float, timeout_s: float
    ) -> RemoteAnswer[MatrixResult]:
        form = [("query", query), ("start", _ns(start_s)), ("end", _ns(end_s)), ("step", f"{step_s:.3f}")]
        answer = await self._query(target, "query_range", form, timeout_s)
        if not isinstance(answer.data, MatrixResult):
            raise speaks_otherwise("Loki")
        return RemoteAnswer(answer.data, answer.warnings, answer.size)

    async def labels(
        self, target: Target, selector: str | None, start_ns: int, end_ns: int, timeout_s: float
    ) -> list[str]:
        return cast("list[str]", await self._names(target, "labels", selector, start_ns, end_ns, timeout_s))

    async def label_values(
        self, target: Target, name: str, selector: str | None, start_ns: int, end_ns: int, timeout_s: float
    ) -> list[str]:
        path = f"label/{name}/values"
        return cast("list[str]", await self._names(target, path, selector, start_ns, end_ns, timeout_s))

    async def streams(
        self, target: Target, selector: str, start_ns: int, end_ns: int, timeout_s: float
    ) -> list[Labels]:
        form = [("match[]", selector), ("start", str(start_ns)), ("end", str(end_ns))]
        return cast("list[Labels]", (await self._ask(target, "series", form, _SERIES, timeout_s))[0].data)

    @asynccontextmanager
    async def tail(
        self, target: Target, query: str, start_ns: int, limit: int
    ) -> AsyncIterator[AsyncIterator[TailMessage]]:
        address = URL(f"{target.url.rstrip('/')}/loki/api/v1/tail").with_query(
            {"query": query, "start": str(start_ns), "limit": str(limit)}
        )
        try:
            async with self._tails.websocket(
                address.with_scheme("wss" if address.scheme == "https" else "ws"),
                headers={**_CATEGORIZE, **target.headers},
                tls=target.tls,
                proxy_url=target.proxy_url,
                heartbeat_s=_HEARTBEAT_S,
                max_message_bytes=MAX_TAIL_MESSAGE_BYTES,
            ) as socket:
                yield _messages(socket)
        except aiohttp.WSServerHandshakeError as error:
            raise not_answering(error.status) from error
        except (aiohttp.ClientError, OSError) as error:
            raise unreached(error, target, _CONNECTS_S) from error

    async def _names(
        self, target: Target, path: str, selector: str | None, start_ns: int, end_ns: int, timeout_s: float
    ) -> Any:
        form = [("start", str(start_ns)), ("end", str(end_ns))]
        if selector is not None:
            form.append(("query", selector))
        return (await self._ask(target, path, form, _NAMES, timeout_s))[0].data

    async def _query(self, target: Target, path: str, form: Form, timeout_s: float) -> RemoteAnswer[RemoteLogAnswer]:
        reply, size = await self._ask(target, path, form, _QUERY, timeout_s)
        if isinstance(reply.data, VectorResult | MatrixResult):
            bound_series(len(reply.data.result), self._max_series)
        return RemoteAnswer(reply.data, tuple(reply.warnings), size)

    async def _ask(
        self, target: Target, path: str, form: Form, decoder: msgspec.json.Decoder[Any], timeout_s: float
    ) -> tuple[Any, int]:
        """What was answered, and how many bytes it took."""
        method = "GET" if sum(len(value) for _, value in form) < _LONGEST_IN_ADDRESS else "POST"
        body = await self._asking.ask(
            target, method, f"/loki/api/v1/{path}", form, timeout_s, _judge, headers=_CATEGORIZE
        )
        try:
            reply = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise speaks_otherwise("Loki", error) from error
        if reply.status != "success":
            raise speaks_otherwise("Loki")
        return reply, len(body)


async def _messages(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[TailMessage]:
    async for message in socket:
        if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            try:
                yield _TAIL.decode(message.data)
            except msgspec.DecodeError as error:
                raise speaks_otherwise("Loki", error) from error


def _judge(status: int, body: bytes) -> AiopsError:
    message = plain_message(body)
    if message is not None and status in {400, 422}:
        return Invalid(f"Its Loki refused the query: {message}")
    return not_answering(status, message)


def _ns(seconds: float) -> str:
    return str(round(seconds * 1000) * 1_000_000)
