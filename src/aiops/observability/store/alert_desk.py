"""How people handle alerts: rows held, changed, and what was done noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.needs_alerts import Act, AlertFilter, AlertKey, Held
from aiops.observability.ports import AlertState, Handling, Severity
from aiops.observability.store.alert_lists import conditions
from aiops.observability.store.alerts import HANDLED, handling_of

_COLUMNS = f"cluster_id, fingerprint, name, severity, state, starts_at, flapping, {HANDLED}"
_IN_ORDER = "ORDER BY cluster_id, fingerprint FOR NO KEY UPDATE"
_KEYS = "json_to_recordset(CAST(:keys AS json)) AS wanted (cluster_id uuid, fingerprint text)"


class PostgresAlertDesk:
    """`needs_alerts.AlertDesk`."""

    async def hold(self, tx: Transaction, scope: frozenset[UUID] | None, keys: Sequence[AlertKey]) -> list[Held]:
        seen = [key for key in keys if scope is None or key.cluster_id in scope]
        return await _held(
            tx,
            f"""
            SELECT {_COLUMNS} FROM observability.alert
            WHERE (cluster_id, fingerprint) IN (SELECT cluster_id, fingerprint FROM {_KEYS}) {_IN_ORDER}
            """,
            {"keys": _json(seen)},
        )

    async def hold_filtered(self, tx: Transaction, only: AlertFilter, limit: int) -> list[Held]:
        where, narrow, values = conditions(only)
        return await _held(
            tx,
            f"""
            SELECT {_COLUMNS} FROM observability.alert WHERE (cluster_id, fingerprint) IN (
                SELECT cluster_id, fingerprint FROM observability.alert WHERE {where}{narrow and " AND " + narrow}
                ORDER BY starts_at DESC, cluster_id DESC, fingerprint DESC LIMIT :limit
            ) {_IN_ORDER}
            """,
            {**values, "limit": limit},
        )

    async def handle(self, tx: Transaction, handled: Sequence[tuple[AlertKey, Handling]]) -> None:
        rows = [{**msgspec.to_builtins(key), **msgspec.to_builtins(done)} for key, done in handled]
        await connection_of(tx).execute(
            text(
                """
                UPDATE observability.alert AS kept SET status = done.status, assignee = done.assignee,
                    snoozed_until = done.snoozed_until, escalated_to = done.escalated_to
                FROM json_to_recordset(CAST(:rows AS json)) AS done (cluster_id uuid, fingerprint text, status text,
                    assignee text, snoozed_until timestamptz, escalated_to text)
                WHERE (kept.cluster_id, kept.fingerprint) = (done.cluster_id, done.fingerprint)
                """
            ),
            {"rows": _json(rows)},
        )

    async def note(self, tx: Transaction, acts: Sequence[Act]) -> None:
        await connection_of(tx).execute(
            text(
                """
                INSERT INTO observability.alert_act
                SELECT * FROM json_populate_recordset(CAST(NULL AS observability.alert_act), CAST(:rows AS json))
                """
            ),
            {"rows": _json(acts)},
        )

    async def hold_awake(self, tx: Transaction, now: datetime, limit: int) -> list[Held]:
        return await _held(
            tx,
            f"""
            SELECT {_COLUMNS} FROM observability.alert WHERE snoozed_until IS NOT NULL AND snoozed_until <= :now
            ORDER BY snoozed_until LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
            """,
            {"now": now, "limit": limit},
        )

    async def hold_calm(self, tx: Transaction, quiet_since: datetime, limit: int) -> list[Held]:
        return await _held(
            tx,
            f"""
            SELECT {_COLUMNS} FROM observability.alert WHERE flapping AND starts_at <= :quiet_since
            ORDER BY starts_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
            """,
            {"quiet_since": quiet_since, "limit": limit},
        )

    async def calm(self, tx: Transaction, keys: Sequence[AlertKey]) -> None:
        await connection_of(tx).execute(
            text(
                f"""
                UPDATE observability.alert SET flapping = false
                WHERE (cluster_id, fingerprint) IN (SELECT cluster_id, fingerprint FROM {_KEYS})
                """
            ),
            {"keys": _json(keys)},
        )


async def _held(tx: Transaction, statement: str, values: dict[str, Any]) -> list[Held]:
    return [_held_of(row) for row in await connection_of(tx).execute(text(statement), values)]


def _held_of(row: Any) -> Held:
    handling = handling_of(dict(row._mapping))
    return Held(
        AlertKey(row.cluster_id, row.fingerprint),
        row.name,
        Severity(row.severity),
        AlertState(row.state),
        row.starts_at,
        handling,
        row.flapping,
    )


def _json(rows: Any) -> str:
    return msgspec.json.encode(rows).decode()
