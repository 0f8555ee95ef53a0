"""How clusters were found over time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.registry.needs import HealthPoint
from aiops.registry.ports import Connectivity, EndpointStatus, State
from aiops.registry.store.values import json_text


class HistoryStore:
    async def add_history(self, tx: Transaction, cluster_id: UUID, point: HealthPoint) -> None:
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
