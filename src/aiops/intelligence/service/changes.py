"""Changes: kept, listed, and offered to ranking and timelines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from aiops.intelligence.domain.changes import (
    MOST_ORIGINAL_BYTES,
    TOLD_WITHIN,
    Change,
    ChangeFilter,
    ChangeSource,
    ToldChange,
    change_of,
)
from aiops.intelligence.events import ChangeRecorded
from aiops.intelligence.needs_changes import ChangeStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry.ports import Clusters

log = structlog.get_logger(__name__)


class Changes:
    """`needs_changes.RecentChanges`, and the use cases."""

    def __init__(self, transactions: Transactions, clock: Clock, store: ChangeStore, clusters: Clusters) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters

    async def tell(self, principal: Principal, cluster_id: UUID | None, told: ToldChange) -> Change:
        """A person, or a service with an account, tells of a change. Told again under its key, it is the same one."""
        principal.require(Role.OPERATOR)
        if cluster_id is None:
            principal.require_whole_fleet()
        else:
            await self._clusters.get(principal, cluster_id)
        now = self._clock.now()
        change = change_of(
            told, change_id=new_id(), source=principal.name, source_id=None, cluster_id=cluster_id, now=now
        )
        async with self._transactions.begin() as tx:
            kept = await self._keep(tx, told, change, None)
            await tx.commit()
        log.info("change_told", change_id=str(kept.id), by=principal.name, by_id=principal.id, title=kept.title)
        return kept

    async def receive(self, source: ChangeSource, told: Sequence[ToldChange], original: bytes) -> int:
        """What a verified source said, whole; gives how many changes it tells of. Of several at once each keeps its own
        part: they may be of clusters that no one reader sees together."""
        now = self._clock.now()
        changes = [
            change_of(
                one,
                change_id=new_id(),
                source=source.name,
                source_id=source.id,
                cluster_id=source.cluster_of(one.place),
                now=now,
            )
            for one in told
        ]
        async with self._transactions.begin() as tx:
            for change, one in zip(changes, told, strict=True):
                said = original if len(told) == 1 else msgspec.json.encode(one)
                await self._keep(tx, one, change, said if len(said) <= MOST_ORIGINAL_BYTES else None)
            await tx.commit()
        return len(changes)

    async def keep_found(self, tx: Transaction, changes: Sequence[Change]) -> int:
        """What the hub itself saw, in the caller's transaction; gives how much of it was new."""
        new = 0
        for change in changes:
            kept, news = await self._store.put(tx, change, None)
            if news:
                self._publish(tx, kept)
                new += 1
        return new

    async def page(
        self, principal: Principal, wanted: ChangeFilter, limit: int, after: tuple[datetime, UUID] | None
    ) -> tuple[list[Change], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.page(tx, wanted, _scope(principal), limit, after)

    async def get(self, principal: Principal, change_id: UUID) -> tuple[Change, bytes | None]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._store.get(tx, change_id, _scope(principal))
        if found is None:
            raise NotFound("There is no such change.")
        return found

    async def recent(
        self, principal: Principal, clusters: Sequence[UUID] | None, start: datetime, end: datetime, limit: int = 500
    ) -> list[Change]:
        wanted = ChangeFilter(
            cluster_ids=() if clusters is None else tuple(clusters), unplaced=True, start=start, end=end
        )
        items, _ = await self.page(principal, wanted, limit, None)
        return items

    async def _keep(self, tx: Transaction, told: ToldChange, change: Change, original: bytes | None) -> Change:
        if not told.key and told.at is None:
            same = await self._store.same_words(tx, change, change.received_at - TOLD_WITHIN)
            change = msgspec.structs.replace(change, key=same or f"{change.key}:{change.received_at.isoformat()}")
        kept, news = await self._store.put(tx, change, original)
        if news:
            self._publish(tx, kept)
        return kept

    def _publish(self, tx: Transaction, change: Change) -> None:
        tx.publish(
            ChangeRecorded(
                event_id=new_id(),
                occurred_at=self._clock.now(),
                cluster_ids=() if change.cluster_id is None else (change.cluster_id,),
                change_id=change.id,
                kind=change.kind.value,
                at=change.at,
            )
        )


def _scope(principal: Principal) -> list[UUID] | None:
    return None if principal.clusters is None else list(principal.clusters)
