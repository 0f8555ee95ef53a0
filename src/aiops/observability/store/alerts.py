"""The tables of alerts and of their history, as alerts come in: a batch is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.domain import SEVERITY_RANK
from aiops.observability.ports import Alert, AlertChange, AlertState, AlertStatus, Handling, Original, Severity

TOLD = (
    "name, severity, sender_severity, state, labels, annotations, starts_at, ends_at, generator_url, occurrences, "
    "received_at, suppressed, silenced_by, inhibited_by, pulled, source, starts, flapping, members, original, "
    "maintained_by"
)
HANDLED = "status, assignee, snoozed_until, escalated_to"
COLUMNS = f"cluster_id, fingerprint, {TOLD}, {HANDLED}"

_SAVE = f"""
INSERT INTO observability.alert AS kept (cluster_id, fingerprint, {TOLD}, severity_rank, search)
SELECT cluster_id, fingerprint, {TOLD}, severity_rank, search FROM json_to_recordset(CAST(:rows AS json)) AS told (
    cluster_id uuid, fingerprint text, name text, severity text, sender_severity text, state text, labels jsonb,
    annotations jsonb, starts_at timestamptz, ends_at timestamptz, generator_url text, occurrences int,
    received_at timestamptz, suppressed boolean, silenced_by text[], inhibited_by text[], pulled boolean, source text,
    starts timestamptz[], flapping boolean, members text[],
    original jsonb, maintained_by text[], severity_rank smallint, search text)
ON CONFLICT (cluster_id, fingerprint) DO UPDATE SET
    ({TOLD}, severity_rank, search) = ROW (
        {", ".join(f"excluded.{name}" for name in f"{TOLD}, severity_rank, search".split(", "))}),
    status = CASE WHEN excluded.occurrences > kept.occurrences THEN 'NEW' ELSE kept.status END,
    assignee = CASE WHEN excluded.occurrences > kept.occurrences THEN NULL ELSE kept.assignee END,
    escalated_to = CASE WHEN excluded.occurrences > kept.occurrences THEN NULL ELSE kept.escalated_to END
"""

# Who changes several rows takes them in one order, so that nobody waits in a circle.
_HOLD = """
SELECT FROM observability.alert WHERE cluster_id = :cluster_id AND fingerprint = ANY(:fingerprints)
ORDER BY fingerprint FOR NO KEY UPDATE
"""

_FORGET = """
DELETE FROM observability.alert WHERE (cluster_id, fingerprint) IN (
    SELECT cluster_id, fingerprint FROM observability.alert WHERE state = 'RESOLVED' AND ends_at < :before
    ORDER BY cluster_id, fingerprint FOR UPDATE
) AND state = 'RESOLVED' AND ends_at < :before
"""

_TOUCH = """
UPDATE observability.alert SET received_at = :at WHERE cluster_id = :cluster_id AND fingerprint = ANY(:fingerprints)
"""

_RECORD = """
INSERT INTO observability.alert_history
SELECT * FROM json_populate_recordset(CAST(NULL AS observability.alert_history), CAST(:rows AS json))
"""


class PostgresAlertStore:
    """`needs_alerts.AlertStore`."""

    async def lock(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str]) -> dict[str, Alert]:
        connection = connection_of(tx)
        # One webhook of a cluster at a time: an alert that is not there yet has no row to hold.
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 4))"), {"key": f"alerts:{cluster_id}"}
        )
        rows = await connection.execute(
            text(
                f"""
                SELECT {COLUMNS} FROM observability.alert
                WHERE cluster_id = :cluster_id AND fingerprint = ANY(:fingerprints)
                """
            ),
            {"cluster_id": cluster_id, "fingerprints": list(fingerprints)},
        )
        return {alert.fingerprint: alert for alert in map(alert_of, rows)}

    async def lock_pulled(self, tx: Transaction, cluster_id: UUID) -> list[Alert]:
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT {COLUMNS} FROM observability.alert
                WHERE cluster_id = :cluster_id AND pulled AND state <> 'RESOLVED'
                """
            ),
            {"cluster_id": cluster_id},
        )
        return [alert_of(row) for row in rows]

    async def lock_open(self, tx: Transaction, cluster_id: UUID) -> list[Alert]:
        rows = await connection_of(tx).execute(
            text(f"SELECT {COLUMNS} FROM observability.alert WHERE cluster_id = :cluster_id AND state <> 'RESOLVED'"),
            {"cluster_id": cluster_id},
        )
        return [alert_of(row) for row in rows]

    async def save(self, tx: Transaction, alerts: Sequence[Alert]) -> None:
        if not alerts:
            return
        rows = [_row(alert) for alert in sorted(alerts, key=lambda one: (one.cluster_id, one.fingerprint))]
        await connection_of(tx).execute(text(_SAVE), {"rows": msgspec.json.encode(rows).decode()})

    async def touch(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str], at: datetime) -> None:
        if fingerprints:
            told = {"cluster_id": cluster_id, "fingerprints": list(fingerprints), "at": at}
            await connection_of(tx).execute(text(_TOUCH), told)

    async def hold(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str]) -> None:
        if fingerprints:
            told = {"cluster_id": cluster_id, "fingerprints": list(fingerprints)}
            await connection_of(tx).execute(text(_HOLD), told)

    async def record(self, tx: Transaction, changes: Sequence[AlertChange]) -> None:
        if changes:
            await connection_of(tx).execute(text(_RECORD), {"rows": msgspec.json.encode(changes).decode()})

    async def forget(self, tx: Transaction, before: datetime) -> int:
        gone = 0
        for statement in (
            _FORGET,
            "DELETE FROM observability.alert_history WHERE at < :before",
            "DELETE FROM observability.alert_act WHERE at < :before",
        ):
            done = await connection_of(tx).execute(text(statement), {"before": before})
            gone += int(done.rowcount)
        return gone

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        for table in ("alert", "alert_history", "alert_act"):
            await connection_of(tx).execute(
                text(f"DELETE FROM observability.{table} WHERE cluster_id = :id"), {"id": cluster_id}
            )


def _row(alert: Alert) -> dict[str, Any]:
    row = {name: getattr(alert, name) for name in alert.__struct_fields__ if name != "handling"}
    row["severity_rank"] = SEVERITY_RANK[alert.severity]
    row["search"] = " ".join((alert.name, *alert.labels.values(), *alert.annotations.values())).lower()
    return row


def alert_of(row: Any) -> Alert:
    """From a row of `COLUMNS`."""
    values = dict(row._mapping)
    values["severity"], values["state"] = Severity(row.severity), AlertState(row.state)
    for name in ("silenced_by", "inhibited_by", "starts", "members", "maintained_by"):
        values[name] = tuple(values[name])
    if row.original is not None:
        values["original"] = msgspec.convert(row.original, Original)
    values["handling"] = handling_of(values)
    return Alert(**values)


def handling_of(values: dict[str, Any]) -> Handling:
    """Takes its parts out of `values`."""
    return Handling(
        AlertStatus(values.pop("status")),
        values.pop("assignee"),
        values.pop("snoozed_until"),
        values.pop("escalated_to"),
    )
