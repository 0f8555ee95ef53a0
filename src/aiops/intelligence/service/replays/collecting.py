"""Asks clusters for their past, a few questions at a time, and looks at it as the live hub would have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.replays import Progress, ReplayStage
from aiops.intelligence.needs import Detector
from aiops.intelligence.service.pasts import whole_past
from aiops.intelligence.service.replay import replay_together
from aiops.kernel.errors import AiopsError
from aiops.kernel.principal import Principal
from aiops.observability.ports import Watch, WatchHistory
from aiops.observability.ports_past import Past, PastAlert

WARM_UP = timedelta(days=1)
_AT_ONCE = 2
_MOST_VALUES = 2_000_000

Tell = Callable[[Progress], None]


class Named(NamedTuple):
    id: UUID
    name: str


@dataclass
class Watched:
    """The past of a watch on a cluster, with values in half the width: it is kept until the causes are ranked."""

    watch: Watch
    past: WatchHistory


@dataclass
class OfCluster:
    cluster: Named
    alerts: list[PastAlert] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Collecting:
    """At most two questions at once: a Prometheus is there for others too."""

    def __init__(self, past: Past, detector: Detector, tell: Tell) -> None:
        self._past = past
        self._detector = detector
        self._tell = tell
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._done = 0
        self._total = 0

    async def collect(
        self, principal: Principal, clusters: Sequence[Named], start: datetime, end: datetime, step_s: float
    ) -> list[OfCluster]:
        """What a cluster does not answer is named among its problems; the others go on."""
        found = [OfCluster(one) for one in clusters]
        self._done, self._total = 0, len(found)
        await asyncio.gather(*(self._alerts(principal, one, start, end, step_s) for one in found))
        self._done, self._total = 0, len(found)
        await asyncio.gather(*(self._watches(principal, one, start, end, step_s) for one in found))
        await self._detect(found, start, step_s)
        return found

    async def _alerts(self, principal: Principal, of: OfCluster, start: datetime, end: datetime, step_s: float) -> None:
        async with self._places:
            try:
                of.alerts = await self._past.alerts(principal, of.cluster.id, start=start, end=end, step_s=step_s)
            except AiopsError as error:
                of.problems.append(f"Alerts: {error}")
        self._step(ReplayStage.ALERTS, of.cluster.name)

    async def _watches(
        self, principal: Principal, of: OfCluster, start: datetime, end: datetime, step_s: float
    ) -> None:
        async with self._places:
            try:
                watches = await self._watches_of(principal, of, start, end)
            except AiopsError as error:
                of.problems.append(f"Metrics: {error}")
                watches = []
        self._total += len(watches)
        self._step(ReplayStage.METRICS, of.cluster.name)
        await asyncio.gather(*(self._watch(principal, of, watch, start, end, step_s) for watch in watches))

    async def _watches_of(self, principal: Principal, of: OfCluster, start: datetime, end: datetime) -> list[Watch]:
        """Those of the end; of a cluster that had gone by then, those of the last moment at which it gave any."""
        for part in (0.0, 0.1, 0.35, 0.6, 0.85):
            watches = await self._past.watches(principal, of.cluster.id, end - part * (end - start))
            if watches:
                return watches
        return []

    async def _watch(
        self, principal: Principal, of: OfCluster, watch: Watch, start: datetime, end: datetime, step_s: float
    ) -> None:
        async def ask(at: datetime, until: datetime) -> WatchHistory:
            return await self._past.history(principal, of.cluster.id, watch, start=at, end=until, step_s=step_s)

        async with self._places:
            try:
                past = await whole_past(ask, start - WARM_UP, end, step_s)
            except AiopsError as error:
                of.problems.append(f"{watch.title}: {error}")
            else:
                if past.series:
                    of.watched.append(Watched(watch, _narrow(past)))
                if past.dropped:
                    of.problems.append(f"{watch.title}: {past.dropped} series are past the bound and were left out.")
        self._step(ReplayStage.METRICS, f"{of.cluster.name}, {watch.title}")

    async def _detect(self, found: Sequence[OfCluster], start: datetime, step_s: float) -> None:
        """Each watch on many clusters at once."""
        groups: dict[str, list[tuple[OfCluster, Watched]]] = {}
        for of in found:
            for watched in of.watched:
                groups.setdefault(watched.watch.name, []).append((of, watched))
        parts = [part for group in groups.values() for part in _parts(group)]
        self._done, self._total = 0, len(parts)
        for part in parts:
            watch = part[0][1].watch
            pasts = {of.cluster.id: _wide(watched.past) for of, watched in part}
            seen = await asyncio.to_thread(
                replay_together, self._detector, watch, pasts, step_s, count_from=start.timestamp()
            )
            for of, watched in part:
                of.anomalies += [
                    msgspec.structs.replace(one, query=watched.watch.query) for one in seen[of.cluster.id].findings
                ]
            self._step(ReplayStage.DETECTION, watch.title)

    def _step(self, stage: ReplayStage, what: str) -> None:
        self._done += 1
        self._tell(Progress(stage, self._done, max(self._total, self._done), what))


def _parts(group: Sequence[tuple[OfCluster, Watched]]) -> Iterator[list[tuple[OfCluster, Watched]]]:
    """So many clusters at a time that what a detector says of all moments fits in memory."""
    part: list[tuple[OfCluster, Watched]] = []
    values = 0
    for one in group:
        size = one[1].past.values.size
        if part and values + size > _MOST_VALUES:
            yield part
            part, values = [], 0
        part.append(one)
        values += size
    if part:
        yield part


def _narrow(past: WatchHistory) -> WatchHistory:
    return WatchHistory(past.times, past.series, past.values.astype(np.float32), past.dropped)


def _wide(past: WatchHistory) -> WatchHistory:
    return WatchHistory(past.times, past.series, past.values.astype(np.float64), past.dropped)
