"""What is unhealthy now, laid onto the topology, and the topology seen from far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from aiops.intelligence.domain.topology import Node, NodeKind, Topology
from aiops.observability.ports import Labels, Severity

_WORST_FIRST = {severity: at for at, severity in enumerate(Severity)}
_INCIDENTS_NAMED = 5


class Sign(NamedTuple):
    """Of something that is wrong now."""

    cluster_id: UUID
    labels: Labels
    severity: Severity
    name: str
    incident_id: UUID


@dataclass
class Trouble:
    """Of one node: `signs` are open alerts and anomalies, `incidents` those that hold them, the first five."""

    severity: Severity
    signs: int = 0
    names: list[str] = field(default_factory=list)
    incidents: list[UUID] = field(default_factory=list)

    def add(self, sign: Sign) -> None:
        self.signs += 1
        self.severity = min(self.severity, sign.severity, key=_WORST_FIRST.__getitem__)
        if sign.incident_id not in self.incidents and len(self.incidents) < _INCIDENTS_NAMED:
            self.incidents.append(sign.incident_id)
        if sign.name not in self.names and len(self.names) < _INCIDENTS_NAMED:
            self.names.append(sign.name)


def troubles(topology: Topology, signs: Iterable[Sign]) -> dict[UUID, Trouble]:
    """By the most specific node that each sign names; a sign that names none is nowhere."""
    found: dict[UUID, Trouble] = {}
    for sign in signs:
        named = topology.locate(sign.cluster_id, sign.labels)
        if named:
            found.setdefault(named[0], Trouble(sign.severity)).add(sign)
    return found


class GroupKey(NamedTuple):
    """Seen from far: a cluster, or the nodes of one kind that belong to none. Seen from within a cluster: the nodes of
    one kind, of one namespace where they have one."""

    cluster_id: UUID | None
    namespace: str | None
    kind: NodeKind | None


@dataclass
class Far:
    """Groups with how many nodes each has, and between how many pairs of nodes there are edges."""

    nodes: Counter[GroupKey]
    links: Counter[tuple[GroupKey, GroupKey]]
    unhealthy: Counter[GroupKey]
    worst: dict[GroupKey, Severity]

    def largest(self, count: int) -> list[GroupKey]:
        """Those with most that is unhealthy, then with most nodes."""
        return sorted(self.nodes, key=lambda key: (-self.unhealthy[key], -self.nodes[key], str(key)))[:count]


def from_far(topology: Topology, wrong: Mapping[UUID, Trouble], within: UUID | None) -> Far:
    """All of it by cluster; or the cluster `within`, with what of no cluster it is connected to."""
    places: dict[int, GroupKey] = {}
    seen = Far(Counter(), Counter(), Counter(), {})
    for node in topology.nodes:
        key = _group(node, within)
        if key is not None:
            places[node.id.int] = key
    touched: set[GroupKey] = set()
    for source, target in topology.pairs():
        a, b = places.get(source.id.int), places.get(target.id.int)
        if a is not None and b is not None and a != b:
            seen.links[a, b] += 1
            if within is not None and (a.cluster_id or b.cluster_id):
                touched |= {a, b}
    for node in topology.nodes:
        key = places.get(node.id.int)
        if key is None or (within is not None and key.cluster_id is None and key not in touched):
            continue
        seen.nodes[key] += 1
        trouble = wrong.get(node.id)
        if trouble is not None:
            seen.unhealthy[key] += 1
            seen.worst[key] = min(seen.worst.get(key, trouble.severity), trouble.severity, key=_WORST_FIRST.__getitem__)
    for pair in [pair for pair in seen.links if not (pair[0] in seen.nodes and pair[1] in seen.nodes)]:
        del seen.links[pair]
    return seen


def _group(node: Node, within: UUID | None) -> GroupKey | None:
    if node.cluster_id is None:
        return GroupKey(None, None, node.kind)
    if within is None:
        return GroupKey(node.cluster_id, None, None)
    return GroupKey(within, node.namespace or None, node.kind) if node.cluster_id == within else None
