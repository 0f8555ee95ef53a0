"""What findings in incidents require: a store. The rest of `needs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from aiops.intelligence.domain.correlation import Placement
from aiops.intelligence.domain.incident_findings import IncidentFinding, Mark
from aiops.kernel.database import Transaction


class IncidentFindingStore(Protocol):
    """Who writes holds the turn of `IncidentStore.take_turn`. `clusters` is the reader's scope, `None` for all."""

    async def add_findings(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> None: ...

    async def open_findings(self, tx: Transaction, marks: Sequence[Mark]) -> list[IncidentFinding]: ...

    async def worsen_findings(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> None:
        """Keep their new severities and explanations."""

    async def end_findings(self, tx: Transaction, marks: Sequence[Mark], at: datetime) -> list[IncidentFinding]:
        """Those that were open until now and are in incidents; what still waits for one goes."""

    async def maintained_findings(self, tx: Transaction) -> list[IncidentFinding]:
        """Open ones that maintenance windows keep out of incidents."""

    async def heard_findings(self, tx: Transaction, findings: Sequence[UUID], at: datetime) -> None:
        """No window hides them any more: from then on they wait for an incident as others do."""

    async def waiting_findings(
        self, tx: Transaction, clusters: Sequence[UUID], since: datetime
    ) -> list[IncidentFinding]:
        """Open ones told since then that no incident has, but for what maintenance windows hide."""

    async def join_findings(self, tx: Transaction, joined: Mapping[UUID, Placement]) -> None:
        """Waiting ones, by their ids, have found their incident."""

    async def left_findings(self, tx: Transaction, cluster_id: UUID) -> list[Mark]:
        """All that are open on a cluster."""

    async def lost_findings(self, tx: Transaction, vanished_before: datetime) -> list[Mark]:
        """Open ones whose prediction or log finding is there no longer, and vanished patterns away since then."""

    async def findings_of(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None
    ) -> list[IncidentFinding]:
        """At most 500, in the order of their starts."""
