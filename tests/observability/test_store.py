from __future__ import annotations

import asyncio
from uuid import UUID

import numpy as np
import pytest

from aiops.kernel.database import Database
from aiops.kernel.errors import Rejected
from aiops.kernel.ids import new_id
from aiops.observability.needs import Matcher
from aiops.observability.ports import Sample
from aiops.observability.store import series
from aiops.observability.store.samples import PostgresSampleStore

STALE = np.array([0x7FF0000000000002], dtype=np.uint64).view(np.float64)[0]
CLUSTER = new_id()


def sample(name: str, timestamp: float, value: float, **labels: str) -> Sample:
    return Sample({"__name__": name, **labels}, timestamp, value)


async def append(database: Database, store: PostgresSampleStore, *samples: Sample, cluster: UUID = CLUSTER) -> int:
    async with database.begin() as tx:
        new = await store.append(tx, cluster, samples)
        await tx.commit()
    return new


async def read(database: Database, store: PostgresSampleStore, *matchers: Matcher) -> dict[str, list[float]]:
    async with database.begin() as tx:
        found = await store.select(tx, [CLUSTER], matchers, 0, 10**15)
    return {",".join(sorted(series.labels.values())): series.values.tolist() for series in found}


async def test_what_was_appended_is_read_back_in_order_of_time(database: Database) -> None:
    store = PostgresSampleStore()
    assert await append(database, store, sample("up", 20, 2), sample("up", 10, 1)) == 1
    assert await append(database, store, sample("up", 30, 3)) == 0
    assert await read(database, store) == {"up": [1, 2, 3]}
    assert await read(database, PostgresSampleStore()) == {"up": [1, 2, 3]}


async def test_of_two_samples_at_the_same_moment_the_one_stored_last_counts(database: Database) -> None:
    store = PostgresSampleStore()
    await append(database, store, sample("up", 10, 1))
    await append(database, store, sample("up", 10, 7), sample("up", 10, 5))
    assert await read(database, store) == {"up": [5]}


async def test_a_staleness_marker_keeps_its_bits(database: Database) -> None:
    store = PostgresSampleStore()
    await append(database, store, sample("up", 10, STALE), sample("up", 11, float("inf")))
    async with database.begin() as tx:
        (series,) = await store.select(tx, [CLUSTER], [], 0, 10**15)
    assert series.values.view(np.uint64).tolist()[0] == 0x7FF0000000000002


async def test_matchers_see_an_absent_label_as_empty_and_anchor_expressions(database: Database) -> None:
    store = PostgresSampleStore()
    await append(database, store, sample("up", 1, 1, job="a"), sample("up", 1, 2, job="ab"), sample("down", 1, 3))
    assert set(await read(database, store, Matcher("job", "=", ""))) == {"down"}
    assert set(await read(database, store, Matcher("job", "=~", "a"))) == {"a,up"}
    assert set(await read(database, store, Matcher("__name__", "=", "up"), Matcher("job", "!=", "a"))) == {"ab,up"}
    assert set(await read(database, store, Matcher("job", "!~", "a.*"))) == {"down"}


async def test_a_new_series_past_the_bound_is_refused_and_known_ones_go_on(database: Database) -> None:
    store = PostgresSampleStore(series_limit=2)
    await append(database, store, sample("a", 1, 1), sample("b", 1, 1))
    with pytest.raises(Rejected, match="bound is 2"):
        await append(database, store, sample("c", 1, 1))
    assert await append(database, store, sample("a", 2, 1)) == 0


async def test_a_series_of_a_transaction_that_was_rolled_back_is_made_again(database: Database) -> None:
    store = PostgresSampleStore()
    async with database.begin() as tx:
        await store.append(tx, CLUSTER, [sample("up", 1, 1)])
    assert await read(database, store) == {}
    assert await append(database, store, sample("up", 2, 2)) == 1
    assert await read(database, store) == {"up": [2]}


async def test_labels_are_told_until_the_cluster_goes(database: Database) -> None:
    store = PostgresSampleStore()
    await append(database, store, sample("up", 5, 1, job="x"), sample("up", 9, 1, job="y"))
    async with database.begin() as tx:
        assert await store.label_names(tx, [CLUSTER]) == ["__name__", "job"]
        assert await store.label_values(tx, [CLUSTER], "job") == ["x", "y"]
        assert len(await store.series(tx, [CLUSTER], [Matcher("job", "=", "x")])) == 1
        await store.delete_cluster(tx, CLUSTER)
        await tx.commit()
    assert await read(database, store) == {}
    async with database.begin() as tx:
        assert await store.label_names(tx, [CLUSTER]) == []


async def test_rows_that_are_read_at_once_fill_the_cache_once(database: Database) -> None:
    store = PostgresSampleStore()
    await append(database, store, *(sample("up", at, at) for at in range(100)))
    reader = PostgresSampleStore()
    await asyncio.gather(*(read(database, reader) for _ in range(8)))
    assert reader.cached_samples == 100


async def test_series_are_found_also_where_their_labels_fall_out_of_the_cache(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "_MOST_CACHED", 2)
    store = PostgresSampleStore()
    await append(database, store, sample("a", 1, 1), sample("b", 1, 2), sample("c", 1, 3))
    assert await read(database, store, Matcher("__name__", "=", "a")) == {"a": [1]}
    assert await read(database, store) == {"a": [1], "b": [2], "c": [3]}
