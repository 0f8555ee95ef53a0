"""What every `SampleStore` does; an adapter joins by one line in `ADAPTERS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import numpy as np
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, Rejected
from aiops.kernel.ids import new_id
from aiops.observability.needs import Matcher, SampleColumns, SampleStore
from aiops.observability.ports import Sample
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob

CLUSTER, OTHER = new_id(), new_id()
STALE = 0x7FF0000000000002
Settle = Callable[[], Awaitable[None]]
Adapter = Callable[[Database, VirtualClock, int], tuple[SampleStore, Settle]]


def _in_the_head(database: Database, clock: VirtualClock, limit: int) -> tuple[SampleStore, Settle]:
    async def nothing() -> None:
        return None

    return PostgresSampleStore(series_limit=limit), nothing


def _sealed(database: Database, clock: VirtualClock, limit: int) -> tuple[SampleStore, Settle]:
    async def seal() -> None:
        await clock.advance(86_400)
        job = SealingJob(database, clock)
        while await job.seal():
            pass

    return PostgresSampleStore(series_limit=limit), seal


ADAPTERS: dict[str, Adapter] = {"postgres, in the head": _in_the_head, "postgres, sealed": _sealed}


class Subject:
    """A store under test, whose samples are stamped from the clock's start on."""

    def __init__(self, database: Database, clock: VirtualClock, adapter: Adapter, limit: int = 1000) -> None:
        self.database = database
        self.start = int(clock.now().timestamp())
        self.store, self.settle = adapter(database, clock, limit)

    async def append(self, *samples: tuple[str, float, float], cluster: UUID = CLUSTER, **labels: str) -> int:
        made = [Sample({"__name__": name, **labels}, self.start + at, value) for name, at, value in samples]
        async with self.database.begin() as tx:
            new: int = await self.store.append(tx, cluster, made)
            await tx.commit()
        return new

    async def read(self, *matchers: Matcher, cluster: UUID = CLUSTER, end: int = 3600) -> dict[str, list[float]]:
        start_ms = self.start * 1000
        async with self.database.begin() as tx:
            found = await self.store.select(tx, [cluster], matchers, start_ms, start_ms + end * 1000)
        return {",".join(sorted(one.labels.values())): [float(value) for value in one.values] for one in found}


@pytest.fixture(params=list(ADAPTERS.values()), ids=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Adapter:
    found: Adapter = request.param
    return found


@pytest.fixture
def subject(database: Database, clock: VirtualClock, adapter: Adapter) -> Subject:
    return Subject(database, clock, adapter)


async def test_samples_are_read_in_order_of_time_within_their_span(subject: Subject) -> None:
    assert await subject.append(("up", 20, 2), ("up", 10, 1), ("down", 10, 9)) == 2
    assert await subject.append(("up", 30, 3)) == 0
    await subject.settle()
    assert await subject.read() == {"up": [1, 2, 3], "down": [9]}
    assert await subject.read(end=20) == {"up": [1, 2], "down": [9]}
    assert await subject.read(end=9) == {}


async def test_the_sample_stored_last_counts(subject: Subject) -> None:
    await subject.append(("up", 10, 1))
    await subject.append(("up", 10, 7), ("up", 10, 5))
    await subject.settle()
    assert await subject.read() == {"up": [5]}
    await subject.append(("up", 10, 4))
    assert await subject.read() == {"up": [4]}
    await subject.settle()
    assert await subject.read() == {"up": [4]}


async def test_values_keep_their_bits(subject: Subject) -> None:
    stale = float(np.array([STALE], dtype=np.uint64).view(np.float64)[0])
    await subject.append(("up", 1, stale), ("up", 2, float("-inf")), ("up", 3, -0.0), ("up", 4, 0.1 + 0.2))
    await subject.settle()
    async with subject.database.begin() as tx:
        (found,) = await subject.store.select(tx, [CLUSTER], [], 0, 10**15)
    assert found.values.view(np.uint64).tolist() == [
        STALE,
        *np.array([float("-inf"), -0.0, 0.1 + 0.2]).view(np.uint64).tolist(),
    ]


async def test_matchers_are_those_of_promql(subject: Subject) -> None:
    await subject.append(("up", 1, 1), job="a")
    await subject.append(("up", 1, 2), job="ab")
    await subject.append(("down", 1, 3))
    await subject.settle()
    assert set(await subject.read(Matcher("job", "=", ""))) == {"down"}
    assert set(await subject.read(Matcher("job", "=~", "a|x"))) == {"a,up"}
    assert set(await subject.read(Matcher("job", "!~", "a.*"))) == {"down"}
    assert set(await subject.read(Matcher("__name__", "=", "up"), Matcher("job", "!=", "a"))) == {"ab,up"}
    with pytest.raises(Invalid):
        await subject.read(Matcher("job", "=~", "("))


async def test_clusters_are_apart_and_one_is_forgotten_alone(subject: Subject) -> None:
    await subject.append(("up", 1, 1))
    await subject.append(("up", 1, 2), cluster=OTHER, job="x")
    await subject.settle()
    async with subject.database.begin() as tx:
        assert await subject.store.label_names(tx, [CLUSTER]) == ["__name__"]
        assert await subject.store.label_values(tx, [OTHER], "job") == ["x"]
        await subject.store.delete_cluster(tx, OTHER)
        await tx.commit()
    assert await subject.read() == {"up": [1]}
    assert await subject.read(cluster=OTHER) == {}
    async with subject.database.begin() as tx:
        assert await subject.store.series(tx, [OTHER], []) == []


async def test_what_was_not_committed_never_was(subject: Subject) -> None:
    async with subject.database.begin() as tx:
        await subject.store.append(tx, CLUSTER, [Sample({"__name__": "up"}, subject.start, 1)])
    assert await subject.read() == {}
    assert await subject.append(("up", 2, 2)) == 1
    assert await subject.read() == {"up": [2]}


async def test_columns_are_samples_too_and_keys_are_spellings(subject: Subject) -> None:
    times = np.array([subject.start * 1000, subject.start * 1000 + 1], dtype=np.int64)
    columns = SampleColumns([b"a", b"b"], lambda _: {"__name__": "up"}, times, np.array([1.0, 2.0]))
    async with subject.database.begin() as tx:
        assert await subject.store.append_columns(tx, CLUSTER, columns) == 1
        await tx.commit()
    await subject.settle()
    assert await subject.read() == {"up": [1, 2]}


async def test_series_are_bounded_and_those_known_go_on(
    database: Database, clock: VirtualClock, adapter: Adapter
) -> None:
    subject = Subject(database, clock, adapter, limit=2)
    await subject.append(("a", 1, 1), ("b", 1, 1))
    await subject.settle()
    with pytest.raises(Rejected):
        await subject.append(("c", 1, 1))
    assert await subject.append(("a", 2, 1)) == 0
