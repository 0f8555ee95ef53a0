"""Pods, the workloads that own them, the machines they run on and the services before them, by kube-state-metrics.

The metrics are those of its documentation: kube_pod_info, kube_pod_owner, kube_replicaset_owner, kube_job_owner,
kube_node_info, kube_service_info, kube_endpoint_address. Where it is scraped without `honor_labels`, the object's own
labels come as `exported_namespace`, `exported_pod`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind
from aiops.intelligence.needs_topology import Asking, Found
from aiops.observability.ports import Labels

_SPACE = "namespace, exported_namespace"
_PODS = f"max by ({_SPACE}, pod, exported_pod, node, host_ip, pod_ip, created_by_kind, created_by_name) (kube_pod_info)"
_POD_OWNERS = f'max by ({_SPACE}, pod, exported_pod, owner_kind, owner_name) (kube_pod_owner{{owner_kind!=""}})'
_REPLICA_SETS = f'max by ({_SPACE}, replicaset, owner_kind, owner_name) (kube_replicaset_owner{{owner_kind!=""}})'
_JOBS = f'max by ({_SPACE}, job_name, exported_job_name, owner_kind, owner_name) (kube_job_owner{{owner_kind!=""}})'
_MACHINES = "max by (node, internal_ip) (kube_node_info)"
_SERVICES = f"max by ({_SPACE}, service, exported_service, cluster_ip) (kube_service_info)"
_ENDPOINTS = f"max by ({_SPACE}, endpoint, exported_endpoint, ip) (kube_endpoint_address)"

_NO_OWNERS = frozenset({"", "<none>", "Node"})
_Spaced = tuple[str, str]


@dataclass
class _Seen:
    cluster_id: UUID
    nodes: dict[UUID, Node] = field(default_factory=dict)
    edges: dict[tuple[UUID, UUID], Edge] = field(default_factory=dict)

    def add(self, node: Node) -> Node:
        return self.nodes.setdefault(node.id, node)

    def connect(self, source: Node, target: Node, kind: EdgeKind) -> None:
        self.edges[source.id, target.id] = Edge(source.id, target.id, kind, Kubernetes.name)

    def thing(self, kind: NodeKind, at: _Spaced, attributes: Mapping[str, str] | None = None) -> Node:
        return self.add(Node.of(kind, at[1], cluster_id=self.cluster_id, namespace=at[0], attributes=attributes or {}))


class Kubernetes:
    name: ClassVar[str] = "kubernetes"
    keep_s: ClassVar[float] = 3600.0

    async def look(self, asking: Asking, cluster_id: UUID, at_most: int) -> Found:
        pods = await asking.metrics(_PODS)
        machines = await asking.metrics(_MACHINES)
        if not pods and not machines:
            return Found([], [], ["It has no metrics of kube-state-metrics (kube_pod_info, kube_node_info)."])
        seen, notes = _Seen(cluster_id), []
        for labels, _ in machines:
            _machine(seen, labels.get("node", ""), labels.get("internal_ip", ""))
        owners = await _owners(asking)
        by_address: dict[str, Node] = {}
        left_out = 0
        for labels, _ in sorted(pods, key=lambda one: (_at(one[0], "pod"), one[0].get("node", ""))):
            left_out += not _pod(seen, labels, owners, by_address, at_most)
        services = await asking.metrics(_SERVICES)
        if not services:
            notes.append("Its kube-state-metrics tells of no services (kube_service_info).")
        left_out += await _services(asking, seen, services, by_address, at_most, notes)
        if left_out:
            notes.append(f"Only {at_most:,} nodes are kept: {left_out:,} pods or services are left out.")
        return Found(list(seen.nodes.values()), list(seen.edges.values()), notes, left_out)


def _machine(seen: _Seen, name: str, address: str) -> Node | None:
    if not name:
        return None
    attributes = {"ip": address} if address else {}
    return seen.add(Node.of(NodeKind.NODE, name, cluster_id=seen.cluster_id, attributes=attributes))


async def _owners(asking: Asking) -> dict[tuple[str, str, str], _Spaced]:
    """(kind, namespace, name) -> (kind, name) of what owns it: of pods, replica sets and jobs."""
    found: dict[tuple[str, str, str], _Spaced] = {}
    for kind, label, query in (
        ("Pod", "pod", _POD_OWNERS),
        ("ReplicaSet", "replicaset", _REPLICA_SETS),
        ("Job", "job_name", _JOBS),
    ):
        for labels, _ in await asking.metrics(query):
            owner = (labels.get("owner_kind", ""), labels.get("owner_name", ""))
            if owner[0] not in _NO_OWNERS and owner[1] not in _NO_OWNERS:
                namespace, name = _at(labels, label)
                found[kind, namespace, name] = owner
    return found


def _pod(
    seen: _Seen,
    labels: Labels,
    owners: Mapping[tuple[str, str, str], _Spaced],
    by_address: dict[str, Node],
    at_most: int,
) -> bool:
    """Whether there was room for it; its workload and its machine are kept where there was none."""
    namespace, name = _at(labels, "pod")
    address = labels.get("pod_ip", "")
    own_address = address if address != labels.get("host_ip") else ""
    workload = _workload(seen, namespace, name, labels, owners)
    machine = _machine(seen, labels.get("node", ""), "")
    if len(seen.nodes) >= at_most:
        if workload is not None and machine is not None:
            # Short of its pods, a workload still runs on their machines.
            seen.connect(workload, machine, EdgeKind.RUNS_ON)
        return False
    pod = seen.thing(NodeKind.POD, (namespace, name), {"ip": own_address} if own_address else {})
    if own_address:
        by_address[own_address] = workload or pod
    if machine is not None:
        seen.connect(pod, machine, EdgeKind.RUNS_ON)
    if workload is not None:
        seen.connect(workload, pod, EdgeKind.CONSISTS_OF)
    return True


def _workload(
    seen: _Seen, namespace: str, pod: str, labels: Labels, owners: Mapping[tuple[str, str, str], _Spaced]
) -> Node | None:
    """What owns the pod at last: of a replica set its Deployment, of a job its CronJob."""
    created_by = (labels.get("created_by_kind", ""), labels.get("created_by_name", ""))
    kind, name = owners.get(("Pod", namespace, pod), created_by)
    if kind in _NO_OWNERS or name in _NO_OWNERS:
        return None
    kind, name = owners.get((kind, namespace, name), (kind, name))
    return seen.thing(NodeKind.WORKLOAD, (namespace, name), {"workload_kind": kind})


async def _services(
    asking: Asking,
    seen: _Seen,
    services: Iterable[tuple[Labels, float]],
    by_address: Mapping[str, Node],
    at_most: int,
    notes: list[str],
) -> int:
    """Services with the workloads behind their endpoints; gives how many there was no room for."""
    known: dict[_Spaced, Node] = {}
    left_out = 0
    for labels, _ in services:
        at, address = _at(labels, "service"), labels.get("cluster_ip", "")
        if len(seen.nodes) < at_most:
            known[at] = seen.thing(
                NodeKind.SERVICE, at, {"ip": address} if address not in ("", "None", "<none>") else {}
            )
        else:
            left_out += 1
    endpoints = await asking.metrics(_ENDPOINTS) if known else []
    if known and not endpoints:
        notes.append("Its kube-state-metrics tells of no endpoints (kube_endpoint_address): services stand alone.")
    for labels, _ in endpoints:
        service, behind = known.get(_at(labels, "endpoint")), by_address.get(labels.get("ip", ""))
        if service is not None and behind is not None:
            seen.connect(service, behind, EdgeKind.RUNS_ON)
    return left_out


def _at(labels: Labels, label: str) -> _Spaced:
    """Namespace and name of the object that a series is about."""
    namespace = labels.get("exported_namespace") or labels.get("namespace", "")
    return namespace, labels.get(f"exported_{label}") or labels.get(label, "")
