"""What relates incidents to what arrives, in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.anomalies import rank_of
from aiops.intelligence.domain.correlation import FINDINGS, Placement, Scene, Sketch, Trait, TraitKind
from aiops.intelligence.domain.correlation.scene import Held
from aiops.intelligence.domain.groups import place_of
from aiops.intelligence.domain.incidents import Named, Status, Suspect, title_of
from aiops.intelligence.needs_incidents import Affecting
from aiops.intelligence.store.incident_findings import SqlIncidentFindings
from aiops.intelligence.store.incident_views import LIVE
from aiops.intelligence.store.moving import SqlMoving
from aiops.kernel.database import Transaction, connection_of
from aiops.observability.ports import Severity

_MOST_PATTERNS = 500
_MANY = 2000
"""So many rows are made and sent at once: what is more would hold up all that the hub does meanwhile."""
_TRAIT = ("incident_id", "cluster_id", "kind", "key", "phrase", "short", "members", "near", "first_at", "last_at")

_SCENE = f"""
SELECT w.at, x.incident_id, x.cluster_id, x.members, x.near, x.first_at, x.last_at,
    i.status, i.detected_at, i.last_activity_at, i.resolved_at
FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:clusters AS uuid[]))
    WITH ORDINALITY AS w (kind, key, cluster_id, at)
JOIN intelligence.incident_trait x ON x.kind = w.kind AND x.key = w.key
    AND (w.cluster_id IS NULL OR x.cluster_id = w.cluster_id)
    AND x.last_at >= CASE WHEN w.kind = 'SUBJECT' THEN CAST(:long AS timestamptz) ELSE CAST(:since AS timestamptz) END
JOIN intelligence.incident i ON i.id = x.incident_id
WHERE {LIVE} OR (w.kind = 'SUBJECT' AND i.status = 'RESOLVED' AND i.resolved_at >= :long)
"""

_PUT = """
INSERT INTO intelligence.incident_trait AS t
    (incident_id, cluster_id, kind, key, phrase, short, members, near, first_at, last_at)
SELECT * FROM unnest(CAST(:incident_id AS uuid[]), CAST(:cluster_id AS uuid[]), CAST(:kind AS text[]),
    CAST(:key AS text[]), CAST(:phrase AS text[]), CAST(:short AS text[]), CAST(:members AS int[]),
    CAST(:near AS smallint[]), CAST(:first_at AS timestamptz[]), CAST(:last_at AS timestamptz[]))
ON CONFLICT (incident_id, cluster_id, kind, key) DO UPDATE SET members = t.members + excluded.members,
    near = least(t.near, excluded.near), last_at = greatest(t.last_at, excluded.last_at),
    phrase = CASE WHEN excluded.first_at < t.first_at THEN excluded.phrase ELSE t.phrase END,
    short = CASE WHEN excluded.first_at < t.first_at THEN coalesce(excluded.short, t.short)
        ELSE coalesce(t.short, excluded.short) END,
    first_at = least(t.first_at, excluded.first_at)
"""

_PUT_PARTS = """
INSERT INTO intelligence.incident_cluster AS p
    (incident_id, cluster_id, title, severity_rank, alert_count, anomaly_count, finding_count, workloads)
VALUES (:incident_id, :cluster_id, coalesce(:title, 'No members'), :rank, :alerts, :anomalies, :findings, :workloads)
ON CONFLICT (incident_id, cluster_id) DO UPDATE SET title = coalesce(:title, p.title), workloads = excluded.workloads,
    severity_rank = least(p.severity_rank, excluded.severity_rank),
    alert_count = p.alert_count + excluded.alert_count, anomaly_count = p.anomaly_count + excluded.anomaly_count,
    finding_count = p.finding_count + excluded.finding_count
"""

_STRUCTURE = """
SELECT key, sum(members) AS members, coalesce(sum(members) FILTER (WHERE kind = 'NEEDS'), 0) AS needing,
    min(near) AS near,
    (array_agg(short ORDER BY first_at) FILTER (WHERE kind = 'IS' AND short IS NOT NULL))[1] AS told
