"""Log patterns in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.anomalies import rank_of
from aiops.intelligence.domain.log_patterns import (
    MOST_LINES_KEPT,
    LogPattern,
    PatternCount,
    PatternFilter,
    PatternLine,
)
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(LogPattern.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_P_COLUMNS = ", ".join(f"p.{name}" for name in _FIELDS)
_STORED = (*_FIELDS, "severity_rank")
_JSON = frozenset({"labels", "rhythm"})
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR p.cluster_id = ANY(CAST(:clusters AS uuid[])))"

_SAVE = f"""
INSERT INTO intelligence.log_pattern ({", ".join(_STORED)})
VALUES ({", ".join(f"CAST(:{name} AS jsonb)" if name in _JSON else f":{name}" for name in _STORED)})
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _STORED if name != "id")}
"""
_MERGE = """
WITH moved AS (
    DELETE FROM intelligence.log_pattern_count WHERE pattern_id = ANY(:lost) RETURNING pattern_id, at, count
)
INSERT INTO intelligence.log_pattern_count AS c (pattern_id, at, count)
SELECT m.kept, moved.at, sum(moved.count) FROM moved
JOIN unnest(CAST(:lost AS uuid[]), CAST(:kept AS uuid[])) AS m (lost, kept) ON m.lost = moved.pattern_id
GROUP BY m.kept, moved.at
ON CONFLICT (pattern_id, at) DO UPDATE SET count = c.count + excluded.count
"""
_MOVE_LINES = """
UPDATE intelligence.log_pattern_line l SET pattern_id = m.kept
FROM unnest(CAST(:lost AS uuid[]), CAST(:kept AS uuid[])) AS m (lost, kept) WHERE l.pattern_id = m.lost
"""
_END_FINDINGS = (
    "UPDATE intelligence.log_finding SET ended_at = now() WHERE pattern_id = ANY(:lost) AND ended_at IS NULL"
)
_COUNT = """
INSERT INTO intelligence.log_pattern_count AS c (pattern_id, at, count)
SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:at AS timestamptz[]), CAST(:counts AS int[]))
ON CONFLICT (pattern_id, at) DO UPDATE SET count = c.count + excluded.count
"""
_KEEP_LINES = """
INSERT INTO intelligence.log_pattern_line (id, pattern_id, at, line, labels, level)
VALUES (:id, :pattern_id, :at, :line, CAST(:labels AS jsonb), :level)
"""
_THIN_LINES = """
DELETE FROM intelligence.log_pattern_line WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY pattern_id ORDER BY at DESC, id DESC) AS place
        FROM intelligence.log_pattern_line WHERE pattern_id = ANY(:ids)
    ) AS placed WHERE place > :most
)
"""
_WANTED = f"""
{_SCOPE}
AND (CAST(:cluster_id AS uuid) IS NULL OR p.cluster_id = :cluster_id)
AND (CAST(:like AS text) IS NULL OR p.pattern ILIKE :like)
AND (CAST(:severity AS text) IS NULL OR p.severity = :severity)
AND (CAST(:failure_class AS text) IS NULL OR p.failure_class = :failure_class)
AND (CAST(:start AS timestamptz) IS NULL OR p.last_seen >= :start)
AND (CAST(:finding AS text) IS NULL OR EXISTS (
    SELECT 1 FROM intelligence.log_finding f
    WHERE f.pattern_id = p.id AND f.kind = :finding AND f.ended_at IS NULL
))
"""
_STEPS = """
SELECT pattern_id, to_timestamp(floor(extract(epoch FROM at) / :step) * :step) AS step, sum(count) AS lines
FROM intelligence.log_pattern_count
WHERE pattern_id = ANY(:ids) AND at >= :start AND at < :end GROUP BY pattern_id, step
"""


class SqlLogPatterns:
    async def load(self, tx: Transaction, cluster_id: UUID) -> list[LogPattern]:
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.log_pattern WHERE cluster_id = :cluster_id ORDER BY id",
            cluster_id=cluster_id,
        )
        return rows_to(LogPattern, rows)

    async def save(self, tx: Transaction, patterns: Sequence[LogPattern]) -> None:
        if patterns:
            await connection_of(tx).execute(text(_SAVE), [_row(one) for one in patterns])

    async def merge(self, tx: Transaction, into: Mapping[UUID, UUID]) -> None:
        if not into:
            return
        values = {"lost": list(into), "kept": list(into.values())}
        await _run(tx, _MERGE, **values)
        await _run(tx, _MOVE_LINES, **values)
        await _run(tx, _END_FINDINGS, lost=values["lost"])
        await _run(tx, "DELETE FROM intelligence.log_pattern WHERE id = ANY(:lost)", lost=values["lost"])

    async def add_counts(self, tx: Transaction, counts: Sequence[PatternCount]) -> None:
        if counts:
            await _run(
                tx,
                _COUNT,
                ids=[one.pattern_id for one in counts],
                at=[one.at for one in counts],
                counts=[one.count for one in counts],
            )

    async def keep_lines(self, tx: Transaction, lines: Sequence[PatternLine]) -> None:
        if not lines:
            return
        rows = [{**msgspec.structs.asdict(one), "labels": _json(one.labels)} for one in lines]
        await connection_of(tx).execute(text(_KEEP_LINES), rows)
        await _run(tx, _THIN_LINES, ids=list({one.pattern_id for one in lines}), most=MOST_LINES_KEPT)

    async def page(
        self, tx: Transaction, wanted: PatternFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[LogPattern], int]:
        # Of a closed set of names; what comes from outside is bound.
        sort = wanted.sort.value
        behind = (
            "" if after is None else f" AND (p.{sort}, p.id) < (SELECT {sort}, id FROM intelligence.log_pattern"
            " WHERE id = :after)"
        )  # fmt: skip
        values = {
            **msgspec.structs.asdict(wanted),
            "like": None if not wanted.text else f"%{_escaped(wanted.text)}%",
            "clusters": None if clusters is None else list(clusters),
            "limit": limit,
            **({} if after is None else {"after": after}),
        }
        total = (await _run(tx, f"SELECT count(*) FROM intelligence.log_pattern p WHERE {_WANTED}", **values)).scalar()
        rows = await _run(
            tx,
            f"SELECT {_P_COLUMNS} FROM intelligence.log_pattern p WHERE {_WANTED}{behind}"
            f" ORDER BY p.{sort} DESC, p.id DESC LIMIT :limit",
            **values,
        )
        return rows_to(LogPattern, rows), int(total or 0)

    async def get(self, tx: Transaction, pattern_id: UUID, clusters: Sequence[UUID] | None) -> LogPattern | None:
        rows = await _run(
            tx,
            f"SELECT {_P_COLUMNS} FROM intelligence.log_pattern p WHERE p.id = :id AND {_SCOPE}",
            id=pattern_id,
            clusters=None if clusters is None else list(clusters),
        )
        found = rows_to(LogPattern, rows)
        return found[0] if found else None

    async def changed(
        self, tx: Transaction, since: datetime | None, after: UUID | None, limit: int
    ) -> list[LogPattern]:
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.log_pattern WHERE CAST(:since AS timestamptz) IS NULL"
            " OR changed_at > :since OR (changed_at = :since AND (CAST(:after AS uuid) IS NULL OR id > :after))"
            " ORDER BY changed_at, id LIMIT :limit",
            since=since,
            after=after,
            limit=limit,
        )
        return rows_to(LogPattern, rows)

    async def counts(
        self, tx: Transaction, pattern_ids: Sequence[UUID], start: datetime, end: datetime, step: timedelta
    ) -> dict[UUID, dict[datetime, int]]:
        found: dict[UUID, dict[datetime, int]] = defaultdict(dict)
        values = {"ids": list(pattern_ids), "start": start, "end": end, "step": step.total_seconds()}
        for row in await _run(tx, _STEPS, **values):
            found[row.pattern_id][row.step] = int(row.lines)
        return dict(found)

    async def lines(self, tx: Transaction, pattern_id: UUID) -> list[PatternLine]:
        columns = ", ".join(PatternLine.__struct_fields__)
        rows = await _run(
            tx,
            f"SELECT {columns} FROM intelligence.log_pattern_line WHERE pattern_id = :id ORDER BY at DESC, id DESC",
            id=pattern_id,
        )
        return rows_to(PatternLine, rows)

    async def forget(self, tx: Transaction, before: datetime) -> int:
        gone = 0
        for statement in (
            "DELETE FROM intelligence.log_pattern_count WHERE at < :before",
            "DELETE FROM intelligence.log_pattern WHERE last_seen < :before",
            "DELETE FROM intelligence.log_finding WHERE ended_at < :before",
        ):
            gone += int((await _run(tx, statement, before=before)).rowcount)
        return gone

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        for table in ("log_pattern", "log_finding", "log_source"):
            await _run(tx, f"DELETE FROM intelligence.{table} WHERE cluster_id = :cluster_id", cluster_id=cluster_id)


def _row(pattern: LogPattern) -> dict[str, Any]:
    row = msgspec.structs.asdict(pattern)
    row |= {"key": list(pattern.key), "shown": list(pattern.shown), "severity": pattern.severity.value}
    row |= {"labels": _json(pattern.labels), "rhythm": _json(pattern.rhythm)}
    return {**row, "severity_rank": rank_of(pattern.severity)}


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _escaped(wanted: str) -> str:
    return wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _run(tx: Transaction, statement: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(statement), values)
