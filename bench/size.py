"""Bytes a sealed sample takes on disk, keys and index and all, of a node_exporter's real samples: at most 4.

It is scraped each second for five minutes, while a process keeps the machine from being idle now and then; the samples
are stored as if 15 s lay between them. What the rollups of the same samples take besides is printed and not bounded.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from urllib.request import urlopen

import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database, SqlTransaction
from aiops.kernel.ids import new_id
from aiops.observability.ports import Sample
from aiops.observability.store.partitions import RAW, STRETCH_MS
from aiops.observability.store.rollups import LEVELS
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob
from bench.hub import migrated_postgres
from bench.verdict import at_most, told
from tests.lab.servers import NodeExporter

TAKES = "6 min"
SCRAPES, STEP_S, BOUND = 300, 15, 4.0


def _scrapes(count: int) -> list[list[tuple[dict[str, str], float]]]:
    with NodeExporter() as exporter:
        found, began = [], time.monotonic()
        for number in range(count):
            with urlopen(f"{exporter.url}/metrics") as reply:
                page = reply.read().decode()
            found.append(
                [
                    ({"__name__": sample.name, "instance": "bench:9100", **sample.labels}, sample.value)
                    for family in text_string_to_metric_families(page)
                    for sample in family.samples
                ]
            )
            if number % 30 < 10:
                np.sort(np.random.default_rng(number).random(2_000_000))
            time.sleep(max(0.0, began + number + 1 - time.monotonic()))
        return found


async def _store(url: str, scrapes: list[list[tuple[dict[str, str], float]]]) -> tuple[dict[str, int], int, int]:
    """Bytes on disk by table, samples and series after sealing."""
    database, clock, store, cluster_id = Database(url), VirtualClock(), PostgresSampleStore(), new_id()
    first = (int(clock.now().timestamp() * 1000) // STRETCH_MS + 1) * STRETCH_MS // 1000
    for number, scrape in enumerate(scrapes):
        async with database.begin() as tx:
            await store.append(
                tx, cluster_id, [Sample(labels, first + number * STEP_S, value) for labels, value in scrape]
            )
            await tx.commit()
    await clock.advance(timedelta(hours=5).total_seconds())
    job = SealingJob(database, clock)
    samples = 0
    while sealed := await job.seal():
        samples += sealed
    async with database.begin() as tx:
        sizes = {table: await _bytes(tx, table) for table in (RAW, *(level.table for level in LEVELS))}
        series = await tx.connection.execute(text("SELECT count(DISTINCT series_id) FROM observability.chunk"))
        found = sizes, samples, int(series.scalar_one())
    await database.close()
    return found


async def _bytes(tx: SqlTransaction, table: str) -> int:
    parts = f"SELECT inhrelid FROM pg_inherits WHERE inhparent = 'observability.{table}'::regclass"
    size = await tx.connection.execute(text(f"SELECT sum(pg_total_relation_size(inhrelid)) FROM ({parts}) AS part"))
    return int(size.scalar_one())


def main(count: int = SCRAPES) -> int:
    scrapes = _scrapes(count)
    with migrated_postgres() as url:
        sizes, samples, series = asyncio.run(_store(url, scrapes))
    size = sizes.pop(RAW)
    for table, taken in sizes.items():
        told(f"rollups of {table.removeprefix('rollup_')}", taken / samples, " B", "for each sample they stand for")
    note = f"{samples:,} samples of {series:,} series of a node_exporter take {size:,} B on disk"
    return 0 if at_most("a sample after sealing", size / samples, BOUND, " B", note) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SCRAPES))