FROM (
    SELECT key, kind, members, near, short, first_at FROM intelligence.incident_trait
    WHERE incident_id = :id AND kind IN ('IS', 'NEEDS')
) x GROUP BY key ORDER BY 2 DESC, 4, 1 LIMIT 50
"""


class SqlGathering(SqlMoving, SqlIncidentFindings):
    """`needs_incidents.GatheringStore`."""

    async def scene(self, tx: Transaction, traits: Sequence[Trait], since: datetime, follows_since: datetime) -> Scene:
        scene = Scene()
        rows = await connection_of(tx).execute(
            text(_SCENE),
            {
                "kinds": [trait.kind.value for trait in traits],
                "keys": [trait.key for trait in traits],
                "clusters": [trait.cluster_id for trait in traits],
                "since": since,
                "long": follows_since,
            },
        )
        for row in rows:
            scene.know(
                Sketch(row.incident_id, Status(row.status), row.detected_at, row.last_activity_at, row.resolved_at)
            )
            held = Held(row.incident_id, row.cluster_id, row.members, row.near, row.first_at, row.last_at)
            scene.hold(traits[row.at - 1], held)
        return scene

    async def put_traits(self, tx: Transaction, placements: Sequence[Placement]) -> None:
        many = len(placements) > _MANY
        rows = await asyncio.to_thread(_trait_rows, placements) if many else _trait_rows(placements)
        for first in range(0, len(rows), _MANY):
            some = rows[first : first + _MANY]
            await connection_of(tx).execute(text(_PUT), {name: [row[name] for row in some] for name in _TRAIT})

    async def drop_traits(self, tx: Transaction, incident_id: UUID) -> None:
        for statement in (
            "DELETE FROM intelligence.incident_trait WHERE incident_id = :id",
            "UPDATE intelligence.incident_cluster SET alert_count = 0, anomaly_count = 0, finding_count = 0,"
            " workloads = 0, severity_rank = 4 WHERE incident_id = :id",
        ):
            await connection_of(tx).execute(text(statement), {"id": incident_id})

    async def drop_empty_parts(self, tx: Transaction, incident_id: UUID) -> None:
        await connection_of(tx).execute(
            text(
                "DELETE FROM intelligence.incident_cluster p USING intelligence.incident i WHERE i.id = p.incident_id"
                " AND p.incident_id = :id AND i.origin <> 'MANUAL'"
                " AND p.alert_count + p.anomaly_count + p.finding_count = 0"
            ),
            {"id": incident_id},
        )

    async def renew_parts(
        self,
        tx: Transaction,
        incident_id: UUID,
        worst: Mapping[UUID, Severity],
        alerts: Mapping[UUID, int],
        anomalies: Mapping[UUID, int],
        findings: Mapping[UUID, int],
    ) -> None:
        clusters = list(worst)
        rows = await connection_of(tx).execute(
            text(
                "SELECT cluster_id, kind, phrase, short, members FROM intelligence.incident_trait"
                " WHERE incident_id = :id AND cluster_id = ANY(:clusters) AND (kind = 'NAME'"
                " OR (kind = 'PLACE' AND key LIKE 'WORKLOAD%'))"
                # What struck names an incident before what was only found.
                " ORDER BY cluster_id, split_part(key, E'\\x1f', 1) = ANY(:findings), first_at, key"
            ),
            {"id": incident_id, "clusters": clusters, "findings": [kind.value for kind in FINDINGS]},
        )
        named: dict[UUID, list[Named]] = {cluster_id: [] for cluster_id in clusters}
        workloads = dict.fromkeys(clusters, 0)
        for row in rows:
            if row.kind == "PLACE":
                workloads[row.cluster_id] += 1
            else:
                named[row.cluster_id].append(Named(row.phrase, row.short, row.members))
        parts = [
            {
                "incident_id": incident_id,
                "cluster_id": cluster_id,
                "title": title_of(named[cluster_id]) if named[cluster_id] else None,
                "rank": rank_of(severity),
                "alerts": alerts.get(cluster_id, 0),
                "anomalies": anomalies.get(cluster_id, 0),
                "findings": findings.get(cluster_id, 0),
                "workloads": workloads[cluster_id],
            }
            for cluster_id, severity in worst.items()
        ]
        await connection_of(tx).execute(text(_PUT_PARTS), parts)

    async def put_suspect(self, tx: Transaction, incident_id: UUID, suspect: Suspect | None) -> None:
        await connection_of(tx).execute(
            text("UPDATE intelligence.incident SET suspect = CAST(:suspect AS jsonb) WHERE id = :id"),
            {"id": incident_id, "suspect": None if suspect is None else msgspec.json.encode(suspect).decode()},
        )

    async def structure(self, tx: Transaction, incident_id: UUID) -> tuple[int, list[Affecting]]:
        located = await connection_of(tx).scalar(
            text(
                "SELECT coalesce(sum(members), 0) FROM intelligence.incident_trait"
                " WHERE incident_id = :id AND kind = 'LOCATED'"
            ),
            {"id": incident_id},
        )
        rows = await connection_of(tx).execute(text(_STRUCTURE), {"id": incident_id})
        return int(located or 0), [
            Affecting(UUID(row.key), int(row.members), int(row.needing), int(row.near), row.told) for row in rows
        ]

    async def log_patterns(self, tx: Transaction, clusters: Sequence[UUID]) -> dict[tuple[UUID, str], list[str]]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT f.cluster_id, f.pattern, p.labels FROM intelligence.log_finding f"
                " JOIN intelligence.log_pattern p ON p.id = f.pattern_id"
                " WHERE f.ended_at IS NULL AND f.cluster_id = ANY(:clusters) ORDER BY f.id DESC LIMIT :most"
            ),
            {"clusters": list(clusters), "most": _MOST_PATTERNS},
        )
        found: dict[tuple[UUID, str], list[str]] = {}
        for row in rows:
            place = place_of(row.labels, "")
            if place.name:
                found.setdefault((row.cluster_id, place.name), []).append(row.pattern)
        return found

    async def link(self, tx: Transaction, incident_id: UUID, other_id: UUID, kind: str, by: str, at: datetime) -> None:
        await connection_of(tx).execute(
            text(
                "INSERT INTO intelligence.incident_link (incident_id, other_id, kind, by, at)"
                " VALUES (:incident_id, :other_id, :kind, :by, :at) ON CONFLICT DO NOTHING"
            ),
            {"incident_id": incident_id, "other_id": other_id, "kind": kind, "by": by, "at": at},
        )


def _trait_rows(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in placements:
        for trait, near in one.traits.items():
            _count_in(rows, one, trait, near)
    # In one order, whoever writes.
    return [rows[key] for key in sorted(rows, key=repr)]


def _count_in(rows: dict[tuple[Any, ...], dict[str, Any]], one: Placement, trait: Trait, near: int) -> None:
    arrival = one.arrival
    # What several share is kept under the cluster where it was seen, so that a reader's part can be told apart.
    key = (one.incident_id, arrival.cluster_id, trait.kind.value, trait.key)
    row = rows.get(key)
    # That a thing will run out, or what its log says, is no alert of its own that it is down.
    shown = (TraitKind.NAME,) if arrival.kind in FINDINGS else (TraitKind.NAME, TraitKind.IS)
    if row is None:
        rows[key] = {
            "incident_id": one.incident_id,
            "cluster_id": arrival.cluster_id,
            "kind": trait.kind.value,
            "key": trait.key,
            "phrase": arrival.phrase if trait.kind is TraitKind.NAME else None,
            "short": arrival.short if trait.kind in shown else None,
            "members": one.fresh,
            "near": near,
            "first_at": one.at,
            "last_at": one.at,
        }
        return
    row["members"] += one.fresh
    row["near"] = min(row["near"], near)
    row["first_at"], row["last_at"] = min(row["first_at"], one.at), max(row["last_at"], one.at)
