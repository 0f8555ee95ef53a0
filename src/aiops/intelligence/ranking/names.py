"""What a column's name says: whose metric it is, and whether it tells of a resource or of a symptom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What moves a metric: a resource is used up at a service itself, a symptom is also felt by those who call it."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    POOL = "pool"
    LATENCY = "latency"
    ERRORS = "errors"
    LOAD = "load"
    OTHER = "other"


RESOURCES = frozenset({Kind.CPU, Kind.MEMORY, Kind.DISK, Kind.POOL})


class Column(NamedTuple):
    name: str
    service: str
    metric: str
    kind: Kind


# The usual words of exporters, meshes and agents, and no system's own.
_WORDS = {
    Kind.ERRORS: "error errors err errs failure failures failed fail 5xx 4xx 500 503 exception exceptions drop drops "
    "dropped loss retransmit retransmits retransmissions restarts restart oom timeout timeouts",
    Kind.LATENCY: "latency latencies lat duration durations delay rt response rtt p50 p75 p90 p95 p99 p999 slow",
    Kind.CPU: "cpu throttled throttling cfs",
    Kind.MEMORY: "mem memory rss heap swap gc working cache",
    Kind.DISK: "disk diskio io iops fs filesystem inode inodes",
    Kind.POOL: "socket sockets thread threads fd fds conn conns connection connections pool",
    Kind.LOAD: "load lod workload request requests req reqs rps qps tps ops throughput traffic calls invocations count "
    "rx tx receive received transmit transmitted recv sent net network bytes packets",
}
_KIND_OF = {word: kind for kind, words in _WORDS.items() for word in words.split()}
# They stand before a metric and are no part of a service's name.
_BEFORE_METRICS = "ctn container pod node process jvm istio http grpc tcp avg mean max min sum total rate"
_QUALIFIERS = frozenset(_BEFORE_METRICS.split())
_SPLIT = re.compile(r"[^a-z0-9]+")


def columns_of(names: Sequence[str]) -> list[Column]:
    """Service and kind of each name; `a_b_cpu` is `a_b`'s, and so is `a_b_widgets` beside it, `c_widgets` is `c`'s.

    Of several kinds in a name the first of `Kind`'s words counts: errors of a latency are errors.
    """
    told = {name: service for name in names if (service := _told(name))}
    known = sorted(set(told.values()), key=len, reverse=True)
    return [_column(name, told.get(name) or _guessed(name, known)) for name in names]


def kind_of(text: str) -> Kind:
    """By the first of `Kind`'s words that the text has."""
    found = {kind for word in _SPLIT.split(text.lower()) if (kind := _KIND_OF.get(word))}
    return next((kind for kind in _WORDS if kind in found), Kind.OTHER)


def _column(name: str, service: str) -> Column:
    metric = name[len(service) :].lstrip("_") or name
    return Column(name, service, metric, kind_of(metric))


def _told(name: str) -> str | None:
    """The service, where a word that is known for a metric follows an underscore."""
    parts = name.split("_")
    for place in range(1, len(parts)):
        first = _SPLIT.split(parts[place].lower())[0]
        if first in _KIND_OF or first in _QUALIFIERS:
            return "_".join(parts[:place])
    return None


def _guessed(name: str, known: list[str]) -> str:
    for service in known:
        if name.startswith(f"{service}_"):
            return service
    return name.partition("_")[0] or name
