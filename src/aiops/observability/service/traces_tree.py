"""The spans of one trace, from as many clusters as hold a part of it, as a tree that a waterfall shows."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiops.observability.ports_signals import ServiceShare, Span, SpanEvent
from aiops.observability.service.traces_remote import RemoteSpan, RemoteTrace, attributes_of

MAX_SPANS = 20_000
MAX_DEPTH = 500
_MAX_TEXT = 8 * 1024
_HEX_ID = re.compile(r"[0-9a-fA-F]{16}")
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_NO_SERVICE = "unknown"


@dataclass(frozen=True)
class Tree:
    """`started_ns` is the earliest start; `left_out` counts the spans past the bound."""

    spans: list[Span]
    services: list[ServiceShare]
    started_ns: int
    duration_ms: float
    left_out: int


@dataclass
class _Node:
    span: RemoteSpan
    id: str
    parent: str | None
    start: int
    end: int
    cluster: str
    service: str
    resource: dict[str, Any]


def tree_of(parts: Sequence[tuple[str, RemoteTrace]]) -> Tree:
    """`parts` by the cluster's name. A span that several clusters hold is there once."""
    nodes = _nodes(parts)
    left_out = max(0, len(nodes) - MAX_SPANS)
    nodes = sorted(nodes, key=lambda one: (one.start, one.id))[:MAX_SPANS]
    if not nodes:
        return Tree([], [], 0, 0.0, 0)
    known = {node.id for node in nodes}
    children: dict[str, list[_Node]] = defaultdict(list)
    tops = []
    for node in nodes:
        if node.parent is not None and node.parent in known and node.parent != node.id:
            children[node.parent].append(node)
        else:
            tops.append(node)
    started = min(node.start for node in nodes)
    spans: list[Span] = []
    seen: set[int] = set()
    # What is left after the tops hangs in a circle; it is shown from its earliest span on.
    for top in [*tops, *nodes]:
        _walk(top, children, started, spans, seen)
    ended = max(node.end for node in nodes)
    return Tree(spans, _shares(spans), started, (ended - started) / 1e6, left_out)


def _walk(top: _Node, children: dict[str, list[_Node]], started: int, spans: list[Span], seen: set[int]) -> None:
    waiting = [(top, 0)]
    while waiting:
        node, depth = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        below = children.get(node.id, [])
        spans.append(_span(node, min(depth, MAX_DEPTH), len(below), started))
        waiting += [(child, depth + 1) for child in reversed(below)]


def _nodes(parts: Sequence[tuple[str, RemoteTrace]]) -> list[_Node]:
    nodes: dict[tuple[str, str, int], _Node] = {}
    for cluster, trace in parts:
        for part in trace.parts:
            resource = _bounded(attributes_of(part.resource.attributes))
            service = str(resource.get("service.name") or _NO_SERVICE)
            for scope in (*part.scope_spans, *part.instrumentation_library_spans):
                for span in scope.spans:
                    start, end = int(span.start_time_unix_nano), int(span.end_time_unix_nano)
                    id_, parent = span_id_of(span.span_id), span_id_of(span.parent_span_id)
                    node = _Node(span, id_, parent or None, start, max(start, end), cluster, service, resource)
                    nodes.setdefault((id_, service, start), node)
    return list(nodes.values())


def _span(node: _Node, depth: int, children: int, started: int) -> Span:
    return Span(
        node.id,
        node.parent,
        depth,
        children,
        depth == 0 and node.parent is not None,
        node.span.name,
        _word(node.span.kind, _KINDS, "SPAN_KIND_"),
        node.service,
        node.cluster,
        (node.start - started) / 1e6,
        (node.end - node.start) / 1e6,
        _word(node.span.status.code, _STATUSES, "STATUS_CODE_"),
        node.span.status.message or None,
        _bounded(attributes_of(node.span.attributes)),
        node.resource,
        [
            SpanEvent(one.name, (int(one.time_unix_nano) - started) / 1e6, _bounded(attributes_of(one.attributes)))
            for one in node.span.events
        ],
    )


def _shares(spans: Sequence[Span]) -> list[ServiceShare]:
    counts = Counter(span.service for span in spans)
    errors = Counter(span.service for span in spans if span.status == "ERROR")
    return [ServiceShare(service, count, errors[service]) for service, count in counts.most_common()]


def span_id_of(text: str) -> str:
    """As 16 hexadecimal digits, whichever of the two ways it came in; empty for none."""
    if not text or _HEX_ID.fullmatch(text):
        return text.lower()
    try:
        found = base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text
    return "" if not found.strip("0") else found


def _word(value: int | str, words: Sequence[str], prefix: str) -> str:
    if isinstance(value, str):
        return value.removeprefix(prefix)
    return words[value] if 0 <= value < len(words) else words[0]


def _bounded(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value[:_MAX_TEXT] + "…" if isinstance(value, str) and len(value) > _MAX_TEXT else value
        for name, value in attributes.items()
    }
