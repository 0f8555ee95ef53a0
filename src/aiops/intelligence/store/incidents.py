"""Incidents in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.anomalies import SEVERITIES, rank_of
from aiops.intelligence.domain.causes import Cause
from aiops.intelligence.domain.incidents import (
    ACROSS_WITHIN,
    JOIN_WITHIN,
    REOPEN_WITHIN,
    AlertMember,
    ClusterPart,
    Incident,
    IncidentFilter,
    IncidentView,
    TimelineRow,
)
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.groups import SqlGroups
from aiops.kernel.database import Transaction, connection_of

Found = TypeVar("Found")

_GATHERING = 0x61696F7069
_COLUMNS = ", ".join(Incident.__struct_fields__)
_ALERT = ", ".join(AlertMember.__struct_fields__)
_ROW = ", ".join(TimelineRow.__struct_fields__)
_LIVE = "i.status IN ('OPEN', 'ACKNOWLEDGED', 'MITIGATED')"
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR {0} = ANY(CAST(:clusters AS uuid[])))"

_RETURNING = f"""
SELECT DISTINCT ON (m.subject) m.subject, m.incident_id FROM intelligence.member m
JOIN intelligence.incident i ON i.id = m.incident_id
WHERE m.cluster_id = :cluster_id AND m.name = :name AND m.subject = ANY(:subjects)
  AND (({_LIVE} AND i.last_activity_at >= :reopen_from) OR (i.status = 'RESOLVED' AND i.resolved_at >= :reopen_from))
ORDER BY m.subject, m.incident_id DESC
"""

_FIND = f"""
SELECT {", ".join("i." + name for name in Incident.__struct_fields__)} FROM (
    SELECT i.id, 1 AS priority FROM intelligence.incident_cluster p JOIN intelligence.incident i
        ON i.id = p.incident_id
        WHERE p.cluster_id = :cluster_id AND {_LIVE} AND i.last_activity_at >= :join_from
    UNION ALL
    SELECT i.id, 2 FROM intelligence.member m JOIN intelligence.incident i ON i.id = m.incident_id
        WHERE m.name = :name AND {_LIVE} AND m.started_at BETWEEN :across_from AND :across_to
) c JOIN intelligence.incident i ON i.id = c.id ORDER BY c.priority, c.id DESC LIMIT 1
"""

_VIEW = f"""
SELECT i.id, i.key, i.status, i.detected_at, i.acknowledged_at, i.resolved_at, p.clusters, p.titles, p.rank,
    (SELECT count(*) FROM intelligence.anomaly a WHERE a.incident_id = i.id AND {_SCOPE.format("a.cluster_id")})
        AS anomaly_count,
    (SELECT count(*) FROM intelligence.incident_alert l WHERE l.incident_id = i.id
        AND {_SCOPE.format("l.cluster_id")}) AS alert_count
FROM intelligence.incident i JOIN LATERAL (
    SELECT array_agg(cluster_id ORDER BY severity_rank, cluster_id) AS clusters,
        array_agg(title ORDER BY severity_rank, cluster_id) AS titles, min(severity_rank) AS rank
    FROM intelligence.incident_cluster WHERE incident_id = i.id AND {_SCOPE.format("cluster_id")}
) p ON p.clusters IS NOT NULL
"""

_WANTED = """
WHERE (CAST(:status AS text) IS NULL OR i.status = :status)
  AND (CAST(:rank AS int) IS NULL OR p.rank = :rank)
  AND (CAST(:cluster_id AS uuid) IS NULL OR :cluster_id = ANY(p.clusters))
