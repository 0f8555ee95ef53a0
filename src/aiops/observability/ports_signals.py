"""What observability offers of logs and traces: the rest of `ports`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal
from aiops.observability.ports import ClusterOutcome, Labels, RangeSeries


class Direction(StrEnum):
    BACKWARD = "backward"
    FORWARD = "forward"


class LogLine(msgspec.Struct, frozen=True):
    """One line of one cluster. `timestamp` is RFC 3339 in UTC with nine digits, so that its text sorts as time.

    `labels` are those of its stream, `metadata` what came with the line (structured metadata), `parsed` what the query
    took out of it. `level` is its own word in small letters. `cut_from`: the line's characters, where it is shown in
    part.
    """

    timestamp: str
    cluster_id: UUID
    cluster: str
    line: str
    labels: Labels
    metadata: Labels
    parsed: Labels
    level: str | None
    cut_from: int | None


class LogsResult(msgspec.Struct, frozen=True):
    """`lines` of a query for lines, merged by time; `series` of one for numbers, each with its `cluster`.

    `more`: there may be more lines than these. `notes` say where the answer is less than what was asked for.
    `without` are the clusters in scope that have no Loki.
    """

    lines: list[LogLine]
    series: list[RangeSeries]
    of_lines: bool
    more: bool
    clusters: list[ClusterOutcome]
    notes: list[str]
    without: list[str]


class Logs(Protocol):
    """LogQL over any set of clusters in scope. Times are Unix nanoseconds. Raises `Invalid` for a bad query, `NotFound`
    for a cluster that is out of scope."""

    async def query(
        self,
        principal: Principal,
        query: str,
        *,
        at_ns: int | None = None,
        limit: int = 100,
        direction: Direction = Direction.BACKWARD,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LogsResult:
        """Numbers at one moment, or the lines of the hour before it."""

    async def query_range(
        self,
        principal: Principal,
        query: str,
        *,
        start_ns: int,
        end_ns: int,
        step_s: float | None = None,
        limit: int = 100,
        direction: Direction = Direction.BACKWARD,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LogsResult:
        """Lines from `start_ns` to before `end_ns`, or numbers at every whole multiple of the step in between."""


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """A line as a follower gets it: when it was written, what of, and its own word for how bad, in small letters."""

    at: datetime
    line: str
    labels: Labels
    level: str | None = None


class LogOrigin(msgspec.Struct, frozen=True):
    """Where lines of a cluster come from: `source` is `loki`, or the name of what is read on this machine."""

    cluster_id: UUID
    cluster: str
    source: str


class LogRead(msgspec.Struct, frozen=True):
    """Lines since a position, the oldest first, and the position after them.

    `skipped_s`: so many seconds of the log were left out, since it grows faster than it may be read. `until`: all that
    was written before is in, or was left out.
    """

    records: list[LogRecord]
    position: str
    until: datetime
    skipped_s: float = 0.0


class LogFeed(Protocol):
    """Lines of all clusters as they come, for jobs of the hub: each origin is read on from where the reader left it, no
    more than `limit` lines at a time."""

    async def origins(self, principal: Principal) -> list[LogOrigin]:
        """All there are in scope."""

    async def read(self, principal: Principal, origin: LogOrigin, position: str | None, limit: int) -> LogRead:
        """From `position`, which an earlier read gave, else from a little before now. Raises `Retriable` where it does
        not answer, `Rejected` where it refuses."""


class TailState(StrEnum):
    FOLLOWING = "FOLLOWING"
    LOST = "LOST"


class TailLines(msgspec.Struct, frozen=True):
    lines: list[LogLine]


class TailLost(msgspec.Struct, frozen=True):
    """Lines that will not come: `by` is `loki` where it dropped them, `reader` where the reader was too slow."""

    count: int
    by: str
    cluster: str | None = None


class TailCluster(msgspec.Struct, frozen=True):
    """From now on this cluster is followed, or is not and why."""

    cluster_id: UUID
    cluster: str
    state: TailState
    error: str | None = None


TailNews = TailLines | TailLost | TailCluster


class LogTail(Protocol):
    def follow(
        self,
        principal: Principal,
        query: str,
        *,
        cluster_ids: Sequence[UUID] | None = None,
        start_ns: int | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[TailNews]]:
        """New lines as they come, until the context is left. Raises as `Logs` does, and `RateLimited` where this user
        follows enough already."""


class ServiceShare(msgspec.Struct, frozen=True):
    """How much of a trace is one service's."""

    service: str
    spans: int
    errors: int


class TraceSummary(msgspec.Struct, frozen=True):
    """A trace that was found. What is not known of its root (it may lie out of scope, or be on its way) is null."""

    trace_id: str
    started_at: str
    duration_ms: float
    root_service: str | None
    root_name: str | None
    clusters: list[str]
    services: list[ServiceShare]
    matched: int


class TracesFound(msgspec.Struct, frozen=True):
    """Newest first. `more`: there may be more than these. `notes` say where the answer is less than what was asked for.
    `without` are the clusters in scope that have no Tempo."""

    traces: list[TraceSummary]
    more: bool
    query: str
    clusters: list[ClusterOutcome]
    notes: list[str]
    without: list[str]


class SpanEvent(msgspec.Struct, frozen=True):
    name: str
    offset_ms: float
    attributes: dict[str, Any]


class Span(msgspec.Struct, frozen=True):
    """`offset_ms` counts from the start of the trace; `status` is UNSET, OK or ERROR. `orphan`: its parent is not among
    the spans that were found, so it stands at the top."""

    span_id: str
    parent_id: str | None
    depth: int
    children: int
    orphan: bool
    name: str
    kind: str
    service: str
    cluster: str
    offset_ms: float
    duration_ms: float
    status: str
    status_message: str | None
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[SpanEvent]


class Trace(msgspec.Struct, frozen=True):
    """One trace, of the parts that all clusters hold. `spans` lie as a tree is read: each after its parent, siblings by
    their start. `notes` say what is missing."""

    trace_id: str
    started_at: str
    duration_ms: float
    services: list[ServiceShare]
    spans: list[Span]
    clusters: list[ClusterOutcome]
    notes: list[str]
    without: list[str]


class Traces(Protocol):
    """Traces of any set of clusters in scope. Raises `Invalid` for a bad query, `NotFound` for a cluster that is out of
    scope."""

    async def search(
        self,
        principal: Principal,
        query: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 20,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> TracesFound:
        """By TraceQL, in the last hour where no time is given."""

    async def get(
        self,
        principal: Principal,
        trace_id: str,
        *,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> Trace:
        """Looked up in all clusters at once. Raises `NotFound` (TRACE_NOT_FOUND) where none has it, `Unavailable` where
        none that answered has it and others did not answer."""
