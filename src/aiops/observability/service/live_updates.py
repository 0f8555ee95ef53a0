"""Tells those who look that what they see has moved on: which cluster was evaluated, and never the numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.events import Event, envelope
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.events import GpusEvaluated, MetricsEvaluated
from aiops.observability.ports import WatchBatch, WatchFeed

METRICS_EVERY_S = 10.0
GPUS_EVERY_S = 5.0
_TICK_S = 1.0
_GPU_PREFIX = "gpu_"


@dataclass
class _Seen:
    """What was evaluated of a cluster since it was last told: series by watch."""

    at: float = 0.0
    series: dict[str, int] = field(default_factory=dict)

    def add(self, batch: WatchBatch) -> None:
        self.at = max(self.at, batch.at)
        self.series[batch.watch.name] = len(batch.series)


class LiveUpdatesJob:
    """At most one METRIC_UPDATE a cluster in 10 s, and one GPU_UPDATE in 5 s.

    They go straight to the bus and into no outbox: nobody acts on them, the next one says the same anew, and a fleet's
    worth of them would be the most of all rows.
    """

    def __init__(self, feed: WatchFeed, bus: Bus, clock: Clock) -> None:
        self._feed = feed
        self._bus = bus
        self._clock = clock
        self._metrics: dict[UUID, _Seen] = {}
        self._gpus: dict[UUID, _Seen] = {}
        self._told: dict[tuple[str, UUID], float] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            while True:
                await self._clock.sleep(_TICK_S)
                self.tell()

    async def _follow(self) -> None:
        async for batch in self._feed.follow(Principal.system("live_updates")):
            self.saw(batch)

    def saw(self, batch: WatchBatch) -> None:
        self._metrics.setdefault(batch.cluster_id, _Seen()).add(batch)
        if batch.watch.name.startswith(_GPU_PREFIX) and batch.series:
            self._gpus.setdefault(batch.cluster_id, _Seen()).add(batch)

    def tell(self) -> None:
        """Publish what is due; the rest waits for its turn."""
        for cluster_id in [key for key in self._metrics if self._due(MetricsEvaluated, key, METRICS_EVERY_S)]:
            seen = self._metrics.pop(cluster_id)
            self._bus.publish(
                envelope(
                    MetricsEvaluated(
                        event_id=new_id(),
                        occurred_at=self._clock.now(),
                        cluster_ids=(cluster_id,),
                        cluster_id=cluster_id,
                        evaluated_at=datetime.fromtimestamp(seen.at, UTC),
                        watches=len(seen.series),
                        series=sum(seen.series.values()),
                    )
                )
            )
        for cluster_id in [key for key in self._gpus if self._due(GpusEvaluated, key, GPUS_EVERY_S)]:
            seen = self._gpus.pop(cluster_id)
            self._bus.publish(
                envelope(
                    GpusEvaluated(
                        event_id=new_id(),
                        occurred_at=self._clock.now(),
                        cluster_ids=(cluster_id,),
                        cluster_id=cluster_id,
                        evaluated_at=datetime.fromtimestamp(seen.at, UTC),
                        gpus=max(seen.series.values()),
                    )
                )
            )

    def _due(self, kind: type[Event], cluster_id: UUID, every_s: float) -> bool:
        now, key = self._clock.monotonic(), (kind.event_type, cluster_id)
        if now - self._told.get(key, -every_s) < every_s:
            return False
        self._told[key] = now
        return True
