"""How alerts are read: pages, counts, groups, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.kernel.database import Transaction, connection_of
from aiops.observability.domain import SEVERITY_RANK
from aiops.observability.needs_alerts import (
    MOST_COUNTED,
    AlertCounts,
    AlertFilter,
    AlertGroup,
    AlertKey,
    Counted,
    TimelineEntry,
)
from aiops.observability.ports import Alert, AlertChange, AlertState, AlertStatus, Severity
from aiops.observability.store.alerts import COLUMNS, alert_of

_HISTORY = "id, cluster_id, fingerprint, name, state, severity, starts_at, ends_at, at"
_NEWEST_LOOKED_THROUGH = 2_000
_MOST_SUMMED = 150_000
_MOST_SEARCHED = 20_000
# As the indexes `alert_grouped` and `alert_grouped_apart` have it, to the letter.
_INDEXED, _LONGEST_INDEXED = "octet_length(name) + octet_length(CAST(labels AS text))", 1_000
_BY_RANK = {rank: severity for severity, rank in SEVERITY_RANK.items()}
_ORDER = "starts_at DESC, cluster_id DESC, fingerprint DESC"

Values = dict[str, Any]


class PostgresAlertLists:
    """`needs_alerts.AlertLists`."""

    async def get(self, tx: Transaction, cluster_id: UUID, fingerprint: str) -> Alert | None:
        rows = await connection_of(tx).execute(
            text(f"SELECT {COLUMNS} FROM observability.alert WHERE cluster_id = :cluster_id AND fingerprint = :mark"),
            {"cluster_id": cluster_id, "mark": fingerprint},
        )
        row = rows.one_or_none()
        return alert_of(row) if row else None

    async def several(self, tx: Transaction, wanted: Sequence[tuple[UUID, str]]) -> list[Alert]:
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT {COLUMNS} FROM observability.alert WHERE (cluster_id, fingerprint) IN (
                    SELECT * FROM unnest(CAST(:clusters AS uuid[]), CAST(:marks AS text[])))
                """
            ),
            {"clusters": [one[0] for one in wanted], "marks": [one[1] for one in wanted]},
        )
        return [alert_of(row) for row in rows]

    async def page(
        self, tx: Transaction, only: AlertFilter, after: tuple[datetime, UUID, str] | None, size: int
    ) -> list[Alert]:
        where, narrow, values = conditions(only)
        if after is not None:
            where += " AND (starts_at, cluster_id, fingerprint) < (:after_at, :after_cluster, :after_mark)"
            values |= {"after_at": after[0], "after_cluster": after[1], "after_mark": after[2]}
        values["size"] = size
        if not narrow:
            return await _alerts(
                tx, f"SELECT {COLUMNS} FROM observability.alert WHERE {where} ORDER BY {_ORDER} LIMIT :size", values
            )
        # A word that many have fills the page from the newest of them; only a rare one is worth its index.
        newest = await _alerts(
            tx,
            f"""
            SELECT {COLUMNS} FROM (
                SELECT * FROM observability.alert WHERE {where} ORDER BY {_ORDER} LIMIT {_NEWEST_LOOKED_THROUGH}
            ) AS newest WHERE {narrow} ORDER BY {_ORDER} LIMIT :size
            """,
            values,
        )
        if len(newest) == size:
            return newest
        return await _alerts(
            tx,
            f"""
            WITH found AS MATERIALIZED (
                SELECT cluster_id, fingerprint FROM observability.alert WHERE {where} AND {narrow}
                ORDER BY {_ORDER} LIMIT :size
            )
            SELECT {COLUMNS} FROM found JOIN observability.alert USING (cluster_id, fingerprint) ORDER BY {_ORDER}
            """,
            values,
        )

    async def count(self, tx: Transaction, only: AlertFilter) -> Counted:
        where, narrow, values = conditions(only)
        if narrow:
            await _plan_for_these_words(tx)
            return await _counted(tx, f"observability.alert WHERE {where} AND {narrow} ORDER BY {_ORDER}", values)
        if only.only_open:
            return Counted(await _number(tx, f"SELECT count(*) FROM observability.alert WHERE {where}", values), False)
        return await _counted(tx, f"observability.alert WHERE {where}", values)

    async def counts(self, tx: Transaction, only: AlertFilter) -> AlertCounts:
        where, narrow, values = conditions(only)
        values["now_is"] = only.now
        of = (
            "state, severity, status, coalesce(snoozed_until > CAST(:now_is AS timestamptz), false) AS snoozed, "
            "flapping, maintained, assignee IS NULL AS unassigned"
        )
        source = f"SELECT {of} FROM observability.alert WHERE {where}"
        bound = _MOST_SEARCHED if narrow else _MOST_SUMMED
        if narrow:
            await _plan_for_these_words(tx)
            source += f" AND {narrow} ORDER BY {_ORDER} LIMIT {bound}"
        elif not only.only_open:
            source += f" LIMIT {bound}"
        rows = await connection_of(tx).execute(
            text(f"SELECT *, count(*) AS many FROM ({source}) AS found GROUP BY 1, 2, 3, 4, 5, 6, 7"), values
        )
        return _summed(rows.all(), None if only.only_open and not narrow else bound)

    async def groups(self, tx: Transaction, only: AlertFilter, by: str, limit: int) -> list[AlertGroup]:
        where, narrow, values = conditions(only)
        key = {"name": "name", "severity": "severity", "cluster": "CAST(cluster_id AS text)"}.get(by)
        if key is None:
            key, values["label"] = "labels ->> :label", by
        statuses = ", ".join(
            f"coalesce(sum(many) FILTER (WHERE status = '{one}'), 0) AS {one.lower()}" for one in AlertStatus
        )
        if narrow:
            await _plan_for_these_words(tx)
        # How many values a label has is not known beforehand, and sorting all rows by it takes long.
        await connection_of(tx).execute(text("SET LOCAL work_mem = '64MB'"))
        rows = await connection_of(tx).execute(
            text(
                f"""
                SELECT value, sum(many) AS alerts, max(rank) AS rank, max(newest) AS newest_at,
                    count(DISTINCT cluster_id) AS clusters, {statuses}
                FROM (
                    SELECT {key} AS value, status, cluster_id, count(*) AS many, max(severity_rank) AS rank,
                        max(starts_at) AS newest
                    FROM ({_grouped(only, where, narrow)}) AS found GROUP BY 1, 2, 3
                ) AS parts
                GROUP BY value ORDER BY rank DESC, alerts DESC, value LIMIT :limit
                """
            ),
            {**values, "limit": limit},
        )
        return [
            AlertGroup(
                value=row.value,
                alerts=int(row.alerts),
                severity=_BY_RANK[row.rank],
                clusters=row.clusters,
                newest_at=row.newest_at,
                status={one.value: many for one in AlertStatus if (many := int(getattr(row, one.value.lower())))},
            )
            for row in rows
        ]

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

    async def history_count(self, tx: Transaction, only: AlertFilter, fingerprint: str | None) -> Counted:
        where, values = _history_where(only, fingerprint)
        return await _counted(tx, f"observability.alert_history WHERE {where}", values)

    async def timeline(
        self, tx: Transaction, key: AlertKey, after: tuple[datetime, UUID] | None, size: int
    ) -> list[TimelineEntry]:
        beyond = "AND (at, id) < (:after_at, :after_id)" if after is not None else ""
        part = f"WHERE cluster_id = :cluster_id AND fingerprint = :mark {beyond} ORDER BY at DESC, id DESC LIMIT :size"
        values: Values = {"cluster_id": key.cluster_id, "mark": key.fingerprint, "size": size}
        if after is not None:
            values |= {"after_at": after[0], "after_id": after[1]}
        rows = await connection_of(tx).execute(
            text(
                f"""
                (SELECT id, at, state AS kind, NULL AS by, NULL AS was, severity AS became, NULL AS text
                 FROM observability.alert_history {part})
                UNION ALL
                (SELECT id, at, kind, by, was, became, text FROM observability.alert_act {part})
                ORDER BY at DESC, id DESC LIMIT :size
                """
            ),
            values,
        )
        return [TimelineEntry(**row._mapping) for row in rows]


