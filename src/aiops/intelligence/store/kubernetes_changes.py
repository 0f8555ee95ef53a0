"""What each cluster's objects were at the last look, in PostgreSQL: one row a cluster, packed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.kubernetes_changes import Memory
from aiops.intelligence.needs_changes import ClusterLook
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of


class SqlClusterLooks:
    """`needs_changes.ClusterLookStore`."""

    async def claim(self, tx: Transaction, cluster_id: UUID, now: datetime, until: datetime) -> bool:
        rows = await _run(
            tx,
            "INSERT INTO intelligence.cluster_look AS l (cluster_id, due_at) VALUES (:cluster_id, :until)"
            " ON CONFLICT (cluster_id) DO UPDATE SET due_at = excluded.due_at WHERE l.due_at <= :now RETURNING 1",
            cluster_id=cluster_id,
            now=now,
            until=until,
        )
        return rows.first() is not None

    async def memory(self, tx: Transaction, cluster_id: UUID) -> Memory | None:
        query = "SELECT looked_at, memory FROM intelligence.cluster_look WHERE cluster_id = :id"
        row = (await _run(tx, query, id=cluster_id)).one_or_none()
        if row is None or row.memory is None:
            return None
        try:
            memory = msgspec.msgpack.decode(zlib.decompress(row.memory), type=Memory)
        except (msgspec.MsgspecError, zlib.error):
            return None
        return msgspec.structs.replace(memory, looked_at=row.looked_at)

    async def looked(self, tx: Transaction, look: ClusterLook, memory: Memory | None, due: datetime) -> None:
        packed = None if memory is None else zlib.compress(msgspec.msgpack.encode(memory), 1)
        await _run(
            tx,
            "UPDATE intelligence.cluster_look SET looked_at = :looked_at, objects = :objects,"
            " notes = CAST(:notes AS jsonb), error = NULL, due_at = :due, memory = coalesce(:memory, memory)"
            " WHERE cluster_id = :cluster_id",
            cluster_id=look.cluster_id,
            looked_at=look.looked_at,
            objects=look.objects,
            notes=msgspec.json.encode(look.notes).decode(),
            due=due,
            memory=packed,
        )

    async def failed(self, tx: Transaction, cluster_id: UUID, error: str, due: datetime) -> None:
        await _run(
            tx,
            "UPDATE intelligence.cluster_look SET error = :error, due_at = :due WHERE cluster_id = :id",
            id=cluster_id,
            error=error,
            due=due,
        )

    async def looks(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[ClusterLook]:
        rows = await _run(
            tx,
            "SELECT cluster_id, looked_at, objects, notes, error FROM intelligence.cluster_look"
            " WHERE CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[]))",
            clusters=None if clusters is None else list(clusters),
        )
        return rows_to(ClusterLook, rows)

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await _run(tx, "DELETE FROM intelligence.cluster_look WHERE cluster_id = :id", id=cluster_id)


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)
