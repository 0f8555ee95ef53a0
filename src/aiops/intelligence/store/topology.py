"""Things and what they need in PostgreSQL, a row for each origin that tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind
from aiops.intelligence.needs_topology import OpenAlert, Origin, Revision, TopologyChange, TopologyCounts, Written
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_AT_ONCE = 2000
_TOLD = 200
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"
# Nodes of no cluster belong to a scope where something of its clusters is connected to them, and what those need.
_VISIBLE = """
WITH RECURSIVE own AS (
    SELECT DISTINCT id FROM intelligence.topology_node WHERE cluster_id = ANY(CAST(:clusters AS uuid[]))
), common AS (
    SELECT n.id FROM intelligence.topology_edge e JOIN own ON own.id = e.source
    JOIN intelligence.topology_node n ON n.id = e.target AND n.cluster_id IS NULL
    UNION
    SELECT n.id FROM intelligence.topology_edge e JOIN own ON own.id = e.target
    JOIN intelligence.topology_node n ON n.id = e.source AND n.cluster_id IS NULL
    UNION
    SELECT n.id FROM common JOIN intelligence.topology_edge e ON e.source = common.id
    JOIN intelligence.topology_node n ON n.id = e.target AND n.cluster_id IS NULL
), visible AS (SELECT id FROM own UNION SELECT id FROM common)
"""
_COLUMNS = "id, kind, name, cluster_id, namespace, attributes, matchers, origin"
_PUT_NODES = """
INSERT INTO intelligence.topology_node
    (id, origin, cluster_id, kind, namespace, name, attributes, matchers, first_seen)
SELECT n.id, :origin, n.cluster_id, n.kind, n.namespace, n.name, CAST(n.attributes AS jsonb),
    CAST(n.matchers AS jsonb), :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:cluster_ids AS uuid[]), CAST(:kinds AS text[]), CAST(:namespaces AS text[]),
    CAST(:names AS text[]), CAST(:attributes AS text[]), CAST(:matchers AS text[]))
    AS n (id, cluster_id, kind, namespace, name, attributes, matchers)
ON CONFLICT (id, origin) DO UPDATE SET
    attributes = excluded.attributes, matchers = excluded.matchers, last_seen = NULL
