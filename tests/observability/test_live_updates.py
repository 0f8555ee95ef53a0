"""Those who look are told that a cluster was evaluated: at a bounded rate, and without a number of it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.ids import new_id
from aiops.observability.fakes import FakeWatchFeed
from aiops.observability.ports import Watch, WatchBatch
from aiops.observability.service.live_updates import LiveUpdatesJob

EAST, WEST = new_id(), new_id()


def _batch(cluster_id: UUID, watch: str, at: float, series: int) -> WatchBatch:
    about = Watch(watch, watch, "q", "ratio", "up", 0.1, ("gpu",))
    labels = [{"gpu": str(number), "secret": "4711"} for number in range(series)]
    return WatchBatch(cluster_id, about, at, 15.0, labels, np.full(series, 4711.0))


async def _heard(clock: VirtualClock, feed: FakeWatchFeed, seconds: int, *batches: WatchBatch) -> list[Any]:
    bus = InMemoryBus()
    async with bus.subscribe() as reader:
        job = asyncio.create_task(LiveUpdatesJob(feed, bus, clock).run())
        for _ in range(seconds):
            for batch in batches:
                feed.put(batch)
            await clock.advance(1)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        heard = []
        while True:
            try:
                heard.append(await asyncio.wait_for(reader.next(), 0.01))
            except TimeoutError:
                return heard


async def test_each_cluster_is_told_of_once_in_ten_seconds_and_its_gpus_in_five(clock: VirtualClock) -> None:
    feed = FakeWatchFeed()
    batches = [
        _batch(EAST, "node_cpu", 100.0, 3),
        _batch(EAST, "gpu_memory", 100.0, 8),
        _batch(WEST, "node_cpu", 90.0, 1),
    ]
    heard = await _heard(clock, feed, 31, *batches)
    told = [(event.event_type, event.cluster_ids) for event in heard]
    assert told.count(("METRIC_UPDATE", (EAST,))) in (3, 4)
    assert told.count(("METRIC_UPDATE", (WEST,))) in (3, 4)
    assert told.count(("GPU_UPDATE", (EAST,))) in (6, 7)
    assert ("GPU_UPDATE", (WEST,)) not in told


async def test_what_is_told_is_small_and_holds_no_sample(clock: VirtualClock) -> None:
    heard = await _heard(
        clock, FakeWatchFeed(), 1, _batch(EAST, "node_cpu", 100.0, 3), _batch(EAST, "gpu_memory", 101.0, 8)
    )
    payloads = {event.event_type: bytes(event.payload) for event in heard}
    metrics, gpus = msgspec.json.decode(payloads["METRIC_UPDATE"]), msgspec.json.decode(payloads["GPU_UPDATE"])
    assert (metrics["watches"], metrics["series"], metrics["evaluated_at"]) == (2, 11, "1970-01-01T00:01:41Z")
    assert (gpus["gpus"], gpus["cluster_id"]) == (8, str(EAST))
    assert all(len(payload) < 400 and b"4711" not in payload for payload in payloads.values())


async def test_where_nothing_is_evaluated_nothing_is_told(clock: VirtualClock) -> None:
    assert await _heard(clock, FakeWatchFeed(), 30) == []
