"""Tracks and anomalies in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.intelligence.domain.groups import Place, place_of
from aiops.intelligence.needs import StoredTrack
from aiops.intelligence.store.groups import grouped, renew
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(Anomaly.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_WORSENED = ("kind", "severity", "score", "value", "expected", "lower", "upper", "explanation")
_IN_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"


_TRACK_COLUMNS = ("cluster_id", "watch", "detector", "watermark", "state", "slow")
_GIVEN_TRACKS = (
    "unnest(CAST(:cluster_id AS uuid[]), CAST(:watch AS text[]), CAST(:detector AS text[]),"
    " CAST(:watermark AS double precision[]), CAST(:state AS bytea[]), CAST(:slow AS bytea[])"
)
_UPDATE_STATE = f"""
UPDATE intelligence.track t SET detector = n.detector, watermark = n.watermark, state = n.state,
    slow = coalesce(n.slow, t.slow)
FROM {_GIVEN_TRACKS}) AS n (cluster_id, watch, detector, watermark, state, slow)
WHERE t.cluster_id = n.cluster_id AND t.watch = n.watch AND t.watermark < n.watermark
RETURNING t.cluster_id, t.watch
"""
_UPSERT_TRACK = f"""
INSERT INTO intelligence.track AS t (cluster_id, watch, detector, watermark, state, slow, series)
SELECT cluster_id, watch, detector, watermark, state, slow, CAST(series AS jsonb)
FROM {_GIVEN_TRACKS}, CAST(:series AS text[])) AS n (cluster_id, watch, detector, watermark, state, slow, series)
ON CONFLICT (cluster_id, watch) DO UPDATE SET detector = excluded.detector,
    watermark = excluded.watermark, series = excluded.series, state = excluded.state,
    slow = coalesce(excluded.slow, t.slow)
