"""When each cluster's alerts are to be read, and how that last went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.needs import Pull


class PostgresPullStore:
    """`needs.PullStore`."""

    async def claim(self, tx: Transaction, until: Mapping[UUID, datetime], now: datetime, limit: int) -> list[UUID]:
        if not until or limit <= 0:
            return []
        connection = connection_of(tx)
        due = await connection.execute(
            text(
                """
                SELECT wanted.cluster_id FROM unnest(CAST(:wanted AS uuid[])) AS wanted (cluster_id)
                LEFT JOIN observability.alert_pull USING (cluster_id)
                WHERE next_at IS NULL OR next_at <= :now
                ORDER BY next_at NULLS FIRST LIMIT :limit
                """
            ),
            {"wanted": list(until), "now": now, "limit": limit},
        )
        due_ids = [row.cluster_id for row in due]
        if not due_ids:
            return []
        # Whoever comes second waits for the row of the first, and then finds it not due any more.
        taken = await connection.execute(
            text(
                """
                INSERT INTO observability.alert_pull (cluster_id, next_at)
                SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:until AS timestamptz[]))
                ON CONFLICT (cluster_id) DO UPDATE SET next_at = excluded.next_at
                WHERE observability.alert_pull.next_at <= :now
                RETURNING cluster_id
                """
            ),
            {"ids": sorted(due_ids), "until": [until[one] for one in sorted(due_ids)], "now": now},
        )
        return [row.cluster_id for row in taken]

    async def keep(self, tx: Transaction, pull: Pull) -> None:
        await connection_of(tx).execute(
            text(
                """
                INSERT INTO observability.alert_pull AS pull (cluster_id, next_at, asked_at, answered_at, error)
                VALUES (:cluster_id, :asked_at, :asked_at, :answered_at, :error)
                ON CONFLICT (cluster_id) DO UPDATE SET
                    asked_at = excluded.asked_at, error = excluded.error,
                    answered_at = coalesce(excluded.answered_at, pull.answered_at)
                """
            ),
            {name: getattr(pull, name) for name in pull.__struct_fields__},
        )

    async def all(self, tx: Transaction, cluster_ids: Sequence[UUID]) -> dict[UUID, Pull]:
        rows = await connection_of(tx).execute(
            text(
                """
                SELECT cluster_id, asked_at, answered_at, error FROM observability.alert_pull
                WHERE cluster_id = ANY(:ids)
                """
            ),
            {"ids": list(cluster_ids)},
        )
        return {row.cluster_id: Pull(**row._mapping) for row in rows}

    async def hasten(self, tx: Transaction, cluster_ids: Sequence[UUID], asked_before: datetime, now: datetime) -> None:
        await connection_of(tx).execute(
            text(
                """
                UPDATE observability.alert_pull SET next_at = :now
                WHERE cluster_id IN (
                    SELECT cluster_id FROM observability.alert_pull
                    WHERE cluster_id = ANY(:ids) AND next_at > :now AND asked_at <= :asked_before
                    ORDER BY cluster_id FOR UPDATE
                )
                """
            ),
            {"ids": list(cluster_ids), "asked_before": asked_before, "now": now},
        )

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM observability.alert_pull WHERE cluster_id = :id"), {"id": cluster_id}
        )
