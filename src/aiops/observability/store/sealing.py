"""Turns the head's past into chunks, one row a series and stretch of two hours, and into rollups beside them.

A stretch is sealed ten minutes after its end. Samples that come later lie in the head again, are merged on read, and
join their chunk and its rollups at the next sealing. Head, chunks and rollups change in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import psycopg
import structlog
import zstandard

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction, raw_connection_of
from aiops.observability.store.encoding import Batch, Ints, decode_batch, decode_chunk, encode_chunk
from aiops.observability.store.forgetting import forget_days, forget_series
from aiops.observability.store.partitions import (
    DAY_MS,
    RAW,
    SEALING_LOCK,
    STRETCH_MS,
    Keeping,
    horizons,
    make_partitions,
)
from aiops.observability.store.rollups import LEVELS, Buckets, Level, block_of, decode_rollup, encode_rollup, roll

_LATENESS_MS = 10 * 60 * 1000
_EVERY_S = 300.0
_ROWS_A_ROUND = 2_000

_log = structlog.get_logger(__name__)

Chunk = tuple[int, int, int, bytes]  # series, start of the stretch, newest sample, bytes
RolledRow = tuple[Any, int, int, int, int, bytes]  # cluster, block, start of the stretch, newest sample, buckets, bytes


class SealingJob:
    """Seals and forgets every five minutes; one replica at a time, under a lock."""

    def __init__(self, database: Database, clock: Clock, keeping: Keeping | None = None) -> None:
        self._database = database
        self._clock = clock
        self._keeping = keeping or Keeping()
        self._forgot_on: date | None = None

    async def run(self) -> None:
        while True:
            sealed = await self.seal()
            if sealed:
                continue
            await self.forget()
            await self._clock.sleep(_EVERY_S)

    async def seal(self) -> int:
        """Seal a part of what is due, in one transaction; gives how many samples, 0 when nothing is left."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        boundary = (now_ms - _LATENESS_MS) // STRETCH_MS * STRETCH_MS
        async with self._database.begin() as tx:
            connection = await raw_connection_of(tx)
            cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (SEALING_LOCK,))
            if (await cursor.fetchall())[0][0] is False:
                return 0
            cursor = await connection.execute(
                "SELECT id, samples FROM observability.head WHERE max_ms < %s ORDER BY id LIMIT %s",
                (boundary, _ROWS_A_ROUND),
            )
            rows = await cursor.fetchall()
            if not rows:
                return 0
            batch = await asyncio.to_thread(lambda: Batch.joined([decode_batch(data) for _, data in rows]).settled())
            clusters = await _met(connection, batch)
            kept = await _keepable(connection, batch, clusters)
            if kept.series.size:
                await _merge_and_store(tx, kept, clusters)
            await connection.execute("DELETE FROM observability.head WHERE id = ANY(%s)", ([row[0] for row in rows],))
            await tx.commit()
        return batch.series.size

    async def forget(self) -> None:
        """Drop the days that are past their time and, once a day, the series that have nothing left."""
        now = self._clock.now()
        if await forget_days(self._database, now, self._keeping) and self._forgot_on != now.date():
            await forget_series(self._database)
            self._forgot_on = now.date()


async def _met(connection: psycopg.AsyncConnection[Any], batch: Batch) -> dict[int, Any]:
    """The cluster of each series, which are marked as having samples of their newest day."""
    bounds = batch.bounds()
    ids, newest = batch.series[bounds[:-1]], batch.timestamps[bounds[1:] - 1] // DAY_MS
    await connection.execute(
        """
        UPDATE observability.series SET last_day = found.day
        FROM unnest(%s::bigint[], %s::int[]) AS found (id, day)
        WHERE series.id = found.id AND (series.last_day IS NULL OR series.last_day < found.day)
        """,
        (ids.tolist(), newest.tolist()),
    )
    cursor = await connection.execute(
        "SELECT id, cluster_id FROM observability.series WHERE id = ANY(%s)", (ids.tolist(),)
    )
    return dict(await cursor.fetchall())


async def _keepable(connection: psycopg.AsyncConnection[Any], batch: Batch, clusters: dict[int, Any]) -> Batch:
    """Without the samples of days whose chunks are gone: their rollups can't be made again, and stay as they are."""
    horizon = (await horizons(connection)).get(RAW)
    in_time = np.ones(batch.series.size, dtype=np.bool_) if horizon is None else batch.timestamps >= horizon
    if not in_time.all():
        _log.warning("samples_past_retention", samples=int(np.count_nonzero(~in_time)))
    known = np.array(sorted(clusters), dtype=np.int64)
    return batch.where(in_time & np.isin(batch.series, known))


