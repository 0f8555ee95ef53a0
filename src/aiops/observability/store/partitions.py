"""A partition a day, so that forgetting a day is dropping a table; and from when on a table still has its days."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from aiops.observability.store.rollups import LEVELS

DAY_MS = 86_400_000
STRETCH_MS = 2 * 3600 * 1000
"""What one chunk spans at most."""

RAW = "chunk"
LONGEST = LEVELS[-1].table
SEALING_LOCK = 0x7365616C
"""Held by who seals, forgets or removes: what has been read of a series must not be gone when it is written."""

_PARTITION = re.compile(r"_(\d{8})")


@dataclass(frozen=True)
class Keeping:
    """For how many days samples are kept, and each level of their rollups; none is kept longer than `total`."""

    raw: int = 15
    minute: int = 30
    five_minutes: int = 60
    total: int = 90

    def days(self) -> dict[str, int]:
        """By table."""
        wished = (self.raw, self.minute, self.five_minutes, self.total)
        names = (RAW, *(level.table for level in LEVELS))
        return {name: min(days, self.total) for name, days in zip(names, wished, strict=True)}


async def make_partitions(connection: psycopg.AsyncConnection[Any], table: str, days: Iterable[int]) -> None:
    """Of these days (since 1970), those that are not there."""
    for day in sorted(days):
        name = f"{table}_{datetime.fromtimestamp(day * 86400, UTC):%Y%m%d}"
        cursor = await connection.execute("SELECT to_regclass(%s)", (f"observability.{name}",))
        if (await cursor.fetchall())[0][0] is not None:
            continue
        await connection.execute(f"CREATE TABLE observability.{name} (LIKE observability.{table} INCLUDING ALL)")
        # Attaching, unlike creating in place, lets readers of the other days go on.
        await connection.execute(
            f"ALTER TABLE observability.{table} ATTACH PARTITION observability.{name} "
            f"FOR VALUES FROM ({day * DAY_MS}) TO ({(day + 1) * DAY_MS})"
        )


async def drop_partitions(connection: psycopg.AsyncConnection[Any], table: str, oldest: datetime) -> list[str]:
    """Drop the days before that of `oldest`, and keep in mind that they are gone; gives the tables' names."""
    cursor = await connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'observability'::regnamespace AND relkind = 'r'"
    )
    gone = []
    for (name,) in await cursor.fetchall():
        match = _PARTITION.fullmatch(name.removeprefix(table)) if name.startswith(table) else None
        if match and match.group(1) < oldest.strftime("%Y%m%d"):
            await connection.execute(f"DROP TABLE observability.{name}")
            gone.append(name)
    begin = oldest.replace(hour=0, minute=0, second=0, microsecond=0)
    await connection.execute(
        """
        INSERT INTO observability.horizon (name, from_ms) VALUES (%s, %s)
        ON CONFLICT (name) DO UPDATE SET from_ms = greatest(horizon.from_ms, excluded.from_ms)
        """,
        (table, int(begin.timestamp()) * 1000),
    )
    return gone


async def horizons(connection: psycopg.AsyncConnection[Any]) -> dict[str, int]:
    """The moment before which a table's days are gone; of a table that has lost none, nothing."""
    cursor = await connection.execute("SELECT name, from_ms FROM observability.horizon")
    return dict(await cursor.fetchall())