WHERE t.watermark < excluded.watermark RETURNING t.cluster_id, t.watch
"""


def rows_to(kind: type[Any], rows: Any) -> list[Any]:
    return [msgspec.convert(dict(row._mapping), kind, strict=False) for row in rows]


class SqlTracks:
    async def load(self, tx: Transaction, cluster_id: UUID, watch: str) -> StoredTrack | None:
        rows = await connection_of(tx).execute(
            text("SELECT * FROM intelligence.track WHERE cluster_id = :cluster_id AND watch = :watch"),
            {"cluster_id": cluster_id, "watch": watch},
        )
        row = rows.one_or_none()
        return StoredTrack(**row._mapping) if row else None

    async def save(self, tx: Transaction, tracks: Sequence[StoredTrack]) -> set[tuple[UUID, str]]:
        whole = [track for track in tracks if track.series is not None]
        saved = await self._saved(tx, _UPDATE_STATE, [track for track in tracks if track.series is None])
        series = [msgspec.json.encode(track.series).decode() for track in whole]
        return saved | await self._saved(tx, _UPSERT_TRACK, whole, series=series)

    async def _saved(
        self, tx: Transaction, sql: str, tracks: Sequence[StoredTrack], **more: list[str]
    ) -> set[tuple[UUID, str]]:
        if not tracks:
            return set()
        columns = {name: [getattr(track, name) for track in tracks] for name in _TRACK_COLUMNS}
        rows = await connection_of(tx).execute(text(sql), {**columns, **more})
        return {(row.cluster_id, row.watch) for row in rows}

    async def forget(self, tx: Transaction, cluster_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM intelligence.track WHERE cluster_id = :cluster_id"), {"cluster_id": cluster_id}
        )

    async def forget_watch(self, tx: Transaction, watch: str) -> None:
        await connection_of(tx).execute(text("DELETE FROM intelligence.track WHERE watch = :watch"), {"watch": watch})


class SqlAnomalies:
    async def add(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> list[Anomaly]:
        places = [place_of(one.labels, one.subject) for one in anomalies]
        begun: dict[Place, datetime] = {}
        for place, one in zip(places, anomalies, strict=True):
            begun[place] = min(one.started_at, begun.get(place, one.started_at))
        groups = await grouped(tx, anomalies[0].cluster_id, begun)
        kept = [msgspec.structs.replace(one, group_id=groups[at]) for one, at in zip(anomalies, places, strict=True)]
        values = ", ".join("CAST(:labels AS jsonb)" if field == "labels" else f":{field}" for field in _FIELDS)
        await connection_of(tx).execute(
            text(f"INSERT INTO intelligence.anomaly ({_COLUMNS}) VALUES ({values})"), [_row(one) for one in kept]
        )
        await renew(tx, list(groups.values()))
        return kept

    async def end(
        self, tx: Transaction, reasons: Mapping[UUID, str], at: datetime, trend_changes: Sequence[UUID] = ()
    ) -> list[Anomaly]:
        rows = await connection_of(tx).execute(
            text(
                "UPDATE intelligence.anomaly a SET ended_at = :at, end_reason = e.why,"
                " kind = CASE WHEN a.id = ANY(CAST(:changes AS uuid[])) THEN 'TREND_CHANGE' ELSE a.kind END"
                " FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS e (ended, why)"
                f" WHERE a.id = e.ended AND a.ended_at IS NULL RETURNING {_COLUMNS}"
            ),
            {"ids": list(reasons), "reasons": list(reasons.values()), "at": at, "changes": list(trend_changes)},
        )
        ended = rows_to(Anomaly, rows)
        await renew(tx, [one.group_id for one in ended if one.group_id])
        return ended

    async def worsen(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> None:
        places = ", ".join(f"{name} = :{name}" for name in _WORSENED)
        await connection_of(tx).execute(
            text(f"UPDATE intelligence.anomaly SET {places} WHERE id = :id AND ended_at IS NULL"),
            [
                {name: getattr(one, name) for name in ("id", *_WORSENED)} | {"severity": one.severity.value}
                for one in anomalies
            ],
        )

    async def maintained(self, tx: Transaction) -> list[Anomaly]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.anomaly"
                " WHERE ended_at IS NULL AND incident_id IS NULL AND maintained_by <> '{}' ORDER BY id"
            )
        )
        return rows_to(Anomaly, rows)

    async def join(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> None:
        joined = ("incident_id", "joined_by", "reason")
        places = ", ".join(f"{name} = :{name}" for name in joined)
        await connection_of(tx).execute(
            text(f"UPDATE intelligence.anomaly SET {places} WHERE id = :id"),
            [{name: getattr(one, name) for name in ("id", *joined)} for one in anomalies],
        )

    async def unseen(self, tx: Transaction, since: datetime) -> list[UUID]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT a.id FROM intelligence.anomaly a JOIN intelligence.track t USING (cluster_id, watch)"
                " WHERE a.ended_at IS NULL AND t.watermark < :since"
            ),
            {"since": since.timestamp()},
        )
        return [row.id for row in rows]

    async def active(self, tx: Transaction, cluster_id: UUID, watch: str | None = None) -> list[Anomaly]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.anomaly WHERE ended_at IS NULL AND cluster_id = :cluster_id"
                " AND (CAST(:watch AS text) IS NULL OR watch = :watch) ORDER BY id"
            ),
            {"cluster_id": cluster_id, "watch": watch},
        )
        return rows_to(Anomaly, rows)

    async def active_of_watch(self, tx: Transaction, watch: str) -> list[Anomaly]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.anomaly WHERE ended_at IS NULL AND watch = :watch"
                " ORDER BY cluster_id, id"
            ),
            {"watch": watch},
        )
        return rows_to(Anomaly, rows)

    async def get(self, tx: Transaction, anomaly_id: UUID, clusters: Sequence[UUID] | None) -> Anomaly | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.anomaly WHERE id = :id AND {_IN_SCOPE}"),
            {"id": anomaly_id, "clusters": _ids(clusters)},
        )
        found = rows_to(Anomaly, rows)
        return found[0] if found else None

    async def page(
        self, tx: Transaction, wanted: AnomalyFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[Anomaly], int]:
        where = (
            f"{_IN_SCOPE} AND (CAST(:cluster_id AS uuid) IS NULL OR cluster_id = :cluster_id)"
            " AND (CAST(:watch AS text) IS NULL OR watch = :watch)"
            " AND (CAST(:active AS boolean) IS NULL OR (ended_at IS NULL) = :active)"
            " AND (CAST(:start AS timestamptz) IS NULL OR coalesce(ended_at, 'infinity') >= :start)"
            " AND (CAST(:end AS timestamptz) IS NULL OR started_at <= :end)"
        )
        values = {**msgspec.structs.asdict(wanted), "clusters": _ids(clusters), "limit": limit, "after": after}
        connection = connection_of(tx)
        total = await connection.scalar(text(f"SELECT count(*) FROM intelligence.anomaly WHERE {where}"), values)
        rows = await connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.anomaly WHERE {where}"
                " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit"
            ),
            values,
        )
        return rows_to(Anomaly, rows), int(total or 0)

    async def of_incident(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[Anomaly]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.anomaly WHERE incident_id = :id AND {_IN_SCOPE}"
                " ORDER BY started_at, id LIMIT 500"
            ),
            {"id": incident_id, "clusters": _ids(clusters)},
        )
        return rows_to(Anomaly, rows)


def _row(anomaly: Anomaly) -> dict[str, Any]:
    row = {field: getattr(anomaly, field) for field in _FIELDS}
    row["labels"] = msgspec.json.encode(anomaly.labels, order="sorted").decode()
    row["severity"] = anomaly.severity.value
    row["maintained_by"] = list(anomaly.maintained_by)
    return row


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
