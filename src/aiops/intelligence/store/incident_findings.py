"""Forecasts and log findings as members of incidents, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.correlation import ArrivalKind, Placement
from aiops.intelligence.domain.incident_findings import IncidentFinding, Mark
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.incident_views import SCOPE
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(IncidentFinding.__struct_fields__)
COLUMNS = ", ".join(_FIELDS)
_VALUES = ", ".join("CAST(:labels AS jsonb)" if name == "labels" else f":{name}" for name in _FIELDS)
_VARIANT = "CASE WHEN kind = 'LOG_PATTERN' THEN subject ELSE '' END"
_MEANT = f"""ended_at IS NULL AND (kind, source_id, {_VARIANT}) IN (
    SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:sources AS uuid[]), CAST(:variants AS text[]))
)"""
_LOST = f"""
SELECT kind, source_id, {_VARIANT} AS variant FROM intelligence.incident_finding m WHERE ended_at IS NULL AND CASE kind
    WHEN 'FORECAST' THEN NOT EXISTS (
        SELECT FROM intelligence.prediction p WHERE p.id = m.source_id AND p.warned_at IS NOT NULL)
    ELSE (subject = 'VANISHED' AND started_at < :vanished_before) OR NOT EXISTS (
        SELECT FROM intelligence.log_finding f
        WHERE f.pattern_id = m.source_id AND f.kind = m.subject AND f.ended_at IS NULL)
    END
"""


class SqlIncidentFindings:
    """`needs_findings.IncidentFindingStore`."""

    async def add_findings(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> None:
        rows = [
            {
                **msgspec.structs.asdict(one),
                "labels": msgspec.json.encode(one.labels).decode(),
                "maintained_by": list(one.maintained_by),
            }
            for one in findings
        ]
        await connection_of(tx).execute(
            text(f"INSERT INTO intelligence.incident_finding ({COLUMNS}) VALUES ({_VALUES})"), rows
        )

    async def open_findings(self, tx: Transaction, marks: Sequence[Mark]) -> list[IncidentFinding]:
        rows = await _run(tx, f"SELECT {COLUMNS} FROM intelligence.incident_finding WHERE {_MEANT}", **_meant(marks))
        return rows_to(IncidentFinding, rows)

    async def worsen_findings(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE intelligence.incident_finding SET severity = :severity, explanation = :explanation"
                " WHERE id = :id"
            ),
            [{"id": one.id, "severity": one.severity.value, "explanation": one.explanation} for one in findings],
        )

    async def end_findings(self, tx: Transaction, marks: Sequence[Mark], at: datetime) -> list[IncidentFinding]:
        await _run(
            tx,
            f"DELETE FROM intelligence.incident_finding WHERE incident_id IS NULL AND {_MEANT}",
            **_meant(marks),
        )
        rows = await _run(
            tx,
            f"UPDATE intelligence.incident_finding SET ended_at = :at WHERE {_MEANT} RETURNING {COLUMNS}",
            at=at,
            **_meant(marks),
        )
        return rows_to(IncidentFinding, rows)

    async def waiting_findings(
        self, tx: Transaction, clusters: Sequence[UUID], since: datetime
    ) -> list[IncidentFinding]:
        rows = await _run(
            tx,
            f"SELECT {COLUMNS} FROM intelligence.incident_finding WHERE incident_id IS NULL AND ended_at IS NULL"
            " AND cluster_id = ANY(:clusters) AND detected_at >= :since AND maintained_by = '{}' ORDER BY id",
            clusters=list(clusters),
            since=since,
        )
        return rows_to(IncidentFinding, rows)

    async def maintained_findings(self, tx: Transaction) -> list[IncidentFinding]:
        rows = await _run(
            tx,
            f"SELECT {COLUMNS} FROM intelligence.incident_finding WHERE incident_id IS NULL AND ended_at IS NULL"
            " AND maintained_by <> '{}' ORDER BY id",
        )
        return rows_to(IncidentFinding, rows)

    async def heard_findings(self, tx: Transaction, findings: Sequence[UUID], at: datetime) -> None:
        await _run(
            tx,
            "UPDATE intelligence.incident_finding SET maintained_by = '{}', detected_at = :at WHERE id = ANY(:ids)",
            ids=list(findings),
            at=at,
        )

    async def join_findings(self, tx: Transaction, joined: Mapping[UUID, Placement]) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE intelligence.incident_finding SET incident_id = :incident_id, joined_by = :by,"
                " reason = :reason WHERE id = :id"
            ),
            [
                {"id": finding_id, "incident_id": one.incident_id, "by": one.by, "reason": one.reason}
                for finding_id, one in joined.items()
            ],
        )

    async def left_findings(self, tx: Transaction, cluster_id: UUID) -> list[Mark]:
        rows = await _run(
            tx,
            f"SELECT kind, source_id, {_VARIANT} AS variant FROM intelligence.incident_finding"
            " WHERE ended_at IS NULL AND cluster_id = :cluster_id",
            cluster_id=cluster_id,
        )
        return _marks(rows)

    async def lost_findings(self, tx: Transaction, vanished_before: datetime) -> list[Mark]:
        return _marks(await _run(tx, _LOST, vanished_before=vanished_before))

    async def findings_of(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None
    ) -> list[IncidentFinding]:
        rows = await _run(
            tx,
            f"SELECT {COLUMNS} FROM intelligence.incident_finding WHERE incident_id = :id"
            f" AND {SCOPE.format('cluster_id')} ORDER BY started_at, id LIMIT 500",
            id=incident_id,
            clusters=None if clusters is None else list(clusters),
        )
        return rows_to(IncidentFinding, rows)


def _meant(marks: Sequence[Mark]) -> dict[str, Any]:
    return {
        "kinds": [one.kind.value for one in marks],
        "sources": [one.source_id for one in marks],
        "variants": [one.variant for one in marks],
    }


def _marks(rows: Any) -> list[Mark]:
    return [Mark(ArrivalKind(row.kind), row.source_id, row.variant) for row in rows]


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)
