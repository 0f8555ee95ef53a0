"""What incidents have in common, what people said of causes, and what resolved incidents, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.analysis import CauseAccuracy, Resolution, SaidOfCause, Traits
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_SAID = ", ".join(SaidOfCause.__struct_fields__)
_NAMED = (
    "ARRAY['service', 'destination_service_name', 'app', 'container', 'deployment', 'instance', 'node', 'namespace']"
)
_IN_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR {0}cluster_id = ANY(:clusters))"
_TRAITS = f"""
    SELECT i.id AS incident_id,
        ARRAY(SELECT DISTINCT a.name FROM intelligence.incident_alert a
            WHERE a.incident_id = i.id AND {_IN_SCOPE.format("a.")} LIMIT 200) AS alerts,
        ARRAY(SELECT DISTINCT n.watch FROM intelligence.anomaly n
            WHERE n.incident_id = i.id AND {_IN_SCOPE.format("n.")} LIMIT 200) AS watches,
        ARRAY(SELECT DISTINCT e.value FROM (
                SELECT labels FROM intelligence.incident_alert a
                    WHERE a.incident_id = i.id AND {_IN_SCOPE.format("a.")} LIMIT 500
            ) l, jsonb_each_text(l.labels) e WHERE e.key = ANY({_NAMED})
            UNION SELECT DISTINCT e.value FROM (
                SELECT labels FROM intelligence.anomaly n
                    WHERE n.incident_id = i.id AND {_IN_SCOPE.format("n.")} LIMIT 500
            ) l, jsonb_each_text(l.labels) e WHERE e.key = ANY({_NAMED})) AS subjects,
        ARRAY(SELECT c ->> 'subject' FROM jsonb_array_elements(i.causes) c
            WHERE CAST(:clusters AS uuid[]) IS NULL OR CAST(c ->> 'cluster_id' AS uuid) = ANY(:clusters)
            LIMIT 2) AS causes
    FROM intelligence.incident i
"""
_PAST = f"""
    {_TRAITS}
    WHERE i.id IN (
        SELECT o.id FROM intelligence.incident o
        WHERE o.status = 'RESOLVED' AND o.id <> :id AND o.merged_into IS NULL AND (
            EXISTS (SELECT 1 FROM intelligence.incident_alert a WHERE a.incident_id = o.id AND a.name = ANY(:alerts)
                AND {_IN_SCOPE.format("a.")})
            OR EXISTS (SELECT 1 FROM intelligence.anomaly n WHERE n.incident_id = o.id AND n.watch = ANY(:watches)
                AND {_IN_SCOPE.format("n.")}))
        ORDER BY o.id DESC LIMIT :limit)
"""
_ACCURACY = f"""
    SELECT count(*) FILTER (WHERE place = 1) AS judged,
        count(*) FILTER (WHERE place = 1 AND verdict = 'RIGHT') AS right,
        coalesce(sum(confidence) FILTER (WHERE place = 1), 0) AS expected_right,
        count(DISTINCT incident_id) AS incidents,
        count(DISTINCT incident_id) FILTER (WHERE verdict = 'RIGHT') AS found
    FROM intelligence.cause_verdict WHERE {_IN_SCOPE.format("")}
"""


class SqlAnalysis:
    """`needs_analysis.AnalysisStore`."""

    async def traits(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> Traits:
        rows = await _run(tx, f"{_TRAITS} WHERE i.id = :id", id=incident_id, clusters=_listed(clusters))
        return _traits(rows.one())

    async def past(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None, limit: int
    ) -> list[Traits]:
        mine = await self.traits(tx, incident_id, clusters)
        if not mine.alerts and not mine.watches:
            return []
        rows = await _run(
            tx,
            _PAST,
            id=incident_id,
            clusters=_listed(clusters),
            alerts=sorted(mine.alerts),
            watches=sorted(mine.watches),
            limit=limit,
        )
        return [_traits(row) for row in rows]

    async def say(self, tx: Transaction, said: SaidOfCause) -> None:
        await _run(
            tx,
            f"INSERT INTO intelligence.cause_verdict ({_SAID}) VALUES (:incident_id, :cluster_id, :subject, :title,"
            " :place, :confidence, :conclusive, :verdict, :note, :by, :at)"
            " ON CONFLICT (incident_id, cluster_id, subject) DO UPDATE SET title = excluded.title,"
            " place = excluded.place, confidence = excluded.confidence, conclusive = excluded.conclusive,"
            " verdict = excluded.verdict, note = excluded.note, by = excluded.by, at = excluded.at",
            **msgspec.structs.asdict(said),
        )

    async def said(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[SaidOfCause]:
        rows = await _run(
            tx,
            f"SELECT {_SAID} FROM intelligence.cause_verdict WHERE incident_id = :id"
            f" AND (cluster_id IS NULL OR {_IN_SCOPE.format('')}) ORDER BY place, at",
            id=incident_id,
            clusters=_listed(clusters),
        )
        return rows_to(SaidOfCause, rows)

    async def accuracy(self, tx: Transaction, clusters: Sequence[UUID] | None) -> CauseAccuracy:
        found: CauseAccuracy = rows_to(CauseAccuracy, await _run(tx, _ACCURACY, clusters=_listed(clusters)))[0]
        return found

    async def resolve(self, tx: Transaction, resolution: Resolution) -> None:
        await _run(
            tx,
            "INSERT INTO intelligence.resolution (incident_id, note, clusters, by, at)"
            " VALUES (:incident_id, :note, :clusters, :by, :at) ON CONFLICT (incident_id) DO UPDATE SET"
            " note = excluded.note, clusters = excluded.clusters, by = excluded.by, at = excluded.at",
            **msgspec.structs.asdict(resolution),
        )

    async def resolutions(
        self, tx: Transaction, incident_ids: Sequence[UUID], clusters: Sequence[UUID] | None
    ) -> dict[UUID, Resolution]:
        rows = await _run(
            tx,
            "SELECT incident_id, note, clusters, by, at FROM intelligence.resolution WHERE incident_id = ANY(:ids)"
            " AND (CAST(:clusters AS uuid[]) IS NULL OR clusters <@ CAST(:clusters AS uuid[]))",
            ids=list(incident_ids),
            clusters=_listed(clusters),
        )
        return {one.incident_id: one for one in rows_to(Resolution, rows)}


def _traits(row: Any) -> Traits:
    names = ("alerts", "watches", "subjects", "causes")
    sets = {name: frozenset(one for one in getattr(row, name) if one) for name in names}
    return Traits(incident_id=row.incident_id, **sets)


def _listed(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)


async def _run(tx: Transaction, statement: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(statement), values)
