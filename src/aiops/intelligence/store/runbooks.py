"""Runbooks in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.runbooks import Runbook
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_COLUMNS = ", ".join(Runbook.__struct_fields__)
_PUT = f"""
    INSERT INTO intelligence.runbook ({_COLUMNS})
    VALUES (:id, :title, :markdown, CAST(:matchers AS jsonb), :owner, :changed_by, :changed_at)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, markdown = excluded.markdown,
        matchers = excluded.matchers, owner = excluded.owner, changed_by = excluded.changed_by,
        changed_at = excluded.changed_at
"""


class SqlRunbooks:
    """`needs_analysis.RunbookStore`."""

    async def all(self, tx: Transaction) -> list[Runbook]:
        rows = await connection_of(tx).execute(text(f"SELECT {_COLUMNS} FROM intelligence.runbook ORDER BY title, id"))
        return rows_to(Runbook, rows)

    async def get(self, tx: Transaction, runbook_id: UUID) -> Runbook | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.runbook WHERE id = :id"), {"id": runbook_id}
        )
        found = rows_to(Runbook, rows)
        return found[0] if found else None

    async def put(self, tx: Transaction, runbook: Runbook) -> bool:
        taken = await connection_of(tx).scalar(
            text("SELECT id FROM intelligence.runbook WHERE title = :title AND id <> :id"),
            {"title": runbook.title, "id": runbook.id},
        )
        if taken is not None:
            return False
        values = {**msgspec.structs.asdict(runbook), "matchers": msgspec.json.encode(runbook.matchers).decode()}
        await connection_of(tx).execute(text(_PUT), values)
        return True

    async def delete(self, tx: Transaction, runbook_id: UUID) -> bool:
        gone = await connection_of(tx).execute(
            text("DELETE FROM intelligence.runbook WHERE id = :id RETURNING id"), {"id": runbook_id}
        )
        return gone.one_or_none() is not None
