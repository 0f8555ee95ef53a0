"""What depends on what: services, workloads, pods, machines, switches, and the edges between them.

Pure and in memory. Nodes are numbered when a `Topology` is built, so that walking it touches lists of integers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import numpy as np

from aiops.intelligence.domain.locating import NameIndex
from aiops.intelligence.domain.things import Edge, EdgeKind, Node, NodeKind, node_id

__all__ = ["Edge", "EdgeKind", "Node", "NodeKind", "Topology", "node_id"]

_DEPTH = 8
_ALONE = {kind: (kind,) for kind in EdgeKind}


class Topology:
    """A graph of what depends on what; never changes once built."""

    def __init__(self, nodes: Iterable[Node], edges: Iterable[Edge]) -> None:
        """An edge whose ends are not both among the nodes is left out and counted in `dangling`."""
        self._nodes: list[Node] = list({node.id.int: node for node in nodes}.values())
        # By the number of an id: UUID's own hash is Python, and edges ask for it twice each.
        self._index = {node.id.int: at for at, node in enumerate(self._nodes)}
        self._needs: list[list[int]] = [[] for _ in self._nodes]
        self._needed_by: list[list[int]] = [[] for _ in self._nodes]
        self._ways: list[list[tuple[EdgeKind, ...]]] = [[] for _ in self._nodes]
        self.edge_count = 0
        """Pairs of nodes, however many edges tell of each."""
        self.dangling = 0
        self._connect(edges)
        self._names = NameIndex(self._nodes, self._needs)

    def _connect(self, edges: Iterable[Edge]) -> None:
        kinds: dict[tuple[int, int], tuple[EdgeKind, ...]] = {}
        for edge in edges:
            source, target = self._index.get(edge.source.int), self._index.get(edge.target.int)
            if source is None or target is None:
                self.dangling += 1
                continue
            known = kinds.get((source, target), ())
            if edge.kind not in known:
                kinds[source, target] = _ALONE[edge.kind] if not known else (*known, edge.kind)
        for (source, target), ways in kinds.items():
            self._needs[source].append(target)
            self._needed_by[target].append(source)
            self._ways[source].append(ways)
        self.edge_count = len(kinds)

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, node: UUID) -> bool:
        return node.int in self._index

    @property
    def nodes(self) -> Sequence[Node]:
        return self._nodes

    def node(self, node: UUID) -> Node | None:
        at = self._index.get(node.int)
        return None if at is None else self._nodes[at]

    def kinds_between(self, source: UUID, target: UUID) -> tuple[EdgeKind, ...]:
        """In what ways the source depends on the target directly; none where it does not."""
        start, end = self._index.get(source.int), self._index.get(target.int)
        if start is None or end is None or end not in self._needs[start]:
            return ()
        return self._ways[start][self._needs[start].index(end)]

    def locate(self, cluster_id: UUID | None, labels: Mapping[str, str]) -> list[UUID]:
        """The nodes that the labels of an alert or a series of this cluster name, most specific first; often none.

        Nodes of the cluster and nodes of no cluster are looked at. See `domain.locating` for which labels name what.
        """
        return [self._nodes[at].id for at in self._names.named_by(cluster_id, labels)]

    def depends_on(self, node: UUID, depth: int = _DEPTH) -> dict[UUID, int]:
        """What the node needs, with how many edges away it is, nearest first; without the node itself."""
        return self._walk(self._needs, node, depth)

    def dependants(self, node: UUID, depth: int = _DEPTH) -> dict[UUID, int]:
        """What needs the node, with how many edges away it is, nearest first; without the node itself."""
        return self._walk(self._needed_by, node, depth)

    def direct(self, node: UUID) -> list[UUID]:
        """What the node needs directly."""
        at = self._index.get(node.int)
        return [] if at is None else [self._nodes[needed].id for needed in self._needs[at]]

    def around(self, node: UUID, depth: int, at_most: int) -> dict[UUID, int]:
        """The node and its neighbours of both directions with their distance, nearest first; cut at so many."""
        start = self._index.get(node.int)
        if start is None:
            return {}
        found = {start: 0}
        edge: list[int] = [start]
        for distance in range(1, depth + 1):
            further: list[int] = []
            for at in edge:
                for near in (*self._needs[at], *self._needed_by[at]):
                    if near not in found:
                        if len(found) >= at_most:
                            return self._named(found)
                        found[near] = distance
                        further.append(near)
            edge = further
        return self._named(found)

    def common_dependency(self, nodes: Iterable[UUID], depth: int = _DEPTH, share: float = 1.0) -> UUID | None:
        """The nearest thing that all of the nodes need, or are; `None` where there is none.

        Where `share` is below 1, so large a part of the nodes is enough; what most of them need comes first, then
        what has the smallest sum of distances. Nodes that are not in the topology count as needing nothing.
        """
        wanted = set(nodes)
        if not wanted:
            return None
        needed = max(1.0, share * len(wanted))
        counts = np.zeros(len(self._nodes), dtype=np.int64)
        distances = np.zeros(len(self._nodes), dtype=np.int64)
        for node in wanted:
            at = self._index.get(node.int)
            if at is not None:
                reached = self._reach(self._needs, at, depth)
                places = np.fromiter(reached.keys(), np.int64, len(reached))
                counts[places] += 1
                distances[places] += np.fromiter(reached.values(), np.int64, len(reached))
        fitting = np.flatnonzero(counts >= needed).tolist()
        if not fitting:
            return None
        best = min(fitting, key=lambda at: (-counts[at], distances[at], self._nodes[at].name, self._nodes[at].id))
        return self._nodes[best].id

    def path(self, source: UUID, target: UUID, depth: int = _DEPTH) -> list[UUID]:
        """A shortest way by which the source depends on the target, both among it; empty where it does not."""
        start, end = self._index.get(source.int), self._index.get(target.int)
        if start is None or end is None:
            return []
        came: dict[int, int] = {start: start}
        edge = [start]
        for _ in range(depth):
            if end in came:
                break
            further = []
            for at in edge:
                for near in self._needs[at]:
                    if near not in came:
                        came[near] = at
                        further.append(near)
            edge = further
        if end not in came:
            return []
        way = [end]
        while way[-1] != start:
            way.append(came[way[-1]])
        return [self._nodes[at].id for at in reversed(way)]

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Every node with each that it needs directly."""
        for source, needed in zip(self._nodes, self._needs, strict=True):
            for target in needed:
                yield source, self._nodes[target]

    def edges_among(self, nodes: Iterable[UUID]) -> list[Edge]:
        """All edges with both ends among these nodes, their origins left out."""
        inside = {self._index[node.int] for node in nodes if node.int in self._index}
        return [
            Edge(self._nodes[source].id, self._nodes[target].id, kind)
            for source in inside
            for target, ways in zip(self._needs[source], self._ways[source], strict=True)
            if target in inside
            for kind in ways
        ]

    def _walk(self, next_to: list[list[int]], node: UUID, depth: int) -> dict[UUID, int]:
        start = self._index.get(node.int)
        if start is None:
            return {}
        reached = self._reach(next_to, start, depth)
        del reached[start]
        return self._named(reached)

    @staticmethod
    def _reach(next_to: list[list[int]], start: int, depth: int) -> dict[int, int]:
        reached = {start: 0}
        edge = [start]
        for distance in range(1, depth + 1):
            further = []
            for at in edge:
                for near in next_to[at]:
                    if near not in reached:
                        reached[near] = distance
                        further.append(near)
            if not further:
                break
            edge = further
        return reached

    def _named(self, reached: Mapping[int, int]) -> dict[UUID, int]:
        return {self._nodes[at].id: distance for at, distance in reached.items()}
