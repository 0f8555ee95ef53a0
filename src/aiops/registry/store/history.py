"""How clusters were found over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.registry.needs import HealthPoint
from aiops.registry.ports import ClusterUptime, Connectivity, EndpointStatus, State
from aiops.registry.store.values import json_text

# What lies between two probes was as the first of them found it, where they lie no farther apart than the rarest do
# when one of them fails. What was found UNKNOWN counts as not known.
_LONGEST_GAP_S = 300.0
_COUNT_UPTIME = """
INSERT INTO registry.uptime (cluster_id, day, known_s, up_s)
SELECT :cluster_id, (CAST(:at AS timestamptz) AT TIME ZONE 'UTC')::date, gap,
    CASE WHEN state = 'OFFLINE' THEN 0 ELSE gap END
FROM (
    SELECT state, extract(epoch FROM CAST(:at AS timestamptz) - at)::float8 AS gap FROM registry.health_history
    WHERE cluster_id = :cluster_id AND at < :at ORDER BY at DESC LIMIT 1
) before WHERE gap <= :longest AND state IN ('ONLINE', 'DEGRADED', 'OFFLINE')
ON CONFLICT (cluster_id, day) DO UPDATE SET
    known_s = registry.uptime.known_s + excluded.known_s, up_s = registry.uptime.up_s + excluded.up_s
"""


class HistoryStore:
    async def uptime(
        self, tx: Transaction, scope: Sequence[UUID] | None, start: datetime, end: datetime
    ) -> list[ClusterUptime]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT cluster_id, sum(known_s) AS known_s, sum(up_s) AS up_s FROM registry.uptime"
                " WHERE day BETWEEN (CAST(:start AS timestamptz) AT TIME ZONE 'UTC')::date"
                " AND (CAST(:end AS timestamptz) AT TIME ZONE 'UTC')::date"
                " AND (CAST(:scope AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:scope AS uuid[])))"
                " GROUP BY cluster_id ORDER BY cluster_id"
            ),
            {"scope": None if scope is None else list(scope), "start": start, "end": end},
        )
        return [ClusterUptime(row.cluster_id, float(row.up_s), float(row.known_s)) for row in rows]

    async def forget_uptime(self, tx: Transaction, before: datetime) -> int:
        done = await connection_of(tx).execute(
            text("DELETE FROM registry.uptime WHERE day < (CAST(:before AS timestamptz) AT TIME ZONE 'UTC')::date"),
            {"before": before},
        )
        return done.rowcount

    async def add_history(self, tx: Transaction, cluster_id: UUID, point: HealthPoint) -> None:
        await connection_of(tx).execute(
            text(_COUNT_UPTIME), {"cluster_id": cluster_id, "at": point.at, "longest": _LONGEST_GAP_S}
        )
        await connection_of(tx).execute(
            text(
                "INSERT INTO registry.health_history (cluster_id, at, state, connectivity, health_score, endpoints)"
                " VALUES (:cluster_id, :at, :state, :connectivity, :health_score, CAST(:endpoints AS jsonb))"
                " ON CONFLICT (cluster_id, at) DO NOTHING"
            ),
            {
                "cluster_id": cluster_id,
                "at": point.at,
                "state": point.state,
                "connectivity": point.connectivity,
                "health_score": point.health_score,
                "endpoints": json_text(point.endpoints),
            },
        )

    async def history(
        self, tx: Transaction, cluster_id: UUID, *, start: datetime, end: datetime, before: datetime | None, limit: int
    ) -> tuple[list[HealthPoint], int]:
        connection = connection_of(tx)
        values = {"id": cluster_id, "start": start, "end": end}
        where = "cluster_id = :id AND at BETWEEN :start AND :end"
        total = await connection.scalar(text(f"SELECT count(*) FROM registry.health_history WHERE {where}"), values)
        rows = await connection.execute(
            text(
                "SELECT at, state, connectivity, health_score, endpoints FROM registry.health_history"
                f" WHERE {where} AND (CAST(:before AS timestamptz) IS NULL OR at < :before)"
                " ORDER BY at DESC LIMIT :limit"
            ),
            values | {"before": before, "limit": limit},
        )
        points = [
            HealthPoint(
                at=row.at,
                state=State(row.state),
                connectivity=Connectivity(row.connectivity),
                health_score=row.health_score,
                endpoints=msgspec.convert(row.endpoints, dict[str, EndpointStatus]),
            )
            for row in rows
        ]
        return points, int(total or 0)

    async def forget_history(self, tx: Transaction, before: datetime) -> int:
        done = await connection_of(tx).execute(
            text("DELETE FROM registry.health_history WHERE at < :before"), {"before": before}
        )
        return done.rowcount
