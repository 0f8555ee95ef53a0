"""Members that go from one incident to another by hand, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.incident_findings import IncidentFinding
from aiops.intelligence.domain.incidents import AlertMember
from aiops.intelligence.needs_incidents import Move
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.incident_findings import COLUMNS
from aiops.intelligence.store.incident_views import SCOPE
from aiops.kernel.database import Transaction, connection_of

_ALERT = ", ".join(AlertMember.__struct_fields__)
_ANOMALY = ", ".join(Anomaly.__struct_fields__)
_MOVED = "SET incident_id = :target, joined_by = 'hand', reason = :reason"


class SqlMoving:
    """The part of `needs_incidents.GatheringStore` that moves members."""

    async def everything(
        self, tx: Transaction, incident_id: UUID
    ) -> tuple[list[AlertMember], list[Anomaly], list[IncidentFinding]]:
        alerts = await _run(
            tx, f"SELECT {_ALERT} FROM intelligence.incident_alert WHERE incident_id = :id", id=incident_id
        )
        anomalies = await _run(
            tx, f"SELECT {_ANOMALY} FROM intelligence.anomaly WHERE incident_id = :id", id=incident_id
        )
        findings = await _run(
            tx, f"SELECT {COLUMNS} FROM intelligence.incident_finding WHERE incident_id = :id", id=incident_id
        )
        return rows_to(AlertMember, alerts), rows_to(Anomaly, anomalies), rows_to(IncidentFinding, findings)

    async def move_alerts(
        self, tx: Transaction, move: Move, alerts: Sequence[tuple[UUID, str, datetime]] | None
    ) -> int:
        only, values = "", _values(move)
        if alerts is not None:
            only = (
                " AND (cluster_id, fingerprint, started_at) IN (SELECT * FROM unnest(CAST(:of_clusters AS uuid[]),"
                " CAST(:marks AS text[]), CAST(:starts AS timestamptz[])))"
            )
            values |= {
                "of_clusters": [one[0] for one in alerts],
                "marks": [one[1] for one in alerts],
                "starts": [one[2] for one in alerts],
            }
        moved = await _run(
            tx,
            f"UPDATE intelligence.incident_alert {_MOVED} WHERE incident_id = :source"
            f" AND {SCOPE.format('cluster_id')}{only}",
            **values,
        )
        return int(moved.rowcount)

    async def move_anomalies(self, tx: Transaction, move: Move, anomalies: Sequence[UUID] | None) -> int:
        return await _move(tx, "anomaly", move, anomalies)

    async def move_findings(self, tx: Transaction, move: Move, findings: Sequence[UUID] | None) -> int:
        return await _move(tx, "incident_finding", move, findings)

    async def move_timeline(self, tx: Transaction, source_id: UUID, target_id: UUID) -> None:
        await _run(
            tx,
            "UPDATE intelligence.timeline SET incident_id = :target WHERE incident_id = :source"
            " AND kind NOT IN ('OPENED', 'REOPENED', 'RESOLVED')",
            source=source_id,
            target=target_id,
        )

    async def unlink(self, tx: Transaction, incident_id: UUID, other_id: UUID) -> bool:
        gone = await _run(
            tx,
            "DELETE FROM intelligence.incident_link WHERE (incident_id = :one AND other_id = :other)"
            " OR (incident_id = :other AND other_id = :one)",
            one=incident_id,
            other=other_id,
        )
        return bool(gone.rowcount)

    async def put_part(self, tx: Transaction, incident_id: UUID, cluster_id: UUID, title: str) -> None:
        await _run(
            tx,
            "INSERT INTO intelligence.incident_cluster (incident_id, cluster_id, title, severity_rank)"
            " VALUES (:incident_id, :cluster_id, :title, 4) ON CONFLICT DO NOTHING",
            incident_id=incident_id,
            cluster_id=cluster_id,
            title=title,
        )


async def _move(tx: Transaction, table: str, move: Move, ids: Sequence[UUID] | None) -> int:
    only, values = "", _values(move)
    if ids is not None:
        only = " AND id = ANY(:ids)"
        values["ids"] = list(ids)
    moved = await _run(
        tx,
        f"UPDATE intelligence.{table} {_MOVED} WHERE incident_id = :source AND {SCOPE.format('cluster_id')}{only}",
        **values,
    )
    return int(moved.rowcount)


def _values(move: Move) -> dict[str, Any]:
    return {
        "source": move.source_id,
        "target": move.target_id,
        "clusters": None if move.clusters is None else list(move.clusters),
        "reason": move.reason,
    }


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)
