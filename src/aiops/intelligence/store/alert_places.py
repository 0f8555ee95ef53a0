"""In which incidents alerts are."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from aiops.intelligence.service.alert_places import AlertPlace
from aiops.kernel.database import Transaction, connection_of


class SqlAlertPlaces:
    """`service.alert_places.AlertPlaceStore`."""

    async def of_alert(self, tx: Transaction, cluster_id: UUID, fingerprint: str, limit: int) -> list[AlertPlace]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT cluster_id, fingerprint, incident_id, started_at, ended_at, joined_by, reason"
                " FROM intelligence.incident_alert WHERE cluster_id = :cluster_id AND fingerprint = :mark"
                " ORDER BY started_at DESC LIMIT :limit"
            ),
            {"cluster_id": cluster_id, "mark": fingerprint, "limit": limit},
        )
        return [AlertPlace(**row._mapping) for row in rows]
