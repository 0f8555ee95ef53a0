"""What log patterns require: a store. The rest of `needs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from aiops.intelligence.domain.log_patterns import (
    FindingFilter,
    FindingKind,
    LogFinding,
    LogPattern,
    PatternCount,
    PatternFilter,
    PatternLine,
    SourceState,
)
from aiops.kernel.database import Transaction


class LogPatternStore(Protocol):
    """`clusters` is the reader's scope, `None` for all."""

    async def load(self, tx: Transaction, cluster_id: UUID) -> list[LogPattern]:
        """All of a cluster, the oldest first."""

    async def save(self, tx: Transaction, patterns: Sequence[LogPattern]) -> None:
        """Add or replace."""

    async def merge(self, tx: Transaction, into: Mapping[UUID, UUID]) -> None:
        """Patterns that became another: their counts and lines are its own from now on, their findings end."""

    async def add_counts(self, tx: Transaction, counts: Sequence[PatternCount]) -> None:
        """Add to what those buckets have."""

    async def keep_lines(self, tx: Transaction, lines: Sequence[PatternLine]) -> None:
        """Of each pattern, the latest `MOST_LINES_KEPT` stay."""

    async def page(
        self, tx: Transaction, wanted: PatternFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[LogPattern], int]:
        """By the wanted order, from behind the pattern `after`, and how many there are in all."""

    async def get(self, tx: Transaction, pattern_id: UUID, clusters: Sequence[UUID] | None) -> LogPattern | None: ...

    async def changed(
        self, tx: Transaction, since: datetime | None, after: UUID | None, limit: int
    ) -> list[LogPattern]:
        """Those whose text, severity or class changed at `since` or later, by `changed_at` and id; of those that
        changed at `since`, only the ones behind `after`."""

    async def counts(
        self, tx: Transaction, pattern_ids: Sequence[UUID], start: datetime, end: datetime, step: timedelta
    ) -> dict[UUID, dict[datetime, int]]:
        """Lines by pattern and start of the step, steps being whole multiples since 1970; only where there are some."""

    async def lines(self, tx: Transaction, pattern_id: UUID) -> list[PatternLine]:
        """The latest first."""

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop patterns that were not seen since, counts of earlier buckets and findings that ended before."""

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...


class LogFindingStore(Protocol):
    async def add(self, tx: Transaction, findings: Sequence[LogFinding]) -> None:
        """One that is open already stays as it is."""

    async def end(self, tx: Transaction, ended: Sequence[tuple[UUID, FindingKind]], at: datetime) -> list[LogFinding]:
        """Those of these patterns and kinds that were open until now."""

    async def end_lost(self, tx: Transaction, at: datetime) -> list[LogFinding]:
        """Those whose pattern there is no longer."""

    async def open(self, tx: Transaction, cluster_id: UUID) -> list[LogFinding]: ...

    async def of_patterns(self, tx: Transaction, pattern_ids: Sequence[UUID]) -> list[LogFinding]:
        """The open ones of these patterns."""

    async def page(
        self, tx: Transaction, wanted: FindingFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[LogFinding], int]:
        """Latest first."""


class LogSourceStore(Protocol):
    async def take_turn(self, tx: Transaction, cluster_id: UUID) -> None:
        """Wait until no other transaction keeps anything of this cluster; held until this one ends."""

    async def save(self, tx: Transaction, state: SourceState) -> bool:
        """Keep it where the stored revision is one less (none where it is 1); whether it was."""

    async def all(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[SourceState]: ...
