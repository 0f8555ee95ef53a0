"""Incidents as readers see them, in PostgreSQL: each within the reader's scope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.anomalies import SEVERITIES, rank_of
from aiops.intelligence.domain.incidents import (
    IncidentFilter,
    IncidentLink,
    IncidentView,
    Order,
    Suspect,
    title_by_suspect,
)
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

LIVE = "i.status IN ('OPEN', 'ACKNOWLEDGED', 'MITIGATED')"
SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR {0} = ANY(CAST(:clusters AS uuid[])))"

# What others' clusters tell of the suspect is not for this reader.
_SUSPECTED = f"""(
    SELECT jsonb_build_object('affected', coalesce(sum(members) FILTER (WHERE kind <> 'LOCATED'), 0),
        'located', coalesce(sum(members) FILTER (WHERE kind = 'LOCATED'), 0),
        'told', (array_agg(short ORDER BY first_at) FILTER (WHERE kind = 'IS'))[1])
    FROM intelligence.incident_trait t WHERE t.incident_id = i.id AND {SCOPE.format("t.cluster_id")}
        AND (t.kind = 'LOCATED' OR (t.kind IN ('IS', 'NEEDS') AND t.key = i.suspect->>'node_id'))
)"""

_VIEW = f"""
SELECT i.id, i.key, i.status, i.detected_at, i.last_activity_at, i.acknowledged_at, i.resolved_at, i.origin, i.owner,
    i.team_id, t.name AS team, i.merged_into, p.clusters, p.titles, coalesce(i.severity_rank, p.rank) AS rank,
    p.anomaly_count, p.alert_count, p.finding_count, p.workloads, CASE WHEN {LIVE} THEN 0 ELSE 1 END AS over,
    CASE WHEN CAST(:clusters AS uuid[]) IS NULL OR i.title_clusters <@ CAST(:clusters AS uuid[]) THEN i.title END
        AS title,
    CASE WHEN CAST(:clusters AS uuid[]) IS NULL THEN i.suspect WHEN i.suspect->>'cluster_id' IS NULL
        OR CAST(i.suspect->>'cluster_id' AS uuid) = ANY(CAST(:clusters AS uuid[])) THEN i.suspect || {_SUSPECTED} END
        AS suspect,
    CASE WHEN i.suspect IS NOT NULL AND i.causes_note IS NULL AND i.causes->0->>'node_id' <> i.suspect->>'node_id'
        AND (CAST(:clusters AS uuid[]) IS NULL
            OR CAST(i.causes->0->>'cluster_id' AS uuid) = ANY(CAST(:clusters AS uuid[])))
        THEN i.causes->0->>'subject' END AS ranked_first
FROM intelligence.incident i LEFT JOIN intelligence.team t ON t.id = i.team_id JOIN LATERAL (
    SELECT array_agg(cluster_id ORDER BY severity_rank, cluster_id) AS clusters,
        array_agg(title ORDER BY severity_rank, cluster_id) AS titles, min(severity_rank) AS rank,
        sum(anomaly_count) AS anomaly_count, sum(alert_count) AS alert_count, sum(finding_count) AS finding_count,
        sum(workloads) AS workloads
    FROM intelligence.incident_cluster WHERE incident_id = i.id AND {SCOPE.format("cluster_id")}
) p ON p.clusters IS NOT NULL
"""

_WANTED = f"""
WHERE i.merged_into IS NULL AND (CAST(:status AS text) IS NULL OR i.status = :status)
  AND (CAST(:rank AS int) IS NULL OR coalesce(i.severity_rank, p.rank) = :rank)
  AND (CAST(:cluster_id AS uuid) IS NULL OR :cluster_id = ANY(p.clusters))
  AND (CAST(:open AS boolean) IS NULL OR ({LIVE}) = :open)
  AND (CAST(:owner AS text) IS NULL OR coalesce(i.owner, '-') = :owner)
  AND (CAST(:team_id AS uuid) IS NULL OR i.team_id = :team_id)
