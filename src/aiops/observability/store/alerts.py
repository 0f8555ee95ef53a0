"""The tables of alerts and of their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.domain import SEVERITY_RANK
from aiops.observability.needs import AlertFilter
from aiops.observability.ports import Alert, AlertChange, AlertState, Severity

_COLUMNS = (
    "cluster_id, fingerprint, name, severity, sender_severity, state, labels, annotations, starts_at, ends_at, "
    "generator_url, occurrences, received_at, suppressed, silenced_by, inhibited_by, pulled"
)
_HISTORY = "id, cluster_id, fingerprint, name, state, severity, starts_at, ends_at, at"


class PostgresAlertStore:
    """`needs.AlertStore`."""

    async def lock(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str]) -> dict[str, Alert]:
        connection = connection_of(tx)
        # One webhook of a cluster at a time: an alert that is not there yet has no row to hold.
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 4))"), {"key": f"alerts:{cluster_id}"}
        )
        rows = await connection.execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM observability.alert
                WHERE cluster_id = :cluster_id AND fingerprint = ANY(:fingerprints)
                """
            ),
            {"cluster_id": cluster_id, "fingerprints": list(fingerprints)},
        )
        return {alert.fingerprint: alert for alert in map(_alert, rows)}

    async def save(self, tx: Transaction, alert: Alert) -> None:
        values = {name: getattr(alert, name) for name in alert.__struct_fields__}
        values["labels"] = msgspec.json.encode(alert.labels).decode()
        values["annotations"] = msgspec.json.encode(alert.annotations).decode()
        values["silenced_by"], values["inhibited_by"] = list(alert.silenced_by), list(alert.inhibited_by)
        values["rank"] = SEVERITY_RANK[alert.severity]
        values["search"] = " ".join((alert.name, *alert.labels.values(), *alert.annotations.values())).lower()
        await connection_of(tx).execute(
            text(
                f"""
                INSERT INTO observability.alert ({_COLUMNS}, severity_rank, search) VALUES (
                    :cluster_id, :fingerprint, :name, :severity, :sender_severity, :state, CAST(:labels AS jsonb),
                    CAST(:annotations AS jsonb), :starts_at, :ends_at, :generator_url, :occurrences, :received_at,
                    :suppressed, :silenced_by, :inhibited_by, :pulled, :rank, :search)
                ON CONFLICT (cluster_id, fingerprint) DO UPDATE SET
                    (name, severity, sender_severity, state, labels, annotations, starts_at, ends_at, generator_url,
                     occurrences, received_at, suppressed, silenced_by, inhibited_by, pulled, severity_rank, search) =
                    (excluded.name, excluded.severity, excluded.sender_severity, excluded.state, excluded.labels,
                     excluded.annotations, excluded.starts_at, excluded.ends_at, excluded.generator_url,
                     excluded.occurrences, excluded.received_at, excluded.suppressed, excluded.silenced_by,
                     excluded.inhibited_by, excluded.pulled, excluded.severity_rank, excluded.search)
                """
            ),
            values,
        )

    async def touch(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str], at: datetime) -> None:
        await connection_of(tx).execute(
            text(
                """
                UPDATE observability.alert SET received_at = :at
                WHERE cluster_id = :cluster_id AND fingerprint = ANY(:fingerprints)
                """
            ),
            {"cluster_id": cluster_id, "fingerprints": list(fingerprints), "at": at},
        )

    async def record(self, tx: Transaction, change: AlertChange) -> None:
        await connection_of(tx).execute(
            text(
                f"""
                INSERT INTO observability.alert_history ({_HISTORY})
                VALUES (:id, :cluster_id, :fingerprint, :name, :state, :severity, :starts_at, :ends_at, :at)
                """
            ),
            {name: getattr(change, name) for name in change.__struct_fields__},
        )

    async def get(self, tx: Transaction, cluster_id: UUID, fingerprint: str) -> Alert | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {_COLUMNS} FROM observability.alert WHERE cluster_id = :cluster_id AND fingerprint = :mark"),
            {"cluster_id": cluster_id, "mark": fingerprint},
        )
        row = rows.one_or_none()
        return _alert(row) if row else None

    async def several(self, tx: Transaction, wanted: Sequence[tuple[UUID, str]]) -> list[Alert]:
        columns = ", ".join(f"a.{name.strip()}" for name in _COLUMNS.split(","))
        rows = await connection_of(tx).execute(
            text(
                f"SELECT {columns} FROM unnest(CAST(:clusters AS uuid[]), CAST(:marks AS text[]))"
                " AS w (cluster_id, fingerprint) JOIN observability.alert a USING (cluster_id, fingerprint)"
            ),
            {"clusters": [one[0] for one in wanted], "marks": [one[1] for one in wanted]},
        )
        return [_alert(row) for row in rows]

    async def page(
        self, tx: Transaction, only: AlertFilter, after: tuple[datetime, UUID, str] | None, size: int
    ) -> list[Alert]:
        where, values = _where(only)
        if after is not None:
            where += " AND (starts_at, cluster_id, fingerprint) < (:after_at, :after_cluster, :after_mark)"
            values |= {"after_at": after[0], "after_cluster": after[1], "after_mark": after[2]}
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM observability.alert WHERE {where}
                ORDER BY starts_at DESC, cluster_id DESC, fingerprint DESC LIMIT :size
                """
            ),
            {**values, "size": size},
        )
        return [_alert(row) for row in rows]

    async def count(self, tx: Transaction, only: AlertFilter) -> int:
        where, values = _where(only)
        rows = await connection_of(tx).execute(text(f"SELECT count(*) FROM observability.alert WHERE {where}"), values)
        return int(rows.scalar_one())

    async def history(
        self,
        tx: Transaction,
        only: AlertFilter,
        fingerprint: str | None,
        after: tuple[datetime, UUID] | None,
        size: int,
    ) -> list[AlertChange]:
        where, values = _history_where(only, fingerprint)
        if after is not None:
            where += " AND (at, id) < (:after_at, :after_id)"
            values |= {"after_at": after[0], "after_id": after[1]}
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT {_HISTORY} FROM observability.alert_history WHERE {where}
                ORDER BY at DESC, id DESC LIMIT :size
                """
            ),
            {**values, "size": size},
        )
        return [_change(row) for row in rows]

    async def history_count(self, tx: Transaction, only: AlertFilter, fingerprint: str | None) -> int:
        where, values = _history_where(only, fingerprint)
        rows = await connection_of(tx).execute(
            text(f"SELECT count(*) FROM observability.alert_history WHERE {where}"), values
        )
        return int(rows.scalar_one())

    async def forget(self, tx: Transaction, before: datetime) -> int:
        gone = await connection_of(tx).execute(
            text("DELETE FROM observability.alert WHERE state = 'RESOLVED' AND ends_at < :before"), {"before": before}
        )
        old = await connection_of(tx).execute(
            text("DELETE FROM observability.alert_history WHERE at < :before"), {"before": before}
        )
        return int(gone.rowcount) + int(old.rowcount)

    async def lock_pulled(self, tx: Transaction, cluster_id: UUID) -> list[Alert]:
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM observability.alert
                WHERE cluster_id = :cluster_id AND pulled AND state <> 'RESOLVED'
                """
            ),
            {"cluster_id": cluster_id},
        )
        return [_alert(row) for row in rows]

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        for table in ("alert", "alert_history"):
            await connection_of(tx).execute(
                text(f"DELETE FROM observability.{table} WHERE cluster_id = :id"), {"id": cluster_id}
            )


def _where(only: AlertFilter) -> tuple[str, dict[str, Any]]:
    parts, values = ["TRUE"], dict[str, Any]()
    if only.clusters is not None:
        parts.append("cluster_id = ANY(:scope)")
        values["scope"] = list(only.clusters)
    if only.cluster_ids:
        parts.append("cluster_id = ANY(:cluster_ids)")
        values["cluster_ids"] = list(only.cluster_ids)
    if only.state is not None:
        parts.append("state = :state")
        values["state"] = only.state
    if only.severity is not None:
        parts.append("severity = :severity")
        values["severity"] = only.severity
    if only.text:
        escaped = only.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parts.append("search LIKE :text")
        values["text"] = f"%{escaped}%"
    return " AND ".join(parts), values


def _history_where(only: AlertFilter, fingerprint: str | None) -> tuple[str, dict[str, Any]]:
    where, values = _where(AlertFilter(only.clusters, only.cluster_ids))
    if fingerprint is not None:
        where += " AND fingerprint = :fingerprint"
        values["fingerprint"] = fingerprint
    return where, values


def _alert(row: Any) -> Alert:
    values = dict(row._mapping)
    values["severity"], values["state"] = Severity(row.severity), AlertState(row.state)
    values["silenced_by"], values["inhibited_by"] = tuple(row.silenced_by), tuple(row.inhibited_by)
    return Alert(**values)


def _change(row: Any) -> AlertChange:
    values = dict(row._mapping)
    values["severity"], values["state"] = Severity(row.severity), AlertState(row.state)
    return AlertChange(**values)