async def _merge_and_store(tx: Transaction, batch: Batch, clusters: dict[int, Any]) -> None:
    connection = await raw_connection_of(tx)
    days = set((batch.timestamps // DAY_MS).tolist())
    for table in (RAW, *(level.table for level in LEVELS)):
        await make_partitions(connection, table, days)
    stretches = batch.timestamps // STRETCH_MS * STRETCH_MS
    for start in sorted(set(stretches.tolist())):
        part = batch.where(stretches == start)
        ids = sorted(set(part.series.tolist()))
        sealed = await _rows(
            connection,
            "SELECT series_id, samples FROM observability.chunk WHERE start_ms = %s AND series_id = ANY(%s)",
            (start, ids),
        )
        whole = await asyncio.to_thread(_merged, part, sealed)
        await connection.execute(
            "DELETE FROM observability.chunk WHERE start_ms = %s AND series_id = ANY(%s)", (start, ids)
        )
        chunks = await asyncio.to_thread(_encode, whole, start)
        await _copy(connection, "chunk (series_id, start_ms, end_ms, samples)", ["int8", "int8", "int8"], chunks)
        for level in LEVELS:
            await _roll(connection, level, whole, start, clusters)


async def _roll(
    connection: psycopg.AsyncConnection[Any], level: Level, whole: Batch, start: int, clusters: dict[int, Any]
) -> None:
    """Replace what these series have in their rows, and leave their neighbours in them."""
    fresh = await asyncio.to_thread(roll, whole, level.bucket_ms)
    ids = np.unique(whole.series)
    keys = {(clusters[number], block) for number, block in zip(ids.tolist(), block_of(ids).tolist(), strict=True)}
    where = "start_ms = %s AND (cluster_id, block) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))"
    values = (start, [cluster for cluster, _ in keys], [block for _, block in keys])
    there = await _rows(
        connection, f"SELECT cluster_id, block, samples FROM observability.{level.table} WHERE {where}", values
    )
    rows = await asyncio.to_thread(_rolled_rows, level, fresh, there, start, clusters)
    await connection.execute(f"DELETE FROM observability.{level.table} WHERE {where}", values)
    columns = f"{level.table} (cluster_id, block, start_ms, end_ms, buckets, samples)"
    await _copy(connection, columns, ["uuid", "int8", "int8", "int8", "int4"], rows)


def _rolled_rows(
    level: Level, fresh: Buckets, there: list[tuple[Any, ...]], start: int, clusters: dict[int, Any]
) -> list[RolledRow]:
    decompressor = zstandard.ZstdDecompressor()
    parts, owners = [fresh], dict(clusters)
    for cluster_id, block, data in there:
        old = decode_rollup(data, block, start, level.bucket_ms, decompressor)
        parts.append(old.where(~np.isin(old.series, fresh.series)))
        owners.update(dict.fromkeys(set(old.series.tolist()), cluster_id))
    joined = Buckets.joined(parts)
    rows: list[RolledRow] = []
    for cluster_id, own in _by_cluster(joined, owners):
        blocks = block_of(own.series)
        edges = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), own.size]
        for low, high in pairwise(edges):
            some = own.where(slice(low, high))
            data = encode_rollup(some, start, level.bucket_ms)
            rows.append((cluster_id, int(blocks[low]), start, some.newest_ms, some.size, data))
    return rows


def _by_cluster(buckets: Buckets, owners: dict[int, Any]) -> Iterator[tuple[Any, Buckets]]:
    ids, place = np.unique(buckets.series, return_inverse=True)
    clusters = sorted({owners[number] for number in ids.tolist()}, key=str)
    numbers = {cluster: number for number, cluster in enumerate(clusters)}
    owner = np.array([numbers[owners[number]] for number in ids.tolist()], dtype=np.int64)[place]
    for number, cluster in enumerate(clusters):
        yield cluster, buckets.where(owner == number)


def _merged(part: Batch, sealed: list[tuple[Any, ...]]) -> Batch:
    """What was sealed before comes first, so that a later sample of the same moment wins."""
    decompressor = zstandard.ZstdDecompressor()
    earlier = []
    for series_id, data in sealed:
        timestamps, values = decode_chunk(data, decompressor)
        earlier.append(Batch((timestamps * 0) + series_id, timestamps, values))
    return Batch.joined([*earlier, part]).settled()


def _encode(whole: Batch, start: int) -> list[Chunk]:
    """One chunk a series."""
    bounds: Ints = whole.bounds()
    return [
        (
            int(whole.series[first]),
            start,
            int(whole.timestamps[last - 1]),
            encode_chunk(whole.timestamps[first:last], whole.values[first:last]),
        )
        for first, last in pairwise(bounds.tolist())
    ]


async def _rows(connection: psycopg.AsyncConnection[Any], sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(sql, values)
        return await cursor.fetchall()


async def _copy(connection: psycopg.AsyncConnection[Any], table: str, types: list[str], rows: list[Any]) -> None:
    """`types` are those of all columns but the last, which are bytes."""
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY observability.{table} FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([*types, "bytea"])
        for row in rows:
            await copy.write_row(row)
