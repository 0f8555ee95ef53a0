"""A cluster's own Tempo, or anything that speaks its HTTP API.

A trace that is not there is a 404 with an empty body, or in the second version of the path a 200 with an empty trace;
an older server has only the first version.
"""

from __future__ import annotations

from typing import Any, TypeVar

import aiohttp
import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid, NotFound
from aiops.kernel.outbound import Outbound
from aiops.observability.backends.asking import AT_ONCE, Asking, Form, not_answering, plain_message, speaks_otherwise
from aiops.observability.service.traces_remote import FoundTrace, RemoteTrace, ResourceSpans, SearchReply
from aiops.registry.ports import Target

MAX_REPLY_BYTES = 50 * 1024 * 1024
_SPANS_A_SET = 20
_JSON = {"Accept": "application/json"}

T = TypeVar("T")


class _Spans(msgspec.Struct, rename="camel"):
    resource_spans: list[ResourceSpans] = []
    batches: list[ResourceSpans] = []


class _Trace(msgspec.Struct):
    trace: _Spans = msgspec.field(default_factory=_Spans)
    status: str | int = ""
    message: str = ""


class _TypedValue(msgspec.Struct):
    value: str


class _TagValues(msgspec.Struct, rename="camel"):
    tag_values: list[_TypedValue | str] | None = None


_SEARCH = msgspec.json.Decoder(SearchReply)
_TRACE = msgspec.json.Decoder(_Trace)
_OLDER_TRACE = msgspec.json.Decoder(_Spans)
_VALUES = msgspec.json.Decoder(_TagValues)


class TempoBackend:
    """Implements `RemoteTraces`."""

    def __init__(
        self,
        connection: Outbound | aiohttp.ClientSession,
        clock: Clock,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        at_once: int = AT_ONCE,
    ) -> None:
        self._asking = Asking(
            connection,
            clock,
            max_reply_bytes=max_reply_bytes,
            at_once=at_once,
            smaller="ask for fewer traces or a shorter time.",
        )

    async def search(
        self, target: Target, query: str, start_s: int, end_s: int, limit: int, timeout_s: float
    ) -> list[FoundTrace]:
        form = [
            ("q", query),
            ("start", str(start_s)),
            ("end", str(end_s)),
            ("limit", str(limit)),
            ("spss", str(_SPANS_A_SET)),
        ]
        return (await self._ask(target, "/api/search", form, _SEARCH, timeout_s)).traces

    async def trace(self, target: Target, trace_id: str, timeout_s: float) -> RemoteTrace | None:
        try:
            found = await self._ask(target, f"/api/v2/traces/{trace_id}", [], _TRACE, timeout_s)
        except NotFound:
            return await self._older_trace(target, trace_id, timeout_s)
        parts = [*found.trace.resource_spans, *found.trace.batches]
        partial = (found.message or "It holds only a part of it.") if found.status in ("PARTIAL", 1) else None
        return RemoteTrace(parts, partial) if parts else None

    async def _older_trace(self, target: Target, trace_id: str, timeout_s: float) -> RemoteTrace | None:
        try:
            found = await self._ask(target, f"/api/traces/{trace_id}", [], _OLDER_TRACE, timeout_s)
        except NotFound:
            return None
        parts = [*found.batches, *found.resource_spans]
        return RemoteTrace(parts) if parts else None

    async def tag_values(
        self, target: Target, tag: str, query: str, start_s: int, end_s: int, timeout_s: float
    ) -> list[str]:
        form = [("q", query), ("start", str(start_s)), ("end", str(end_s))]
        found = await self._ask(target, f"/api/v2/search/tag/{tag}/values", form, _VALUES, timeout_s)
        return [one if isinstance(one, str) else one.value for one in found.tag_values or ()]

    async def _ask(
        self, target: Target, path: str, form: Form, decoder: msgspec.json.Decoder[T], timeout_s: float
    ) -> T:
        body = await self._asking.ask(target, "GET", path, form, timeout_s, _judge, headers=_JSON)
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise speaks_otherwise("Tempo", error) from error


def _judge(status: int, body: bytes) -> AiopsError:
    message: Any = plain_message(body)
    if status == 404:
        return NotFound("It has no such thing.")
    if message is not None and status in {400, 422}:
        return Invalid(f"Its Tempo refused the query: {message}")
    return not_answering(status, message)
