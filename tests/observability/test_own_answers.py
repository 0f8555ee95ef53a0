"""What an answer from the hub's own store says of itself, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import psycopg
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, TimedOut
from aiops.kernel.principal import Principal
from aiops.observability.needs import SampleColumns
from aiops.observability.ports import QueryStatus
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.store import reading
from aiops.observability.store.partitions import Keeping
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob
from tests.observability.clusters import Fleet

SYSTEM = Principal.system("test")
NO_REMOTE = cast(Any, None)


async def _append(database: Database, fleet: Fleet, name: str, times: list[int]) -> None:
    columns = SampleColumns(
        [b"c"] * len(times),
        lambda _: {"__name__": "c"},
        np.array(times, dtype=np.int64) * 1000,
        np.arange(len(times), dtype=np.float64),
    )
    async with database.begin() as tx:
        await PostgresSampleStore().append_columns(tx, fleet.ids[name], columns)
        await tx.commit()


@pytest.mark.parametrize("query", ["rate(c[30m])", "sum(rate(c[30m]))", "count by (cluster) (c)"])
async def test_an_answer_from_buckets_says_so_for_each_cluster(
    database: Database, clock: VirtualClock, query: str
) -> None:
    fleet = Fleet({"old": None, "new": None})
    job = SealingJob(database, clock, Keeping(raw=1, minute=2, five_minutes=3, total=9))
    start = int(clock.now().timestamp())
    await _append(database, fleet, "old", list(range(start, start + 3600, 15)))
    await clock.advance(5 * 86_400)
    while await job.seal():
        pass
    await job.forget()
    now = int(clock.now().timestamp())
    await _append(database, fleet, "new", list(range(now - 3600, now, 15)))
    service = MetricsService(clock, fleet, NO_REMOTE, OwnSamples(database, PostgresSampleStore()))
    begin = datetime.fromtimestamp(start, UTC)
    found = await service.query_range(SYSTEM, query, start=begin, end=begin + timedelta(days=5), step_s=900)
    assert {one.cluster: (one.status, one.notes) for one in found.clusters} == {
        "old": (QueryStatus.SUCCESS, ("before 2026-01-02 00:00 UTC at 15 min resolution",)),
        "new": (QueryStatus.SUCCESS, ()),
    }
    at_once = await service.query(SYSTEM, query, at=begin + timedelta(hours=1))
    assert at_once.series
    assert [bool(one.notes) for one in at_once.clusters if one.cluster == "old"] == [True]


async def test_an_own_store_that_is_held_up_is_given_up_in_time(
    database: Database, database_url: str, clock: VirtualClock
) -> None:
    fleet = Fleet({"one": None})
    await _append(database, fleet, "one", [int(clock.now().timestamp())])
    own = OwnSamples(database, PostgresSampleStore())
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE observability.head IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TimedOut, match=r"longer than 0\.2 s"):
            await ClusterNumbers(fleet, NO_REMOTE, own).evaluate_instant(
                SYSTEM, fleet.ids["one"], "c", clock.now(), timeout_s=0.2
            )
        found = await MetricsService(clock, fleet, NO_REMOTE, own).query(SYSTEM, "c", timeout_s=0.2)
        assert [one.status for one in found.clusters] == [QueryStatus.TIMEOUT]
    found = await MetricsService(clock, fleet, NO_REMOTE, own).query(SYSTEM, "c")
    assert len(found.series) == 1


@pytest.mark.parametrize("sealed", [False, True])
async def test_more_samples_than_memory_should_hold_are_refused_with_their_number(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, sealed: bool
) -> None:
    fleet = Fleet({"one": None})
    start = int(clock.now().timestamp())
    await _append(database, fleet, "one", list(range(start, start + 1000)))
    await clock.advance(86_400)
    if sealed:
        await SealingJob(database, clock).seal()
    own = OwnSamples(database, PostgresSampleStore())
    numbers = ClusterNumbers(fleet, NO_REMOTE, own)
    at = datetime.fromtimestamp(start + 1000, UTC)
    monkeypatch.setattr(reading, "MAX_SAMPLES", 1000)
    await numbers.evaluate_instant(SYSTEM, fleet.ids["one"], "sum_over_time(c[1h])", at)
    monkeypatch.setattr(reading, "MAX_SAMPLES", 999)
    with pytest.raises(Invalid, match="reads 1,000 samples; the bound is 999"):
        await numbers.evaluate_instant(SYSTEM, fleet.ids["one"], "sum_over_time(c[1h])", at)
    # A bound that is counted in the database, where rows are too many to fetch first.
    monkeypatch.setattr(reading, "_COUNTED_ROWS", 0)
    with pytest.raises(Invalid, match="reads 1,000 samples; the bound is 999"):
        await numbers.evaluate_instant(SYSTEM, fleet.ids["one"], "sum_over_time(c[1h])", at)
