"""A peer of Loki, written from its published HTTP API and what real servers were seen to do: for tests, never for use.

It understands selectors, `|=`, and counts over time with one sum around them. Errors come as text/plain, structured
metadata among a stream's labels unless `categorize-labels` is asked for, empty lists without `data`, and both ends of a
range of numbers are moved to whole multiples of the step.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.lab.served import Served

_MATCHER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"\s*,?')
_LINES = re.compile(r'^\s*(\{[^{}]*\})((?:\s*\|=\s*"(?:\\.|[^"\\])*")*)\s*$')
_COUNT = re.compile(r"^\s*(count_over_time|rate)\s*\(\s*(.*?)\s*\[(\d+)(s|m|h)\]\s*\)\s*$", re.S)
_AROUND = re.compile(r"^\s*(sum|count|max|min)\s*(?:by\s*\(([^()]*)\)\s*)?\((.*)\)\s*$", re.S)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    "=~": lambda have, want: re.fullmatch(want, have) is not None,
    "!~": lambda have, want: re.fullmatch(want, have) is None,
}
_WORK: dict[str, Callable[[list[float]], float]] = {"sum": sum, "count": len, "max": max, "min": min}
_FORM = web.RequestKey("form", dict[str, str])
Labels = dict[str, str]


class Refusal(Exception):
    """Told as HTTP 400 in text/plain."""


_SYNTAX = Refusal("parse error at line 1, col 1: syntax error: unexpected IDENTIFIER")


@dataclass
class Kept:
    ns: int
    labels: Labels
    line: str
    metadata: Labels = field(default_factory=dict)


class LokiPeer(Served):
    """`requests` are the paths and queries that came; `fault` answers in place of all else where it is set."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.returned = 0
        self.tails = 0
        self.tails_ended = 0
        self.fault: Callable[[web.Request], Any] | None = None
        self._listeners: list[tuple[str, asyncio.Queue[dict[str, Any] | None]]] = []

    def push(self, labels: Labels, line: str, ns: int | None = None, metadata: Labels | None = None) -> None:
        """One line; who follows it is told."""
        one = Kept(time.time_ns() if ns is None else ns, labels, line, metadata or {})
        self.kept.append(one)
        if self.url:
            self.loop.call_soon_threadsafe(self._tell, one)

    def drop(self, count: int) -> None:
        """Tell who follows that so many entries were dropped."""
        message = {"streams": [], "dropped_entries": [{"labels": {}, "timestamp": "1"}] * count}
        self.loop.call_soon_threadsafe(self._send_to_all, message)

    def hang_up(self) -> None:
        """End all tails, as a restart does."""
        self.loop.call_soon_threadsafe(self._send_to_all, None)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._answered])
        for method in ("GET", "POST"):
            app.router.add_route(method, "/loki/api/v1/query", self._query)
            app.router.add_route(method, "/loki/api/v1/query_range", self._query_range)
        app.router.add_get("/loki/api/v1/labels", self._labels)
        app.router.add_get("/loki/api/v1/label/{name}/values", self._values)
        app.router.add_get("/loki/api/v1/series", self._series)
        app.router.add_get("/loki/api/v1/tail", self._tail)
        app.router.add_get("/ready", self._ready_now)
        return app

    @web.middleware
    async def _answered(self, request: web.Request, handler: Any) -> web.StreamResponse:
        form = dict(request.query) | {key: str(value) for key, value in (await request.post()).items()}
        self.requests.append((request.path, form))
        self.headers.append(request.headers)
        if self.fault is not None:
            answer: web.StreamResponse = await self.fault(request)
            return answer
        request[_FORM] = form
        try:
            found: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            return await _text(400, f"{refusal}\n")
        return found

    async def _ready_now(self, _: web.Request) -> web.Response:
        return await _text(200, "ready\n")

    async def _query_range(self, request: web.Request) -> web.Response:
        form = request[_FORM]
        query, start, end = form["query"], int(form["start"]), int(form["end"])
        if _LINES.match(query):
            chosen = [one for one in self._chosen(query) if start <= one.ns < end]
            back = form.get("direction", "backward") == "backward"
            chosen.sort(key=lambda one: one.ns, reverse=back)
            chosen = chosen[: int(form.get("limit", 100))]
            self.returned += len(chosen)
            return await _json(_streams(chosen, _categorized(request)))
        if "step" not in form:
            raise _SYNTAX
        step = float(form["step"])
        moments = []
        at = start / 1e9 // step * step
        while at <= end / 1e9 // step * step + 1e-6:
            moments.append(at)
            at += step
        series: dict[frozenset[tuple[str, str]], list[list[Any]]] = defaultdict(list)
        for at in moments:
            for labels, value in self._numbers(query, at):
                series[labels].append([int(at), f"{value:g}"])
        found = [{"metric": dict(labels), "values": values} for labels, values in series.items()]
        return await _json({"resultType": "matrix", "result": found})

    async def _query(self, request: web.Request) -> web.Response:
        query, at = request[_FORM]["query"], int(request[_FORM]["time"]) / 1e9
        if _LINES.match(query):
            raise Refusal("log queries are not supported as an instant query type, please change your query to a range")
        found = [{"metric": dict(labels), "value": [at, f"{value:g}"]} for labels, value in self._numbers(query, at)]
        return await _json({"resultType": "vector", "result": found})

    async def _labels(self, request: web.Request) -> web.Response:
        return await _json(sorted({name for one in self._found(request) for name in one.labels}))

    async def _values(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return await _json(sorted({one.labels[name] for one in self._found(request) if name in one.labels}))

    async def _series(self, request: web.Request) -> web.Response:
        chosen = self._chosen(request[_FORM]["match[]"])
        return await _json([dict(one) for one in {frozenset(one.labels.items()) for one in chosen}])

    async def _tail(self, request: web.Request) -> web.StreamResponse:
        query, start = request[_FORM]["query"], int(request[_FORM]["start"])
        if not _LINES.match(query):
            raise Refusal("parse error : unexpected IDENTIFIER")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        listener = (query, queue)
        self._listeners.append(listener)
        self.tails += 1
        reading = asyncio.ensure_future(self._until_closed(socket, queue))
        try:
            before = [one for one in self._chosen(query) if one.ns >= start]
            if before:
                await socket.send_json({"streams": _streams(before, True)["result"]})
            while (message := await queue.get()) is not None:
                await socket.send_json(message)
        except ConnectionError:
            pass
        finally:
            self._listeners.remove(listener)
            self.tails_ended += 1
            reading.cancel()
        await socket.close()
        return socket

    @staticmethod
    async def _until_closed(socket: web.WebSocketResponse, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        async for _ in socket:
            pass
        queue.put_nowait(None)

    def _tell(self, one: Kept) -> None:
        for query, queue in self._listeners:
            if _keeps(query, one):
                queue.put_nowait({"streams": _streams([one], True)["result"]})

    def _send_to_all(self, message: dict[str, Any] | None) -> None:
        for _, queue in self._listeners:
            queue.put_nowait(message)

    def _found(self, request: web.Request) -> list[Kept]:
        query = request[_FORM].get("query")
        return self.kept if query is None else self._chosen(query)

    def _chosen(self, query: str) -> list[Kept]:
        return [one for one in self.kept if _keeps(query, one)]

    def _numbers(self, query: str, at: float) -> list[tuple[frozenset[tuple[str, str]], float]]:
        around = _AROUND.match(query)
        if around is not None:
            names = [name.strip() for name in (around[2] or "").split(",")]
            groups: dict[frozenset[tuple[str, str]], list[float]] = defaultdict(list)
            for labels, value in self._numbers(around[3], at):
                groups[frozenset((name, text) for name, text in labels if name in names)].append(value)
            return [(labels, float(_WORK[around[1]](values))) for labels, values in groups.items()]
        count = _COUNT.match(query)
        if count is None:
            raise _SYNTAX
        width = int(count[3]) * _UNITS[count[4]]
        counted: dict[frozenset[tuple[str, str]], float] = defaultdict(float)
        for one in self._chosen(count[2]):
            if at - width < one.ns / 1e9 <= at:
                counted[frozenset(one.labels.items())] += 1 / (width if count[1] == "rate" else 1)
        return list(counted.items())


def _keeps(query: str, one: Kept) -> bool:
    found = _LINES.match(query)
    if found is None:
        raise _SYNTAX
    matchers = [(name, op, json.loads(f'"{text}"')) for name, op, text in _MATCHER.findall(found[1])]
    if not any(op in {"=", "=~"} and text for _, op, text in matchers):
        raise Refusal("queries require at least one regexp or equality matcher that does not have an empty-compatible")
    needles = [json.loads(text) for text in re.findall(r'"(?:\\.|[^"\\])*"', found[2])]
    return all(_TESTS[op](one.labels.get(name, ""), text) for name, op, text in matchers) and all(
        needle in one.line for needle in needles
    )


def _streams(chosen: list[Kept], categorized: bool) -> dict[str, Any]:
    streams: dict[str, dict[str, Any]] = {}
    for one in chosen:
        level = {"detected_level": "error" if "error" in one.line.lower() else "info"}
        aside = {**one.metadata, **level}
        labels = one.labels if categorized else {**one.labels, **aside}
        stream = streams.setdefault(json.dumps(labels, sort_keys=True), {"stream": labels, "values": []})
        stream["values"].append(
            [str(one.ns), one.line, {"structuredMetadata": aside}] if categorized else [str(one.ns), one.line]
        )
    return {"resultType": "streams", "result": list(streams.values()), "stats": {}}


def _categorized(request: web.Request) -> bool:
    return "categorize-labels" in request.headers.get("X-Loki-Response-Encoding-Flags", "")


async def _json(data: Any) -> web.Response:
    body = {"status": "success"} if data == [] else {"status": "success", "data": data}
    return web.json_response(body)


async def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/plain")
