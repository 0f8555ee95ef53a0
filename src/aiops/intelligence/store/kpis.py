"""What is counted of incidents, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.kpis import GroupBy, KpiDay, Tally
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR p.cluster_id = ANY(CAST(:clusters AS uuid[])))"
# One row for an incident and a group that it belongs to, with what of it is in scope.
_KEYS = {
    None: ("NULL::text", ""),
    GroupBy.CLUSTER: ("p.cluster_id::text", ""),
    GroupBy.TEAM: ("i.team_id::text", ""),
    GroupBy.SERVICE: (
        r"split_part(t.key, E'\x1f', 2)",
        "JOIN intelligence.incident_trait t ON t.incident_id = i.id AND t.cluster_id = p.cluster_id"
        r" AND t.kind = 'PLACE' AND t.key LIKE E'WORKLOAD\x1f%'",
    ),
}
_FALSE = "status = 'FALSE_POSITIVE'"
# What was only foreseen has struck nobody.
_STRUCK = "(i.origin <> 'FORECAST' OR sum(p.alert_count + p.anomaly_count) > 0)"
_TALLY = """
WITH found AS (
    SELECT {key} AS key, i.id, i.status, i.detected_at, i.acknowledged_at, i.resolved_at,
        min(coalesce(i.severity_rank, p.severity_rank)) AS rank, sum(p.alert_count) AS alerts
    FROM intelligence.incident i JOIN intelligence.incident_cluster p ON p.incident_id = i.id {join}
    WHERE i.detected_at >= :start AND i.detected_at < :end AND i.merged_into IS NULL AND {scope}
    GROUP BY 1, i.id HAVING {struck}
), burning AS (
    SELECT key, sum(extract(epoch FROM upper(r) - lower(r))) AS seconds FROM (
        SELECT key, unnest(range_agg(tstzrange(detected_at, least(coalesce(resolved_at, :end), :end)))) AS r
        FROM found WHERE NOT {false} AND detected_at < least(coalesce(resolved_at, :end), :end) GROUP BY key
    ) stretches GROUP BY key
)
SELECT f.key, count(*) FILTER (WHERE NOT {false}) AS incidents,
    count(*) FILTER (WHERE rank = 0 AND NOT {false}) AS critical,
    count(*) FILTER (WHERE status IN ('OPEN', 'ACKNOWLEDGED', 'MITIGATED')) AS open,
    count(*) FILTER (WHERE {false}) AS false_positives,
    count(acknowledged_at) FILTER (WHERE NOT {false}) AS acknowledged,
    count(resolved_at) FILTER (WHERE status = 'RESOLVED') AS resolved,
    coalesce(sum(alerts), 0)::bigint AS alerts,
    avg(extract(epoch FROM acknowledged_at - detected_at)) FILTER (WHERE NOT {false})::float8 AS mtta_s,
    avg(extract(epoch FROM resolved_at - detected_at)) FILTER (WHERE status = 'RESOLVED')::float8 AS mttr_s,
    coalesce(max(b.seconds), 0)::float8 AS burning_s
FROM found f LEFT JOIN burning b ON b.key IS NOT DISTINCT FROM f.key
GROUP BY f.key ORDER BY incidents DESC, f.key LIMIT :limit
"""
_DAYS = f"""
SELECT (detected_at AT TIME ZONE :zone)::date AS day, count(*) AS incidents,
    count(*) FILTER (WHERE rank = 0) AS critical, coalesce(sum(alerts), 0)::bigint AS alerts,
    avg(extract(epoch FROM resolved_at - detected_at)) FILTER (WHERE status = 'RESOLVED')::float8 AS mttr_s
FROM (
    SELECT i.id, i.status, i.detected_at, i.resolved_at, min(coalesce(i.severity_rank, p.severity_rank)) AS rank,
        sum(p.alert_count) AS alerts
    FROM intelligence.incident i JOIN intelligence.incident_cluster p ON p.incident_id = i.id
    WHERE i.detected_at >= :start AND i.detected_at < :end AND i.merged_into IS NULL AND NOT {_FALSE} AND {_SCOPE}
    GROUP BY i.id HAVING {_STRUCK}
) found GROUP BY 1 ORDER BY 1
"""


class SqlKpis:
    async def tally(
        self,
        tx: Transaction,
        start: datetime,
        end: datetime,
        clusters: Sequence[UUID] | None,
        by: GroupBy | None,
        limit: int,
    ) -> list[Tally]:
        key, join = _KEYS[by]
        rows = await connection_of(tx).execute(
            text(_TALLY.format(key=key, join=join, scope=_SCOPE, false=_FALSE, struck=_STRUCK)),
            {"start": start, "end": end, "clusters": _ids(clusters), "limit": limit},
        )
        return [msgspec.convert(dict(row._mapping), Tally, strict=False) for row in rows]

    async def days(
        self, tx: Transaction, start: datetime, end: datetime, clusters: Sequence[UUID] | None, zone: str
    ) -> list[KpiDay]:
        rows: Any = await connection_of(tx).execute(
            text(_DAYS), {"start": start, "end": end, "clusters": _ids(clusters), "zone": zone}
        )
        return rows_to(KpiDay, rows)


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
