"""What the command line asks of the registry, without a running hub."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Database


async def cluster_ids(database: Database) -> dict[str, UUID]:
    """All clusters by name."""
    async with database.begin() as tx:
        rows = await tx.connection.execute(text("SELECT name, id FROM registry.clusters ORDER BY name"))
        return {row.name: row.id for row in rows}
