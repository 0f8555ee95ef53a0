"""Log patterns for people: what there is, when it came, what was found, and how much was looked at."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.domain.log_patterns import (
    BUCKET,
    FindingFilter,
    LogFinding,
    LogPattern,
    PatternFilter,
    PatternLine,
    SourceState,
)
from aiops.intelligence.needs_patterns import LogFindingStore, LogPatternStore, LogSourceStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.principal import Principal, Role

_TREND = timedelta(hours=24)
_TREND_STEP = timedelta(hours=1)
_MOST_STEPS = 2_000
_STEPS_BY_DEFAULT = 288


class Counts(msgspec.Struct, frozen=True):
    """Lines in each step from `start` on."""

    start: datetime
    step_s: float
    counts: list[int]


class SeenPattern(msgspec.Struct, frozen=True):
    """A pattern with its open findings and its last day."""

    pattern: LogPattern
    findings: list[LogFinding]
    trend: Counts


class LogPatternReading:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        patterns: LogPatternStore,
        findings: LogFindingStore,
        sources: LogSourceStore,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._patterns = patterns
        self._findings = findings
        self._sources = sources

    async def page(
        self, principal: Principal, wanted: PatternFilter, limit: int, after: UUID | None
    ) -> tuple[list[SeenPattern], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found, total = await self._patterns.page(tx, wanted, _scope(principal), limit, after)
            ids = [one.id for one in found]
            start, end = self._last_day()
            trends = await self._patterns.counts(tx, ids, start, end, _TREND_STEP)
            open_findings: dict[UUID, list[LogFinding]] = defaultdict(list)
            for finding in await self._findings.of_patterns(tx, ids):
                open_findings[finding.pattern_id].append(finding)
        seen = [
            SeenPattern(one, open_findings[one.id], _filled(trends.get(one.id, {}), start, end, _TREND_STEP))
            for one in found
        ]
        return seen, total

    async def get(self, principal: Principal, pattern_id: UUID) -> SeenPattern:
        """Raises `NotFound` for one that does not exist or is out of scope."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._patterns.get(tx, pattern_id, _scope(principal))
            if found is None:
                raise NotFound("There is no such log pattern.", code="LOG_PATTERN_NOT_FOUND")
            findings = await self._findings.of_patterns(tx, [pattern_id])
            start, end = self._last_day()
            trend = await self._patterns.counts(tx, [pattern_id], start, end, _TREND_STEP)
        return SeenPattern(found, findings, _filled(trend.get(pattern_id, {}), start, end, _TREND_STEP))

    async def lines(self, principal: Principal, pattern_id: UUID) -> list[PatternLine]:
        """The latest that were kept, the newest first. Raises `NotFound` as `get` does."""
        await self.get(principal, pattern_id)
        async with self._transactions.begin() as tx:
            return await self._patterns.lines(tx, pattern_id)

    async def timeline(
        self,
        principal: Principal,
        pattern_id: UUID,
        start: datetime | None,
        end: datetime | None,
        step_s: float | None,
    ) -> Counts:
        """The last day where no time is given; steps are whole multiples of the buckets in which lines are counted."""
        await self.get(principal, pattern_id)
        # With the bucket that is being counted.
        end = _down(self._clock.now(), BUCKET) + BUCKET if end is None else _utc(end)
        start = end - _TREND if start is None else _utc(start)
        if end <= start:
            raise Invalid("The end lies before the start.")
        step = _step(end - start, step_s)
        start = _down(start, step)
        async with self._transactions.begin() as tx:
            counts = await self._patterns.counts(tx, [pattern_id], start, end, step)
        return _filled(counts.get(pattern_id, {}), start, end, step)

    async def findings(
        self, principal: Principal, wanted: FindingFilter, limit: int, after: UUID | None
    ) -> tuple[list[LogFinding], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._findings.page(tx, wanted, _scope(principal), limit, after)

    async def sources(self, principal: Principal) -> list[SourceState]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._sources.all(tx, _scope(principal))

    def _last_day(self) -> tuple[datetime, datetime]:
        end = _down(self._clock.now(), _TREND_STEP) + _TREND_STEP
        return end - _TREND, end


def _step(span: timedelta, wanted_s: float | None) -> timedelta:
    bucket = BUCKET.total_seconds()
    seconds = span.total_seconds() / _STEPS_BY_DEFAULT if wanted_s is None else wanted_s
    step_s = max(math.ceil(seconds / bucket), 1) * bucket
    if span.total_seconds() / step_s > _MOST_STEPS:
        raise Invalid(f"These are more than {_MOST_STEPS:,} steps: take a longer step or a shorter time.")
    return timedelta(seconds=step_s)


def _filled(found: dict[datetime, int], start: datetime, end: datetime, step: timedelta) -> Counts:
    """Steps without lines are zeros: lines are counted as long as the pattern is kept."""
    steps = math.ceil((end - start) / step)
    return Counts(start, step.total_seconds(), [found.get(start + place * step, 0) for place in range(steps)])


def _down(at: datetime, step: timedelta) -> datetime:
    seconds = step.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)
