"""Where an incident lies in the topology, and what names it."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from uuid import UUID

import pytest

from aiops.intelligence.domain.causes import Cause
from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind, Topology
from aiops.intelligence.service.topology.of_incident import drawn
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from tests.intelligence.test_incidents import Hub, person
from tests.intelligence.test_suspects import Plant, fire


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def machines_fail(hub: Hub, **machines: int) -> list[UUID]:
    """So many on each cluster; gives the clusters."""
    clusters = [new_id() for _ in machines]
    hub.topology = Plant(*clusters)
    hub.start()
    for cluster, count in zip(clusters, machines.values(), strict=True):
        for place in range(count):
            await fire(hub, cluster, "NodeSlow", hub.clock.now(), node=f"n{place}")
    await hub.dispatcher.step()
    return clusters


def cause(cluster: UUID, node: UUID, at: datetime) -> Cause:
    return Cause(
        title="CPU of n0",
        cluster_id=cluster,
        subject="n0",
        labels={},
        confidence=0.9,
        moved_at=at,
        reasons=[],
        evidence=[],
        node_id=node,
    )


async def test_a_thing_that_tells_nothing_does_not_name_what_the_ranking_explains(hub: Hub) -> None:
    a, b = await machines_fail(hub, a=3, b=3)
    (one,) = await hub.incidents()
    assert one.title == "network: switch-7 suspected, 2 clusters"
    ranked = [cause(a, Node.of(NodeKind.NODE, "n0", cluster_id=a).id, hub.clock.now())]
    async with hub.database.begin() as tx:
        await SqlIncidents().put_causes(tx, one.id, 1, ranked, None)
        await tx.commit()
    (one,) = await hub.incidents()
    assert one.title == "n0 suspected, 2 clusters"
    (elsewhere,) = await hub.incidents(person(Role.VIEWER, b))
    assert "n0" not in elsewhere.title
    async with hub.database.begin() as tx:
        await SqlIncidents().put_causes(tx, one.id, 1, ranked, "Inconclusive: nothing decides.")
        await tx.commit()
    (one,) = await hub.incidents()
    assert one.title == "network: switch-7 suspected, 2 clusters"


async def test_a_reader_sees_the_nodes_that_members_of_his_clusters_name(hub: Hub) -> None:
    a, _ = await machines_fail(hub, a=2, b=4)
    (one,) = await hub.incidents()
    async with hub.database.begin() as tx:
        whole = await SqlIncidents().named_nodes(tx, one.id, None, 10)
        mine = await SqlIncidents().named_nodes(tx, one.id, [a], 10)
    assert len(whole) == 6
    assert set(mine) == {Node.of(NodeKind.NODE, f"n{place}", cluster_id=a).id for place in range(2)}


def service(name: str) -> Node:
    return Node.of(NodeKind.SERVICE, name)


def calls(*names: str) -> list[Edge]:
    return [Edge(service(a).id, service(b).id, EdgeKind.CALLS) for a, b in pairwise(names)]


def test_the_ways_from_what_is_struck_to_the_cause_are_drawn_with_what_lies_next_to_them() -> None:
    names = ("shop", "web", "orders", "stock", "database", "disk", "far")
    topology = Topology([service(name) for name in names], calls(*names))
    shown = drawn(topology, [service("database").id], [service("web").id])
    assert {node.name for one in shown if (node := topology.node(one))} == set(names) - {"far"}


def test_of_a_large_incident_its_neighbours_are_left_out_and_the_cause_stays() -> None:
    names = [f"service-{at}" for at in range(200)]
    edges = [edge for name in names for edge in calls(name, "database")]
    topology = Topology([service(name) for name in [*names, "database", "disk"]], [*edges, *calls("database", "disk")])
    shown = drawn(topology, [service("database").id], [service(name).id for name in names[:150]])
    assert len(shown) == 80
    assert shown[0] == service("database").id
    assert service("disk").id not in shown
