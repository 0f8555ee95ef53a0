"""When watches are evaluated: by the beat where a Prometheus is asked, by arrival where the samples lie here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal
from aiops.observability.service.arrivals import SampleArrivals
from aiops.observability.service.watches.service import WatchService
from aiops.registry.ports import Cluster, Clusters, Platform, State

_log = structlog.get_logger(__name__)

INTERVAL_S = 15.0
HOST_INTERVAL_S = 5.0
_TICK_S = 0.5
_LIST_EVERY_S = 5.0
_AT_ONCE = 16
_TOO_OLD_S = 300.0
# A little under 5 s: a source's beat jitters by milliseconds, and each of its rounds is to be looked at.
_LEAST_GAP_S = 4.5


class _Rounds:
    """At most one evaluation of a cluster at a time, and at most 16 in all."""

    def __init__(self, service: WatchService, tasks: asyncio.TaskGroup) -> None:
        self._service = service
        self._tasks = tasks
        self._running: set[UUID] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)

    def start(self, cluster: Cluster, at: datetime, interval_s: float) -> bool:
        """Begin one; false where the last one is not over yet."""
        if cluster.id in self._running:
            return False
        self._running.add(cluster.id)
        self._tasks.create_task(self._run(cluster, at, interval_s))
        return True

    async def _run(self, cluster: Cluster, at: datetime, interval_s: float) -> None:
        try:
            async with self._places:
                await self._service.evaluate(cluster, at, interval_s=interval_s)
        finally:
            self._running.discard(cluster.id)


class PrometheusWatchJob:
    """Every cluster with a Prometheus, every 15 s, each at its own moment within them, so that many don't fire at once;
    a cluster that is new is evaluated right away, one that is OFFLINE is skipped."""

    def __init__(self, *, service: WatchService, clusters: Clusters, clock: Clock) -> None:
        self._service = service
        self._clusters = clusters
        self._clock = clock
        self._me = Principal.system("watches")
        self._beats: dict[UUID, int] | None = None
        self._listed: list[Cluster] = []
        self._list_due = 0.0
        self._list_failing = False

    async def run(self) -> None:
        self._list_due = self._clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            rounds = _Rounds(self._service, tasks)
            while True:
                await self._list()
                self._start_due(rounds)
                await self._clock.sleep(_TICK_S)

    def _start_due(self, rounds: _Rounds) -> None:
        now = self._clock.now()
        beats = {cluster.id: beat_of(cluster.id, now.timestamp()) for cluster in self._listed}
        before = beats if self._beats is None else self._beats
        for cluster in self._listed:
            online = cluster.prometheus_url is not None and cluster.status.state is not State.OFFLINE
            if online and before.get(cluster.id) != beats[cluster.id]:
                rounds.start(cluster, now, INTERVAL_S)
        self._beats = beats

    async def _list(self) -> None:
        if self._clock.monotonic() < self._list_due:
            return
        self._list_due = self._clock.monotonic() + _LIST_EVERY_S
        try:
            self._listed = await self._clusters.visible(self._me)
        except Exception as error:
            if not self._list_failing:
                _log.warning("watch_clusters_unknown", error=str(error))
            self._list_failing = True
        else:
            self._list_failing = False
            self._service.keep_only(cluster.id for cluster in self._listed)


class ArrivalWatchJob:
    """Clusters whose samples lie in the hub's own store: as soon as samples arrive, at most once per 5 s of their time.

    Samples of the past (a backfill, a replay) are no news and are not evaluated.
    """

    def __init__(self, *, service: WatchService, clusters: Clusters, arrivals: SampleArrivals, clock: Clock) -> None:
        self._service = service
        self._clusters = clusters
        self._arrivals = arrivals
        self._clock = clock
        self._me = Principal.system("watches")
        self._last: dict[UUID, float] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks, self._arrivals.subscribe() as reader:
            rounds = _Rounds(self._service, tasks)
            while True:
                cluster_id, newest = await reader.next()
                await self._arrived(rounds, cluster_id, newest)

    async def _arrived(self, rounds: _Rounds, cluster_id: UUID, newest: float) -> None:
        now = self._clock.now().timestamp()
        at = newest if newest <= now + 1 else now
        if at - self._last.get(cluster_id, 0.0) < _LEAST_GAP_S or at < now - _TOO_OLD_S:
            return
        try:
            cluster = await self._clusters.get(self._me, cluster_id)
        except NotFound:
            self._last.pop(cluster_id, None)
            return
        if cluster.prometheus_url is not None:
            return
        interval = HOST_INTERVAL_S if cluster.platform is Platform.HOST else INTERVAL_S
        if rounds.start(cluster, datetime.fromtimestamp(at, UTC), interval):
            self._last[cluster_id] = at


def beat_of(cluster_id: UUID, now: float) -> int:
    """Which interval of this cluster `now` lies in; they begin at a moment that its id decides."""
    offset = int.from_bytes(cluster_id.bytes[-4:]) % 15_000 / 1_000
    return int((now - offset) // INTERVAL_S)
