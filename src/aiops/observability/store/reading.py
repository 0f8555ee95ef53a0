"""Reads what is sealed: chunks, and rollups for the days whose chunks are gone; puts them and the head together."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import psycopg
import zstandard

from aiops.kernel.errors import Invalid
from aiops.observability.needs import Coarse, Rolled, StoredSeries
from aiops.observability.store.encoding import Batch, Ints, decode_chunk
from aiops.observability.store.partitions import RAW, STRETCH_MS, horizons
from aiops.observability.store.rollups import LEVELS, SERIES_A_ROW, Level, Points, block_of, decode_rollup
from aiops.observability.store.series import Found

MAX_SAMPLES = 10_000_000
"""Samples that one selector may bring to memory, at some 100 bytes each on the way."""

_COUNTED_ROWS = 5_000
_NEVER = -(1 << 60)
_COUNT = struct.Struct("<I")
_COUNT_AT = 3


@dataclass(frozen=True)
class Wanted:
    """Series in the order of their ids, and the closed stretch of time."""

    found: list[Found]
    start_ms: int
    end_ms: int

    @property
    def ids(self) -> list[int]:
        return [number for number, _, _ in self.found]


@dataclass(frozen=True)
class RolledRows:
    """Rows of rollups, each with its level, block and stretch; `regions` say which level serves when."""

    rows: list[tuple[Level, int, int, bytes]]
    regions: tuple[Coarse, ...]


async def chunks_of(connection: psycopg.AsyncConnection[Any], wanted: Wanted) -> list[tuple[int, bytes]]:
    """Raises `Invalid` where they hold more samples than one selector may bring."""
    where = "series_id = ANY(%s) AND start_ms > %s AND start_ms <= %s AND end_ms >= %s"
    values = (wanted.ids, wanted.start_ms - STRETCH_MS, wanted.end_ms, wanted.start_ms)
    if len(wanted.found) * ((wanted.end_ms - wanted.start_ms) // STRETCH_MS + 1) > _COUNTED_ROWS:
        # So many rows may be more than memory holds: they are counted where they lie.
        bytes_of_count = " + ".join(
            f"(get_byte(samples, {_COUNT_AT + place})::bigint << {8 * place})" for place in range(_COUNT.size)
        )
        cursor = await connection.execute(
            f"SELECT coalesce(sum({bytes_of_count}), 0) FROM observability.chunk WHERE {where}", values
        )
        bounded(int((await cursor.fetchall())[0][0]))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(f"SELECT series_id, samples FROM observability.chunk WHERE {where}", values)
        return await cursor.fetchall()


async def rolled_of(connection: psycopg.AsyncConnection[Any], wanted: Wanted) -> RolledRows:
    """What is left of the days whose chunks are gone; to be asked for after the chunks, which may go in between."""
    gone = await horizons(connection)
    if wanted.start_ms >= gone.get(RAW, _NEVER):
        return RolledRows([], ())
    rows: list[tuple[Level, int, int, bytes]] = []
    regions = []
    until = gone[RAW]
    for level in LEVELS:
        begin = min(gone.get(level.table, _NEVER), until)
        if begin < until:
            regions.append(Coarse(begin, until, level.bucket_ms))
            found = await _rows_of(connection, level, wanted, begin, until)
            rows += [(level, block, start, data) for block, start, data in found]
        until = begin
    return RolledRows(rows, tuple(regions))


async def _rows_of(
    connection: psycopg.AsyncConnection[Any], level: Level, wanted: Wanted, begin: int, until: int
) -> list[tuple[int, int, bytes]]:
    # Windows are widened and moved back to whole buckets, each by less than one.
    first = max(begin, wanted.start_ms - 2 * level.bucket_ms - STRETCH_MS)
    last = min(until - 1, wanted.end_ms)
    if last <= first:
        return []
    blocks = {(cluster, block_of(number)) for number, cluster, _ in wanted.found}
    where = (
        "start_ms >= %s AND start_ms <= %s AND (cluster_id, block) IN (SELECT * FROM unnest(%s::uuid[], %s::int8[]))"
    )
    values = (first, last, [cluster for cluster, _ in blocks], [block for _, block in blocks])
    table = f"observability.{level.table}"
    cursor = await connection.execute(f"SELECT coalesce(sum(buckets), 0) FROM {table} WHERE {where}", values)
    # Of a row's series those that are not wanted go at once: they cost time, and no memory.
    bounded(int((await cursor.fetchall())[0][0]) // SERIES_A_ROW)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(f"SELECT block, start_ms, samples FROM {table} WHERE {where}", values)
        return await cursor.fetchall()


def bounded(samples: int) -> None:
    """Raises `Invalid` past the bound."""
    if samples > MAX_SAMPLES:
        raise Invalid(
            f"A selector of this query reads {samples:,} samples; the bound is {MAX_SAMPLES:,}. "
            "Ask for fewer series or a shorter time."
        )


def assemble(wanted: Wanted, head: Batch, chunks: list[tuple[int, bytes]], rolled: RolledRows) -> list[StoredSeries]:
    """The series that have samples, or what is left of them, each cut to the time that was asked for."""
    decompressor = zstandard.ZstdDecompressor()
    ids = np.array(wanted.ids, dtype=np.int64)
    parts: list[Batch] = []
    if head.series.size:
        # Ids ascend, so a search finds them without a hash of every sample.
        places = np.minimum(np.searchsorted(ids, head.series), ids.size - 1)
        parts.append(head.where(ids[places] == head.series))
    bounded(sum(part.series.size for part in parts) + sum(_COUNT.unpack_from(data, _COUNT_AT)[0] for _, data in chunks))
    sealed: list[Batch] = []
    for series_id, data in chunks:
        timestamps, values = decode_chunk(data, decompressor)
        sealed.append(Batch(np.full(timestamps.size, series_id, dtype=np.int64), timestamps, values))
    # What is in the head came later than what is sealed, and counts where both have the same moment.
    parts = [*sealed, *parts]
    joined = Batch.joined(parts)
    begin = max(wanted.start_ms, rolled.regions[0].until_ms) if rolled.regions else wanted.start_ms
    settled = joined.where((joined.timestamps >= begin) & (joined.timestamps <= wanted.end_ms)).settled()
    points = _points(ids, rolled, wanted, decompressor)
    if points is None:
        bounds = settled.bounds().tolist()
        owners = {number: (cluster_id, labels) for number, cluster_id, labels in wanted.found}
        return [
            StoredSeries(
                *owners[int(settled.series[first])], settled.timestamps[first:last], settled.values[first:last]
            )
            for first, last in pairwise(bounds)
        ]
    return _with_points(wanted, settled, points, rolled.regions)


def _points(ids: Ints, rolled: RolledRows, wanted: Wanted, decompressor: zstandard.ZstdDecompressor) -> Points | None:
    parts: list[Points] = []
    for level, block, start, data in rolled.rows:
        buckets = decode_rollup(data, block, start, level.bucket_ms, decompressor)
        begin = wanted.start_ms - 3 * level.bucket_ms
        points = buckets.where(
            np.isin(buckets.series, ids) & (buckets.starts >= begin) & (buckets.starts <= wanted.end_ms)
        ).points()
        if points.series.size:
            parts.append(points)
            bounded(sum(part.series.size for part in parts))
    if not parts:
        return None
    columns = [np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Points)]
    order = np.lexsort((columns[1], columns[0]))
    return Points(*(column[order] for column in columns))


def _with_points(wanted: Wanted, settled: Batch, points: Points, regions: tuple[Coarse, ...]) -> list[StoredSeries]:
    """Samples behind points: they begin where the points end."""
    series = []
    for number, cluster_id, labels in wanted.found:
        low, high = np.searchsorted(points.series, (number, number + 1)).tolist()
        first, last = np.searchsorted(settled.series, (number, number + 1)).tolist()
        if low == high and first == last:
            continue
        values = settled.values[first:last]
        rolled = Rolled(
            np.concatenate([points.count[low:high], np.ones(last - first, dtype=np.int64)]),
            np.concatenate([points.total[low:high], values]),
            np.concatenate([points.least[low:high], values]),
            np.concatenate([points.most[low:high], values]),
            np.concatenate([points.fallen[low:high], np.zeros(last - first)]),
        )
        series.append(
            StoredSeries(
                cluster_id,
                labels,
                np.concatenate([points.timestamps[low:high], settled.timestamps[first:last]]),
                np.concatenate([points.values[low:high], values]),
                rolled,
                regions,
            )
        )
    return series
