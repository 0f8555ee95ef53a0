"""Finds what belongs to no cluster any more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.store.rollups import LEVELS

_TABLES = {
    "series": ("series",),
    "rows of samples": ("head", *(level.table for level in LEVELS)),
    "sources": ("source",),
    "alerts": ("alert", "alert_history", "alert_act"),
    "silences of maintenance": ("maintenance_silence", "silence_reminder"),
    "readings of alerts": ("alert_pull",),
}


async def count_orphans(tx: Transaction, clusters: list[UUID]) -> dict[str, int]:
    """Rows by kind that name none of these clusters."""
    found = {}
    for kind, tables in _TABLES.items():
        counts = (f"(SELECT count(*) FROM observability.{name} WHERE cluster_id <> ALL(:clusters))" for name in tables)
        query = text(f"SELECT {' + '.join(counts)}")
        found[kind] = int((await connection_of(tx).execute(query, {"clusters": clusters})).scalar_one())
    return found
