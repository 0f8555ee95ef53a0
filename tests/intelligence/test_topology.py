"""What depends on what, and which things the labels of alerts name."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind, Topology

HERE, THERE = uuid4(), uuid4()


def _machine(name: str, cluster: UUID = HERE, ip: str = "") -> Node:
    return Node.of(NodeKind.NODE, name, cluster_id=cluster, attributes={"ip": ip} if ip else {})


def _of(kind: NodeKind, name: str, namespace: str = "shop", cluster: UUID = HERE, ip: str = "") -> Node:
    attributes = {"ip": ip} if ip else {}
    return Node.of(kind, name, cluster_id=cluster, namespace=namespace, attributes=attributes)


SWITCH, CORE = Node.of(NodeKind.SWITCH, "switch-7"), Node.of(NodeKind.SWITCH, "core-1")
N1, N2, FAR = _machine("n1", ip="10.0.0.1"), _machine("n2.lab.example"), _machine("n1", THERE)
WEB = _of(NodeKind.WORKLOAD, "web")
WEB_POD = _of(NodeKind.POD, "web-7d9c5bb-x2x4z", ip="10.1.0.4")
EXPORTER = _of(NodeKind.POD, "node-exporter-b7k2w", "monitoring")
FRONT, CART = _of(NodeKind.SERVICE, "front", ""), _of(NodeKind.SERVICE, "cart")
NODES = [SWITCH, CORE, N1, N2, FAR, WEB, WEB_POD, EXPORTER, FRONT, CART]
EDGES = [
    Edge(source.id, target.id, kind)
    for source, kind, target in [
        (FRONT, EdgeKind.CALLS, CART),
        (FRONT, EdgeKind.RUNS_ON, WEB),
        (CART, EdgeKind.RUNS_ON, N2),
        (WEB, EdgeKind.CONSISTS_OF, WEB_POD),
        (WEB_POD, EdgeKind.RUNS_ON, N1),
        (EXPORTER, EdgeKind.RUNS_ON, N1),
        (N1, EdgeKind.CONNECTED_TO, SWITCH),
        (N2, EdgeKind.CONNECTED_TO, SWITCH),
        (FAR, EdgeKind.CONNECTED_TO, SWITCH),
        (SWITCH, EdgeKind.CONNECTED_TO, CORE),
    ]
]


@pytest.fixture
def topology() -> Topology:
    return Topology(NODES, EDGES)


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"namespace": "shop", "pod": "web-7d9c5bb-x2x4z", "node": "n1"}, [WEB_POD, N1]),
        ({"namespace": "shop", "deployment": "web"}, [WEB]),
        ({"namespace": "shop", "replicaset": "web-7d9c5bb"}, [WEB]),
        # Pods come and go; the workload that such a name belongs to stays.
        ({"namespace": "shop", "pod": "web-7d9c5bb-gone1"}, [WEB]),
        ({"namespace": "other", "pod": "web-7d9c5bb-x2x4z"}, []),
        ({"namespace": "shop", "service": "cart"}, [CART]),
        ({"service_name": "front", "namespace": "shop"}, [FRONT]),
        ({"job": "shop/front"}, [FRONT]),
        ({"instance": "n1:9100", "job": "node", "device": "eth0"}, [N1]),
        ({"instance": "10.0.0.1:9100"}, [N1]),
        ({"instance": "n2:9100"}, [N2]),
        ({"nodename": "N2.lab.example"}, [N2]),
        ({"instance": "10.1.0.4:8080", "job": "web"}, [WEB_POD]),
        ({"instance": "https://switch-7:443/metrics", "job": "blackbox"}, [SWITCH]),
        ({"sysName": "switch-7", "ifName": "eth1"}, [SWITCH]),
        ({"alertname": "Watchdog"}, []),
    ],
)
def test_labels_name_things_the_most_specific_first(
    topology: Topology, labels: dict[str, str], named: list[Node]
) -> None:
    assert topology.locate(HERE, labels) == [node.id for node in named]


def test_where_an_exporter_runs_is_not_what_its_alert_is_about(topology: Topology) -> None:
    of_kubernetes = {"job": "kube-state-metrics", "instance": "10.1.0.4:8080", "service": "cart", "namespace": "shop"}
    assert topology.locate(HERE, {**of_kubernetes, "deployment": "web"}) == [WEB.id]
    # node_exporter's own pod tells which machine is meant, where no label names it.
    of_machine = {"job": "node-exporter", "namespace": "monitoring", "pod": "node-exporter-b7k2w"}
    assert topology.locate(HERE, {**of_machine, "instance": "10.9.9.9:9100"}) == [N1.id]
    of_card = {**of_machine, "job": "dcgm-exporter", "exported_namespace": "shop", "exported_pod": "web-7d9c5bb-x2x4z"}
    assert topology.locate(HERE, {**of_card, "Hostname": "n1"}) == [WEB_POD.id, N1.id]


def test_a_name_means_the_thing_of_its_own_cluster(topology: Topology) -> None:
    assert topology.locate(THERE, {"node": "n1"}) == [FAR.id]
    assert topology.locate(None, {"node": "n1"}) == []
    assert topology.locate(THERE, {"instance": "switch-7"}) == [SWITCH.id]


def test_matchers_name_a_thing_before_its_name_does() -> None:
    by_port = Node.of(NodeKind.DEVICE, "uplink", matchers=({"instance": "switch-7", "ifName": "eth48"},))
    other = Node.of(NodeKind.DEVICE, "psu", cluster_id=THERE, matchers=({"instance": "switch-7"},))
    topology = Topology([SWITCH, by_port, other], [])
    assert topology.locate(HERE, {"instance": "switch-7", "ifName": "eth48"}) == [by_port.id, SWITCH.id]
    assert topology.locate(HERE, {"instance": "switch-7", "ifName": "eth1"}) == [SWITCH.id]


def test_what_is_needed_and_who_needs_it_come_with_their_distance(topology: Topology) -> None:
    assert topology.depends_on(WEB.id) == {WEB_POD.id: 1, N1.id: 2, SWITCH.id: 3, CORE.id: 4}
    assert topology.depends_on(WEB.id, depth=2) == {WEB_POD.id: 1, N1.id: 2}
    needing = topology.dependants(SWITCH.id)
    assert needing[FAR.id] == 1
    assert needing[FRONT.id] == 3
    assert CORE.id not in needing
    assert topology.depends_on(uuid4()) == {}
    assert topology.path(FRONT.id, CORE.id) == [FRONT.id, CART.id, N2.id, SWITCH.id, CORE.id]
    assert topology.path(CORE.id, FRONT.id) == []
    assert topology.kinds_between(N1.id, SWITCH.id) == (EdgeKind.CONNECTED_TO,)


def test_the_common_dependency_is_the_nearest_that_all_need(topology: Topology) -> None:
    assert topology.common_dependency([WEB_POD.id, CART.id, FAR.id]) == SWITCH.id
    assert topology.common_dependency([WEB_POD.id, EXPORTER.id]) == N1.id
    assert topology.common_dependency([WEB_POD.id, N1.id]) == N1.id
    assert topology.common_dependency([N1.id]) == N1.id
    assert topology.common_dependency([WEB_POD.id, uuid4()]) is None
    assert topology.common_dependency([WEB_POD.id, EXPORTER.id, CART.id, uuid4()], share=0.5) == SWITCH.id
    assert topology.common_dependency([]) is None


def test_circles_and_edges_into_nowhere_do_no_harm() -> None:
    topology = Topology(
        [FRONT, CART],
        [
            Edge(FRONT.id, CART.id, EdgeKind.CALLS, "traces"),
            Edge(CART.id, FRONT.id, EdgeKind.CALLS, "traces"),
            Edge(FRONT.id, CART.id, EdgeKind.CALLS, "file"),
            Edge(CART.id, N1.id, EdgeKind.RUNS_ON),
        ],
    )
    assert topology.depends_on(FRONT.id) == {CART.id: 1}
    assert (topology.edge_count, topology.dangling) == (2, 1)
    assert topology.around(FRONT.id, depth=3, at_most=10) == {FRONT.id: 0, CART.id: 1}
