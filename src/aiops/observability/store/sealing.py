"""Turns the head's past into chunks, one row a series and stretch of two hours, and drops what is past retention.

A stretch is sealed ten minutes after its end. Samples that come later lie in the head again, are merged on read, and
join their chunk at the next sealing. Chunks lie in a partition a day, so that forgetting a day is dropping a table.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import zstandard

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction, raw_connection_of
from aiops.observability.store.encoding import Batch, decode_batch, decode_chunk, encode_chunk
from aiops.observability.store.samples import STRETCH_MS

_DAY_MS = 86_400_000
_LATENESS_MS = 10 * 60 * 1000
_EVERY_S = 300.0
_LOCK = 0x7365616C
_ROWS_A_ROUND = 2_000
_PARTITION = re.compile(r"chunk_(\d{8})")

Chunk = tuple[int, int, int, bytes]  # series, start of the stretch, newest sample, bytes


class SealingJob:
    """Seals and forgets every five minutes; one replica at a time, under a lock."""

    def __init__(self, database: Database, clock: Clock, *, retention_days: int) -> None:
        self._database = database
        self._clock = clock
        self._retention_days = retention_days

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
            cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
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
            await self._make_partitions(tx, batch)
            await self._merge_and_store(tx, batch)
            await connection.execute("DELETE FROM observability.head WHERE id = ANY(%s)", ([row[0] for row in rows],))
            await tx.commit()
        return batch.series.size

    async def forget(self) -> None:
        """Drop the days that are past retention."""
        oldest = self._clock.now() - timedelta(days=self._retention_days + 1)
        async with self._database.begin() as tx:
            connection = await raw_connection_of(tx)
            cursor = await connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'observability'::regnamespace AND relkind = 'r'"
            )
            for (name,) in await cursor.fetchall():
                match = _PARTITION.fullmatch(name)
                if match and match.group(1) < oldest.strftime("%Y%m%d"):
                    await connection.execute(f"DROP TABLE observability.{name}")
            await tx.commit()

    async def _make_partitions(self, tx: Transaction, batch: Batch) -> None:
        connection = await raw_connection_of(tx)
        for day in sorted(set((batch.timestamps // _DAY_MS).tolist())):
            name = f"chunk_{datetime.fromtimestamp(day * 86400, UTC):%Y%m%d}"
            cursor = await connection.execute("SELECT to_regclass(%s)", (f"observability.{name}",))
            if (await cursor.fetchall())[0][0] is not None:
                continue
            await connection.execute(f"CREATE TABLE observability.{name} (LIKE observability.chunk INCLUDING ALL)")
            # Attaching, unlike creating in place, lets readers of the other days go on.
            await connection.execute(
                f"ALTER TABLE observability.chunk ATTACH PARTITION observability.{name} "
                f"FOR VALUES FROM ({day * _DAY_MS}) TO ({(day + 1) * _DAY_MS})"
            )

    async def _merge_and_store(self, tx: Transaction, batch: Batch) -> None:
        stretches = batch.timestamps // STRETCH_MS * STRETCH_MS
        connection = await raw_connection_of(tx)
        for start in sorted(set(stretches.tolist())):
            part = batch.where(stretches == start)
            ids = sorted(set(part.series.tolist()))
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(
                    "SELECT series_id, samples FROM observability.chunk WHERE start_ms = %s AND series_id = ANY(%s)",
                    (start, ids),
                )
                sealed = await cursor.fetchall()
            chunks = await asyncio.to_thread(_encode, part, sealed, start)
            await connection.execute(
                "DELETE FROM observability.chunk WHERE start_ms = %s AND series_id = ANY(%s)", (start, ids)
            )
            async with (
                connection.cursor() as cursor,
                cursor.copy(
                    "COPY observability.chunk (series_id, start_ms, end_ms, samples) FROM STDIN (FORMAT BINARY)"
                ) as copy,
            ):
                copy.set_types(["int8", "int8", "int8", "bytea"])
                for chunk in chunks:
                    await copy.write_row(chunk)


def _encode(part: Batch, sealed: list[tuple[int, bytes]], start: int) -> list[Chunk]:
    """One chunk a series; what was sealed before comes first, so that a later sample of the same moment wins."""
    decompressor = zstandard.ZstdDecompressor()
    earlier = []
    for series_id, data in sealed:
        timestamps, values = decode_chunk(data, decompressor)
        earlier.append(Batch((timestamps * 0) + series_id, timestamps, values))
    whole = Batch.joined([*earlier, part]).settled()
    bounds = whole.bounds().tolist()
    return [
        (
            int(whole.series[first]),
            start,
            int(whole.timestamps[last - 1]),
            encode_chunk(whole.timestamps[first:last], whole.values[first:last]),
        )
        for first, last in pairwise(bounds)
    ]
