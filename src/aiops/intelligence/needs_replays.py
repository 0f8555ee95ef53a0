"""What replays require: a store. The rest of `needs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from aiops.intelligence.domain.replays import Progress, ReplayResult, ReplayRun
from aiops.kernel.database import Transaction


class ReplayStore(Protocol):
    """`clusters` is the reader's scope, `None` for all: a replay is seen by who sees all of its clusters."""

    async def add(self, tx: Transaction, run: ReplayRun) -> None: ...

    async def page(
        self, tx: Transaction, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[ReplayRun], int]:
        """The newest first, from behind the one named `after`; and how many there are."""

    async def get(self, tx: Transaction, run_id: UUID, clusters: Sequence[UUID] | None) -> ReplayRun | None: ...

    async def result(self, tx: Transaction, run_id: UUID) -> ReplayResult | None: ...

    async def waiting(self, tx: Transaction, asked_by: str) -> int:
        """How many of somebody's are not over."""

    async def take(self, tx: Transaction, now: datetime, lost_before: datetime) -> tuple[ReplayRun, int] | None:
        """The oldest that waits, or whose runner was not heard of since `lost_before`, which is now ours; and how many
        times it was taken."""

    async def alive(self, tx: Transaction, run_id: UUID, now: datetime, progress: Progress | None) -> bool:
        """Keep how far it is; false where it was removed meanwhile."""

    async def end(
        self, tx: Transaction, run_id: UUID, now: datetime, result: ReplayResult | None, summary: str, error: str | None
    ) -> None: ...

    async def remove(self, tx: Transaction, run_id: UUID) -> None: ...

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop those that were over before then."""
