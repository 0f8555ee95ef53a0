"""What changes require, and what they offer to ranking and timelines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.changes import Change, ChangeFilter, ChangeSource
from aiops.intelligence.domain.kubernetes_changes import Memory
from aiops.kernel.database import Transaction
from aiops.kernel.principal import Principal


class RecentChanges(Protocol):
    async def recent(
        self, principal: Principal, clusters: Sequence[UUID] | None, start: datetime, end: datetime, limit: int = 500
    ) -> list[Change]:
        """Changes that took effect in `[start, end]`, newest first: on these clusters (`None`: on all in scope), and,
        for who sees the whole fleet, those of no known cluster."""


class ChangeStore(Protocol):
    """`clusters` is the reader's scope, `None` for all."""

    async def put(self, tx: Transaction, change: Change, original: bytes | None) -> tuple[Change, bool]:
        """Add, or take over what is told anew of the one with the same source, cluster and key. Gives it as it is kept,
        and whether that is news: not where it says the same, or something older."""

    async def same_words(self, tx: Transaction, change: Change, since: datetime) -> str | None:
        """The key of the latest change of this source and cluster whose key begins with that of `change`, and that was
        received since then. Others who ask for the same wait until this transaction ends."""

    async def page(
        self,
        tx: Transaction,
        wanted: ChangeFilter,
        clusters: Sequence[UUID] | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> tuple[list[Change], int]:
        """Newest first, from behind `after` on; and how many there are."""

    async def get(
        self, tx: Transaction, change_id: UUID, clusters: Sequence[UUID] | None
    ) -> tuple[Change, bytes | None] | None:
        """With what its sender said, as far as that was kept."""

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop changes that took effect before then."""

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...


class ChangeSourceStore(Protocol):
    async def add(self, tx: Transaction, source: ChangeSource, sealed: bytes) -> bool:
        """False where there is one of this name."""

    async def all(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[ChangeSource]:
        """By name; for a limited reader those that concern clusters in scope alone."""

    async def get(self, tx: Transaction, source_id: UUID) -> tuple[ChangeSource, bytes] | None:
        """With its sealed token."""

    async def delete(self, tx: Transaction, source_id: UUID) -> None: ...

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        """Take it off the places of each; one that has no cluster left and had one goes."""

    async def sealed(self, tx: Transaction) -> dict[UUID, bytes]: ...

    async def seal(self, tx: Transaction, source_id: UUID, sealed: bytes) -> None: ...


class ClusterLook(msgspec.Struct, frozen=True, kw_only=True):
    """How the last look at a cluster's objects went. `notes` tell what could not be read, or was left out; with an
    `error`, nothing was found out, and the rest is of the look before."""

    cluster_id: UUID
    looked_at: datetime | None
    objects: int = 0
    notes: list[str] = []
    error: str | None = None


class ClusterLookStore(Protocol):
    async def claim(self, tx: Transaction, cluster_id: UUID, now: datetime, until: datetime) -> bool:
        """Whether a look at it is due, and this replica's until then."""

    async def memory(self, tx: Transaction, cluster_id: UUID) -> Memory | None:
        """What the last look left; `None` also where it can't be read any more."""

    async def looked(self, tx: Transaction, look: ClusterLook, memory: Memory | None, due: datetime) -> None:
        """`memory` is `None` where it is as before."""

    async def failed(self, tx: Transaction, cluster_id: UUID, error: str, due: datetime) -> None: ...

    async def looks(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[ClusterLook]: ...

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...
