"""Tells those who look at traces that a cluster has new ones; while nobody looks, no Tempo is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError
from aiops.kernel.events import envelope
from aiops.kernel.ids import new_id
from aiops.kernel.interest import LiveInterest
from aiops.kernel.principal import Principal
from aiops.observability.events import TracesReceived
from aiops.observability.service.traces_remote import FoundTrace, RemoteTraces
from aiops.observability.traceql import narrowed
from aiops.registry.ports import Clusters, EndpointKind, Target

EVERY_S = 10.0
MOST_FOUND = 50
"""Traces of one search: the question must be cheap, and the page asks anew by itself."""
_AT_ONCE = 16
_TIMEOUT_S = 5.0
_BACK_S = 120.0
"""A trace can be found only some seconds after its start, and a long one later."""
_ME = Principal.system("trace_news")


class TraceNewsJob:
    """One search of each cluster that somebody looks at, every 10 s; at most one TRACE_RECEIVED a cluster for each.

    What the first search finds is no news: whoever begins to look has just read it. The events go straight to the bus,
    as those of `LiveUpdatesJob` do.
    """

    def __init__(
        self, clock: Clock, clusters: Clusters, remote: RemoteTraces, interest: LiveInterest, bus: Bus
    ) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote
        self._interest = interest
        self._bus = bus
        self._known: dict[UUID, dict[str, float]] = {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        """One round. All is told at its end, so that a page that shows many clusters asks anew once."""
        targets = await self._looked_at()
        asked = {target.cluster_id for target in targets}
        self._known = {id_: known for id_, known in self._known.items() if id_ in asked}
        for event in await asyncio.gather(*(self._news(target) for target in targets)):
            if event is not None:
                self._bus.publish(envelope(event))

    async def _looked_at(self) -> list[Target]:
        wanted = self._interest.clusters_for(TracesReceived.event_type)
        if wanted is not None and not wanted:
            return []
        members = await self._clusters.targets(_ME, EndpointKind.TEMPO)
        return [
            member.target
            for member in members
            if member.target is not None and (wanted is None or member.cluster.id in wanted)
        ]

    async def _news(self, target: Target) -> TracesReceived | None:
        now = self._clock.now().timestamp()
        try:
            async with self._turn:
                found = await self._remote.search(
                    target, narrowed("{ }", target.selector), int(now - _BACK_S), int(now) + 1, MOST_FOUND, _TIMEOUT_S
                )
        except AiopsError:
            # Who searches is told why; here it is only no news.
            return None
        return self._told(target.cluster_id, found, now)

    def _told(self, cluster_id: UUID, found: Sequence[FoundTrace], now: float) -> TracesReceived | None:
        known = self._known.get(cluster_id)
        self._known[cluster_id] = {
            **{id_: at for id_, at in (known or {}).items() if at > now - 2 * _BACK_S},
            **{one.trace_id: now for one in found},
        }
        fresh = [one for one in found if known is not None and one.trace_id not in known]
        if not fresh:
            return None
        newest_ns = max(int(one.start_time_unix_nano) for one in fresh)
        return TracesReceived(
            event_id=new_id(),
            occurred_at=self._clock.now(),
            cluster_ids=(cluster_id,),
            cluster_id=cluster_id,
            traces=len(fresh),
            newest_at=datetime.fromtimestamp(newest_ns / 1e9, UTC),
        )
