"""What rules of correlation require."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from aiops.intelligence.domain.correlation_rules import CorrelationRule
from aiops.intelligence.domain.incidents import AlertMember
from aiops.kernel.database import Transaction


class KeptAlert(NamedTuple):
    """An alert of the past, and the key of its incident."""

    alert: AlertMember
    incident_key: str


class RuleStore(Protocol):
    async def all(self, tx: Transaction) -> list[CorrelationRule]:
        """By place, then by name."""

    async def get(self, tx: Transaction, rule_id: UUID) -> CorrelationRule | None: ...

    async def put(self, tx: Transaction, rule: CorrelationRule) -> bool:
        """Add or replace; false where another rule has its name."""

    async def delete(self, tx: Transaction, rule_id: UUID) -> bool: ...

    async def failed(
        self, tx: Transaction, rule_id: UUID, times: int, last: str, left_out_until: datetime | None
    ) -> None:
        """Count it; `left_out_until` is kept as it is where none is given."""

    async def alerts_since(
        self, tx: Transaction, since: datetime, clusters: Sequence[UUID] | None, most: int
    ) -> list[KeptAlert]:
        """The latest that started since then."""
