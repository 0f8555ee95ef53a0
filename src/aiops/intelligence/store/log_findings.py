"""Findings on log patterns, and how far sources were read, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.log_patterns import FindingFilter, FindingKind, LogFinding, SourceState
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_KEEPING = 0x6C6F6773
_FIELDS = tuple(LogFinding.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"
_ADD = f"""
INSERT INTO intelligence.log_finding ({_COLUMNS}) VALUES ({", ".join(f":{name}" for name in _FIELDS)})
ON CONFLICT (pattern_id, kind) WHERE ended_at IS NULL DO NOTHING
"""
_END = f"""
UPDATE intelligence.log_finding f SET ended_at = :at
FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[])) AS e (id, kind)
WHERE f.pattern_id = e.id AND f.kind = e.kind AND f.ended_at IS NULL
RETURNING {", ".join(f"f.{name}" for name in _FIELDS)}
"""
_SOURCE = tuple(SourceState.__struct_fields__)
_SOURCE_COLUMNS = ", ".join(_SOURCE)
_SAVE_SOURCE = f"""
INSERT INTO intelligence.log_source AS s ({_SOURCE_COLUMNS}) VALUES ({", ".join(f":{name}" for name in _SOURCE)})
ON CONFLICT (cluster_id, source) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in _SOURCE if name not in {"cluster_id", "source", "since"})}
WHERE s.revision = excluded.revision - 1
"""


class SqlLogFindings:
    async def add(self, tx: Transaction, findings: Sequence[LogFinding]) -> None:
        if findings:
            await connection_of(tx).execute(text(_ADD), [msgspec.structs.asdict(one) for one in findings])

    async def end(self, tx: Transaction, ended: Sequence[tuple[UUID, FindingKind]], at: datetime) -> list[LogFinding]:
        if not ended:
            return []
        rows = await _run(tx, _END, ids=[one for one, _ in ended], kinds=[kind.value for _, kind in ended], at=at)
        return rows_to(LogFinding, rows)

    async def end_lost(self, tx: Transaction, at: datetime) -> list[LogFinding]:
        rows = await _run(
            tx,
            "UPDATE intelligence.log_finding f SET ended_at = :at WHERE ended_at IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM intelligence.log_pattern p WHERE p.id = f.pattern_id)"
            f" RETURNING {', '.join(f'f.{name}' for name in _FIELDS)}",
            at=at,
        )
        return rows_to(LogFinding, rows)

    async def open(self, tx: Transaction, cluster_id: UUID) -> list[LogFinding]:
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.log_finding WHERE cluster_id = :cluster_id AND ended_at IS NULL",
            cluster_id=cluster_id,
        )
        return rows_to(LogFinding, rows)

    async def of_patterns(self, tx: Transaction, pattern_ids: Sequence[UUID]) -> list[LogFinding]:
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.log_finding WHERE pattern_id = ANY(:ids) AND ended_at IS NULL"
            " ORDER BY id",
            ids=list(pattern_ids),
        )
        return rows_to(LogFinding, rows)

    async def page(
        self, tx: Transaction, wanted: FindingFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[LogFinding], int]:
        where = (
            f"{_SCOPE} AND (CAST(:cluster_id AS uuid) IS NULL OR cluster_id = :cluster_id)"
            " AND (CAST(:kind AS text) IS NULL OR kind = :kind)"
            " AND (CAST(:pattern_id AS uuid) IS NULL OR pattern_id = :pattern_id)"
            " AND (CAST(:active AS boolean) IS NULL OR (ended_at IS NULL) = :active)"
        )
        scope = None if clusters is None else list(clusters)
        values = {**msgspec.structs.asdict(wanted), "clusters": scope, "limit": limit, "after": after}
        total = (await _run(tx, f"SELECT count(*) FROM intelligence.log_finding WHERE {where}", **values)).scalar()
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.log_finding WHERE {where}"
            " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit",
            **values,
        )
        return rows_to(LogFinding, rows), int(total or 0)


class SqlLogSources:
    async def take_turn(self, tx: Transaction, cluster_id: UUID) -> None:
        await _run(tx, "SELECT pg_advisory_xact_lock(:kind, hashtext(:of))", kind=_KEEPING, of=str(cluster_id))

    async def save(self, tx: Transaction, state: SourceState) -> bool:
        rows = await _run(tx, _SAVE_SOURCE, **msgspec.structs.asdict(state))
        return int(rows.rowcount) == 1

    async def all(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[SourceState]:
        rows = await _run(
            tx,
            f"SELECT {_SOURCE_COLUMNS} FROM intelligence.log_source WHERE {_SCOPE} ORDER BY cluster_id, source",
            clusters=None if clusters is None else list(clusters),
        )
        return rows_to(SourceState, rows)


async def _run(tx: Transaction, statement: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(statement), values)
