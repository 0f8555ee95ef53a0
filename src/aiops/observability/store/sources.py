"""The table of sources."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.ports import PushSource

_COLUMNS = "id, name, cluster_id, created_at"


class PostgresSourceStore:
    """`needs.SourceStore`."""

    async def add(self, tx: Transaction, source: PushSource, token_hash: bytes) -> bool:
        done = await connection_of(tx).execute(
            text(
                f"""
                INSERT INTO observability.source ({_COLUMNS}, token_hash)
                VALUES (:id, :name, :cluster_id, :created_at, :token_hash)
                ON CONFLICT (cluster_id, name) DO NOTHING
                """
            ),
            {
                "id": source.id,
                "name": source.name,
                "cluster_id": source.cluster_id,
                "created_at": source.created_at,
                "token_hash": token_hash,
            },
        )
        return done.rowcount == 1

    async def all(self, tx: Transaction, clusters: frozenset[UUID] | None) -> list[PushSource]:
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM observability.source
                WHERE CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[]))
                ORDER BY name, id
                """
            ),
            {"clusters": None if clusters is None else list(clusters)},
        )
        return [_source(row) for row in rows]

    async def by_token(self, tx: Transaction, token_hash: bytes) -> PushSource | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM observability.source WHERE token_hash = :token_hash"),
            {"token_hash": token_hash},
        )
        row = rows.one_or_none()
        return _source(row) if row else None

    async def alert_settings(self, tx: Transaction, source_id: UUID) -> dict[str, dict[str, Any]]:
        rows = await connection_of(tx).execute(
            text("SELECT alert_settings FROM observability.source WHERE id = :id"), {"id": source_id}
        )
        return rows.scalar_one_or_none() or {}

    async def set_alerts(self, tx: Transaction, source_id: UUID, settings: dict[str, dict[str, Any]]) -> None:
        await connection_of(tx).execute(
            text("UPDATE observability.source SET alert_settings = CAST(:settings AS jsonb) WHERE id = :id"),
            {"id": source_id, "settings": msgspec.json.encode(settings).decode()},
        )

    async def delete(self, tx: Transaction, source_id: UUID, clusters: frozenset[UUID] | None) -> bool:
        done = await connection_of(tx).execute(
            text(
                """
                DELETE FROM observability.source
                WHERE id = :id
                  AND (CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))
                """
            ),
            {"id": source_id, "clusters": None if clusters is None else list(clusters)},
        )
        return done.rowcount == 1

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM observability.source WHERE cluster_id = :id"), {"id": cluster_id}
        )


def _source(row: Any) -> PushSource:
    return PushSource(row.id, row.name, row.cluster_id, row.created_at)
