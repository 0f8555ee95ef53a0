"""The table of saved dashboards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.needs import Dashboard, Panel

_COLUMNS = "id, name, description, owner_id, owner, shared, panels, revision, created_at, updated_at"
_VISIBLE = "(shared OR owner_id = :owner_id)"


class PostgresDashboardStore:
    """`needs.DashboardStore`."""

    async def page(
        self, tx: Transaction, owner_id: str, after: tuple[str, UUID] | None, limit: int
    ) -> tuple[list[Dashboard], int]:
        connection = connection_of(tx)
        name, last = after or (None, None)
        values = {"owner_id": owner_id, "name": name, "last": last, "limit": limit}
        total = await connection.scalar(
            text(f"SELECT count(*) FROM observability.dashboard WHERE {_VISIBLE}"), {"owner_id": owner_id}
        )
        rows = await connection.execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM observability.dashboard
                WHERE {_VISIBLE} AND (CAST(:last AS uuid) IS NULL
                    OR (name, id) > (CAST(:name AS text), CAST(:last AS uuid)))
                ORDER BY name, id LIMIT :limit
                """
            ),
            values,
        )
        return [_dashboard(row) for row in rows], int(total or 0)

    async def get(self, tx: Transaction, dashboard_id: UUID, *, lock: bool = False) -> Dashboard | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM observability.dashboard WHERE id = :id {'FOR UPDATE' if lock else ''}"),
            {"id": dashboard_id},
        )
        row = rows.one_or_none()
        return _dashboard(row) if row else None

    async def count_of(self, tx: Transaction, owner_id: str) -> int:
        found = await connection_of(tx).scalar(
            text("SELECT count(*) FROM observability.dashboard WHERE owner_id = :owner_id"), {"owner_id": owner_id}
        )
        return int(found or 0)

    async def add(self, tx: Transaction, dashboard: Dashboard) -> bool:
        done = await connection_of(tx).execute(
            text(
                f"""
                INSERT INTO observability.dashboard ({_COLUMNS}) VALUES (
                    :id, :name, :description, :owner_id, :owner, :shared, CAST(:panels AS jsonb), :revision,
                    :created_at, :updated_at)
                ON CONFLICT DO NOTHING
                """
            ),
            _values(dashboard),
        )
        return done.rowcount == 1

    async def change(self, tx: Transaction, dashboard: Dashboard) -> bool:
        try:
            await connection_of(tx).execute(
                text(
                    """
                    UPDATE observability.dashboard SET name = :name, description = :description, shared = :shared,
                        panels = CAST(:panels AS jsonb), revision = :revision, updated_at = :updated_at
                    WHERE id = :id
                    """
                ),
                _values(dashboard),
            )
        except IntegrityError:
            return False
        return True

    async def delete(self, tx: Transaction, dashboard_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM observability.dashboard WHERE id = :id"), {"id": dashboard_id}
        )


def _values(dashboard: Dashboard) -> dict[str, Any]:
    values = {name: getattr(dashboard, name) for name in dashboard.__struct_fields__}
    return {**values, "panels": msgspec.json.encode(dashboard.panels).decode()}


def _dashboard(row: Any) -> Dashboard:
    values = {**row._mapping, "panels": msgspec.convert(row.panels, list[Panel])}
    return Dashboard(**values)