"""


class SqlIncidents:
    async def take_turn(self, tx: Transaction) -> None:
        await _run(tx, "SELECT pg_advisory_xact_lock(:key)", key=_GATHERING)

    async def next_key(self, tx: Transaction, at: datetime) -> str:
        rows = await _run(
            tx,
            "INSERT INTO intelligence.incident_day AS d (day, last) VALUES (:day, 1)"
            " ON CONFLICT (day) DO UPDATE SET last = d.last + 1 RETURNING last",
            day=at.date(),
        )
        return f"INC-{at:%Y%m%d}-{rows.scalar_one():04d}"

    async def returning(
        self, tx: Transaction, cluster_id: UUID, name: str, subjects: Sequence[str], now: datetime
    ) -> dict[str, UUID]:
        reopen_from = now - REOPEN_WITHIN
        rows = await _run(
            tx, _RETURNING, cluster_id=cluster_id, name=name, subjects=list(subjects), reopen_from=reopen_from
        )
        return {row.subject: row.incident_id for row in rows}

    async def find(self, tx: Transaction, cluster_id: UUID, name: str, started_at: datetime) -> Incident | None:
        rows = await _run(
            tx,
            _FIND,
            cluster_id=cluster_id,
            name=name,
            join_from=started_at - JOIN_WITHIN,
            across_from=started_at - ACROSS_WITHIN,
            across_to=started_at + ACROSS_WITHIN,
        )
        return _one(Incident, rows)

    async def add(self, tx: Transaction, incident: Incident) -> None:
        marks = ", ".join(f":{name}" for name in Incident.__struct_fields__)
        await _run(
            tx, f"INSERT INTO intelligence.incident ({_COLUMNS}) VALUES ({marks})", **msgspec.structs.asdict(incident)
        )

    async def get(self, tx: Transaction, incident_id: UUID, *, lock: bool = False) -> Incident | None:
        ending = " FOR UPDATE" if lock else ""
        rows = await _run(tx, f"SELECT {_COLUMNS} FROM intelligence.incident WHERE id = :id{ending}", id=incident_id)
        return _one(Incident, rows)

    async def save(self, tx: Transaction, incident: Incident) -> None:
        await _run(
            tx,
            "UPDATE intelligence.incident SET status = :status, last_activity_at = :last_activity_at,"
            " acknowledged_at = :acknowledged_at, resolved_at = :resolved_at, revision = :revision WHERE id = :id",
            **msgspec.structs.asdict(incident),
        )

    async def join(
        self, tx: Transaction, incident_id: UUID, cluster_id: UUID, name: str, subjects: Mapping[str, datetime]
    ) -> None:
        await _run(
            tx,
            "INSERT INTO intelligence.member (incident_id, cluster_id, name, subject, started_at)"
            " SELECT :incident_id, :cluster_id, :name, m.subject, m.started_at"
            " FROM unnest(CAST(:subjects AS text[]), CAST(:starts AS timestamptz[])) AS m (subject, started_at)",
            incident_id=incident_id,
            cluster_id=cluster_id,
            name=name,
            subjects=list(subjects),
            starts=list(subjects.values()),
        )

    async def add_alert(self, tx: Transaction, member: AlertMember) -> None:
        values = {**msgspec.structs.asdict(member), "labels": msgspec.json.encode(member.labels).decode()}
        marks = ", ".join("CAST(:labels AS jsonb)" if n == "labels" else f":{n}" for n in AlertMember.__struct_fields__)
        await _run(tx, f"INSERT INTO intelligence.incident_alert ({_ALERT}) VALUES ({marks})", **values)

    async def alert_member(
        self, tx: Transaction, cluster_id: UUID, fingerprint: str, starts_at: datetime
    ) -> AlertMember | None:
        rows = await _run(
            tx,
            f"SELECT {_ALERT} FROM intelligence.incident_alert WHERE cluster_id = :cluster_id"
            " AND fingerprint = :fingerprint AND (started_at = :starts_at OR ended_at IS NULL)",
            cluster_id=cluster_id,
            fingerprint=fingerprint,
            starts_at=starts_at,
        )
        return _one(AlertMember, rows)

    async def end_alert(
        self, tx: Transaction, cluster_id: UUID, fingerprint: str, ended_at: datetime
    ) -> list[AlertMember]:
        rows = await _run(
            tx,
            "UPDATE intelligence.incident_alert SET ended_at = :ended_at WHERE cluster_id = :cluster_id"
            f" AND fingerprint = :fingerprint AND ended_at IS NULL RETURNING {_ALERT}",
            cluster_id=cluster_id,
            fingerprint=fingerprint,
            ended_at=ended_at,
        )
        return rows_to(AlertMember, rows)

    async def open_alerts(self, tx: Transaction, cluster_id: UUID) -> list[AlertMember]:
        rows = await _run(
            tx,
            f"SELECT {_ALERT} FROM intelligence.incident_alert WHERE cluster_id = :id AND ended_at IS NULL",
            id=cluster_id,
        )
        return rows_to(AlertMember, rows)

    async def alerts(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[AlertMember]:
        rows = await _run(
            tx,
            f"SELECT {_ALERT} FROM intelligence.incident_alert WHERE incident_id = :id"
            f" AND {_SCOPE.format('cluster_id')} ORDER BY started_at, fingerprint LIMIT 500",
            id=incident_id,
            clusters=_ids(clusters),
        )
        return rows_to(AlertMember, rows)

    async def put_part(self, tx: Transaction, part: ClusterPart) -> None:
        await _run(
            tx,
            "INSERT INTO intelligence.incident_cluster (incident_id, cluster_id, title, severity_rank)"
            " VALUES (:incident_id, :cluster_id, :title, :rank) ON CONFLICT (incident_id, cluster_id)"
            " DO UPDATE SET title = excluded.title, severity_rank = excluded.severity_rank",
            incident_id=part.incident_id,
            cluster_id=part.cluster_id,
            title=part.title,
            rank=rank_of(part.severity),
        )

    async def tell(self, tx: Transaction, rows: Sequence[TimelineRow]) -> None:
        marks = ", ".join(f":{name}" for name in TimelineRow.__struct_fields__)
        await connection_of(tx).execute(
            text(f"INSERT INTO intelligence.timeline ({_ROW}) VALUES ({marks})"),
            [msgspec.structs.asdict(row) for row in rows],
        )

    async def timeline(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[TimelineRow]:
        rows = await _run(
            tx,
            f"SELECT {_ROW} FROM intelligence.timeline WHERE incident_id = :id"
            f" AND (cluster_id IS NULL OR {_SCOPE.format('cluster_id')}) ORDER BY at, id LIMIT 1000",
            id=incident_id,
            clusters=_ids(clusters),
        )
        return rows_to(TimelineRow, rows)

    async def settled(self, tx: Transaction, before: datetime) -> list[UUID]:
        rows = await _run(
            tx,
            f"SELECT i.id FROM intelligence.incident i WHERE {_LIVE} AND i.last_activity_at <= :before"
            " AND NOT EXISTS (SELECT 1 FROM intelligence.anomaly WHERE incident_id = i.id AND ended_at IS NULL)"
            " AND NOT EXISTS (SELECT 1 FROM intelligence.incident_alert WHERE incident_id = i.id AND ended_at IS NULL)",
            before=before,
        )
        return [row.id for row in rows]

    async def unranked(self, tx: Transaction) -> list[UUID]:
        rows = await _run(
            tx, "SELECT id FROM intelligence.incident WHERE ranked_revision < revision ORDER BY id LIMIT 20"
        )
        return [row.id for row in rows]

    async def put_causes(
        self, tx: Transaction, incident_id: UUID, revision: int, causes: list[Cause], note: str | None
    ) -> None:
        await _run(
            tx,
            "UPDATE intelligence.incident SET causes = CAST(:causes AS jsonb), causes_note = :note,"
            " ranked_revision = :revision WHERE id = :id",
            id=incident_id,
            causes=msgspec.json.encode(causes).decode(),
            note=note,
            revision=revision,
        )

    async def causes(self, tx: Transaction, incident_id: UUID) -> tuple[list[Cause], str | None]:
        rows = await _run(tx, "SELECT causes, causes_note FROM intelligence.incident WHERE id = :id", id=incident_id)
        row = rows.one()
        return msgspec.convert(row.causes, list[Cause]), row.causes_note

    async def forget(self, tx: Transaction, before: datetime) -> int:
        old = (
            "SELECT id FROM intelligence.incident"
            " WHERE status IN ('RESOLVED', 'FALSE_POSITIVE') AND last_activity_at < :before"
        )
        for members in ("anomaly", "incident_alert"):
            await _run(tx, f"DELETE FROM intelligence.{members} WHERE incident_id IN ({old})", before=before)
        gone = await _run(tx, f"DELETE FROM intelligence.incident WHERE id IN ({old})", before=before)
        if gone.rowcount:
            await SqlGroups().forget_empty(tx)
        return int(gone.rowcount)

    async def view(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> IncidentView | None:
        rows = await _run(tx, f"{_VIEW} WHERE i.id = :id", id=incident_id, clusters=_ids(clusters))
        found = rows.one_or_none()
        return _view(found) if found else None

    async def between(
        self, tx: Transaction, cluster_id: UUID, start: datetime, end: datetime, limit: int
    ) -> list[IncidentView]:
        rows = await _run(
            tx,
            f"{_VIEW} WHERE i.detected_at BETWEEN :start AND :end AND i.status <> 'FALSE_POSITIVE'"
            " ORDER BY i.detected_at DESC LIMIT :limit",
            clusters=[cluster_id],
            start=start,
            end=end,
            limit=limit,
        )
        return [_view(row) for row in rows]

    async def page(
        self, tx: Transaction, wanted: IncidentFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[IncidentView], int]:
        values: dict[str, Any] = {
            "status": wanted.status,
            "rank": None if wanted.severity is None else rank_of(wanted.severity),
            "cluster_id": wanted.cluster_id,
            "clusters": _ids(clusters),
        }
        total = await _run(tx, f"SELECT count(*) FROM ({_VIEW} {_WANTED}) counted", **values)
        rows = await _run(
            tx,
            f"{_VIEW} {_WANTED} AND (CAST(:after AS uuid) IS NULL OR i.id < :after) ORDER BY i.id DESC LIMIT :limit",
            **values,
            after=after,
            limit=limit,
        )
        return [_view(row) for row in rows], total.scalar_one()


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)


def _one(kind: type[Found], rows: Any) -> Found | None:
    found: list[Found] = rows_to(kind, rows)
    return found[0] if found else None


def _view(row: Any) -> IncidentView:
    more = len(row.clusters) - 1
    title = row.titles[0] + (f", and on {more} more cluster{'s' if more > 1 else ''}" if more else "")
    fields = {name: row._mapping[name] for name in row._mapping if name not in ("titles", "rank")}
    return msgspec.convert({**fields, "title": title, "severity": SEVERITIES[row.rank]}, IncidentView, strict=False)


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
