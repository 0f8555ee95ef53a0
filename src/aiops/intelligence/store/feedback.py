"""What people said of findings, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.feedback import Feedback
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(Feedback.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_PLACES = ", ".join(f"CAST(:{name} AS jsonb)" if name == "labels" else f":{name}" for name in _FIELDS)
_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS if name != "anomaly_id")


class SqlFeedback:
    """`needs.FeedbackStore`."""

    async def put(self, tx: Transaction, feedback: Feedback) -> None:
        values = {name: getattr(feedback, name) for name in _FIELDS}
        values |= {"labels": msgspec.json.encode(feedback.labels).decode(), "verdict": feedback.verdict.value}
        await connection_of(tx).execute(
            text(
                f"INSERT INTO intelligence.feedback ({_COLUMNS}) VALUES ({_PLACES})"
                f" ON CONFLICT (anomaly_id) DO UPDATE SET {_REPLACED}"
            ),
            values,
        )

    async def of(self, tx: Transaction, anomaly_ids: Sequence[UUID]) -> dict[UUID, Feedback]:
        if not anomaly_ids:
            return {}
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.feedback WHERE anomaly_id = ANY(:ids)"),
            {"ids": list(anomaly_ids)},
        )
        return {one.anomaly_id: one for one in rows_to(Feedback, rows)}

    async def of_watch(self, tx: Transaction, cluster_id: UUID, watch: str) -> list[Feedback]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_COLUMNS} FROM intelligence.feedback WHERE cluster_id = :cluster_id AND watch = :watch"
                " ORDER BY at, anomaly_id"
            ),
            {"cluster_id": cluster_id, "watch": watch},
        )
        return rows_to(Feedback, rows)

    async def delete(self, tx: Transaction, anomaly_id: UUID) -> None:
        await connection_of(tx).execute(
            text("DELETE FROM intelligence.feedback WHERE anomaly_id = :id"), {"id": anomaly_id}
        )