"""
_PUT_EDGES = """
INSERT INTO intelligence.topology_edge (source, target, kind, origin, cluster_id, first_seen)
SELECT e.source, e.target, e.kind, :origin, CAST(:cluster_id AS uuid), :now
FROM unnest(CAST(:sources AS uuid[]), CAST(:targets AS uuid[]), CAST(:kinds AS text[])) AS e (source, target, kind)
ON CONFLICT (source, target, kind, origin) DO UPDATE SET last_seen = NULL, cluster_id = excluded.cluster_id
"""
_SEVERITY_FIRST = "array_position(ARRAY['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'], severity)"
_EdgeKey = tuple[UUID, UUID, str]


class SqlTopology:
    async def revision(self, tx: Transaction) -> Revision:
        row = (
            await connection_of(tx).execute(
                text("SELECT count(*), coalesce(sum(revision), 0) FROM intelligence.topology_origin")
            )
        ).one()
        return (int(row[0]), int(row[1]))

    async def load(self, tx: Transaction, clusters: Sequence[UUID] | None) -> tuple[list[Node], list[Edge]]:
        begin, nodes, edges = "", "", ""
        if clusters is not None:
            begin, nodes = _VISIBLE, "JOIN visible USING (id)"
            edges = "JOIN visible s ON s.id = source JOIN visible t ON t.id = target"
        given = {} if clusters is None else {"clusters": list(clusters)}
        connection = connection_of(tx)
        found = await connection.execute(
            text(f"{begin} SELECT {_COLUMNS} FROM intelligence.topology_node {nodes} ORDER BY id, origin"), given
        )
        rows = found.all()
        pairs = await connection.execute(
            text(f"{begin} SELECT source, target, kind, origin FROM intelligence.topology_edge {edges}"), given
        )
        # A large topology is a second's work, which must not hold up the loop.
        return await asyncio.to_thread(_things, rows, pairs.all())

    async def origins(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Origin]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {', '.join(Origin.__struct_fields__)} FROM intelligence.topology_origin"
                f" WHERE {_SCOPE} ORDER BY origin, cluster_id"
            ),
            {"clusters": None if clusters is None else list(clusters)},
        )
        return rows_to(Origin, rows)

    async def seen(self, tx: Transaction, node: UUID) -> list[tuple[str, datetime, datetime | None]]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT n.origin, n.first_seen, coalesce(n.last_seen, o.looked_at) AS last_seen"
                " FROM intelligence.topology_node n LEFT JOIN intelligence.topology_origin o"
                " ON o.origin = n.origin AND (o.cluster_id IS NULL OR o.cluster_id = n.cluster_id)"
                " WHERE n.id = :node ORDER BY n.first_seen, n.origin"
            ),
            {"node": node},
        )
        return [(one.origin, one.first_seen, one.last_seen) for one in rows]

    async def claim(self, tx: Transaction, origin: str, cluster_id: UUID, now: datetime, until: datetime) -> bool:
        rows = await connection_of(tx).execute(
            text(
                "INSERT INTO intelligence.topology_origin AS o (origin, cluster_id, claimed_until)"
                " VALUES (:origin, :cluster_id, :until) ON CONFLICT (origin, cluster_id) DO UPDATE"
                " SET claimed_until = excluded.claimed_until"
                " WHERE o.claimed_until IS NULL OR o.claimed_until <= :now RETURNING 1"
            ),
            {"origin": origin, "cluster_id": cluster_id, "now": now, "until": until},
        )
        return rows.first() is not None

    async def due(self, tx: Transaction, origin: str, cluster_id: UUID, at: datetime) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE intelligence.topology_origin SET claimed_until = :at"
                " WHERE origin = :origin AND cluster_id = :cluster_id"
            ),
            {"origin": origin, "cluster_id": cluster_id, "at": at},
        )

    async def put(
        self,
        tx: Transaction,
        origin: str,
        cluster_id: UUID | None,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        now: datetime,
    ) -> Written:
        known = await self._nodes_of(tx, origin, [node.id for node in nodes])
        given = {node.id: _told(node) for node in nodes}
        new = [node for node in nodes if node.id not in known]
        changed = [node for node in nodes if node.id in known and known[node.id] != (*given[node.id], False)]
        kept = await self._edges_of(tx, origin, edges)
        new_edges = [edge for edge in edges if _key(edge) not in kept]
        changed_edges = [edge for edge in edges if kept.get(_key(edge))]
        for part in _parts([*new, *changed]):
            await connection_of(tx).execute(text(_PUT_NODES), {"origin": origin, "now": now, **_node_columns(part)})
        for pairs in _parts([*new_edges, *changed_edges]):
            columns = {
                "sources": [edge.source for edge in pairs],
                "targets": [edge.target for edge in pairs],
                "kinds": [edge.kind.value for edge in pairs],
            }
            await connection_of(tx).execute(
                text(_PUT_EDGES), {"origin": origin, "cluster_id": cluster_id, "now": now, **columns}
            )
        names = {node.id: _named(node) for node in nodes}
        changes = [TopologyChange("ADD", _named(node)) for node in new] + [
            TopologyChange("CHANGE", _named(node)) for node in changed
        ]
        changes += [TopologyChange("ADD", _line(_key(edge), names)) for edge in new_edges]
        return Written(
            TopologyCounts(len(new), len(changed), len(nodes) - len(new) - len(changed)),
            TopologyCounts(len(new_edges), len(changed_edges), len(edges) - len(new_edges) - len(changed_edges)),
            changes[:_TOLD],
        )

    async def not_seen(
        self,
        tx: Transaction,
        origin: str,
        cluster_id: UUID | None,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        forget: datetime | None,
    ) -> Written:
        given = {"origin": origin, "cluster_id": cluster_id, "forget": forget}
        ids = {"c0": [node.id for node in nodes]}
        gone = await self._drop(tx, "topology_node", given | ids, "id, kind, namespace, name")
        keys = {"c0": [e.source for e in edges], "c1": [e.target for e in edges], "c2": [e.kind.value for e in edges]}
        gone_edges = await self._drop(tx, "topology_edge", given | keys, "source, target, kind")
        names = {node.id: _named(node) for node in nodes}
        names |= {row.id: _row_named(row) for row in gone[0]}
        changes = [TopologyChange("REMOVE", names[row.id]) for row in gone[0]]
        changes += [TopologyChange("REMOVE", _line((row.source, row.target, row.kind), names)) for row in gone_edges[0]]
        return Written(
            TopologyCounts(removed=len(gone[0]), changed=gone[1]),
            TopologyCounts(removed=len(gone_edges[0]), changed=gone_edges[1]),
            changes[:_TOLD],
        )

    async def looked(self, tx: Transaction, origin: Origin, *, changed: bool) -> None:
        given: dict[str, Any] = {name: getattr(origin, name) for name in Origin.__struct_fields__}
        given["notes"] = msgspec.json.encode(origin.notes).decode()
        given["step"] = int(changed)
        # A look that failed says so, and leaves what was known.
        kept = (
            ("error",) if origin.error else ("looked_at", "nodes", "edges", "left_out", "notes", "error", "changed_by")
        )
        await connection_of(tx).execute(
            text(
                "INSERT INTO intelligence.topology_origin AS o (origin, cluster_id, looked_at, nodes, edges, left_out,"
                " notes, error, changed_by, revision) VALUES (:origin, :cluster_id, :looked_at, :nodes, :edges,"
                " :left_out, CAST(:notes AS jsonb), :error, :changed_by, 1) ON CONFLICT (origin, cluster_id) DO UPDATE"
                f" SET {', '.join(f'{name} = excluded.{name}' for name in kept)}, revision = o.revision + :step"
            ),
            given,
        )

    async def drop_origin(self, tx: Transaction, origin: str) -> bool:
        gone = 0
        for table in ("topology_node", "topology_edge", "topology_origin"):
            result = await connection_of(tx).execute(
                text(f"DELETE FROM intelligence.{table} WHERE origin = :origin"), {"origin": origin}
            )
            gone += int(result.rowcount)
        return gone > 0

    async def drop_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        of_cluster = "SELECT id FROM intelligence.topology_node WHERE cluster_id = :cluster_id"
        for statement in (
            "DELETE FROM intelligence.topology_edge WHERE cluster_id = :cluster_id"
            f" OR source IN ({of_cluster}) OR target IN ({of_cluster})",
            "DELETE FROM intelligence.topology_node WHERE cluster_id = :cluster_id",
            "DELETE FROM intelligence.topology_origin WHERE cluster_id = :cluster_id",
            # So that what is held in memory is loaded anew, also where only files told of this cluster.
            "UPDATE intelligence.topology_origin SET revision = revision + 1",
        ):
            given = {"cluster_id": cluster_id} if ":cluster_id" in statement else {}
            await connection_of(tx).execute(text(statement), given)

    async def open_alerts(self, tx: Transaction, clusters: Sequence[UUID] | None, at_most: int) -> list[OpenAlert]:
        columns = "cluster_id, labels, severity, incident_id"
        rows = await connection_of(tx).execute(
            text(
                f"SELECT cluster_id, labels, severity, name, incident_id FROM ("
                f" SELECT {columns}, name FROM intelligence.incident_alert WHERE ended_at IS NULL UNION ALL"
                f" SELECT {columns}, title AS name FROM intelligence.anomaly"
                " WHERE ended_at IS NULL AND incident_id IS NOT NULL) open_now"
                f" WHERE {_SCOPE} ORDER BY {_SEVERITY_FIRST} LIMIT :at_most"
            ),
            {"clusters": None if clusters is None else list(clusters), "at_most": at_most},
        )
        return rows_to(OpenAlert, rows)

    async def _nodes_of(self, tx: Transaction, origin: str, ids: list[UUID]) -> dict[UUID, tuple[Any, ...]]:
        rows = await connection_of(tx).execute(
            text(
                "SELECT id, attributes, matchers, last_seen IS NOT NULL AS gone FROM intelligence.topology_node"
                " WHERE origin = :origin AND id = ANY(:ids)"
            ),
            {"origin": origin, "ids": ids},
        )
        return {row.id: (row.attributes, row.matchers, row.gone) for row in rows}

    async def _edges_of(self, tx: Transaction, origin: str, edges: Sequence[Edge]) -> dict[_EdgeKey, bool]:
        """Those that are kept, and whether they had gone."""
        rows = await connection_of(tx).execute(
            text(
                "SELECT source, target, kind, last_seen IS NOT NULL AS gone FROM intelligence.topology_edge"
                " WHERE origin = :origin AND source = ANY(:sources)"
            ),
            {"origin": origin, "sources": list({edge.source for edge in edges})},
        )
        return {(row.source, row.target, row.kind): bool(row.gone) for row in rows}

    async def _drop(self, tx: Transaction, table: str, given: Mapping[str, Any], columns: str) -> tuple[list[Any], int]:
        """Rows that are removed, and how many are only not seen any more."""
        connection = connection_of(tx)
        untold = (
            "id NOT IN (SELECT * FROM unnest(CAST(:c0 AS uuid[])))"
            if table == "topology_node"
            else "(source, target, kind) NOT IN (SELECT * FROM"
            " unnest(CAST(:c0 AS uuid[]), CAST(:c1 AS uuid[]), CAST(:c2 AS text[])))"
        )
        of_look = "origin = :origin AND (CAST(:cluster_id AS uuid) IS NULL OR cluster_id = CAST(:cluster_id AS uuid))"
        if given["forget"] is None:
            statement = f"DELETE FROM intelligence.{table} WHERE {of_look} AND {untold} RETURNING {columns}"
            return list(await connection.execute(text(statement), given)), 0
        # They were last seen at the look before this one, which the origin's row still tells.
        marked = await connection.execute(
            text(
                f"UPDATE intelligence.{table} SET last_seen = coalesce((SELECT o.looked_at FROM"
                " intelligence.topology_origin o WHERE o.origin = :origin"
                " AND o.cluster_id IS NOT DISTINCT FROM CAST(:cluster_id AS uuid)), first_seen)"
                f" WHERE {of_look} AND last_seen IS NULL AND {untold}"
            ),
            given,
        )
        past = f"DELETE FROM intelligence.{table} WHERE {of_look} AND last_seen < :forget RETURNING {columns}"
        return list(await connection.execute(text(past), given)), int(marked.rowcount)


def _things(rows: Sequence[Any], pairs: Sequence[Any]) -> tuple[list[Node], list[Edge]]:
    merged: dict[UUID, Node] = {}
    for row in rows:
        merged[row.id] = _merged(merged.get(row.id), row)
    return list(merged.values()), [Edge(one.source, one.target, EdgeKind(one.kind), one.origin) for one in pairs]


def _merged(before: Node | None, row: Any) -> Node:
    """A thing as several origins tell of it: a file's words win (its name sorts by `file:`, and people wrote it)."""
    matchers = tuple(row.matchers)
    if before is None:
        return Node(row.id, NodeKind(row.kind), row.name, row.cluster_id, row.namespace, row.attributes, matchers)
    by_hand = row.origin.startswith("file:")
    attributes = {**before.attributes, **row.attributes} if by_hand else {**row.attributes, **before.attributes}
    return Node(
        before.id, before.kind, before.name, before.cluster_id, before.namespace, attributes,
        before.matchers + matchers,
    )  # fmt: skip


