"""A peer of Tempo, written from its published HTTP API and what real servers were seen to do: for tests, never for use.

It understands one spanset of conditions joined by `&&`. Trace ids lose their leading zeros in a search, ids are base64
in a trace, errors are text/plain. A trace that is not there is an empty one by the second version of the path, and a
404 with an empty body by the first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.lab.served import Served

_QUERY = re.compile(r"^\s*\{(.*?)\}\s*(?:\|\s*select\([^()]*\))?\s*$", re.S)
_CONDITION = re.compile(r'^\(*\s*([\w.:\-]+)\s*(=|!=|>=|<=)\s*("(?:\\.|[^"\\])*"|[\w.]+)\s*\)*$')
_UNITS = {"ms": 10**6, "s": 10**9, "us": 10**3, "ns": 1}


class Refusal(Exception):
    """Told as HTTP 400 in text/plain."""


@dataclass
class Made:
    """A span; times in nanoseconds."""

    trace_id: str
    span_id: str
    parent: str | None
    name: str
    service: str
    start: int
    duration: int
    error: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)

    @property
    def all_resource(self) -> dict[str, str]:
        return {"service.name": self.service, **self.resource}


class TempoPeer(Served):
    """`older` knows only the first version of the paths; `partial` says so of every trace."""

    def __init__(self, *, older: bool = False) -> None:
        self.spans: list[Made] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.older = older
        self.partial = False
        self.fault: Callable[[web.Request], Any] | None = None

    def add(self, *spans: Made) -> None:
        self.spans.extend(spans)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._answered])
        app.router.add_get("/api/search", self._search)
        app.router.add_get("/api/traces/{id}", self._trace)
        if not self.older:
            app.router.add_get("/api/v2/traces/{id}", self._trace_v2)
        app.router.add_get("/api/v2/search/tag/{tag}/values", self._values)
        return app

    @web.middleware
    async def _answered(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        if self.fault is not None:
            answer: web.StreamResponse = await self.fault(request)
            return answer
        try:
            found: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            return web.Response(status=400, text=str(refusal), content_type="text/plain")
        return found

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        start, end = int(query["start"]) * 10**9, int(query["end"]) * 10**9
        found = []
        for trace_id in dict.fromkeys(span.trace_id for span in self.spans):
            spans = [span for span in self.spans if span.trace_id == trace_id]
            matched = [span for span in self._matched(query["q"], spans) if start <= span.start < end]
            if matched:
                found.append(_summary(trace_id, spans, matched))
        return web.json_response({"traces": found[: int(query["limit"])], "metrics": {}})

    async def _trace(self, request: web.Request) -> web.Response:
        parts = self._parts(request.match_info["id"])
        if not parts:
            return web.Response(status=404)
        return web.json_response({"batches": parts})

    async def _trace_v2(self, request: web.Request) -> web.Response:
        parts = self._parts(request.match_info["id"])
        told = {"status": "PARTIAL", "message": "the trace is too large"} if self.partial else {}
        return web.json_response({"trace": {"resourceSpans": parts} if parts else {}, **told})

    async def _values(self, request: web.Request) -> web.Response:
        tag = request.match_info["tag"]
        spans = self._matched(request.query.get("q", "{ }"), self.spans)
        values = {span.name if tag == "name" else span.all_resource[tag.removeprefix("resource.")] for span in spans}
        return web.json_response({"tagValues": [{"type": "string", "value": value} for value in sorted(values)]})

    def _parts(self, trace_id: str) -> list[dict[str, Any]]:
        if re.fullmatch(r"[0-9a-f]+", trace_id) is None:
            raise Refusal("trace IDs can only contain hex characters")
        spans = [span for span in self.spans if span.trace_id == trace_id]
        return [_batch(span) for span in spans]

    def _matched(self, query: str, spans: list[Made]) -> list[Made]:
        found = _QUERY.match(query)
        if found is None:
            raise Refusal("invalid TraceQL query: parse error at line 1, col 3: syntax error")
        conditions = [text.strip() for text in found[1].split("&&") if text.strip(" ()")]
        return [span for span in spans if all(_holds(text, span, spans) for text in conditions)]


def _holds(text: str, span: Made, spans: list[Made]) -> bool:
    found = _CONDITION.match(text)
    if found is None:
        raise Refusal("invalid TraceQL query: parse error at line 1, col 3: unknown identifier")
    name, op, value = found[1], found[2], json.loads(found[3]) if found[3].startswith('"') else found[3]
    if name == "traceDuration":
        number, unit = re.fullmatch(r"([\d.]+)(\w+)", value).groups()  # type: ignore[union-attr]
        took = max(one.start + one.duration for one in spans) - min(one.start for one in spans)
        return (took >= float(number) * _UNITS[unit]) == (op == ">=")
    have = {
        "name": span.name,
        "status": "error" if span.error else "unset",
        **{f"resource.{key}": one for key, one in span.all_resource.items()},
        **{f"span.{key}": one for key, one in span.attributes.items()},
        **{f".{key}": one for key, one in {**span.all_resource, **span.attributes}.items()},
    }.get(name)
    return (have == value) == (op == "=")


def _summary(trace_id: str, spans: list[Made], matched: list[Made]) -> dict[str, Any]:
    root = next((span for span in spans if span.parent is None), None)
    start, end = min(span.start for span in spans), max(span.start + span.duration for span in spans)
    shown = [
        {
            "spanID": span.span_id,
            "name": span.name,
            "startTimeUnixNano": str(span.start),
            "durationNanos": str(span.duration),
            "attributes": _attributes({"service.name": span.service}),
        }
        for span in matched
    ]
    stats: dict[str, dict[str, int]] = {}
    for span in spans:
        one = stats.setdefault(span.service, {"spanCount": 0, "errorCount": 0})
        one["spanCount"] += 1
        one["errorCount"] += span.error
    named = {} if root is None else {"rootServiceName": root.service, "rootTraceName": root.name}
    return {
        "traceID": trace_id.lstrip("0"),
        "rootServiceName": "<root span not yet received>",
        **named,
        "startTimeUnixNano": str(start),
        "durationMs": (end - start) // 10**6,
        "spanSets": [{"spans": shown, "matched": len(matched)}],
        "serviceStats": stats,
    }


def _batch(span: Made) -> dict[str, Any]:
    made = {
        "traceId": _base64(span.trace_id),
        "spanId": _base64(span.span_id),
        **({} if span.parent is None else {"parentSpanId": _base64(span.parent)}),
        "name": span.name,
        "kind": "SPAN_KIND_SERVER",
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.start + span.duration),
        "attributes": _attributes(span.attributes),
        "status": {"code": "STATUS_CODE_ERROR", "message": "boom"} if span.error else {},
    }
    if span.error:
        event = {"name": "exception", "attributes": _attributes({"exception.message": "boom"})}
        made["events"] = [{"timeUnixNano": str(span.start + span.duration // 2), **event}]
    return {"resource": {"attributes": _attributes(span.all_resource)}, "scopeSpans": [{"spans": [made]}]}


def _attributes(attributes: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()
