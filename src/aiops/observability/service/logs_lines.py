"""Log lines of many clusters as one sequence: merged by time, held to a limit and to a budget of text."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from aiops.observability.ports import Labels
from aiops.observability.ports_signals import Direction, LogLine
from aiops.observability.service.logs_remote import Entry, Stream
from aiops.observability.service.metrics.numbers import in_cluster
from aiops.registry.ports import Cluster

MAX_LINE_CHARACTERS = 16 * 1024
MAX_TEXT_CHARACTERS = 8 * 1024 * 1024

_LEVELS = ("detected_level", "level", "severity")
_UNSAID = frozenset({"", "unknown"})


def merged(
    parts: Sequence[tuple[Cluster, list[Stream]]], limit: int, direction: Direction
) -> tuple[list[LogLine], bool, bool]:
    """The first `limit` lines; whether there may be more, and whether the budget of text ended it."""
    sign = -1 if direction is Direction.BACKWARD else 1
    sources = [_ordered(place, streams, sign) for place, (_, streams) in enumerate(parts)]
    lines: list[LogLine] = []
    characters = 0
    for _, place, _, labels, entry in heapq.merge(*sources, key=lambda one: one[:3]):
        characters += min(len(entry.line), MAX_LINE_CHARACTERS)
        if len(lines) == limit or characters > MAX_TEXT_CHARACTERS:
            return lines, True, len(lines) < limit
        lines.append(line_of(parts[place][0], labels, entry))
    # A cluster that gave as many as it may give may have more than it gave.
    full = any(sum(len(stream.values) for stream in streams) >= limit for _, streams in parts)
    return lines, full, False


def _ordered(place: int, streams: Sequence[Stream], sign: int) -> Iterator[tuple[int, int, int, Labels, Entry]]:
    """One cluster's entries by time; those of one moment as they came."""
    found = [(sign * int(entry.at), stream.stream, entry) for stream in streams for entry in stream.values]
    found.sort(key=lambda one: one[0])
    return ((at, place, number, labels, entry) for number, (at, labels, entry) in enumerate(found))


def line_of(cluster: Cluster, labels: Labels, entry: Entry) -> LogLine:
    metadata, parsed = entry.aside.structured_metadata, entry.aside.parsed
    long = len(entry.line) > MAX_LINE_CHARACTERS
    return LogLine(
        timestamp_of(int(entry.at)),
        cluster.id,
        cluster.name,
        entry.line[:MAX_LINE_CHARACTERS] if long else entry.line,
        in_cluster(labels, cluster.name),
        metadata,
        parsed,
        _level(parsed, metadata, labels),
        len(entry.line) if long else None,
    )


def timestamp_of(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _level(*sources: Labels) -> str | None:
    """What the line says of itself; Loki's `detected_level` is what it took from there."""
    for name in _LEVELS:
        for labels in sources:
            word = labels.get(name, "").lower()
            if word not in _UNSAID:
                return word
    return None
