"""Which series there are: labels to ids and back, cached in the process, bounded per cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from aiops.kernel.database import SqlTransaction, Transaction, raw_connection_of
from aiops.kernel.errors import Rejected
from aiops.observability.expressions import expression
from aiops.observability.needs import Matcher
from aiops.observability.ports import Labels

DEFAULT_SERIES_LIMIT = 50_000
_MOST_CACHED = 1_000_000

Found = tuple[int, UUID, Labels]


class SeriesCatalogue:
    """Ids never change and are never used twice, so what is cached stays true until series of the cluster are deleted.

    Who deletes moves the cluster's epoch on; an append states the epoch that its ids are of, and is refused where it
    is another by now. An id of a transaction that is still open is not cached until that transaction has committed.
    """

    def __init__(self, limit: int = DEFAULT_SERIES_LIMIT) -> None:
        self._limit = limit
        self._ids: dict[UUID, dict[Hashable, int]] = {}
        self._labels: dict[int, Labels] = {}
        self._cached = 0
        self._epochs: dict[UUID, int] = {}
        self._open: list[tuple[SqlTransaction, UUID, int, dict[Hashable, int]]] = []

    async def ids(
        self, tx: Transaction, cluster_id: UUID, keys: Sequence[Hashable], labels_of: Callable[[int], Labels]
    ) -> tuple[list[int], int, int]:
        """The id of every key's series, the epoch that they are of, and how many series are new; `labels_of(i)` is
        asked for unknown keys only."""
        self._settle()
        # Before any look-up: what is deleted after it is then noticed.
        epoch = self._epochs.get(cluster_id)
        if epoch is None:
            # Of two that read it at once the earlier counts: ids may have been cached under it.
            epoch = self._epochs.setdefault(cluster_id, await self._epoch(tx, cluster_id))
        known = self._ids.setdefault(cluster_id, {})
        ids = [known.get(key, 0) for key in keys]
        if all(ids):
            return ids, epoch, 0
        unknown: dict[Hashable, Labels] = {}
        for place, number in enumerate(ids):
            if not number and keys[place] not in unknown:
                unknown[keys[place]] = labels_of(place)
        found, new = await self._find_or_add(tx, cluster_id, unknown)
        assert isinstance(tx, SqlTransaction)
        self._open.append((tx, cluster_id, epoch, found))
        return [number or found[key] for key, number in zip(keys, ids, strict=True)], epoch, new

    async def matching(self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher]) -> list[Found]:
        """Equality is found by the database, the rest is checked here on labels that are mostly cached."""
        name = next((m.value for m in matchers if m.name == "__name__" and m.op == "=" and m.value), None)
        equal = {m.name: m.value for m in matchers if m.op == "=" and m.value and m.name != "__name__"}
        connection = await raw_connection_of(tx)
        cursor = await connection.execute(
            """
            SELECT id, cluster_id FROM observability.series
            WHERE cluster_id = ANY(%s) AND (%s::text IS NULL OR name = %s) AND labels @> %s::jsonb
            ORDER BY id
            """,
            (list(cluster_ids), name, name, msgspec.json.encode(equal).decode()),
        )
        rows = await cursor.fetchall()
        # Held here: the cache may be emptied meanwhile, and a series removed between the two questions.
        labels = {number: self._labels[number] for number, _ in rows if number in self._labels}
        labels |= await self._load_labels(tx, [number for number, _ in rows if number not in labels])
        test = compiled(matchers)
        return [
            (number, cluster, labels[number]) for number, cluster in rows if number in labels and test(labels[number])
        ]

    def forget_cluster(self, cluster_id: UUID) -> None:
        self._ids.pop(cluster_id, None)
        self._epochs.pop(cluster_id, None)
        self._open = [entry for entry in self._open if entry[1] != cluster_id]

    def forget_all(self) -> None:
        self._ids.clear()
        self._epochs.clear()
        self._labels.clear()
        self._open.clear()
        self._cached = 0

    def _settle(self) -> None:
        if not self._open:
            return
        for tx, cluster_id, epoch, found in self._open:
            if tx.committed and self._epochs.get(cluster_id) == epoch:
                self._cached += len(found)
                self._ids.setdefault(cluster_id, {}).update(found)
        self._open = [entry for entry in self._open if not entry[0].committed and not entry[0].connection.closed]
        if self._cached > _MOST_CACHED:
            self.forget_all()

    async def _epoch(self, tx: Transaction, cluster_id: UUID) -> int:
        connection = await raw_connection_of(tx)
        cursor = await connection.execute(
            "SELECT epoch FROM observability.series_epoch WHERE cluster_id = %s", (cluster_id,)
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _find_or_add(
        self, tx: Transaction, cluster_id: UUID, unknown: dict[Hashable, Labels]
    ) -> tuple[dict[Hashable, int], int]:
        prints = {key: fingerprint_of(labels) for key, labels in unknown.items()}
        by_print = {prints[key]: labels for key, labels in unknown.items()}
        connection = await raw_connection_of(tx)
        found = await self._lookup(tx, cluster_id, list(by_print))
        missing = {print_: labels for print_, labels in by_print.items() if print_ not in found}
        if missing:
            # One creator a cluster at a time, so that the bound holds.
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (cluster_id.int & 0x7FFFFFFFFFFFFFFF,))
            found |= await self._lookup(tx, cluster_id, list(missing))
            missing = {print_: labels for print_, labels in missing.items() if print_ not in found}
            await self._check_bound(tx, cluster_id, len(missing))
            await connection.execute(
                """
                INSERT INTO observability.series (cluster_id, fingerprint, name, labels)
                SELECT %s, f, n, l::jsonb FROM unnest(%s::bytea[], %s::text[], %s::text[]) AS t (f, n, l)
                """,
                (
                    cluster_id,
                    list(missing),
                    [labels.get("__name__", "") for labels in missing.values()],
                    [msgspec.json.encode(labels).decode() for labels in missing.values()],
                ),
            )
            found |= await self._lookup(tx, cluster_id, list(missing))
        return {key: found[print_] for key, print_ in prints.items()}, len(missing)

    async def _lookup(self, tx: Transaction, cluster_id: UUID, prints: list[bytes]) -> dict[bytes, int]:
        connection = await raw_connection_of(tx)
        cursor = await connection.execute(
            "SELECT fingerprint, id FROM observability.series WHERE cluster_id = %s AND fingerprint = ANY(%s)",
            (cluster_id, prints),
        )
        return {bytes(print_): number for print_, number in await cursor.fetchall()}

    async def _check_bound(self, tx: Transaction, cluster_id: UUID, more: int) -> None:
        connection = await raw_connection_of(tx)
        cursor = await connection.execute(
            "SELECT count(*) FROM observability.series WHERE cluster_id = %s", (cluster_id,)
        )
        row = await cursor.fetchone()
        held = int(row[0]) if row else 0
        if more and held + more > self._limit:
            raise Rejected(
                f"This cluster has {held} series and the bound is {self._limit}: {more} new series were refused. "
                "Drop a label with many values at the sender; series that are known are still taken.",
                code="SERIES_LIMIT",
                details={"limit": self._limit, "held": held, "refused": more},
            )

    async def _load_labels(self, tx: Transaction, ids: list[int]) -> dict[int, Labels]:
        if not ids:
            return {}
        connection = await raw_connection_of(tx)
        cursor = await connection.execute(
            "SELECT id, labels::text FROM observability.series WHERE id = ANY(%s)", (ids,)
        )
        rows = await cursor.fetchall()
        loaded = {number: msgspec.json.decode(labels, type=Labels) for number, labels in rows}
        if len(self._labels) + len(loaded) > _MOST_CACHED:
            self._labels = {}
        self._labels.update(loaded)
        return loaded


async def hold_appends(connection: psycopg.AsyncConnection[Any], cluster_id: UUID) -> None:
    """Wait for the appends to this cluster that are under way, and let none begin until this transaction is over."""
    await connection.execute("SELECT observability.hold_appends(%s)", (cluster_id,))


async def close_series(connection: psycopg.AsyncConnection[Any], cluster_id: UUID) -> None:
    """Series of this cluster were deleted: what anyone knows of their ids is no longer true."""
    await connection.execute(
        """
        INSERT INTO observability.series_epoch (cluster_id, epoch) VALUES (%s, 1)
        ON CONFLICT (cluster_id) DO UPDATE SET epoch = series_epoch.epoch + 1
        """,
        (cluster_id,),
    )


def fingerprint_of(labels: Labels) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(sorted(labels.items())), digest_size=16).digest()


def compiled(matchers: Sequence[Matcher]) -> Callable[[Labels], bool]:
    """One test of all matchers; raises `Invalid` for a regular expression that is none."""
    tests: list[tuple[str, Callable[[str], bool]]] = [(m.name, _test(m)) for m in matchers]
    return lambda labels: all(test(labels.get(name, "")) for name, test in tests)


def _test(matcher: Matcher) -> Callable[[str], bool]:
    wanted = matcher.value
    if matcher.op == "=":
        return lambda value: value == wanted
    if matcher.op == "!=":
        return lambda value: value != wanted
    matches = expression(wanted)
    return matches if matcher.op == "=~" else lambda value: not matches(value)
