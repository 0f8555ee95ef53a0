"""What depends on what is found in a real Prometheus and in traces, bounded, and by one replica."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from aiops.intelligence.domain.topology import NodeKind, Topology, node_id
from aiops.intelligence.needs_topology import Origin
from aiops.intelligence.service.topology.book import TopologyBook
from aiops.intelligence.service.topology.discovering import TopologyDiscovery
from aiops.intelligence.store.topology import SqlTopology
from aiops.intelligence.topology_sources import SHIPPED
from aiops.kernel.clock import SystemClock, VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.backends.tempo import TempoBackend
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.traces import TracesService
from aiops.observability.store.samples import PostgresSampleStore
from tests.lab.kube_state import Deployed, KubeState
from tests.lab.packages import lab_available
from tests.lab.servers import Prometheus
from tests.lab.tempo import Made, TempoPeer
from tests.observability.clusters import Fleet, Way

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]
ROOT = Principal.system("test")


@dataclass(frozen=True)
class Traced(Way):
    """Its traces are at another address than its metrics."""

    tempo: str | None = None

    def addresses(self) -> dict[str, str | None]:
        return {**super().addresses(), "tempo_url": self.tempo}


class Discovered:
    def __init__(self, fleet: Fleet, job: TopologyDiscovery, book: TopologyBook, database: Database) -> None:
        self.fleet, self.job, self.book, self._database = fleet, job, book, database
        self.store = SqlTopology()

    async def topology(self) -> Topology:
        self.book.changed()
        return await self.book.whole()

    async def origins(self, name: str = "a") -> dict[str, Origin]:
        async with self._database.look() as tx:
            found = await self.store.origins(tx, [self.fleet.ids[name]])
        return {one.origin: one for one in found}

    def id(self, kind: NodeKind, name: str, namespace: str = "", cluster: str = "a") -> UUID:
        return node_id(kind, name, cluster_id=self.fleet.ids[cluster], namespace=namespace)


@asynccontextmanager
async def discovering(
    database: Database, clock: VirtualClock, at_most: int = 1000, **ways: Any
) -> AsyncIterator[Discovered]:
    outbound, real, fleet = Outbound(allow_loopback=True), SystemClock(), Fleet(ways)
    metrics = MetricsService(
        real, fleet, PrometheusBackend(outbound, real), OwnSamples(database, PostgresSampleStore())
    )
    traces = TracesService(real, fleet, TempoBackend(outbound, real), settle_s=0.0)
    book = TopologyBook(database, clock, SqlTopology())
    try:
        job = TopologyDiscovery(
            database, clock, SqlTopology(), fleet, metrics, traces, book, SHIPPED, every_s=300.0, at_most=at_most
        )
        yield Discovered(fleet, job, book, database)
    finally:
        await outbound.close()


@pytest.fixture
def kube() -> Iterator[KubeState]:
    with KubeState([Deployed("web", ("n1", "n2")), Deployed("cart", ("n2",))]) as state:
        yield state


@pytest.fixture
def prometheus(kube: KubeState) -> Iterator[Prometheus]:
    with Prometheus(kube.prometheus_config()) as server:
        _until(server, "count(kube_pod_info)", 3)
        yield server


def _until(server: Prometheus, query: str, value: float) -> None:
    deadline = time.monotonic() + 30
    while [float(one["value"][1]) for one in server.query(query)["result"]] != [value]:
        assert time.monotonic() < deadline, server.query(query)
        time.sleep(0.2)


async def test_owners_machines_and_services_are_read_from_kube_state_metrics(
    database: Database, clock: VirtualClock, prometheus: Prometheus
) -> None:
    async with discovering(database, clock, a=Traced(prometheus.url)) as found:
        await found.job.round()
        topology, fleet = await found.topology(), found.fleet
        web = found.id(NodeKind.WORKLOAD, "web", "shop")
        node = topology.node(web)
        assert node is not None
        assert node.attributes == {"workload_kind": "Deployment"}
        assert {topology.node(one).name: far for one, far in topology.depends_on(web).items()} == {  # type: ignore[union-attr]
            "web-7d9c5bb8f6-x0000": 1,
            "web-7d9c5bb8f6-x0001": 1,
            "n1": 2,
            "n2": 2,
        }
        n2 = found.id(NodeKind.NODE, "n2")
        assert topology.path(found.id(NodeKind.SERVICE, "cart", "shop"), n2)
        assert topology.common_dependency([found.id(NodeKind.WORKLOAD, "cart", "shop"), web]) == n2
        cluster = fleet.ids["a"]
        assert topology.locate(cluster, {"instance": "10.0.0.2:9100"}) == [n2]
        assert topology.locate(cluster, {"namespace": "shop", "pod": "web-7d9c5bb8f6-gone0"}) == [web]
        told = await found.origins()
        assert (told["kubernetes"].nodes, told["kubernetes"].notes) == (9, [])
        assert told["kubernetes"].looked_at == clock.now()
        assert told["traces"].notes == ["It has no traces, and no metrics of a service graph."]
        assert told["hosts"].notes == ["It has no metrics of node_exporter (node_uname_info)."]


async def test_what_is_gone_is_kept_for_an_hour_and_a_look_that_fails_changes_nothing(
    database: Database, clock: VirtualClock, kube: KubeState, prometheus: Prometheus
) -> None:
    async with discovering(database, clock, a=prometheus.url) as found:
        await found.job.round()
        looked = clock.now()
        kube.deployed.pop()
        await asyncio.to_thread(_until, prometheus, "count(kube_pod_info)", 2)
        await clock.advance(301)
        await found.job.round()
        cart = found.id(NodeKind.WORKLOAD, "cart", "shop")
        assert cart in await found.topology()
        async with database.look() as tx:
            assert (await found.store.seen(tx, cart))[0][2] == looked
        prometheus.stop()
        await clock.advance(2 * 3600)
        await found.job.round()
        assert cart in await found.topology()
        told = (await found.origins())["kubernetes"]
        assert told.error is not None
        assert told.looked_at is not None
        assert told.looked_at < clock.now()
        prometheus.start()
        await asyncio.to_thread(_until, prometheus, "count(kube_pod_info)", 2)
        await clock.advance(61)
        await found.job.round()
        topology = await found.topology()
        assert cart not in topology
        assert found.id(NodeKind.WORKLOAD, "web", "shop") in topology
        assert (await found.origins())["kubernetes"].error is None


async def test_more_than_the_bound_is_left_out_and_said(
    database: Database, clock: VirtualClock, prometheus: Prometheus
) -> None:
    async with discovering(database, clock, at_most=5, a=prometheus.url) as found:
        await found.job.round()
        told = (await found.origins())["kubernetes"]
        assert (told.nodes, told.left_out) == (5, 4)
        assert told.notes[-1] == "Only 5 nodes are kept: 4 pods or services are left out."
        # A workload whose pods found no room still hangs on their machines.
        topology = await found.topology()
        assert found.id(NodeKind.NODE, "n2") in topology.depends_on(found.id(NodeKind.WORKLOAD, "web", "shop"))


async def test_of_two_replicas_one_looks(database: Database, clock: VirtualClock, prometheus: Prometheus) -> None:
    async with discovering(database, clock, a=prometheus.url) as found:
        assert sorted(await asyncio.gather(found.job.round(), found.job.round())) in ([0, 3], [1, 2])
        assert await found.job.round() == 0
        await clock.advance(301)
        assert await found.job.round() == 3


async def test_calls_come_from_the_service_graph_and_land_on_workloads(database: Database, clock: VirtualClock) -> None:
    now = time.time()
    lines = ["# TYPE traces_service_graph_request counter"]
    for client, callee, total in (("web", "cart", 900), ("user", "web", 900), ("web", "old", 0)):
        for minute in range(31):
            labels = f'{{client="{client}",server="{callee}"}}'
            value = total * minute / 30
            lines.append(f"traces_service_graph_request_total{labels} {value} {now - 1800 + 60 * minute:.3f}")
    lines.append("# TYPE kube_deployment_created gauge")
    for name in ("web", "cart"):
        lines.append(f'kube_deployment_created{{namespace="shop",deployment="{name}"}} 1 {now:.3f}')
    lines.append(f'kube_deployment_created{{namespace="other",deployment="cart"}} 1 {now:.3f}')
    with Prometheus(past="\n".join([*lines, "# EOF", ""])) as server:
        async with discovering(database, clock, a=server.url) as found:
            await found.job.round()
            topology = await found.topology()
            web, cart = found.id(NodeKind.SERVICE, "web"), found.id(NodeKind.SERVICE, "cart")
            assert topology.depends_on(web) == {cart: 1, found.id(NodeKind.WORKLOAD, "web", "shop"): 1}
            # Two workloads are named so: neither is taken for it.
            assert topology.depends_on(cart) == {}
            assert found.id(NodeKind.SERVICE, "old") not in topology
            assert (await found.origins())["traces"].notes == [
                "1 services are taken for the one workload that has the same name."
            ]


async def test_calls_come_from_spans_where_there_is_no_service_graph(database: Database, clock: VirtualClock) -> None:
    tempo, start = TempoPeer(), int((time.time() - 60) * 1e9)
    where = {"k8s.namespace.name": "shop", "k8s.deployment.name": "cart-v2"}
    trace_id = "0123456789abcdef0123456789abcdef"
    tempo.add(
        Made(trace_id, "a1b2c3d4e5f60718", None, "GET /", "web", start, 10**7),
        Made(trace_id, "a1b2c3d4e5f60719", "a1b2c3d4e5f60718", "call", "web", start, 10**6),
        Made(trace_id, "a1b2c3d4e5f6071a", "a1b2c3d4e5f60719", "POST /cart", "cart", start, 10**6, resource=where),
    )
    with tempo, Prometheus() as empty:
        async with discovering(database, clock, a=Traced(empty.url, tempo=tempo.url)) as found:
            await found.job.round()
            topology = await found.topology()
            web, cart = found.id(NodeKind.SERVICE, "web"), found.id(NodeKind.SERVICE, "cart")
            workload = found.id(NodeKind.WORKLOAD, "cart-v2", "shop")
            assert topology.depends_on(web) == {cart: 1, workload: 2}
            assert "latest 1 traces" in (await found.origins())["traces"].notes[0]


async def test_machines_outside_of_kubernetes_are_hosts(database: Database, clock: VirtualClock) -> None:
    state = KubeState(
        nodes=("n1",),
        extra=[
            'node_uname_info{nodename="n1",instance="10.0.0.1:9100"} 1',
            'node_uname_info{nodename="db-1",instance="10.0.9.9:9100"} 1',
        ],
    )
    with state, Prometheus(state.prometheus_config()) as server:
        await asyncio.to_thread(_until, server, "count(node_uname_info)", 2)
        async with discovering(database, clock, a=server.url) as found:
            await found.job.round()
            topology = await found.topology()
            host = found.id(NodeKind.HOST, "db-1")
            assert [node.name for node in topology.nodes if node.kind is NodeKind.HOST] == ["db-1"]
            assert topology.locate(found.fleet.ids["a"], {"instance": "10.0.9.9:9187"}) == [host]
