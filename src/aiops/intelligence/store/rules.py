"""Rules of correlation in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.correlation_rules import CorrelationRule
from aiops.intelligence.domain.incidents import AlertMember
from aiops.intelligence.needs_rules import KeptAlert
from aiops.intelligence.store.findings import rows_to
from aiops.intelligence.store.incident_views import SCOPE
from aiops.kernel.database import Transaction, connection_of

_FIELDS = CorrelationRule.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_ALERT = ", ".join(f"a.{name}" for name in AlertMember.__struct_fields__)


class SqlRules:
    """`needs_rules.RuleStore`."""

    async def all(self, tx: Transaction) -> list[CorrelationRule]:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.correlation_rule ORDER BY place, name")
        )
        return rows_to(CorrelationRule, rows)

    async def get(self, tx: Transaction, rule_id: UUID) -> CorrelationRule | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM intelligence.correlation_rule WHERE id = :id"), {"id": rule_id}
        )
        found = rows_to(CorrelationRule, rows)
        return found[0] if found else None

    async def put(self, tx: Transaction, rule: CorrelationRule) -> bool:
        connection = connection_of(tx)
        taken = await connection.scalar(
            text("SELECT id FROM intelligence.correlation_rule WHERE name = :name AND id <> :id"),
            {"name": rule.name, "id": rule.id},
        )
        if taken is not None:
            return False
        changes = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS if name != "id")
        await connection.execute(
            text(
                f"INSERT INTO intelligence.correlation_rule ({_COLUMNS})"
                f" VALUES ({', '.join(f':{name}' for name in _FIELDS)}) ON CONFLICT (id) DO UPDATE SET {changes}"
            ),
            msgspec.structs.asdict(rule),
        )
        return True

    async def delete(self, tx: Transaction, rule_id: UUID) -> bool:
        gone = await connection_of(tx).execute(
            text("DELETE FROM intelligence.correlation_rule WHERE id = :id"), {"id": rule_id}
        )
        return bool(gone.rowcount)

    async def failed(
        self, tx: Transaction, rule_id: UUID, times: int, last: str, left_out_until: datetime | None
    ) -> None:
        await connection_of(tx).execute(
            text(
                "UPDATE intelligence.correlation_rule SET failures = failures + :times, last_failure = :last,"
                " left_out_until = coalesce(CAST(:until AS timestamptz), left_out_until) WHERE id = :id"
            ),
            {"id": rule_id, "times": times, "last": last, "until": left_out_until},
        )

    async def alerts_since(
        self, tx: Transaction, since: datetime, clusters: Sequence[UUID] | None, most: int
    ) -> list[KeptAlert]:
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {_ALERT}, i.key FROM intelligence.incident_alert a JOIN intelligence.incident i"
                f" ON i.id = a.incident_id WHERE a.started_at >= :since AND {SCOPE.format('a.cluster_id')}"
                " ORDER BY a.started_at DESC LIMIT :most"
            ),
            {"since": since, "clusters": None if clusters is None else list(clusters), "most": most},
        )
        found = list(rows)
        return [KeptAlert(alert, row.key) for alert, row in zip(rows_to(AlertMember, found), found, strict=True)]
