"""Finds what belongs to no cluster any more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of

# What is over stays as history, also where its cluster has left.
_KINDS = {
    "learned bands": "SELECT count(*) FROM intelligence.track WHERE cluster_id <> ALL(:clusters)",
    "forecasts": "SELECT count(*) FROM intelligence.prediction WHERE cluster_id <> ALL(:clusters)",
    "changes": "SELECT count(*) FROM intelligence.change WHERE cluster_id <> ALL(:clusters)",
    "sources of changes": "SELECT count(*) FROM intelligence.change_source WHERE cluster_id <> ALL(:clusters)",
    "looks for changes": "SELECT count(*) FROM intelligence.cluster_look WHERE cluster_id <> ALL(:clusters)",
    "log patterns": "SELECT count(*) FROM intelligence.log_pattern WHERE cluster_id <> ALL(:clusters)",
    "topology": "SELECT count(*) FROM intelligence.topology_node WHERE cluster_id <> ALL(:clusters)",
    "open anomalies": (
        "SELECT count(*) FROM intelligence.anomaly WHERE ended_at IS NULL AND cluster_id <> ALL(:clusters)"
    ),
    "open findings": (
        "SELECT count(*) FROM intelligence.incident_finding WHERE ended_at IS NULL AND cluster_id <> ALL(:clusters)"
    ),
}


async def count_orphans(tx: Transaction, clusters: list[UUID]) -> dict[str, int]:
    """Rows by kind that name none of these clusters."""
    found = {}
    for kind, query in _KINDS.items():
        found[kind] = int((await connection_of(tx).execute(text(query), {"clusters": clusters})).scalar_one())
    return found
