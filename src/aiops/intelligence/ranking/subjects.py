"""The things that signals, alerts, changes, log patterns and traces are about, and what depends on what among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from aiops.intelligence.domain.causes import AlertSignal, ChangeSignal, LogSignal, TopologyView, TraceSignal
from aiops.intelligence.domain.things import NodeKind
from aiops.intelligence.ranking.departures import Departure
from aiops.observability.ports import Labels

_SERVICES = (
    "service",
    "service_name",
    "destination_service_name",
    "app",
    "container",
    "deployment",
    "statefulset",
    "daemonset",
    "workload",
)
_NAMESPACES = ("namespace", "destination_service_namespace", "exported_namespace")
_MACHINES = ("node", "Hostname", "nodename", "host", "instance")
_OF_MACHINES = re.compile(r"node[-_]?exporter|dcgm", re.IGNORECASE)
_OF_OBJECTS = re.compile(r"kube-?_?state-?_?metrics", re.IGNORECASE)
_POD = re.compile(r"^(.+?)(?:-[0-9a-f]{8,10})?-(?:[a-z0-9]{5}|\d+)$")
_CALLED = frozenset({NodeKind.POD, NodeKind.WORKLOAD, NodeKind.SERVICE})
_CARRYING = frozenset({NodeKind.NODE, NodeKind.HOST})
_MACHINE_SORTS = frozenset(kind.value.lower() for kind in _CARRYING)
_DNS = re.compile(r"(^|-)(core-?dns|kube-?dns|dns|unbound|bind9?)(-|$)", re.IGNORECASE)


class Key(NamedTuple):
    """Whose: of which cluster (`None` where several share it), of what sort, and its name."""

    cluster_id: UUID | None
    sort: str
    namespace: str
    name: str


@dataclass(kw_only=True)
class Subject:
    """A thing, all that was seen of it, and its nodes in the topology."""

    key: Key
    nodes: set[UUID] = field(default_factory=set)
    moved: list[Departure] = field(default_factory=list)
    alerts: list[AlertSignal] = field(default_factory=list)
    changes: list[ChangeSignal] = field(default_factory=list)
    logs: list[LogSignal] = field(default_factory=list)
    traces: list[TraceSignal] = field(default_factory=list)
    # Other subjects that it depends on, with how many edges away they are.
    needs: dict[Key, int] = field(default_factory=dict)
    # Whether it is known on which machine it runs.
    placed: bool = False

    @property
    def at(self) -> float | None:
        """When the first of it moved, or else its first alert began."""
        times = [one.at for one in self.moved] or [one.started_at for one in self.alerts]
        return min(times, default=None)

    @property
    def is_dns(self) -> bool:
        return self.key.sort == "service" and _DNS.search(self.key.name) is not None

    def may_run_on(self, other: Subject) -> bool:
        """Whether the other is a machine of its cluster, and nothing says where it runs."""
        if self.placed or self.key.sort != "service" or other.key.cluster_id != self.key.cluster_id:
            return False
        return other.key.sort in _MACHINE_SORTS


class Subjects:
    """Keys by labels, the same for a service, its workload and its pods; asks the topology where there is one."""

    def __init__(self, topology: TopologyView | None) -> None:
        self._topology = topology
        self._found: dict[tuple[UUID | None, tuple[tuple[str, str], ...]], tuple[Key, tuple[UUID, ...]]] = {}
        self.known: dict[Key, Subject] = {}

    def of(self, cluster_id: UUID | None, labels: Labels, fallback: str = "") -> Subject:
        """The subject that the labels name; made where it is not known yet."""
        key, nodes = self.key_of(cluster_id, labels, fallback)
        subject = self.known.get(key)
        if subject is None:
            subject = self.known[key] = Subject(key=key)
        subject.nodes.update(nodes)
        return subject

    def key_of(self, cluster_id: UUID | None, labels: Labels, fallback: str = "") -> tuple[Key, tuple[UUID, ...]]:
        asked = (cluster_id, (*sorted(labels.items()), ("", fallback)))
        if asked not in self._found:
            self._found[asked] = self._look_up(cluster_id, labels, fallback)
        return self._found[asked]

    def _look_up(self, cluster_id: UUID | None, labels: Labels, fallback: str) -> tuple[Key, tuple[UUID, ...]]:
        told = _told(cluster_id, labels, fallback)
        if self._topology is None:
            return told, ()
        known = {**labels, "app": labels["container"]} if labels.get("container") and "app" not in labels else labels
        found = [node for one in self._topology.locate(cluster_id, known) if (node := self._topology.node(one))]
        if not found:
            return told, ()
        called = [node for node in found if node.kind in _CALLED]
        if not called:
            node = found[0]
            return Key(node.cluster_id, node.kind.value.lower(), "", node.name), (node.id,)
        named = next((node for node in called if node.kind is not NodeKind.POD), called[0])
        name = named.name if named.kind is not NodeKind.POD else _owner(named.name)
        namespace = next((node.namespace for node in called if node.namespace), told.namespace)
        return Key(named.cluster_id, "service", namespace, name), tuple(node.id for node in called)

    def fold(self) -> None:
        """What has no namespace joins the one of its name that has one, if there is but one."""
        for key in [key for key in self.known if key.sort == "service" and not key.namespace]:
            same = [one for one in self.known if one.namespace and one[:2] == key[:2] and one.name == key.name]
            if len(same) == 1:
                _join(self.known[same[0]], self.known.pop(key))

    def relate(self) -> None:
        """Fill in what depends on what."""
        if self._topology is None:
            return
        whose = {node: key for key, subject in self.known.items() for node in subject.nodes}
        for key, subject in self.known.items():
            for node in subject.nodes:
                for needed, distance in self._topology.depends_on(node).items():
                    found = self._topology.node(needed)
                    subject.placed = subject.placed or (found is not None and found.kind in _CARRYING)
                    other = whose.get(needed)
                    if other is not None and other != key:
                        subject.needs[other] = min(distance, subject.needs.get(other, distance))


def _told(cluster_id: UUID | None, labels: Mapping[str, str], fallback: str) -> Key:
    """By the labels alone."""
    job = labels.get("job", "")
    namespace = next((labels[name] for name in _NAMESPACES if labels.get(name)), "")
    if not _OF_MACHINES.search(job):
        of_objects = _OF_OBJECTS.search(job) is not None
        for name in _SERVICES:
            if labels.get(name) and not (of_objects and name in ("service", "service_name", "container")):
                return Key(cluster_id, "service", namespace, labels[name])
        if labels.get("pod"):
            return Key(cluster_id, "service", namespace, _owner(labels["pod"]))
    for name in _MACHINES:
        if labels.get(name):
            host, _, port = labels[name].rpartition(":")
            return Key(cluster_id, "node", "", host if host and port.isdigit() else labels[name])
    named = " ".join(value for name, value in sorted(labels.items()) if not name.startswith("__") and name != "job")
    return Key(cluster_id, "thing", "", named or job or fallback)


def _owner(pod: str) -> str:
    found = _POD.match(pod)
    return found[1] if found else pod


def _join(into: Subject, other: Subject) -> None:
    into.nodes |= other.nodes
    into.moved += other.moved
    into.alerts += other.alerts
    into.changes += other.changes
    into.logs += other.logs
    into.traces += other.traces
