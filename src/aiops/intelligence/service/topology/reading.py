"""What people ask of the topology: search, what lies around a node, what a failure of it touches, what is wrong now."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiops.intelligence.domain.topology import Edge, Node, NodeKind, Topology
from aiops.intelligence.domain.troubles import Far, Sign, Trouble, from_far, troubles
from aiops.intelligence.needs_topology import Origin, TopologyStore
from aiops.intelligence.service.topology.book import Scope, TopologyBook
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels
from aiops.registry.ports import Clusters

_SIGNS_AT_MOST = 20_000
_FRESH_S = 5.0
_NODES_SHOWN = 300


@dataclass(frozen=True)
class Wanted:
    """Which nodes: all that are given must fit; `search` is any part of a name."""

    search: str | None = None
    kind: NodeKind | None = None
    cluster_id: UUID | None = None
    namespace: str | None = None
    unhealthy: bool = False


@dataclass(frozen=True)
class Part:
    """Nodes with their distance from the one asked for, the edges among them, and what is wrong with some.

    `more`: there are further nodes that were left out.
    """

    nodes: dict[UUID, int]
    edges: list[Edge]
    topology: Topology
    wrong: dict[UUID, Trouble]
    more: bool


@dataclass(frozen=True)
class Impact:
    """What needs a node: how many by kind and by cluster, and the nearest of them."""

    total: int
    by_kind: dict[NodeKind, int]
    by_cluster: dict[UUID, int]
    nearest: dict[UUID, int]
    topology: Topology
    wrong: dict[UUID, Trouble]


class TopologyReading:
    def __init__(
        self, transactions: Transactions, clock: Clock, store: TopologyStore, clusters: Clusters, book: TopologyBook
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._book = book
        self._wrong: dict[Scope, tuple[float, Topology, dict[UUID, Trouble]]] = {}

    async def page(
        self, principal: Principal, wanted: Wanted, limit: int, after: UUID | None
    ) -> tuple[list[Node], int, dict[UUID, Trouble]]:
        """By name, from behind the node `after`; how many there are; and what is wrong in scope."""
        topology, wrong = await self._now(principal)
        fitting = await asyncio.to_thread(_fitting, topology, wanted, wrong)
        keys = [node.id for node in fitting]
        start = keys.index(after) + 1 if after in keys else 0
        return fitting[start : start + limit], len(fitting), wrong

    async def node(self, principal: Principal, node: UUID) -> tuple[Node, list[tuple[str, datetime, datetime | None]]]:
        """With the origins that tell of it, since when, and when they last saw it."""
        topology = await self._book.of(principal)
        found = topology.node(node)
        if found is None:
            raise _unknown()
        async with self._transactions.look() as tx:
            return found, await self._store.seen(tx, node)

    async def around(self, principal: Principal, node: UUID, depth: int, limit: int, way: str) -> Part:
        """`way` is BOTH, NEEDS (what it depends on) or NEEDED_BY (what depends on it)."""
        topology, wrong = await self._now(principal)
        if node not in topology:
            raise _unknown()
        if way == "BOTH":
            found = topology.around(node, depth, limit + 1)
        else:
            walk = topology.depends_on if way == "NEEDS" else topology.dependants
            found = {node: 0, **walk(node, depth)}
        near = dict(list(found.items())[:limit])
        return Part(near, topology.edges_among(near), topology, wrong, len(found) > limit)

    async def among(self, principal: Principal, nodes: list[UUID]) -> Part:
        """These nodes, where they are in scope, and the edges among them: for a graph beside something else."""
        topology, wrong = await self._now(principal)
        near = {node: 0 for node in nodes[:_NODES_SHOWN] if node in topology}
        return Part(near, topology.edges_among(near), topology, wrong, len(nodes) > _NODES_SHOWN)

    async def impact(self, principal: Principal, node: UUID, limit: int) -> Impact:
        topology, wrong = await self._now(principal)
        if node not in topology:
            raise _unknown()
        needing = topology.dependants(node)
        kinds: Counter[NodeKind] = Counter()
        clusters: Counter[UUID] = Counter()
        for one in needing:
            found = topology.node(one)
            if found is not None:
                kinds[found.kind] += 1
                clusters.update([found.cluster_id] if found.cluster_id else [])
        nearest = dict(list(needing.items())[:limit])
        return Impact(len(needing), dict(kinds), dict(clusters), nearest, topology, wrong)

    async def far(self, principal: Principal, within: UUID | None) -> Far:
        """By cluster; or one cluster by namespace and kind. Raises `NotFound` for a cluster out of scope."""
        if within is not None:
            await self._clusters.get(principal, within)
        topology, wrong = await self._now(principal)
        return await asyncio.to_thread(from_far, topology, wrong, within)

    async def origins(self, principal: Principal) -> list[Origin]:
        async with self._transactions.look() as tx:
            return await self._store.origins(tx, _scope(principal))

    async def locate(self, principal: Principal, cluster_id: UUID | None, labels: Labels) -> list[Node]:
        """Which nodes in scope the labels name, most specific first."""
        if cluster_id is not None:
            await self._clusters.get(principal, cluster_id)
        topology = await self._book.of(principal)
        return [node for one in topology.locate(cluster_id, labels) if (node := topology.node(one)) is not None]

    async def _now(self, principal: Principal) -> tuple[Topology, dict[UUID, Trouble]]:
        """The topology and what is wrong in it; the latter is at most 5 s old."""
        topology = await self._book.of(principal)
        held = self._wrong.get(principal.clusters)
        now = self._clock.monotonic()
        if held is not None and held[1] is topology and now - held[0] < _FRESH_S:
            return topology, held[2]
        async with self._transactions.look() as tx:
            found = await self._store.open_alerts(tx, _scope(principal), _SIGNS_AT_MOST)
        signs = [Sign(one.cluster_id, one.labels, one.severity, one.name, one.incident_id) for one in found]
        wrong = await asyncio.to_thread(troubles, topology, signs)
        self._wrong = {scope: one for scope, one in self._wrong.items() if now - one[0] < _FRESH_S}
        self._wrong[principal.clusters] = (now, topology, wrong)
        return topology, wrong


def _fitting(topology: Topology, wanted: Wanted, wrong: dict[UUID, Trouble]) -> list[Node]:
    part = wanted.search.lower() if wanted.search else ""
    found = [
        node
        for node in topology.nodes
        if (wanted.kind is None or node.kind is wanted.kind)
        and (wanted.cluster_id is None or node.cluster_id == wanted.cluster_id)
        and (wanted.namespace is None or node.namespace == wanted.namespace)
        and (not wanted.unhealthy or node.id in wrong)
        and (part in node.name.lower() or part in f"{node.namespace}/{node.name}".lower())
    ]
    # What is named so, and what begins so, comes before what only has it somewhere.
    found.sort(key=lambda node: (node.name.lower() != part, not node.name.lower().startswith(part), node.name, node.id))
    return found


def _scope(principal: Principal) -> list[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)


def _unknown() -> NotFound:
    return NotFound("There is no such node in the topology.", code="NODE_NOT_FOUND")
