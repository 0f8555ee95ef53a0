"""A topology of 50,000 nodes and 200,000 edges: built in 2 s CPU, 10,000 alerts a second located, walked in 100 ms."""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from uuid import UUID

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind, Topology
from bench.verdict import at_least, at_most, told

TAKES = "30 s"
CLUSTERS, MACHINES, WORKLOADS, PODS, SWITCHES = 20, 100, 300, 1800, 50
EDGES = 200_000


def made(seed: int = 1) -> tuple[list[Node], list[Edge]]:
    """Clusters whose machines hang on shared switches, and services that call each other until the edges are full."""
    dice = random.Random(seed)
    core = Node.of(NodeKind.SWITCH, "core")
    switches = [Node.of(NodeKind.SWITCH, f"switch-{at}") for at in range(SWITCHES)]
    nodes = [core, *switches]
    edges = [Edge(switch.id, core.id, EdgeKind.CONNECTED_TO) for switch in switches]
    for number in range(1, CLUSTERS + 1):
        cluster = UUID(int=number)
        machines = [Node.of(NodeKind.NODE, f"n{at}", cluster_id=cluster) for at in range(MACHINES)]
        workloads = [_of(NodeKind.WORKLOAD, f"w{at}", at, cluster) for at in range(WORKLOADS)]
        services = [_of(NodeKind.SERVICE, f"s{at}", at, cluster) for at in range(WORKLOADS)]
        pods = [_of(NodeKind.POD, f"w{at % WORKLOADS}-7d9c5bb-{at:05d}", at, cluster) for at in range(PODS)]
        nodes += machines + workloads + services + pods
        edges += [Edge(one.id, dice.choice(switches).id, EdgeKind.CONNECTED_TO) for one in machines]
        edges += [Edge(one.id, work.id, EdgeKind.RUNS_ON) for one, work in zip(services, workloads, strict=True)]
        edges += [Edge(workloads[at % WORKLOADS].id, pod.id, EdgeKind.CONSISTS_OF) for at, pod in enumerate(pods)]
        edges += [Edge(pod.id, dice.choice(machines).id, EdgeKind.RUNS_ON) for pod in pods]
        while len(edges) < EDGES * number // CLUSTERS:
            edges.append(Edge(dice.choice(services).id, dice.choice(services).id, EdgeKind.CALLS))
    return nodes, edges


def _of(kind: NodeKind, name: str, at: int, cluster: UUID) -> Node:
    return Node.of(kind, name, cluster_id=cluster, namespace=f"ns{at % 20}")


def main() -> int:
    nodes, edges = made()
    began = time.process_time()
    topology = Topology(nodes, edges)
    built = time.process_time() - began
    labels = [{"namespace": one.namespace, "pod": one.name} for one in nodes if one.kind is NodeKind.POD][:10_000]
    began = time.process_time()
    for wanted in labels:
        topology.locate(UUID(int=1), wanted)
    located = len(labels) / (time.process_time() - began)
    switch = nodes[1]
    began = time.process_time()
    needing = topology.dependants(switch.id)
    walked = 1000 * (time.process_time() - began)
    hit = [one for one in topology.dependants(switch.id, 3) if _is_not_called(topology.node(one))]
    began = time.process_time()
    found = topology.common_dependency(hit)
    common = 1000 * (time.process_time() - began)
    tracemalloc.start()
    kept = Topology(nodes, edges)
    held = tracemalloc.get_traced_memory()[0] / 1e6
    told("nodes", len(kept), note=f"{len(edges)} edges")
    verdicts = [
        at_most("build", built, 2, " s CPU"),
        at_most("memory beside nodes and edges", held, 60, " MB"),
        at_least("labels located", located, 10_000, "/s"),
        at_most("who needs a switch", walked, 100, " ms", f"{len(needing)} nodes"),
        at_most("common dependency", common, 100, " ms", f"of {len(hit)} nodes"),
        at_least("and it is the switch", float(found == switch.id), 1),
    ]
    return 0 if all(verdicts) else 1


def _is_not_called(node: Node | None) -> bool:
    return node is not None and node.kind is not NodeKind.SERVICE


if __name__ == "__main__":
    sys.exit(main())
