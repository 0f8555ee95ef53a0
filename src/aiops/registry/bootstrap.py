"""What the command line asks of the registry, without a running hub."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Database
from aiops.kernel.secrets import SecretUnreadable
from aiops.registry.vault import Vault


async def cluster_ids(database: Database) -> dict[str, UUID]:
    """All clusters by name."""
    async with database.begin() as tx:
        rows = await tx.connection.execute(text("SELECT name, id FROM registry.clusters ORDER BY name"))
        return {row.name: row.id for row in rows}


async def seal_anew(database: Database, keys: Sequence[bytes]) -> tuple[int, list[str]]:
    """Seal what a former key has sealed under the first; how many, and the clusters whose secrets no key opens.

    A hub may go on working meanwhile: it opens both, if it was started with both.
    """
    vault = Vault.of(keys)
    sealed, lost = 0, []
    async with database.begin() as tx:
        rows = await tx.connection.execute(
            text("SELECT id, name, secrets FROM registry.clusters WHERE secrets IS NOT NULL ORDER BY id FOR UPDATE")
        )
        for row in rows.all():
            before = bytes(row.secrets)
            try:
                after = vault.seal_anew(row.id, before)
            except SecretUnreadable:
                lost.append(row.name)
                continue
            if after != before:
                sealed += 1
                await tx.connection.execute(
                    text("UPDATE registry.clusters SET secrets = :after WHERE id = :id"), {"id": row.id, "after": after}
                )
        await tx.commit()
    return sealed, lost
