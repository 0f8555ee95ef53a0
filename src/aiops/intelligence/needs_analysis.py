"""What runbooks and analysis require: stores. `clusters` is the reader's scope, `None` for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from aiops.intelligence.domain.analysis import CauseAccuracy, Resolution, SaidOfCause, Traits
from aiops.intelligence.domain.runbooks import Runbook
from aiops.kernel.database import Transaction


class RunbookStore(Protocol):
    async def all(self, tx: Transaction) -> list[Runbook]:
        """By title."""

    async def get(self, tx: Transaction, runbook_id: UUID) -> Runbook | None: ...

    async def put(self, tx: Transaction, runbook: Runbook) -> bool:
        """Add or replace; false where another has its title."""

    async def delete(self, tx: Transaction, runbook_id: UUID) -> bool: ...


class AnalysisStore(Protocol):
    async def traits(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> Traits: ...

    async def past(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None, limit: int
    ) -> list[Traits]:
        """Those that are over and share an alert's or a watch's name with this one, the latest so many."""

    async def say(self, tx: Transaction, said: SaidOfCause) -> None:
        """Keep it, in place of what was said of this cause before."""

    async def said(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[SaidOfCause]: ...

    async def accuracy(self, tx: Transaction, clusters: Sequence[UUID] | None) -> CauseAccuracy: ...

    async def resolve(self, tx: Transaction, resolution: Resolution) -> None:
        """Keep it, in place of an earlier one."""

    async def resolutions(
        self, tx: Transaction, incident_ids: Sequence[UUID], clusters: Sequence[UUID] | None
    ) -> dict[UUID, Resolution]: ...