def conditions(only: AlertFilter) -> tuple[str, str, Values]:
    """What indexes decide, what takes a look into each row ("" where nothing does), and the values of both.

    Words of enums are written out: a partial index serves only what is known to lie in it when it is planned.
    """
    parts, values = ["TRUE"], Values()
    if only.states:
        # Planned with what is open: said twice, it would be taken for a tenth of a tenth beside a long past.
        parts.append(_one_of("state", only.states))
    if only.severities:
        parts.append(_one_of("severity", only.severities))
    if only.statuses:
        parts.append(_one_of("status", only.statuses))
    for name, column, value in (
        ("scope", "cluster_id = ANY(:scope)", None if only.clusters is None else list(only.clusters)),
        ("cluster_ids", "cluster_id = ANY(:cluster_ids)", list(only.cluster_ids) or None),
        ("name", "name = :name", only.name),
        ("assignee", "assignee = :assignee", only.assignee or None),
    ):
        if value is not None:
            parts.append(column)
            values[name] = value
    if only.assignee == "":
        parts.append("assignee IS NULL")
    if only.flapping is not None:
        parts.append("flapping" if only.flapping else "NOT flapping")
    if only.maintained is not None:
        parts.append("maintained" if only.maintained else "NOT maintained")
    if only.snoozed is not None:
        asleep = "snoozed_until IS NOT NULL AND snoozed_until > :now"
        parts.append(asleep if only.snoozed else f"NOT ({asleep})")
        values["now"] = only.now
    narrow, more = _narrow(only)
    return " AND ".join(parts), narrow, values | more


