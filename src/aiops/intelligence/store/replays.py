"""Replays in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.replays import Progress, ReplayResult, ReplayRun, ReplayStatus
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(ReplayRun.__struct_fields__)
_JSON = frozenset({"progress", "trial"})
_COLUMNS = ", ".join(f'"{name}"' for name in _FIELDS)
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR clusters <@ CAST(:clusters AS uuid[]))"
_TAKE = f"""
UPDATE intelligence.replay SET status = 'RUNNING', alive_at = :now, attempts = attempts + 1 WHERE id = (
    SELECT id FROM intelligence.replay
    WHERE status = 'QUEUED' OR (status = 'RUNNING' AND alive_at < :lost_before)
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING {_COLUMNS}, attempts
"""


class SqlReplays:
    async def add(self, tx: Transaction, run: ReplayRun) -> None:
        trial = None if run.trial is None else msgspec.json.encode(run.trial).decode()
        values = {**msgspec.structs.asdict(run), "status": run.status.value, "progress": None, "trial": trial}
        marks = ", ".join(f"CAST(:{name} AS jsonb)" if name in _JSON else f":{name}" for name in _FIELDS)
        await _run(tx, f"INSERT INTO intelligence.replay ({_COLUMNS}) VALUES ({marks})", **values)

    async def page(
        self, tx: Transaction, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[ReplayRun], int]:
        scope = _ids(clusters)
        total = await _run(tx, f"SELECT count(*) FROM intelligence.replay WHERE {_SCOPE}", clusters=scope)
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.replay WHERE {_SCOPE}"
            " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit",
            clusters=scope,
            after=after,
            limit=limit,
        )
        return rows_to(ReplayRun, rows), total.scalar_one()

    async def get(self, tx: Transaction, run_id: UUID, clusters: Sequence[UUID] | None) -> ReplayRun | None:
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.replay WHERE id = :id AND {_SCOPE}",
            id=run_id,
            clusters=_ids(clusters),
        )
        found: list[ReplayRun] = rows_to(ReplayRun, rows)
        return found[0] if found else None

    async def result(self, tx: Transaction, run_id: UUID) -> ReplayResult | None:
        rows = await _run(tx, "SELECT result FROM intelligence.replay WHERE id = :id", id=run_id)
        found = rows.scalar_one_or_none()
        return None if found is None else msgspec.convert(found, ReplayResult)

    async def waiting(self, tx: Transaction, asked_by: str) -> int:
        rows = await _run(
            tx,
            "SELECT count(*) FROM intelligence.replay WHERE asked_by = :by AND status IN ('QUEUED', 'RUNNING')",
            by=asked_by,
        )
        return int(rows.scalar_one())

    async def take(self, tx: Transaction, now: datetime, lost_before: datetime) -> tuple[ReplayRun, int] | None:
        row = (await _run(tx, _TAKE, now=now, lost_before=lost_before)).one_or_none()
        if row is None:
            return None
        fields = {name: row._mapping[name] for name in _FIELDS}
        return msgspec.convert(fields, ReplayRun, strict=False), row.attempts

    async def alive(self, tx: Transaction, run_id: UUID, now: datetime, progress: Progress | None) -> bool:
        told = None if progress is None else msgspec.json.encode(progress).decode()
        rows = await _run(
            tx,
            "UPDATE intelligence.replay SET alive_at = :now, progress = coalesce(CAST(:progress AS jsonb), progress)"
            " WHERE id = :id",
            id=run_id,
            now=now,
            progress=told,
        )
        return bool(rows.rowcount)

    async def end(
        self, tx: Transaction, run_id: UUID, now: datetime, result: ReplayResult | None, summary: str, error: str | None
    ) -> None:
        await _run(
            tx,
            "UPDATE intelligence.replay SET status = :status, ended_at = :now, summary = :summary, error = :error,"
            " result = CAST(:result AS jsonb), progress = NULL WHERE id = :id",
            id=run_id,
            now=now,
            status=(ReplayStatus.FAILED if result is None else ReplayStatus.DONE).value,
            summary=summary or None,
            error=error,
            result=None if result is None else msgspec.json.encode(result).decode(),
        )

    async def remove(self, tx: Transaction, run_id: UUID) -> None:
        await _run(tx, "DELETE FROM intelligence.replay WHERE id = :id", id=run_id)

    async def forget(self, tx: Transaction, before: datetime) -> int:
        gone = await _run(tx, "DELETE FROM intelligence.replay WHERE ended_at < :before", before=before)
        return int(gone.rowcount)


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)
