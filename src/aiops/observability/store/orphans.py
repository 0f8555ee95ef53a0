"""Finds what belongs to no cluster any more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of

_KINDS = {
    "series": "SELECT count(*) FROM observability.series WHERE cluster_id <> ALL(:clusters)",
    "sources": "SELECT count(*) FROM observability.source WHERE cluster_id <> ALL(:clusters)",
    "alerts": "SELECT count(*) FROM observability.alert WHERE cluster_id <> ALL(:clusters)",
}


async def count_orphans(tx: Transaction, clusters: list[UUID]) -> dict[str, int]:
    """Rows by kind that name none of these clusters."""
    found = {}
    for kind, query in _KINDS.items():
        found[kind] = int((await connection_of(tx).execute(text(query), {"clusters": clusters})).scalar_one())
    return found
