"""Drops what is past its time: days of samples and of rollups, then the series that have nothing left."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import structlog

from aiops.kernel.database import Database, raw_connection_of
from aiops.observability.store.encoding import Ints, decode_batch
from aiops.observability.store.partitions import DAY_MS, LONGEST, SEALING_LOCK, Keeping, drop_partitions, horizons
from aiops.observability.store.series import close_series, hold_appends

_ROWS_AT_ONCE = 200

_log = structlog.get_logger(__name__)


async def forget_days(database: Database, now: datetime, keeping: Keeping) -> bool:
    """Drop whole days, a day after their last moment is past its time; false where another replica is at it."""
    async with database.begin() as tx:
        connection = await raw_connection_of(tx)
        if not await _locked(connection):
            return False
        gone = []
        for table, days in keeping.days().items():
            gone += await drop_partitions(connection, table, now - timedelta(days=days + 1))
        await tx.commit()
    if gone:
        _log.info("forgotten", what="samples", tables=gone)
    return True


async def forget_series(database: Database) -> int:
    """Remove the series whose newest sample is gone from every level, so that they count for no bound any more."""
    async with database.begin() as tx:
        connection = await raw_connection_of(tx)
        horizon = (await horizons(connection)).get(LONGEST)
        if horizon is None:
            return 0
        day = horizon // DAY_MS
        cursor = await connection.execute(
            "SELECT DISTINCT cluster_id FROM observability.series WHERE last_day < %s", (day,)
        )
        clusters = [cluster_id for (cluster_id,) in await cursor.fetchall()]
    gone = 0
    for cluster_id in clusters:
        gone += await _forget_series_of(database, cluster_id, day)
    if gone:
        _log.info("forgotten", what="series", rows=gone)
    return gone


async def _forget_series_of(database: Database, cluster_id: UUID, day: int) -> int:
    """A series with a sample in the head is alive, whatever has been sealed of it.

    The head is read before appends are held, and what has come meanwhile once they are: that is little, so they wait
    a moment only. Who appends afterwards finds the cluster's epoch changed and looks its series up again.
    """
    scan = _HeadScan(cluster_id, day)
    async with database.begin() as tx:
        await scan.read(await raw_connection_of(tx))
    async with database.begin() as tx:
        connection = await raw_connection_of(tx)
        if not await _locked(connection):
            return 0
        await hold_appends(connection, cluster_id)
        await scan.read(connection)
        cursor = await connection.execute(
            "DELETE FROM observability.series WHERE cluster_id = %s AND last_day < %s AND id <> ALL(%s)",
            (cluster_id, day, sorted(scan.alive)),
        )
        if cursor.rowcount:
            await close_series(connection, cluster_id)
        await tx.commit()
    return cursor.rowcount


class _HeadScan:
    """Which of a cluster's silent series have samples in the head; each row is read once."""

    def __init__(self, cluster_id: UUID, day: int) -> None:
        self._cluster_id = cluster_id
        self._day = day
        self._seen: set[int] = set()
        self.alive: set[int] = set()

    async def read(self, connection: psycopg.AsyncConnection[Any]) -> None:
        cursor = await connection.execute(
            "SELECT id FROM observability.series WHERE cluster_id = %s AND last_day < %s", (self._cluster_id, self._day)
        )
        silent = np.array([number for (number,) in await cursor.fetchall()], dtype=np.int64)
        cursor = await connection.execute(
            "SELECT id FROM observability.head WHERE cluster_id = %s", (self._cluster_id,)
        )
        unseen = [number for (number,) in await cursor.fetchall() if number not in self._seen]
        for begin in range(0, len(unseen), _ROWS_AT_ONCE):
            cursor = await connection.execute(
                "SELECT id, samples FROM observability.head WHERE id = ANY(%s)",
                (unseen[begin : begin + _ROWS_AT_ONCE],),
            )
            rows = await cursor.fetchall()
            self.alive |= await asyncio.to_thread(_found, silent, [data for _, data in rows])
            self._seen.update(number for number, _ in rows)


def _found(silent: Ints, rows: list[bytes]) -> set[int]:
    found: set[int] = set()
    for data in rows:
        found.update(np.intersect1d(silent, decode_batch(data).series).tolist())
    return found


async def _locked(connection: psycopg.AsyncConnection[Any]) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (SEALING_LOCK,))
    return bool((await cursor.fetchall())[0][0])
