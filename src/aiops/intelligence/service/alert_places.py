"""In which incidents an alert is, for who looks at the alert."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.principal import Principal, Role

_MOST = 5


class AlertPlace(msgspec.Struct, frozen=True):
    """One episode of an alert in an incident; `reason` says why it is there, `ended_at` is `None` while it fires."""

    cluster_id: UUID
    fingerprint: str
    incident_id: UUID
    started_at: datetime
    ended_at: datetime | None
    joined_by: str | None
    reason: str | None


class AlertPlaceStore(Protocol):
    async def of_alert(self, tx: Transaction, cluster_id: UUID, fingerprint: str, limit: int) -> list[AlertPlace]:
        """The latest episode first."""


class AlertPlaces:
    def __init__(self, transactions: Transactions, store: AlertPlaceStore) -> None:
        self._transactions = transactions
        self._store = store

    async def of_alert(self, principal: Principal, cluster_id: UUID, fingerprint: str) -> list[AlertPlace]:
        """Of its latest episodes; empty where it is in none, and out of scope."""
        principal.require(Role.VIEWER)
        if not principal.sees(cluster_id):
            return []
        async with self._transactions.look() as tx:
            return await self._store.of_alert(tx, cluster_id, fingerprint, _MOST)
