"""Log patterns, their findings and their sources over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka import FromDishka
from dishka.integrations.litestar import inject
from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from aiops.intelligence.domain.log_patterns import (
    FailureClass,
    FindingFilter,
    FindingKind,
    LogFinding,
    PatternFilter,
    PatternSort,
)
from aiops.intelligence.domain.log_queries import query_of
from aiops.intelligence.service.log_patterns.reading import Counts, LogPatternReading, SeenPattern
from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.observability.ports import Labels, Severity
from aiops.registry.ports import Clusters
from aiops.settings import Settings

PageSize = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(max_length=64)]
_LOKI = "loki"


class LogFindingReply(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that is new, surges or has vanished; `value` and `expected` are lines in 5 minutes, of a new one all
    its lines so far."""

    id: UUID
    cluster_id: UUID
    cluster: str
    pattern_id: UUID
    kind: FindingKind
    pattern: str
    severity: Severity
    failure_class: FailureClass | None
    explanation: str
    value: float
    expected: float | None
    started_at: datetime
    ended_at: datetime | None


class LogPatternReply(msgspec.Struct, frozen=True, kw_only=True):
    """`<*>` in `pattern` is what changes. `labels` are those that all its lines have. `trend`: its lines by hour.

    `query` finds its lines in the cluster's Loki; `null` where they come from elsewhere. `failure_class` is `null`
    where its words tell nothing.
    """

    id: UUID
    cluster_id: UUID
    cluster: str
    pattern: str
    severity: Severity
    failure_class: FailureClass | None
    count: int
    first_seen: datetime
    last_seen: datetime
    labels: Labels
    example: str
    source: str
    query: str | None
    findings: list[LogFindingReply]
    trend: Counts


class LogPatternPage(msgspec.Struct, frozen=True):
    items: list[LogPatternReply]
    next_cursor: str | None
    total: int


class LogFindingPage(msgspec.Struct, frozen=True):
    items: list[LogFindingReply]
    next_cursor: str | None
    total: int


class PatternLineReply(msgspec.Struct, frozen=True):
    at: datetime
    line: str
    labels: Labels
    level: str | None


class PatternLines(msgspec.Struct, frozen=True):
    """The latest lines that were kept, the newest first; a line may be cut."""

    items: list[PatternLineReply]


