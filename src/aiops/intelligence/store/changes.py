"""Changes and their sources in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from aiops.intelligence.domain.changes import Change, ChangeFilter, ChangeSource
from aiops.intelligence.store.findings import rows_to
from aiops.kernel.database import Transaction, connection_of

_FIELDS = tuple(Change.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_VALUES = ", ".join("CAST(:labels AS jsonb)" if name == "labels" else f":{name}" for name in _FIELDS)
_TOLD = [name for name in _FIELDS if name not in ("id", "at", "received_at", "source_id", "cluster_id", "key")]
_SCOPE = "(CAST(:clusters AS uuid[]) IS NULL OR cluster_id = ANY(CAST(:clusters AS uuid[])))"
# What is told last stands, but for when it began; what was told already, or is older, changes nothing.
_PUT = f"""
INSERT INTO intelligence.change AS c ({_COLUMNS}, original) VALUES ({_VALUES}, :original)
ON CONFLICT (source_id, cluster_id, key) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _TOLD)}, at = least(c.at, excluded.at), original = excluded.original
WHERE excluded.told_at >= c.told_at AND ({", ".join(f"c.{name}" for name in _TOLD if name != "told_at")})
    IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _TOLD if name != "told_at")})
RETURNING {_COLUMNS}
"""
_SOURCE = "id, name, kind, cluster_id, places, created_at"
_PLACED = "SELECT value::uuid FROM jsonb_each_text(places)"


class SqlChanges:
    """`needs_changes.ChangeStore`."""

    async def put(self, tx: Transaction, change: Change, original: bytes | None) -> tuple[Change, bool]:
        values = msgspec.structs.asdict(change) | {"labels": msgspec.json.encode(change.labels).decode()}
        told: list[Change] = rows_to(Change, await _run(tx, _PUT, **values, original=original))
        if told:
            return told[0], True
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.change WHERE key = :key"
            " AND source_id IS NOT DISTINCT FROM :source_id AND cluster_id IS NOT DISTINCT FROM :cluster_id",
            key=change.key,
            source_id=change.source_id,
            cluster_id=change.cluster_id,
        )
        kept: list[Change] = rows_to(Change, rows)
        return kept[0], False

    async def same_words(self, tx: Transaction, change: Change, since: datetime) -> str | None:
        await _run(tx, "SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))", key=change.key)
        rows = await _run(
            tx,
            "SELECT key FROM intelligence.change WHERE starts_with(key, :key)"
            " AND at >= :since AND received_at >= :since"
            " AND source_id IS NOT DISTINCT FROM :source_id AND cluster_id IS NOT DISTINCT FROM :cluster_id"
            " ORDER BY received_at DESC LIMIT 1",
            key=change.key,
            since=since,
            source_id=change.source_id,
            cluster_id=change.cluster_id,
        )
        found: str | None = rows.scalar_one_or_none()
        return found

    async def page(
        self,
        tx: Transaction,
        wanted: ChangeFilter,
        clusters: Sequence[UUID] | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> tuple[list[Change], int]:
        where, values = _where(wanted, clusters)
        total = await _run(tx, f"SELECT count(*) FROM intelligence.change WHERE {where}", **values)
        if after is not None:
            where += " AND (at, id) < (:after_at, :after_id)"
            values |= {"after_at": after[0], "after_id": after[1]}
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS} FROM intelligence.change WHERE {where} ORDER BY at DESC, id DESC LIMIT :limit",
            **values,
            limit=limit,
        )
        return rows_to(Change, rows), int(total.scalar_one())

    async def get(
        self, tx: Transaction, change_id: UUID, clusters: Sequence[UUID] | None
    ) -> tuple[Change, bytes | None] | None:
        rows = await _run(
            tx,
            f"SELECT {_COLUMNS}, original FROM intelligence.change WHERE id = :id AND {_SCOPE}",
            id=change_id,
            clusters=_ids(clusters),
        )
        row = rows.one_or_none()
        if row is None:
            return None
        fields = {name: value for name, value in row._mapping.items() if name != "original"}
        original = None if row.original is None else bytes(row.original)
        return msgspec.convert(fields, Change, strict=False), original

    async def forget(self, tx: Transaction, before: datetime) -> int:
        return int((await _run(tx, "DELETE FROM intelligence.change WHERE at < :before", before=before)).rowcount)

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        await _run(tx, "DELETE FROM intelligence.change WHERE cluster_id = :id", id=cluster_id)


class SqlChangeSources:
    """`needs_changes.ChangeSourceStore`."""

    async def add(self, tx: Transaction, source: ChangeSource, sealed: bytes) -> bool:
        values = msgspec.structs.asdict(source) | {"places": msgspec.json.encode(source.places).decode()}
        done = await _run(
            tx,
            f"INSERT INTO intelligence.change_source ({_SOURCE}, sealed) VALUES"
            " (:id, :name, :kind, :cluster_id, CAST(:places AS jsonb), :created_at, :sealed)"
            " ON CONFLICT (name) DO NOTHING",
            **values,
            sealed=sealed,
        )
        return bool(done.rowcount == 1)

    async def all(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[ChangeSource]:
        rows = await _run(
            tx,
            f"SELECT {_SOURCE} FROM intelligence.change_source WHERE CAST(:clusters AS uuid[]) IS NULL"
            " OR (cluster_id = ANY(CAST(:clusters AS uuid[]))"
            f" AND CAST(:clusters AS uuid[]) @> ARRAY({_PLACED})) ORDER BY name, id",
            clusters=_ids(clusters),
        )
        return rows_to(ChangeSource, rows)

    async def get(self, tx: Transaction, source_id: UUID) -> tuple[ChangeSource, bytes] | None:
        rows = await _run(tx, f"SELECT {_SOURCE}, sealed FROM intelligence.change_source WHERE id = :id", id=source_id)
        row = rows.one_or_none()
        if row is None:
            return None
        fields = {name: value for name, value in row._mapping.items() if name != "sealed"}
        return msgspec.convert(fields, ChangeSource, strict=False), bytes(row.sealed)

    async def delete(self, tx: Transaction, source_id: UUID) -> None:
        await _run(tx, "DELETE FROM intelligence.change_source WHERE id = :id", id=source_id)

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        # One that spoke of this cluster alone would from now on speak of none, which is nobody's wish.
        await _run(
            tx,
            "DELETE FROM intelligence.change_source WHERE cluster_id = :id"
            f" AND NOT EXISTS (SELECT 1 FROM ({_PLACED}) p (id) WHERE p.id <> :id)",
            id=cluster_id,
        )
        await _run(
            tx,
            "UPDATE intelligence.change_source SET cluster_id = nullif(cluster_id, :id), places ="
            " coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(places) WHERE value <> :word), '{}')"
            f" WHERE cluster_id = :id OR :id IN ({_PLACED})",
            id=cluster_id,
            word=str(cluster_id),
        )

    async def sealed(self, tx: Transaction) -> dict[UUID, bytes]:
        rows = await _run(tx, "SELECT id, sealed FROM intelligence.change_source ORDER BY id FOR UPDATE")
        return {row.id: bytes(row.sealed) for row in rows}

    async def seal(self, tx: Transaction, source_id: UUID, sealed: bytes) -> None:
        await _run(
            tx, "UPDATE intelligence.change_source SET sealed = :sealed WHERE id = :id", id=source_id, sealed=sealed
        )


def _where(wanted: ChangeFilter, clusters: Sequence[UUID] | None) -> tuple[str, dict[str, Any]]:
    parts, values = [_SCOPE], dict[str, Any](clusters=_ids(clusters))
    if wanted.cluster_ids:
        parts.append("(cluster_id = ANY(:cluster_ids)" + (" OR cluster_id IS NULL)" if wanted.unplaced else ")"))
        values["cluster_ids"] = list(wanted.cluster_ids)
    for name, part in (
        ("kind", "kind = :kind"),
        ("service", "service = :service"),
        ("start", "at >= :start"),
        ("end", "at <= :end"),
    ):
        value = getattr(wanted, name)
        if value is not None:
            parts.append(part)
            values[name] = value
    if wanted.text:
        escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parts.append("concat_ws(' ', title, service, workload, namespace, author) ILIKE :text")
        values["text"] = f"%{escaped}%"
    return " AND ".join(parts), values


def _ids(clusters: Sequence[UUID] | None) -> list[UUID] | None:
    return None if clusters is None else list(clusters)


async def _run(tx: Transaction, sql: str, **values: Any) -> Any:
    return await connection_of(tx).execute(text(sql), values)
