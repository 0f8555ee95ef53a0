"""The table of saved filters."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.needs_alerts import SavedFilter

_COLUMNS = "id, name, query, owner_id, owner, shared, saved_at"


class PostgresSavedFilterStore:
    """`needs_alerts.SavedFilterStore`."""

    async def of(self, tx: Transaction, owner_id: str) -> list[SavedFilter]:
        return await _found(tx, "owner_id = :owner_id ORDER BY name", {"owner_id": owner_id})

    async def shared(self, tx: Transaction, limit: int) -> list[SavedFilter]:
        return await _found(tx, "shared ORDER BY name, id LIMIT :limit", {"limit": limit})

    async def hold(self, tx: Transaction, owner_id: str) -> None:
        await connection_of(tx).execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 4))"), {"key": f"filters:{owner_id}"}
        )

    async def save(self, tx: Transaction, one: SavedFilter) -> None:
        await connection_of(tx).execute(
            text(
                f"""
                INSERT INTO observability.saved_filter ({_COLUMNS})
                VALUES (:id, :name, :query, :owner_id, :owner, :shared, :saved_at)
                ON CONFLICT (owner_id, name) DO UPDATE SET
                    ({_COLUMNS}) = ROW ({", ".join(f"excluded.{name}" for name in _COLUMNS.split(", "))})
                """
            ),
            {name: getattr(one, name) for name in one.__struct_fields__},
        )

    async def get(self, tx: Transaction, filter_id: UUID) -> SavedFilter | None:
        found = await _found(tx, "id = :id FOR UPDATE", {"id": filter_id})
        return found[0] if found else None

    async def delete(self, tx: Transaction, filter_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM observability.saved_filter WHERE id = :id"), {"id": filter_id}
        )


async def _found(tx: Transaction, where: str, values: dict[str, Any]) -> list[SavedFilter]:
    rows = await connection_of(tx).execute(
        text(f"SELECT {_COLUMNS} FROM observability.saved_filter WHERE {where}"), values
    )
    return [SavedFilter(**row._mapping) for row in rows]