"""

_OWN = frozenset({"titles", "rank", "over", "ranked_first"})

# What sorts a list; each part ascending, and the last one tells all apart.
_KEYS = {
    Order.LATEST: "-extract(epoch FROM detected_at), id",
    Order.IMPACT: (
        "over, rank, -cardinality(clusters), -workloads, -alert_count, -extract(epoch FROM detected_at), id"
    ),
}


class IncidentViews:
    async def view(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> IncidentView | None:
        rows = await connection_of(tx).execute(
            text(f"{_VIEW} WHERE i.id = :id"), {"id": incident_id, "clusters": _ids(clusters)}
        )
        found = rows.one_or_none()
        return _view(found) if found else None

    async def views(
        self, tx: Transaction, incident_ids: Sequence[UUID], clusters: Sequence[UUID] | None
    ) -> list[IncidentView]:
        rows = await connection_of(tx).execute(
            text(f"{_VIEW} WHERE i.id = ANY(:ids)"), {"ids": list(incident_ids), "clusters": _ids(clusters)}
        )
        return [_view(row) for row in rows]

    async def between(
        self, tx: Transaction, cluster_id: UUID, start: datetime, end: datetime, limit: int
    ) -> list[IncidentView]:
        rows = await connection_of(tx).execute(
            text(
                f"{_VIEW} WHERE i.detected_at BETWEEN :start AND :end AND i.status <> 'FALSE_POSITIVE'"
                " ORDER BY i.detected_at DESC LIMIT :limit"
            ),
            {"clusters": [cluster_id], "start": start, "end": end, "limit": limit},
        )
        return [_view(row) for row in rows]

    async def page(
        self,
        tx: Transaction,
        wanted: IncidentFilter,
        clusters: Sequence[UUID] | None,
        limit: int,
        after: UUID | None,
        order: Order = Order.LATEST,
    ) -> tuple[list[IncidentView], int]:
        values: dict[str, Any] = {
            **msgspec.structs.asdict(wanted),
            "rank": None if wanted.severity is None else rank_of(wanted.severity),
            "clusters": _ids(clusters),
            "after": after,
            "limit": limit,
        }
        keys = _KEYS[order]
        total = await connection_of(tx).execute(text(f"SELECT count(*) FROM ({_VIEW} {_WANTED}) counted"), values)
        # The place of the last one read is looked up anew: it may have moved, and may match the filter no longer.
        rows = await connection_of(tx).execute(
            text(
                f"WITH shown AS ({_VIEW} {_WANTED}) SELECT * FROM shown WHERE CAST(:after AS uuid) IS NULL"
                f" OR ({keys}) > (SELECT {keys} FROM ({_VIEW} WHERE i.id = :after) last)"
                f" ORDER BY {keys} LIMIT :limit"
            ),
            values,
        )
        return [_view(row) for row in rows], total.scalar_one()

    async def named_nodes(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None, limit: int
    ) -> list[UUID]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT CAST(key AS uuid) AS node_id FROM intelligence.incident_trait t WHERE incident_id = :id"
                f" AND kind = 'IS' AND {SCOPE.format('t.cluster_id')}"
                " GROUP BY key ORDER BY sum(members) DESC, min(first_at), key LIMIT :limit"
            ),
            {"id": incident_id, "clusters": _ids(clusters), "limit": limit},
        )
        return [row.node_id for row in rows]

    async def links(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[IncidentLink]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT l.other_id, i.key, l.kind, l.by, l.at FROM ("
                " SELECT other_id, kind, by, at FROM intelligence.incident_link WHERE incident_id = :id UNION ALL"
                " SELECT incident_id, CASE kind WHEN 'FOLLOWS' THEN 'FOLLOWED_BY' WHEN 'MERGED' THEN 'MERGED_FROM'"
                " WHEN 'SPLIT_FROM' THEN 'SPLIT_INTO' ELSE kind END, by, at"
                " FROM intelligence.incident_link WHERE other_id = :id) l JOIN intelligence.incident i"
                " ON i.id = l.other_id WHERE EXISTS (SELECT FROM intelligence.incident_cluster c"
                f" WHERE c.incident_id = l.other_id AND {SCOPE.format('c.cluster_id')}) ORDER BY l.at, i.key"
            ),
            {"id": incident_id, "clusters": _ids(clusters)},
        )
        return rows_to(IncidentLink, rows)


def _view(row: Any) -> IncidentView:
    suspect = None if row.suspect is None else msgspec.convert(row.suspect, Suspect, strict=False)
    more = len(row.clusters) - 1
    if row.title is not None:
        title = row.title
    elif suspect is not None:
        # A thing that tells nothing itself does not name what the ranking has found another cause for.
        cause = row.ranked_first if suspect.told is None else None
        title = title_by_suspect(suspect, len(row.clusters), int(row.workloads), cause)
    else:
        title = row.titles[0] + (f", and on {more} more cluster{'s' if more > 1 else ''}" if more else "")
    fields = {name: row._mapping[name] for name in row._mapping if name not in _OWN}
    return msgspec.convert(
        {**fields, "title": title, "severity": SEVERITIES[row.rank], "suspect": suspect}, IncidentView, strict=False
    )


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
