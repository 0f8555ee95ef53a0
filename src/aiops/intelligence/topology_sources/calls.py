"""Which service calls which, by traces: Tempo's service graph where its metrics are there, else the latest traces.

`traces_service_graph_request_total{client, server}` is written by Tempo's metrics generator and by the service graph
connector of the OpenTelemetry Collector.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind
from aiops.intelligence.needs_topology import Asking, Found
from aiops.observability.ports_signals import Span

_GRAPH = "sum by (client, server) (increase(traces_service_graph_request_total[1h]))"
_WORKLOADS = (
    "max by (namespace, exported_namespace, deployment) (kube_deployment_created)",
    "max by (namespace, exported_namespace, statefulset) (kube_statefulset_created)",
)
_SPANS = "{ }"
_TRACES = 30
# Callers that Tempo makes up where it saw none.
_NOBODY = frozenset({"", "user", "unknown"})
_OWNERS = ("k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name")


@dataclass
class _Graph:
    cluster_id: UUID
    at_most: int
    nodes: dict[UUID, Node] = field(default_factory=dict)
    edges: dict[tuple[UUID, UUID], Edge] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    def service(self, name: str) -> Node | None:
        return self._add(Node.of(NodeKind.SERVICE, name, cluster_id=self.cluster_id))

    def workload(self, namespace: str, name: str) -> Node | None:
        return self._add(Node.of(NodeKind.WORKLOAD, name, cluster_id=self.cluster_id, namespace=namespace))

    def connect(self, source: Node | None, target: Node | None, kind: EdgeKind) -> None:
        if source is not None and target is not None and source.id != target.id:
            self.edges[source.id, target.id] = Edge(source.id, target.id, kind, Calls.name)

    def _add(self, node: Node) -> Node | None:
        if node.id not in self.nodes and len(self.nodes) >= self.at_most:
            self.left_out.add(node.name)
            return None
        return self.nodes.setdefault(node.id, node)


class Calls:
    name: ClassVar[str] = "traces"
    keep_s: ClassVar[float] = 86_400.0

    async def look(self, asking: Asking, cluster_id: UUID, at_most: int) -> Found:
        graph, notes = _Graph(cluster_id, at_most), []
        calls = [labels for labels, count in await asking.metrics(_GRAPH) if count > 0]
        for labels in calls:
            client, server = labels.get("client", ""), labels.get("server", "")
            if server not in _NOBODY:
                callee = graph.service(server)
                if client not in _NOBODY:
                    graph.connect(graph.service(client), callee, EdgeKind.CALLS)
        if not calls:
            traces = await asking.traces(_SPANS, _TRACES)
            for spans in traces:
                _follow(graph, spans)
            if not traces:
                return Found([], [], ["It has no traces, and no metrics of a service graph."])
            notes.append(f"Calls are those of its latest {len(traces)} traces: rare ones may be missing.")
        taken = await _same_names(asking, graph)
        if taken:
            notes.append(f"{taken} services are taken for the one workload that has the same name.")
        if graph.left_out:
            notes.append(f"Only {at_most:,} nodes are kept: {len(graph.left_out):,} services are left out.")
        return Found(list(graph.nodes.values()), list(graph.edges.values()), notes, len(graph.left_out))


def _follow(graph: _Graph, spans: Iterable[Span]) -> None:
    """A span of another service than its parent's is a call."""
    by_id = {span.span_id: span for span in spans}
    for span in by_id.values():
        service = graph.service(span.service) if span.service not in _NOBODY else None
        parent = by_id.get(span.parent_id or "")
        if parent is not None and parent.service != span.service and parent.service not in _NOBODY:
            graph.connect(graph.service(parent.service), service, EdgeKind.CALLS)
        namespace = str(span.resource.get("k8s.namespace.name") or "")
        owner = next((str(name) for key in _OWNERS if (name := span.resource.get(key))), "")
        if service is not None and namespace and owner:
            graph.connect(service, graph.workload(namespace, owner), EdgeKind.RUNS_ON)


async def _same_names(asking: Asking, graph: _Graph) -> int:
    """Services whose traces do not say where they run, where just one workload has their name."""
    tied = {edge.source for edge in graph.edges.values() if edge.kind is EdgeKind.RUNS_ON}
    loose = [node for node in graph.nodes.values() if node.kind is NodeKind.SERVICE and node.id not in tied]
    if not loose:
        return 0
    spaces: dict[str, set[str]] = defaultdict(set)
    for query, label in zip(_WORKLOADS, ("deployment", "statefulset"), strict=True):
        for labels, _ in await asking.metrics(query):
            spaces[labels.get(label, "")].add(labels.get("exported_namespace") or labels.get("namespace", ""))
    alone = [(node, next(iter(spaces[node.name]))) for node in loose if len(spaces.get(node.name, ())) == 1]
    for node, namespace in alone:
        graph.connect(node, graph.workload(namespace, node.name), EdgeKind.RUNS_ON)
    return len(alone)
