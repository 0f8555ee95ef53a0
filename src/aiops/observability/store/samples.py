"""The hub's own store of samples on PostgreSQL.

What a request brings is one row of the head: its columns, squeezed, in one insert. A row a sample would cost 52 bytes
and a quarter of the speed; a row a request needs no index over samples, no mirror in memory to rebuild after a crash,
and is right with several replicas. A row's bytes never change, so each process keeps the rows that it read lately
decoded. Stretches of two hours are sealed into one chunk a series, with rollups beside (`sealing.py`). A read takes the
head's rows that overlap, then the chunks, then the rollups of what has been forgotten: whatever moves on in between
shows a sample twice, never not at all, and the duplicate falls out (`reading.py`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from aiops.kernel.database import Transaction, raw_connection_of
from aiops.kernel.errors import Unavailable
from aiops.observability.needs import Matcher, SampleColumns, StoredSeries
from aiops.observability.ports import Floats, Labels, Sample
from aiops.observability.store.encoding import Batch, Ints, decode_batch, encode_batch
from aiops.observability.store.partitions import SEALING_LOCK
from aiops.observability.store.reading import Wanted, assemble, chunks_of, rolled_of
from aiops.observability.store.rollups import LEVELS
from aiops.observability.store.series import DEFAULT_SERIES_LIMIT, SeriesCatalogue, close_series, hold_appends

_HEAD_CACHE_SAMPLES = 2_000_000  # 24 bytes each
_CHUNKS_IN_LOOP = 100
_SAMPLES_IN_LOOP = 200_000
_MOST_TRIES = 5


@dataclass(frozen=True)
class _Columns:
    keys: Sequence[Hashable]
    labels_of: Callable[[int], Labels]
    timestamps: Ints
    values: Floats


class PostgresSampleStore:
    """`needs.SampleStore`; construct it once a process."""

    def __init__(self, *, series_limit: int = DEFAULT_SERIES_LIMIT) -> None:
        self.catalogue = SeriesCatalogue(series_limit)
        self._decoded: OrderedDict[int, Batch] = OrderedDict()
        self._decoded_samples = 0

    @property
    def cached_samples(self) -> int:
        """How many samples of the head are kept decoded."""
        return self._decoded_samples

    async def append(self, tx: Transaction, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        keys = [frozenset(sample.labels.items()) for sample in samples]
        timestamps = np.array([sample.timestamp for sample in samples], dtype=np.float64)
        values = np.array([sample.value for sample in samples], dtype=np.float64)
        milliseconds = np.rint(timestamps * 1000).astype(np.int64)
        columns = _Columns(keys, lambda place: samples[place].labels, milliseconds, values)
        return await self._append(tx, cluster_id, columns)

    async def append_columns(self, tx: Transaction, cluster_id: UUID, columns: SampleColumns) -> int:
        return await self._append(
            tx, cluster_id, _Columns(columns.keys, columns.labels_of, columns.timestamps, columns.values)
        )

    async def select(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher], start_ms: int, end_ms: int
    ) -> list[StoredSeries]:
        found = await self.catalogue.matching(tx, cluster_ids, matchers)
        if not found:
            return []
        wanted = Wanted(found, start_ms, end_ms)
        head = await self._head(tx, list({cluster for _, cluster, _ in found}), start_ms, end_ms)
        connection = await raw_connection_of(tx)
        chunks = await chunks_of(connection, wanted)
        rolled = await rolled_of(connection, wanted)
        if len(chunks) + len(rolled.rows) > _CHUNKS_IN_LOOP or head.series.size > _SAMPLES_IN_LOOP:
            return await asyncio.to_thread(assemble, wanted, head, chunks, rolled)
        return assemble(wanted, head, chunks, rolled)

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

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        connection = await raw_connection_of(tx)
        # Neither a sealing nor an append that is under way may write what belongs to no one.
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (SEALING_LOCK,))
        await hold_appends(connection, cluster_id)
        await connection.execute(
            """
            DELETE FROM observability.chunk
            WHERE series_id IN (SELECT id FROM observability.series WHERE cluster_id = %s)
            """,
            (cluster_id,),
        )
        for table in (*(level.table for level in LEVELS), "head", "series"):
            await connection.execute(f"DELETE FROM observability.{table} WHERE cluster_id = %s", (cluster_id,))
        await close_series(connection, cluster_id)
        self.catalogue.forget_cluster(cluster_id)

    async def _append(self, tx: Transaction, cluster_id: UUID, columns: _Columns) -> int:
        new = 0
        for _ in range(_MOST_TRIES):
            ids, epoch, more = await self.catalogue.ids(tx, cluster_id, columns.keys, columns.labels_of)
            new += more
            batch = Batch(np.array(ids, dtype=np.int64), columns.timestamps, columns.values)
            if not ids or await self._insert(tx, cluster_id, epoch, batch):
                return new
            self.catalogue.forget_cluster(cluster_id)
        raise Unavailable("Series of this cluster are being removed; try again.")

    async def _insert(self, tx: Transaction, cluster_id: UUID, epoch: int, batch: Batch) -> bool:
        """False where series of the cluster were removed since `epoch`: ids may be of none any more."""
        connection = await raw_connection_of(tx)
        oldest, newest = int(batch.timestamps.min()), int(batch.timestamps.max())
        cursor = await connection.execute(
            "SELECT observability.append(%s, %s, %s, %s, %b)",
            (cluster_id, epoch, oldest, newest, encode_batch(batch)),
            prepare=True,
        )
        return bool((await cursor.fetchall())[0][0])

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
        # Two that read at once may both have decoded it: it counts once, or the bound would shrink for good.
        if number not in self._decoded:
            self._decoded_samples += batch.series.size
        self._decoded[number] = batch
        while self._decoded_samples > _HEAD_CACHE_SAMPLES and len(self._decoded) > 1:
            _, oldest = self._decoded.popitem(last=False)
            self._decoded_samples -= oldest.series.size
        return batch


async def _rows(tx: Transaction, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    connection = await raw_connection_of(tx)
    cursor = await connection.execute(sql, values)
    return await cursor.fetchall()
