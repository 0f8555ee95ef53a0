"""A backtest of a month of one series at 60 s, from the hub's own store: under 2 s.

The month is pushed as samples into a PostgreSQL of its own; the time is that of the whole use case, from the request to
the findings and the chart: reading, going through it with the detector, looking up the incidents. The query is the
plainest, so that not PromQL is measured.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from datetime import timedelta
from typing import Any, cast

import numpy as np

from aiops.intelligence.detectors import installed
from aiops.intelligence.service.backtests import Backtest, Backtests, BacktestWish
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.ports import Sample
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.watches import WatchBook, WatchService
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.watches import PostgresWatchStore
from aiops.settings import Settings
from bench.hub import migrated_postgres
from bench.verdict import at_most, told
from tests.observability.watching import FakeClusters, cluster

TAKES = "1 min"
DAYS, STEP_S, ROUNDS, BOUND_S = 30, 60.0, 3, 2.0
FAULTS = 8
_BATCH = 1440


async def _month(database: Database, store: PostgresSampleStore, cluster_id: Any, end: float) -> None:
    rng = np.random.default_rng(1)
    times = np.arange(end - (DAYS + 1) * 86_400, end, STEP_S)
    values = rng.normal(0.3, 0.02, len(times))
    for fault in range(1, FAULTS + 1):
        # Each at a time of the day of its own: what comes every week at the same minute is a job, not a fault.
        first = (fault * DAYS // (FAULTS + 1) + 1) * 1440 + 300 + 97 * fault
        values[first : first + 20] = 0.9
    for first in range(0, len(times), _BATCH):
        samples = [
            Sample({"__name__": "load", "instance": "a"}, at, value)
            for at, value in zip(
                times[first : first + _BATCH].tolist(), values[first : first + _BATCH].tolist(), strict=True
            )
        ]
        async with database.begin() as tx:
            await store.append(tx, cluster_id, samples)
            await tx.commit()


async def _measure(database: Database) -> tuple[float, Backtest]:
    clock, store, where = VirtualClock(), PostgresSampleStore(), cluster("bench", host=True)
    clusters = FakeClusters(where)
    feed = WatchService(
        queries=ClusterNumbers(clusters, cast(Any, None), OwnSamples(database, store)),
        clusters=clusters,
        transactions=database,
        store=store,
        clock=clock,
        book=WatchBook(database, clock, PostgresWatchStore()),
    )
    await _month(database, store, where.id, clock.now().timestamp())
    detector = installed().usable[Settings().detector].build()
    backtests = Backtests(database, clock, feed, detector, SqlIncidents())
    me = Principal.system(f"bench {new_id()}")
    wish = BacktestWish(
        cluster_id=where.id, query="load", unit="ratio", start=clock.now() - timedelta(days=DAYS), step_s=STEP_S
    )
    spent = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        found = await backtests.run(me, wish)
        spent.append(time.perf_counter() - started)
    return statistics.median(spent), found


async def main() -> int:
    with migrated_postgres() as url:
        database = Database(url)
        spent, found = await _measure(database)
        await database.close()
    assert found.findings_total >= FAULTS, found.findings_total
    assert found.points >= DAYS * 1440 - 10, found.points
    told("findings of the month", found.findings_total, "", f"{FAULTS} faults in it, detector {found.detector}")
    name = f"a backtest of {DAYS} days of one series at {STEP_S:.0f} s"
    return 0 if at_most(name, spent, BOUND_S, " s", f"median of {ROUNDS}") else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
