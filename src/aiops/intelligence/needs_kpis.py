"""What KPIs require: a store that counts. The rest of `needs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from aiops.intelligence.domain.kpis import GroupBy, KpiDay, Tally
from aiops.kernel.database import Transaction


class KpiStore(Protocol):
    """`clusters` is the reader's scope, `None` for all. Counted is what was detected in [`start`, `end`)."""

    async def tally(
        self,
        tx: Transaction,
        start: datetime,
        end: datetime,
        clusters: Sequence[UUID] | None,
        by: GroupBy | None,
        limit: int,
    ) -> list[Tally]:
        """By group, those with the most incidents first; without `by` at most one, of all."""

    async def days(
        self, tx: Transaction, start: datetime, end: datetime, clusters: Sequence[UUID] | None, zone: str
    ) -> list[KpiDay]:
        """The days of that zone that had incidents."""
