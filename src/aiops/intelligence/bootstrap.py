"""What the command line asks of intelligence, without a running hub."""

from __future__ import annotations

from uuid import UUID

from aiops.intelligence.store.orphans import count_orphans
from aiops.kernel.database import Database


async def orphans(database: Database, clusters: list[UUID]) -> dict[str, int]:
    """How much is kept of clusters that are none of these: it should have gone with them."""
    async with database.begin() as tx:
        return await count_orphans(tx, clusters)