def _grouped(only: AlertFilter, where: str, narrow: str) -> str:
    """What is to be grouped; of open alerts, an index has all of it but for those with long labels."""
    columns = "name, labels, severity, severity_rank, status, cluster_id, starts_at"
    rows = f"SELECT {columns} FROM observability.alert WHERE {where}"
    if narrow:
        return f"{rows} AND {narrow} ORDER BY {_ORDER} LIMIT {_MOST_SEARCHED}"
    if not only.only_open:
        return f"{rows} LIMIT {_MOST_SUMMED}"
    parts = (f"({rows} AND {_INDEXED} {is_so} {_LONGEST_INDEXED} LIMIT {_MOST_SUMMED})" for is_so in ("<=", ">"))
    return " UNION ALL ".join(parts)


def _narrow(only: AlertFilter) -> tuple[str, Values]:
    parts, values = [], Values()
    for number, (name, value) in enumerate(only.labels):
        parts.append(f"labels @> CAST(:label_{number} AS jsonb)")
        values[f"label_{number}"] = msgspec.json.encode({name: value}).decode()
    if only.text:
        escaped = only.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parts.append("search LIKE :text")
        values["text"] = f"%{escaped}%"
    return " AND ".join(parts), values


def _one_of(column: str, words: Sequence[AlertState | AlertStatus | Severity]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


def _history_where(only: AlertFilter, fingerprint: str | None) -> tuple[str, Values]:
    where, _, values = conditions(AlertFilter(only.clusters, only.cluster_ids))
    if fingerprint is not None:
        where += " AND fingerprint = :fingerprint"
        values["fingerprint"] = fingerprint
    return where, values


async def _plan_for_these_words(tx: Transaction) -> None:
    """A word that many have is counted among the newest, a rare one by its index: a plan kept for all suits neither."""
    await connection_of(tx).execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


async def _alerts(tx: Transaction, statement: str, values: Values) -> list[Alert]:
    return [alert_of(row) for row in await connection_of(tx).execute(text(statement), values)]


async def _number(tx: Transaction, statement: str, values: Values) -> int:
    return int((await connection_of(tx).execute(text(statement), values)).scalar_one())


async def _counted(tx: Transaction, source: str, values: Values) -> Counted:
    found = await _number(tx, f"SELECT count(*) FROM (SELECT FROM {source} LIMIT {MOST_COUNTED + 1}) AS found", values)
    return Counted(min(found, MOST_COUNTED), found > MOST_COUNTED)


def _summed(rows: Sequence[Any], bound: int | None) -> AlertCounts:
    by: dict[str, dict[str, int]] = {"state": {}, "severity": {}, "status": {}}
    alone = dict.fromkeys(("snoozed", "flapping", "maintained", "unassigned"), 0)
    total = 0
    for row in rows:
        total += row.many
        for column, sums in by.items():
            word = getattr(row, column)
            sums[word] = sums.get(word, 0) + row.many
        for column in alone:
            alone[column] += row.many if getattr(row, column) else 0
    return AlertCounts(
        total,
        bound is not None and total >= bound,
        by["state"],
        by["severity"],
        by["status"],
        alone["snoozed"],
        alone["flapping"],
        alone["maintained"],
        alone["unassigned"],
    )


def _change(row: Any) -> AlertChange:
    values = dict(row._mapping)
    values["severity"], values["state"] = Severity(row.severity), AlertState(row.state)
    return AlertChange(**values)
