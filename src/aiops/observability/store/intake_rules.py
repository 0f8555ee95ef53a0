"""The table of the rules that shape alerts as they come in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.needs_alerts import IntakeRule

_HEAD = ("id", "name", "position", "enabled", "cluster_ids", "revision", "changed_by", "changed_at")
_BODY = ("source", "matchers", "extraction", "mapping", "deduplication")
_COLUMNS = f"{', '.join(_HEAD)}, body"


class PostgresIntakeRuleStore:
    """`needs_alerts.IntakeRuleStore`."""

    async def all(self, tx: Transaction) -> list[IntakeRule]:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM observability.intake_rule ORDER BY position, name, id")
        )
        return [_rule(row) for row in rows]

    async def get(self, tx: Transaction, rule_id: UUID) -> IntakeRule | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM observability.intake_rule WHERE id = :id FOR UPDATE"), {"id": rule_id}
        )
        row = rows.one_or_none()
        return _rule(row) if row else None

    async def keep(self, tx: Transaction, rule: IntakeRule) -> None:
        values = {name: getattr(rule, name) for name in _HEAD}
        values["body"] = msgspec.json.encode({name: getattr(rule, name) for name in _BODY}).decode()
        await connection_of(tx).execute(
            text(
                f"""
                INSERT INTO observability.intake_rule ({_COLUMNS})
                VALUES (:id, :name, :position, :enabled, :cluster_ids, :revision, :changed_by, :changed_at,
                    CAST(:body AS jsonb))
                ON CONFLICT (id) DO UPDATE SET
                    ({_COLUMNS}) = ROW ({", ".join(f"excluded.{name}" for name in (*_HEAD, "body"))})
                """
            ),
            values,
        )

    async def delete(self, tx: Transaction, rule_id: UUID) -> None:
        await connection_of(tx).execute(text("DELETE FROM observability.intake_rule WHERE id = :id"), {"id": rule_id})

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        for statement in (
            """
            UPDATE observability.intake_rule SET cluster_ids = array_remove(cluster_ids, CAST(:id AS uuid))
            WHERE :id = ANY(cluster_ids)
            """,
            "DELETE FROM observability.intake_rule WHERE cluster_ids = '{}'",
        ):
            await connection_of(tx).execute(text(statement), {"id": cluster_id} if ":id" in statement else {})


def _rule(row: Any) -> IntakeRule:
    values = {name: getattr(row, name) for name in _HEAD} | row.body
    return msgspec.convert(values, IntakeRule)
