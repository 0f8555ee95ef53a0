"""Incidents in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.causes import Cause
from aiops.intelligence.domain.incidents import AlertMember, Incident, TimelineRow
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.groups import SqlGroups
from aiops.intelligence.store.incident_views import LIVE, SCOPE, IncidentViews
from aiops.kernel.database import Transaction, connection_of

Found = TypeVar("Found")

_GATHERING = 0x61696F7069
_COLUMNS = ", ".join(Incident.__struct_fields__)
_ALERT = ", ".join(AlertMember.__struct_fields__)
_ROW = ", ".join(TimelineRow.__struct_fields__)


class SqlIncidents(IncidentViews):
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
        changed = [name for name in Incident.__struct_fields__ if name not in ("id", "key", "detected_at", "origin")]
        await _run(
            tx,
            f"UPDATE intelligence.incident SET {', '.join(f'{name} = :{name}' for name in changed)} WHERE id = :id",
            **msgspec.structs.asdict(incident),
        )

    async def add_alerts(self, tx: Transaction, members: Sequence[AlertMember]) -> None:
        fields = AlertMember.__struct_fields__
        marks = ", ".join("CAST(:labels AS jsonb)" if n == "labels" else f":{n}" for n in fields)
        rows = [{**msgspec.structs.asdict(one), "labels": msgspec.json.encode(one.labels).decode()} for one in members]
        await connection_of(tx).execute(
            text(f"INSERT INTO intelligence.incident_alert ({_ALERT}) VALUES ({marks})"), rows
        )

    async def known_alerts(
        self, tx: Transaction, wanted: Sequence[tuple[UUID, str, datetime]]
    ) -> set[tuple[UUID, str, datetime]]:
        rows = await _run(
            tx,
            "SELECT DISTINCT w.cluster_id, w.fingerprint, w.starts_at"
            " FROM unnest(CAST(:clusters AS uuid[]), CAST(:marks AS text[]), CAST(:starts AS timestamptz[]))"
            " AS w (cluster_id, fingerprint, starts_at)"
            " JOIN intelligence.incident_alert a USING (cluster_id, fingerprint)"
            " WHERE a.started_at = w.starts_at OR a.ended_at IS NULL",
            clusters=[one[0] for one in wanted],
            marks=[one[1] for one in wanted],
            starts=[one[2] for one in wanted],
        )
        return {(row.cluster_id, row.fingerprint, row.starts_at) for row in rows}

    async def end_alerts(self, tx: Transaction, ends: Mapping[tuple[UUID, str], datetime]) -> list[AlertMember]:
        rows = await _run(
            tx,
            "UPDATE intelligence.incident_alert a SET ended_at = e.at"
            " FROM unnest(CAST(:clusters AS uuid[]), CAST(:marks AS text[]), CAST(:ends AS timestamptz[]))"
            " AS e (of_cluster, mark, at)"
            " WHERE a.cluster_id = e.of_cluster AND a.fingerprint = e.mark AND a.ended_at IS NULL"
            f" RETURNING {_ALERT}",
            clusters=[cluster_id for cluster_id, _ in ends],
            marks=[mark for _, mark in ends],
            ends=list(ends.values()),
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
            f" AND {SCOPE.format('cluster_id')} ORDER BY started_at, fingerprint LIMIT 500",
            id=incident_id,
            clusters=_ids(clusters),
        )
        return rows_to(AlertMember, rows)

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
            f" AND (cluster_id IS NULL OR {SCOPE.format('cluster_id')})"
            " AND (seen_by IS NULL OR CAST(:clusters AS uuid[]) IS NULL OR seen_by <@ CAST(:clusters AS uuid[]))"
            " ORDER BY at, id LIMIT 1000",
            id=incident_id,
            clusters=_ids(clusters),
        )
        return rows_to(TimelineRow, rows)

    async def settled(self, tx: Transaction, before: datetime) -> list[UUID]:
        rows = await _run(
            tx,
            f"SELECT i.id FROM intelligence.incident i WHERE {LIVE} AND i.last_activity_at <= :before"
            " AND NOT i.held"
            " AND NOT EXISTS (SELECT 1 FROM intelligence.anomaly WHERE incident_id = i.id AND ended_at IS NULL)"
            " AND NOT EXISTS (SELECT 1 FROM intelligence.incident_alert WHERE incident_id = i.id AND ended_at IS NULL)"
            " AND NOT EXISTS"
            " (SELECT 1 FROM intelligence.incident_finding WHERE incident_id = i.id AND ended_at IS NULL)",
            before=before,
        )
        return [row.id for row in rows]

    async def unranked(self, tx: Transaction) -> list[UUID]:
        rows = await _run(
            tx,
            "SELECT id FROM intelligence.incident i WHERE ranked_revision < revision"
            " AND (EXISTS (SELECT FROM intelligence.anomaly WHERE incident_id = i.id)"
            " OR EXISTS (SELECT FROM intelligence.incident_alert WHERE incident_id = i.id)"
            " OR EXISTS (SELECT FROM intelligence.incident_finding WHERE incident_id = i.id)) ORDER BY id LIMIT 20",
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
        await self.take_turn(tx)
        old = (
            "SELECT id FROM intelligence.incident"
            " WHERE status IN ('RESOLVED', 'FALSE_POSITIVE') AND last_activity_at < :before"
        )
        for members in ("anomaly", "incident_alert", "incident_finding"):
            await _run(tx, f"DELETE FROM intelligence.{members} WHERE incident_id IN ({old})", before=before)
        gone = await _run(tx, f"DELETE FROM intelligence.incident WHERE id IN ({old})", before=before)
        if gone.rowcount:
            await SqlGroups().forget_empty(tx)
        return int(gone.rowcount)


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)


def _one(kind: type[Found], rows: Any) -> Found | None:
    found: list[Found] = rows_to(kind, rows)
    return found[0] if found else None


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
