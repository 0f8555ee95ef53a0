"""Series that have nothing left are removed, and free their place under the bound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Rejected
from aiops.kernel.ids import new_id
from aiops.observability.ports import Sample
from aiops.observability.store.forgetting import forget_series
from aiops.observability.store.partitions import Keeping
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob

CLUSTER = new_id()
DAY_S = 86_400


class Kept:
    def __init__(self, database: Database, clock: VirtualClock, *, limit: int = 1000) -> None:
        self.database, self.clock = database, clock
        self.store = PostgresSampleStore(series_limit=limit)
        self.job = SealingJob(database, clock, Keeping(raw=1, minute=1, five_minutes=1, total=2))

    async def append(self, *names: str, store: PostgresSampleStore | None = None) -> int:
        at = self.clock.now().timestamp()
        async with self.database.begin() as tx:
            new: int = await (store or self.store).append(
                tx, CLUSTER, [Sample({"__name__": name}, at, 1.0) for name in names]
            )
            await tx.commit()
        return new

    async def pass_days(self, days: float) -> None:
        await self.clock.advance(days * DAY_S)
        while await self.job.seal():
            pass
        await self.job.forget()

    async def known(self) -> list[str]:
        async with self.database.begin() as tx:
            return sorted(labels["__name__"] for _, labels in await self.store.series(tx, [CLUSTER], []))

    async def values(self, name: str) -> Sequence[float]:
        async with self.database.begin() as tx:
            found = await self.store.select(tx, [CLUSTER], [], 0, 10**15)
        return next((one.values.tolist() for one in found if one.labels["__name__"] == name), [])


async def test_a_series_goes_with_the_last_of_its_buckets_and_frees_its_place(
    database: Database, clock: VirtualClock
) -> None:
    kept = Kept(database, clock, limit=2)
    await kept.append("old", "steady")
    for _ in range(3):
        await kept.pass_days(1)
        await kept.append("steady")
        assert await kept.known() == ["old", "steady"]
    with pytest.raises(Rejected):
        await kept.append("new")
    await kept.pass_days(1)
    assert await kept.known() == ["steady"]
    assert await kept.append("new") == 1


async def test_a_series_that_returns_after_it_was_removed_is_a_new_one_for_whoever_knew_it(
    database: Database, clock: VirtualClock
) -> None:
    kept, other = Kept(database, clock), PostgresSampleStore()
    await kept.append("old")
    assert await kept.append("old", store=other) == 0
    await kept.pass_days(5)
    assert await kept.known() == []
    assert await kept.append("old", store=other) == 1
    assert await kept.append("old") == 0
    assert await kept.values("old") == [1.0]


async def test_a_silent_series_with_a_sample_in_the_head_stays(database: Database, clock: VirtualClock) -> None:
    kept = Kept(database, clock)
    await kept.append("old", "gone")
    await clock.advance(5 * DAY_S)
    while await kept.job.seal():
        pass
    assert await kept.append("old") == 0
    await kept.job.forget()
    assert await kept.known() == ["old"]
    assert await kept.append("old", "gone") == 1
    assert await kept.values("old") == [1.0]


async def test_an_append_that_is_under_way_keeps_its_series(database: Database, clock: VirtualClock) -> None:
    kept = Kept(database, clock)
    await kept.append("old")
    await kept.pass_days(2)
    await clock.advance(3 * DAY_S)
    at = clock.now().timestamp()
    async with database.begin() as tx:
        await kept.store.append(tx, CLUSTER, [Sample({"__name__": "old"}, at, 5.0)])
        forgetting = asyncio.create_task(kept.job.forget())
        async with asyncio.timeout(30):
            while not await _waits(database):
                await asyncio.sleep(0.01)
        await tx.commit()
    await forgetting
    assert await kept.known() == ["old"]
    assert await kept.values("old") == [5.0]


async def test_appends_and_removals_at_the_same_time_lose_nothing(database: Database, clock: VirtualClock) -> None:
    kept = Kept(database, clock)
    stores = [PostgresSampleStore() for _ in range(3)]
    for round_ in range(5):
        await kept.append("a", "b", "c")
        await clock.advance(6 * DAY_S)
        while await kept.job.seal():
            pass
        await kept.job.forget()
        async with database.begin() as tx:
            await tx.connection.execute(text("UPDATE observability.series SET last_day = 0"))
            await tx.commit()
        appends = [kept.append(name, store=store) for store in stores for name in ("a", "b", "c")]
        await asyncio.gather(forget_series(database), *appends, forget_series(database))
        assert [await kept.values(name) for name in ("a", "b", "c")] == [[1.0]] * 3, round_


async def _waits(database: Database) -> bool:
    async with database.begin() as tx:
        found = await tx.connection.execute(
            text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        )
        return bool(found.scalar_one())
