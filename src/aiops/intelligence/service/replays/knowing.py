"""What a past itself tells of the things that need each other, where no hub is there to know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from aiops.intelligence.domain.causes import Structure
from aiops.intelligence.domain.topology import Edge, Node, Topology
from aiops.intelligence.needs_topology import TopologyFinder
from aiops.intelligence.service.replays.collecting import Named
from aiops.intelligence.service.replays.replaying import Known
from aiops.kernel.errors import AiopsError
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels
from aiops.observability.ports_past import Past
from aiops.observability.ports_signals import Span

_AT_MOST = 20_000


class _AskingThen:
    """Implements `Asking` for one moment of a cluster's past; traces are not asked for."""

    def __init__(self, past: Past, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        self._past = past
        self._principal = principal
        self._cluster_id = cluster_id
        self._at = at

    async def metrics(self, query: str) -> list[tuple[Labels, float]]:
        return await self._past.instant(self._principal, self._cluster_id, query, self._at)

    async def traces(self, query: str, limit: int) -> list[list[Span]]:
        return []


async def known_then(
    past: Past, principal: Principal, clusters: Sequence[Named], at: datetime, finders: Sequence[TopologyFinder]
) -> Known:
    """The topology of that moment by kube-state-metrics and service graphs; a cluster without them adds nothing."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for cluster in clusters:
        asking = _AskingThen(past, principal, cluster.id, at)
        for finder in finders:
            try:
                found = await finder.look(asking, cluster.id, _AT_MOST)
            except AiopsError:
                # What keeps its metrics from being read is told where they are read.
                continue
            nodes += found.nodes
            edges += found.edges
    topology = Topology(nodes, edges)
    if not len(topology):
        return Known()

    async def around(_clusters: Sequence[UUID], _onset: datetime, _until: datetime) -> Structure:
        return Structure(topology=topology)

    return Known(topology, around)
