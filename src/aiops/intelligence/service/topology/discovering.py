"""Looks at every cluster now and then for what depends on what; one replica makes each look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from aiops.intelligence.needs_topology import Found, Origin, TopologyCounts, TopologyFinder, TopologyStore, Written
from aiops.intelligence.service.topology.book import TopologyBook
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, NotFound, Unavailable
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels, Metrics, QueryStatus
from aiops.observability.ports_signals import Span, Traces
from aiops.registry.ports import Cluster, Clusters, State

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 10.0
_ROUND_S = 30.0
_AT_ONCE = 4
_TIMEOUT_S = 30.0
# A replica that dies while it looks keeps others from it for no longer than the distance of looks.
_RETRY_S = 60.0


class ClusterAsking:
    """Implements `Asking` by the hub's own ports, so that limits and breakers of all questions hold here too."""

    def __init__(self, principal: Principal, cluster: Cluster, metrics: Metrics, traces: Traces) -> None:
        self._principal = principal
        self._cluster = cluster
        self._metrics = metrics
        self._traces = traces

    async def metrics(self, query: str) -> list[tuple[Labels, float]]:
        answer = await self._metrics.query(self._principal, query, cluster_ids=[self._cluster.id], timeout_s=_TIMEOUT_S)
        for outcome in answer.clusters:
            if outcome.status is not QueryStatus.SUCCESS:
                raise Unavailable(outcome.error or "It does not answer.")
        return [
            ({name: value for name, value in one.metric.items() if name != "cluster"}, float(one.value[1]))
            for one in answer.series
        ]

    async def traces(self, query: str, limit: int) -> list[list[Span]]:
        if self._cluster.tempo_url is None:
            return []
        only = [self._cluster.id]
        found = await self._traces.search(self._principal, query, limit=limit, cluster_ids=only, timeout_s=_TIMEOUT_S)
        for outcome in found.clusters:
            if outcome.status is not QueryStatus.SUCCESS:
                raise Unavailable(outcome.error or "It does not answer.")
        spans = []
        for one in found.traces:
            try:
                trace = await self._traces.get(self._principal, one.trace_id, cluster_ids=only, timeout_s=_TIMEOUT_S)
            except NotFound:
                continue
            spans.append(trace.spans)
        return spans


class TopologyDiscovery:
    """A round every 30 s makes the looks that are due; a look that fails leaves what was known, and is told once."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: TopologyStore,
        clusters: Clusters,
        metrics: Metrics,
        traces: Traces,
        book: TopologyBook,
        finders: Sequence[TopologyFinder],
        every_s: float,
        at_most: int,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._metrics = metrics
        self._traces = traces
        self._book = book
        self._finders = finders
        self._every_s = every_s
        self._at_most = at_most
        self._me = Principal.system("topology")
        self._failing: set[tuple[UUID, str]] = set()

    async def run(self) -> None:
        await self._clock.sleep(_FIRST_PAUSE_S)
        while True:
            await self.round()
            await self._clock.sleep(_ROUND_S)

    async def round(self) -> int:
        """Make every look that is due here and that no other replica makes; gives how many."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(cluster: Cluster) -> int:
            async with places:
                return sum([await self._look(cluster, finder) for finder in self._finders])

        known = [one for one in await self._clusters.visible(self._me) if one.status.state is not State.OFFLINE]
        return sum(await asyncio.gather(*map(one, known)))

    async def _look(self, cluster: Cluster, finder: TopologyFinder) -> bool:
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            until = now + timedelta(seconds=self._every_s)
            if not await self._store.claim(tx, finder.name, cluster.id, now, until):
                return False
            await tx.commit()
        asking = ClusterAsking(self._me, cluster, self._metrics, self._traces)
        try:
            found = await finder.look(asking, cluster.id, self._at_most)
            await self._keep(cluster.id, finder, found)
        except AiopsError as error:
            await self._failed(cluster, finder, error)
        else:
            if (cluster.id, finder.name) in self._failing:
                self._failing.discard((cluster.id, finder.name))
                log.info("topology_look_recovered", cluster=cluster.name, source=finder.name)
        return True

    async def _keep(self, cluster_id: UUID, finder: TopologyFinder, found: Found) -> None:
        now = self._clock.now()
        # It may have been deleted while it was asked: nothing of it is to come back.
        await self._clusters.get(self._me, cluster_id)
        async with self._transactions.begin() as tx:
            written = await self._store.put(tx, finder.name, cluster_id, found.nodes, found.edges, now)
            forget = now - timedelta(seconds=finder.keep_s)
            gone = await self._store.not_seen(tx, finder.name, cluster_id, found.nodes, found.edges, forget)
            told = _origin(finder.name, cluster_id, found, looked_at=now)
            await self._store.looked(tx, told, changed=_changed(written) or _removed(gone))
            await tx.commit()
        self._book.changed()

    async def _failed(self, cluster: Cluster, finder: TopologyFinder, error: AiopsError) -> None:
        if (cluster.id, finder.name) not in self._failing:
            self._failing.add((cluster.id, finder.name))
            log.warning("topology_look_failed", cluster=cluster.name, source=finder.name, error=error.message)
        if isinstance(error, NotFound):
            return
        async with self._transactions.begin() as tx:
            told = _origin(finder.name, cluster.id, Found([], []), looked_at=None, error=error.message)
            await self._store.looked(tx, told, changed=False)
            await self._store.due(tx, finder.name, cluster.id, self._clock.now() + timedelta(seconds=_RETRY_S))
            await tx.commit()


def _origin(name: str, cluster_id: UUID, found: Found, looked_at: datetime | None, error: str | None = None) -> Origin:
    return Origin(
        origin=name,
        cluster_id=cluster_id,
        looked_at=looked_at,
        nodes=len(found.nodes),
        edges=len(found.edges),
        left_out=found.left_out,
        notes=found.notes,
        error=error,
    )


def _changed(written: Written) -> bool:
    return any(_some(counts) for counts in (written.nodes, written.edges))


def _removed(gone: Written) -> bool:
    """What is only not seen any more stays in the topology until it goes."""
    return bool(gone.nodes.removed or gone.edges.removed)


def _some(counts: TopologyCounts) -> bool:
    return bool(counts.added or counts.changed)