class LogSourceReply(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a source was looked at. `skipped_s`: seconds of it that were left out, since it has more lines than
    are looked at in a minute; `without_room`: lines that came when `patterns_limit` patterns were known; `note`: what
    is wrong now."""

    cluster_id: UUID
    cluster: str
    source: str
    since: datetime
    read_at: datetime
    lines: int
    skipped_s: float
    without_room: int
    patterns_limit: int
    note: str | None


class LogSources(msgspec.Struct, frozen=True):
    items: list[LogSourceReply]


class LogPatternController(Controller):
    path = "/api/v1/log-patterns"
    tags = ["intelligence"]  # noqa: RUF012

    @get(summary="List patterns of log lines")
    @inject
    async def list_log_patterns(
        self,
        principal: Caller,
        reading: FromDishka[LogPatternReading],
        clusters: FromDishka[Clusters],
        *,
        cluster_id: FromQuery[UUID | None] = None,
        text: Annotated[str | None, QueryParameter(max_length=200)] = None,
        severity: FromQuery[Severity | None] = None,
        failure_class: FromQuery[FailureClass | None] = None,
        finding: FromQuery[FindingKind | None] = None,
        start: FromQuery[datetime | None] = None,
        sort: FromQuery[PatternSort] = PatternSort.LAST_SEEN,
        page_size: PageSize = 50,
        cursor: Cursor = None,
    ) -> LogPatternPage:
        wanted = PatternFilter(
            cluster_id=cluster_id,
            text=text,
            severity=severity,
            failure_class=failure_class,
            finding=finding,
            start=start,
            sort=sort,
        )
        found, total = await reading.page(principal, wanted, page_size, _after(cursor))
        names = await _names(principal, clusters)
        following = str(found[-1].pattern.id) if len(found) == page_size else None
        return LogPatternPage([_pattern(one, names) for one in found], following, total)

    @get("/{pattern_id:uuid}", summary="One pattern of log lines")
    @inject
    async def get_log_pattern(
        self,
        principal: Caller,
        reading: FromDishka[LogPatternReading],
        clusters: FromDishka[Clusters],
        pattern_id: FromPath[UUID],
    ) -> LogPatternReply:
        return _pattern(await reading.get(principal, pattern_id), await _names(principal, clusters))

    @get("/{pattern_id:uuid}/lines", summary="The latest lines of a pattern")
    @inject
    async def lines_of_log_pattern(
        self, principal: Caller, reading: FromDishka[LogPatternReading], pattern_id: FromPath[UUID]
    ) -> PatternLines:
        found = await reading.lines(principal, pattern_id)
        return PatternLines([PatternLineReply(one.at, one.line, one.labels, one.level) for one in found])

    @get("/{pattern_id:uuid}/timeline", summary="How many lines of a pattern came when")
    @inject
    async def timeline_of_log_pattern(
        self,
        principal: Caller,
        reading: FromDishka[LogPatternReading],
        pattern_id: FromPath[UUID],
        *,
        start: FromQuery[datetime | None] = None,
        end: FromQuery[datetime | None] = None,
        step_s: Annotated[float | None, QueryParameter(gt=0, le=31_536_000)] = None,
    ) -> Counts:
        return await reading.timeline(principal, pattern_id, start, end, step_s)


@get("/api/v1/log-findings", tags=["intelligence"], summary="List new, surging and vanished log patterns, latest first")
@inject
async def log_findings(
    principal: Caller,
    reading: FromDishka[LogPatternReading],
    clusters: FromDishka[Clusters],
    *,
    cluster_id: FromQuery[UUID | None] = None,
    kind: FromQuery[FindingKind | None] = None,
    active: FromQuery[bool | None] = None,
    pattern_id: FromQuery[UUID | None] = None,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LogFindingPage:
    wanted = FindingFilter(cluster_id=cluster_id, kind=kind, active=active, pattern_id=pattern_id)
    found, total = await reading.findings(principal, wanted, page_size, _after(cursor))
    names = await _names(principal, clusters)
    following = str(found[-1].id) if len(found) == page_size else None
    return LogFindingPage([_finding(one, names) for one in found], following, total)


@get("/api/v1/log-sources", tags=["intelligence"], summary="How much of each cluster's logs is looked at for patterns")
@inject
async def log_sources(
    principal: Caller,
    reading: FromDishka[LogPatternReading],
    clusters: FromDishka[Clusters],
    settings: FromDishka[Settings],
) -> LogSources:
    names = await _names(principal, clusters)
    return LogSources(
        [
            LogSourceReply(
                cluster_id=one.cluster_id,
                cluster=names[one.cluster_id],
                source=one.source,
                since=one.since,
                read_at=one.read_at,
                lines=one.lines,
                skipped_s=one.skipped_s,
                without_room=one.full_lines,
                patterns_limit=settings.log_patterns_limit,
                note=one.note,
            )
            for one in await reading.sources(principal)
            if one.cluster_id in names
        ]
    )


PATTERN_ROUTES = (LogPatternController, log_findings, log_sources)


def _pattern(seen: SeenPattern, names: dict[UUID, str]) -> LogPatternReply:
    one = seen.pattern
    cluster = names.get(one.cluster_id, "")
    return LogPatternReply(
        id=one.id,
        cluster_id=one.cluster_id,
        cluster=cluster,
        pattern=one.pattern,
        severity=one.severity,
        failure_class=one.failure_class,
        count=one.count,
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        labels=one.labels,
        example=one.example,
        source=one.source,
        query=query_of(one.pattern, one.labels, cluster) if one.source == _LOKI else None,
        findings=[_finding(finding, names) for finding in seen.findings],
        trend=seen.trend,
    )


def _finding(one: LogFinding, names: dict[UUID, str]) -> LogFindingReply:
    values = {name: getattr(one, name) for name in one.__struct_fields__}
    return LogFindingReply(cluster=names.get(one.cluster_id, ""), **values)


async def _names(principal: Caller, clusters: Clusters) -> dict[UUID, str]:
    return {cluster.id: cluster.name for cluster in await clusters.visible(principal)}


def _after(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise Invalid("The cursor is not one of ours; leave it out to start from the first page.") from None
