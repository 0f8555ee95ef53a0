"""Groups of anomalies in PostgreSQL. Who writes holds the turn of `IncidentStore.take_turn`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.anomalies import SEVERITIES, Anomaly
from aiops.intelligence.domain.groups import TOGETHER, AnomalyGroup, GroupFilter, Place
from aiops.kernel.database import Transaction, connection_of
from aiops.kernel.ids import new_id

_LEADING = 5
_MOST_MEMBERS = 500
_RANKS = "ARRAY[" + ", ".join(f"'{one.value}'" for one in SEVERITIES) + "]"
_COLUMNS = "id, cluster_id, kind, name, severity, started_at, last_at, ended_at, members"
_FIELDS = ", ".join(Anomaly.__struct_fields__)
_RANKED = f"array_position({_RANKS}, severity), score DESC, started_at, id"
_IN_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"
_WANTED = (
    f"{_IN_SCOPE} AND (CAST(:cluster_id AS uuid) IS NULL OR cluster_id = :cluster_id)"
    " AND (CAST(:kind AS text) IS NULL OR kind = :kind)"
    " AND (CAST(:active AS boolean) IS NULL OR (ended_at IS NULL) = :active)"
    " AND (CAST(:start AS timestamptz) IS NULL OR coalesce(ended_at, 'infinity') >= :start)"
    " AND (CAST(:end AS timestamptz) IS NULL OR started_at <= :end)"
)


async def grouped(tx: Transaction, cluster_id: UUID, places: dict[Place, datetime]) -> dict[Place, UUID]:
    """The group of each place, by when its new member begins; a new one where there is none to join."""
    rows = await connection_of(tx).execute(
        text(
            "SELECT DISTINCT ON (kind, name) kind, name, id FROM intelligence.anomaly_group"
            " WHERE cluster_id = :cluster_id AND name = ANY(:names) AND (ended_at IS NULL OR last_at >= :since)"
            " ORDER BY kind, name, id DESC"
        ),
        {
            "cluster_id": cluster_id,
            "names": sorted({place.name for place in places}),
            "since": min(places.values()) - TOGETHER,
        },
    )
    found = {Place(row.kind, row.name): row.id for row in rows}
    made = {place: new_id() for place in places if place not in found}
    if made:
        await connection_of(tx).execute(
            text(
                f"INSERT INTO intelligence.anomaly_group ({_COLUMNS})"
                " VALUES (:id, :cluster_id, :kind, :name, 'INFO', :at, :at, NULL, 0)"
            ),
            [
                {"id": made[place], "cluster_id": cluster_id, "kind": place.kind, "name": place.name, "at": at}
                for place, at in places.items()
                if place in made
            ],
        )
    return {place: found.get(place) or made[place] for place in places}


async def renew(tx: Transaction, group_ids: Sequence[UUID]) -> None:
    """Let the groups say what their members are now."""
    await connection_of(tx).execute(
        text(
            f"""
            UPDATE intelligence.anomaly_group g SET members = m.members, started_at = m.started_at,
                last_at = m.last_at, severity = ({_RANKS})[m.rank], ended_at = m.ended_at
            FROM (
                SELECT group_id, count(*) AS members, min(started_at) AS started_at, max(started_at) AS last_at,
                    min(array_position({_RANKS}, severity)) AS rank,
                    CASE WHEN bool_and(ended_at IS NOT NULL) THEN max(ended_at) END AS ended_at
                FROM intelligence.anomaly WHERE group_id = ANY(:ids) GROUP BY group_id
            ) m WHERE g.id = m.group_id
            """
        ),
        {"ids": list(set(group_ids))},
    )


class SqlGroups:
    """`needs.GroupStore`."""

    async def page(
        self, tx: Transaction, wanted: GroupFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[AnomalyGroup], int]:
        values = {**msgspec.structs.asdict(wanted), "clusters": _ids(clusters), "limit": limit, "after": after}
        connection = connection_of(tx)
        total = await connection.scalar(
            text(f"SELECT count(*) FROM intelligence.anomaly_group WHERE {_WANTED}"), values
        )
        rows = await connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.anomaly_group WHERE {_WANTED}"
                " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit"
            ),
            values,
        )
        return await self._with_members(tx, list(rows), _LEADING), int(total or 0)

    async def get(self, tx: Transaction, group_id: UUID, clusters: Sequence[UUID] | None) -> AnomalyGroup | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.anomaly_group WHERE id = :id AND {_IN_SCOPE}"),
            {"id": group_id, "clusters": _ids(clusters)},
        )
        found = await self._with_members(tx, list(rows), _MOST_MEMBERS)
        return found[0] if found else None

    async def forget_empty(self, tx: Transaction) -> None:
        await connection_of(tx).execute(
            text(
                "DELETE FROM intelligence.anomaly_group g WHERE NOT EXISTS"
                " (SELECT FROM intelligence.anomaly a WHERE a.group_id = g.id)"
            )
        )

    async def _with_members(self, tx: Transaction, groups: list[Any], most: int) -> list[AnomalyGroup]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_FIELDS} FROM (SELECT *, row_number() OVER (PARTITION BY group_id ORDER BY {_RANKED})"
                " AS place FROM intelligence.anomaly WHERE group_id = ANY(:ids)) ranked"
                " WHERE place <= :most ORDER BY group_id, place"
            ),
            {"ids": [group.id for group in groups], "most": most},
        )
        members: dict[UUID, list[Anomaly]] = {}
        for row in rows:
            one = msgspec.convert(dict(row._mapping), Anomaly, strict=False)
            assert one.group_id is not None
            members.setdefault(one.group_id, []).append(one)
        return [
            msgspec.convert({**group._mapping, "leading": members.get(group.id, [])}, AnomalyGroup, strict=False)
            for group in groups
        ]


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
