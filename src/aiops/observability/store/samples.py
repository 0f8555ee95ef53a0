"""The hub's own store of samples on PostgreSQL.

What a request brings is one row of the head: its columns, squeezed, in one insert. A row a sample would cost 52 bytes
and a quarter of the speed; a row a request needs no index over samples, no mirror in memory to rebuild after a crash,
and is right with several replicas. A row's bytes never change, so each process keeps the rows that it read lately
decoded. Stretches of two hours are sealed into one chunk a series (`sealing.py`). A read takes the head's rows that
overlap, then the chunks: sealing in between shows a sample twice, never not at all, and the duplicate falls out.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import zstandard

from aiops.kernel.database import Transaction, raw_connection_of
from aiops.observability.needs import Matcher, SampleColumns, StoredSeries
from aiops.observability.ports import Labels, Sample
from aiops.observability.store.encoding import Batch, decode_batch, decode_chunk, encode_batch
from aiops.observability.store.series import DEFAULT_SERIES_LIMIT, Found, SeriesCatalogue

STRETCH_MS = 2 * 3600 * 1000
_HEAD_CACHE_SAMPLES = 2_000_000  # 24 bytes each
_CHUNKS_IN_LOOP = 100


class PostgresSampleStore:
    """`needs.SampleStore`; construct it once a process."""

    def __init__(self, *, series_limit: int = DEFAULT_SERIES_LIMIT) -> None:
        self.catalogue = SeriesCatalogue(series_limit)
        self._decoded: OrderedDict[int, Batch] = OrderedDict()
        self._decoded_samples = 0

    async def append(self, tx: Transaction, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        keys = [frozenset(sample.labels.items()) for sample in samples]
        ids, new = await self.catalogue.ids(tx, cluster_id, keys, lambda place: samples[place].labels)
        timestamps = np.array([sample.timestamp for sample in samples], dtype=np.float64)
        values = np.array([sample.value for sample in samples], dtype=np.float64)
        milliseconds = np.rint(timestamps * 1000).astype(np.int64)
        await self._insert(tx, cluster_id, Batch(np.array(ids, dtype=np.int64), milliseconds, values))
        return new

    async def append_columns(self, tx: Transaction, cluster_id: UUID, columns: SampleColumns) -> int:
        ids, new = await self.catalogue.ids(tx, cluster_id, columns.keys, columns.labels_of)
        batch = Batch(np.array(ids, dtype=np.int64), columns.timestamps, columns.values)
        await self._insert(tx, cluster_id, batch)
        return new

    async def select(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher], start_ms: int, end_ms: int
    ) -> list[StoredSeries]:
        found = await self.catalogue.matching(tx, cluster_ids, matchers)
        if not found:
            return []
        head = await self._head(tx, list({cluster for _, cluster, _ in found}), start_ms, end_ms)
        chunks = await self._chunks(tx, [number for number, _, _ in found], start_ms, end_ms)
        if len(chunks) > _CHUNKS_IN_LOOP:
            return await asyncio.to_thread(_assemble, found, head, chunks, (start_ms, end_ms))
        return _assemble(found, head, chunks, (start_ms, end_ms))

    async def series(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher]
    ) -> list[tuple[UUID, Labels]]:
        found = await self.catalogue.matching(tx, cluster_ids, matchers)
        return [(cluster_id, labels) for _, cluster_id, labels in found]

    async def label_names(self, tx: Transaction, cluster_ids: Sequence[UUID]) -> list[str]:
        rows = await _rows(
            tx,
            "SELECT DISTINCT jsonb_object_keys(labels) FROM observability.series WHERE cluster_id = ANY(%s)",
            (list(cluster_ids),),
        )
        return sorted(name for (name,) in rows)

    async def label_values(self, tx: Transaction, cluster_ids: Sequence[UUID], name: str) -> list[str]:
        rows = await _rows(
            tx,
            "SELECT DISTINCT labels ->> %s FROM observability.series WHERE cluster_id = ANY(%s) AND labels ? %s",
            (name, list(cluster_ids), name),
        )
        return sorted(value for (value,) in rows)

    async def latest_at(self, tx: Transaction, cluster_id: UUID) -> float | None:
        rows = await _rows(tx, "SELECT max(max_ms) FROM observability.head WHERE cluster_id = %s", (cluster_id,))
        if rows[0][0] is None:
            rows = await _rows(
                tx,
                """
                SELECT max(end_ms) FROM observability.chunk
                WHERE series_id IN (SELECT id FROM observability.series WHERE cluster_id = %s)
                """,
                (cluster_id,),
            )
        newest = rows[0][0]
        return None if newest is None else newest / 1000

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        connection = await raw_connection_of(tx)
        await connection.execute(
            """
            DELETE FROM observability.chunk
            WHERE series_id IN (SELECT id FROM observability.series WHERE cluster_id = %s)
            """,
            (cluster_id,),
        )
        await connection.execute("DELETE FROM observability.head WHERE cluster_id = %s", (cluster_id,))
        await connection.execute("DELETE FROM observability.series WHERE cluster_id = %s", (cluster_id,))
        self.catalogue.forget_cluster(cluster_id)

    async def _insert(self, tx: Transaction, cluster_id: UUID, batch: Batch) -> None:
        if not batch.series.size:
            return
        connection = await raw_connection_of(tx)
        await connection.execute(
            "INSERT INTO observability.head (cluster_id, min_ms, max_ms, samples) VALUES (%s, %s, %s, %b)",
            (cluster_id, int(batch.timestamps.min()), int(batch.timestamps.max()), encode_batch(batch)),
            prepare=True,
        )

    async def _head(self, tx: Transaction, cluster_ids: list[UUID], start_ms: int, end_ms: int) -> Batch:
        rows = await _rows(
            tx,
            """
            SELECT id FROM observability.head
            WHERE cluster_id = ANY(%s) AND max_ms >= %s AND min_ms <= %s ORDER BY id
            """,
            (cluster_ids, start_ms, end_ms),
        )
        ids: list[int] = [number for (number,) in rows]
        batches = {number: self._decoded[number] for number in ids if number in self._decoded}
        missing = [number for number in ids if number not in batches]
        if missing:
            stored = await _rows(tx, "SELECT id, samples FROM observability.head WHERE id = ANY(%s)", (missing,))
            for number, data in stored:
                batches[number] = self._keep(number, decode_batch(data))
        return Batch.joined([batches[number] for number in ids if number in batches])

    def _keep(self, number: int, batch: Batch) -> Batch:
        self._decoded[number] = batch
        self._decoded_samples += batch.series.size
        while self._decoded_samples > _HEAD_CACHE_SAMPLES and len(self._decoded) > 1:
            _, oldest = self._decoded.popitem(last=False)
            self._decoded_samples -= oldest.series.size
        return batch

    async def _chunks(self, tx: Transaction, ids: list[int], start_ms: int, end_ms: int) -> list[tuple[int, bytes]]:
        connection = await raw_connection_of(tx)
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(
                """
                SELECT series_id, samples FROM observability.chunk
                WHERE series_id = ANY(%s) AND start_ms > %s AND start_ms <= %s AND end_ms >= %s
                """,
                (ids, start_ms - STRETCH_MS, end_ms, start_ms),
            )
            return await cursor.fetchall()


def _assemble(
    found: list[Found],
    head: Batch,
    chunks: list[tuple[int, bytes]],
    span: tuple[int, int],
) -> list[StoredSeries]:
    decompressor = zstandard.ZstdDecompressor()
    parts: list[Batch] = []
    for series_id, data in chunks:
        timestamps, values = decode_chunk(data, decompressor)
        parts.append(Batch(np.full(timestamps.size, series_id, dtype=np.int64), timestamps, values))
    if head.series.size:
        ids = np.array([number for number, _, _ in found], dtype=np.int64)
        # Ids ascend, so a search finds them without a hash of every sample.
        places = np.minimum(np.searchsorted(ids, head.series), ids.size - 1)
        parts.append(head.where(ids[places] == head.series))
    joined = Batch.joined(parts)
    inside = (joined.timestamps >= span[0]) & (joined.timestamps <= span[1])
    settled = joined.where(inside).settled()
    bounds = settled.bounds()
    by_id = {number: (cluster_id, labels) for number, cluster_id, labels in found}
    return [
        StoredSeries(*by_id[int(settled.series[first])], settled.timestamps[first:last], settled.values[first:last])
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


async def _rows(tx: Transaction, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    connection = await raw_connection_of(tx)
    cursor = await connection.execute(sql, values)
    return await cursor.fetchall()
