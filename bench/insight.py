"""From watched batches handed in until their anomalies and the incident are committed: at most 5 s.

Three clusters of 1,000 series each that were learned from an hour; 500 series of one leave their band at once. The
time is that of the three batches of the deciding evaluation, taken one after the other, on a PostgreSQL of its own.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from uuid import UUID

import numpy as np

from aiops.intelligence.detectors.robust_band import RobustBand
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.service.watcher import Watcher
from aiops.intelligence.store.feedback import SqlFeedback
from aiops.intelligence.store.findings import SqlAnomalies, SqlTracks
from aiops.intelligence.store.gathering import SqlGathering
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.outbox import SqlOutbox
from aiops.observability.fakes import FakeWatchFeed
from aiops.observability.ports import Watch, WatchBatch, WatchHistory
from bench.hub import migrated_postgres
from bench.verdict import at_most, told

TAKES = "30 s"
CLUSTERS, SERIES, LOUD, ROUNDS, STEP_S, BOUND_S = 3, 1000, 500, 3, 15.0, 5.0
MOST_STEPS = 20
WATCH = Watch("bench", "Bench", "bench", "ratio", "up", 0.1, ("instance",))
LABELS = [{"instance": f"10.0.{number // 250}.{number % 250}:9100"} for number in range(SERIES)]


class Fleet:
    """Clusters whose series are evaluated by hand, on a virtual clock."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        incidents, anomalies, tracks = SqlIncidents(), SqlAnomalies(), SqlTracks()
        database.outbox = SqlOutbox(InMemoryBus(), [])
        self._database, self._clock, self._feed = database, clock, FakeWatchFeed()
        self._anomalies = anomalies
        self._rng = np.random.default_rng(1)
        episodes = Episodes(database, clock, incidents, anomalies, tracks, Gathering(incidents, SqlGathering()))
        self._watcher = Watcher(database, clock, self._feed, RobustBand(), tracks, anomalies, SqlFeedback(), episodes)

    async def learn(self) -> list[UUID]:
        """Clusters with an ordinary hour behind them."""
        clusters = [new_id() for _ in range(CLUSTERS)]
        now = self._clock.now().timestamp()
        times = np.arange(now - 3600, now, STEP_S)
        for cluster in clusters:
            past = self._rng.normal(0.3, 0.02, (SERIES, len(times)))
            self._feed.past[cluster, WATCH.name] = WatchHistory(times, LABELS, past)
        await self.evaluate(clusters, 0)
        await self._watcher.learned()
        return clusters

    async def evaluate(self, clusters: list[UUID], loud: int) -> float:
        """Hand in one evaluation of all, `loud` series of the first out of their band; the seconds it took."""
        await self._clock.advance(STEP_S)
        batches = []
        for cluster in clusters:
            values = self._rng.normal(0.3, 0.02, SERIES)
            if cluster == clusters[0]:
                values[:loud] = 0.95
            batches.append(WatchBatch(cluster, WATCH, self._clock.now().timestamp(), STEP_S, LABELS, values))
        started = time.perf_counter()
        await self._watcher.take(batches)
        return time.perf_counter() - started

    async def found(self, cluster: UUID) -> tuple[int, int]:
        """The open anomalies of a cluster, and in how many incidents they are."""
        async with self._database.begin() as tx:
            active = await self._anomalies.active(tx, cluster)
        return len(active), len({one.incident_id for one in active if one.incident_id})


async def _measure(fleet: Fleet) -> tuple[float, float]:
    """Seconds of an evaluation that shows nothing, and of the one that begins the anomalies."""
    clusters = await fleet.learn()
    calm = statistics.median([await fleet.evaluate(clusters, 0) for _ in range(5)])
    before, _ = await fleet.found(clusters[0])
    for _ in range(MOST_STEPS):
        spent = await fleet.evaluate(clusters, LOUD)
        anomalies, incidents = await fleet.found(clusters[0])
        if anomalies > before:
            assert anomalies - before >= LOUD, (before, anomalies)
            assert incidents >= 1
            return calm, spent
    raise AssertionError(f"No anomaly in {MOST_STEPS} evaluations")


async def main() -> int:
    with migrated_postgres() as url:
        database = Database(url)
        fleet = Fleet(database, VirtualClock())
        found = [await _measure(fleet) for _ in range(ROUNDS)]
        await database.close()
    calm, loud = (statistics.median(side) for side in zip(*found, strict=True))
    told(f"{CLUSTERS} × {SERIES:,} series evaluated, all calm", calm, " s")
    note = f"median of {ROUNDS}"
    named = f"{CLUSTERS} × {SERIES:,} series evaluated, {LOUD} anomalies and their incident committed"
    return 0 if at_most(named, loud, BOUND_S, " s", note) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