def _told(node: Node) -> tuple[dict[str, str], list[dict[str, str]]]:
    return dict(node.attributes), [dict(one) for one in node.matchers]


def _node_columns(nodes: Sequence[Node]) -> dict[str, list[Any]]:
    return {
        "ids": [node.id for node in nodes],
        "cluster_ids": [node.cluster_id for node in nodes],
        "kinds": [node.kind.value for node in nodes],
        "namespaces": [node.namespace for node in nodes],
        "names": [node.name for node in nodes],
        "attributes": [msgspec.json.encode(_told(node)[0]).decode() for node in nodes],
        "matchers": [msgspec.json.encode(_told(node)[1]).decode() for node in nodes],
    }


def _named(node: Node) -> str:
    return f"{node.kind.lower()} {node.namespace + '/' if node.namespace else ''}{node.name}"


def _row_named(row: Any) -> str:
    return f"{row.kind.lower()} {row.namespace + '/' if row.namespace else ''}{row.name}"


def _key(edge: Edge) -> _EdgeKey:
    return (edge.source, edge.target, edge.kind.value)


def _line(key: _EdgeKey, names: Mapping[UUID, str]) -> str:
    source, target, kind = key
    return f"{names.get(source, source)} {kind.lower()} {names.get(target, target)}"


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
