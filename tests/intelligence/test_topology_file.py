"""What a topology file means, its faults by line, and what of it is kept, shown and forgotten on a real database."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from aiops.intelligence.domain.inventory import Inventory, read_inventory
from aiops.intelligence.domain.topology import EdgeKind, NodeKind, node_id
from aiops.intelligence.marked_yaml import read_marked
from aiops.intelligence.service.topology.applying import AppliedTopology, TopologyFiles
from aiops.intelligence.service.topology.book import TopologyBook
from aiops.intelligence.service.topology.reading import TopologyReading, Wanted
from aiops.intelligence.store.topology import SqlTopology
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied
from aiops.kernel.principal import Principal, PrincipalKind, Role

A, B = uuid4(), uuid4()
NETWORK = """
name: network
nodes:
  - kind: switch
    name: switch-7
    attributes: {ip: 10.0.0.7, site: fra1}
    match: [{job: snmp, sysDescr: "Edge 7"}]
    connected_to: core-1
  - kind: switch
    names: [core-1, switch-9]
  - {kind: node, name: n1, cluster: a, connected_to: switch-7}
  - {kind: node, name: n1, cluster: b, connected_to: switch-9}
edges:
  - from: {kind: workload, name: web, namespace: shop, cluster: a}
    to: {kind: node, name: n1, cluster: a}
    kind: runs_on
"""
SWITCH = node_id(NodeKind.SWITCH, "switch-7")
CORE = node_id(NodeKind.SWITCH, "core-1")
NODE_A, NODE_B = (node_id(NodeKind.NODE, "n1", cluster_id=cluster) for cluster in (A, B))
WEB = node_id(NodeKind.WORKLOAD, "web", cluster_id=A, namespace="shop")
ROOT = Principal.system("test")


def limited(*clusters: UUID) -> Principal:
    return Principal(PrincipalKind.USER, "u", "u", Role.ADMIN, frozenset(clusters))


def read(text: str) -> Inventory:
    return read_inventory(read_marked(text, "The file"), {"a": A, "b": B}, "file:network")


def test_a_file_names_things_and_what_they_need() -> None:
    found = read(NETWORK)
    assert found.faults == []
    assert {one.name for one in found.nodes.values()} == {"switch-7", "core-1", "switch-9", "n1", "web"}
    assert found.nodes[SWITCH].attributes == {"ip": "10.0.0.7", "site": "fra1"}
    assert found.nodes[SWITCH].matchers == ({"job": "snmp", "sysDescr": "Edge 7"},)
    assert (SWITCH, CORE, EdgeKind.CONNECTED_TO) in found.edges
    assert (NODE_A, SWITCH, EdgeKind.CONNECTED_TO) in found.edges
    assert (WEB, NODE_A, EdgeKind.RUNS_ON) in found.edges


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("nodes:\n  - {kind: swich, name: s}\n", 2, "there is no kind swich; kinds are"),
        ("nodes:\n  - kind: switch\n", 2, "it needs a `name`"),
        ("nodes:\n  - kind: switch\n    name: s\n    conected_to: x\n", 4, "has no 'conected_to'"),
        ("nodes:\n  - kind: switch\n    name: s\n    connected_to: gone\n", 4, "no node of this file is named gone"),
        ("nodes:\n  - kind: node\n    name: n\n    cluster: c\n", 4, "there is no cluster c"),
        ("nodes:\n  - {kind: host, name: n}\n  - {kind: host, name: n}\n", 3, "listed twice"),
        ("nodes:\n  - {kind: host, name: n, namespace: shop}\n", 2, "a host has no namespace"),
        ("nodes:\n  - {kind: host, name: n, depends_on: n}\n", 2, "can't depend on itself"),
        ("edges:\n  - {from: {kind: host, name: n}}\n", 2, "an edge has `from`, `to`"),
        ("nodes: 5\n", 1, "`nodes` is a list"),
        ("nodez: []\n", 1, "has no 'nodez'"),
    ],
)
def test_a_fault_is_named_by_its_line(text: str, line: int, said: str) -> None:
    (fault,) = read(text).faults
    assert fault.line == line
    assert said in fault.text


def test_what_is_no_yaml_or_swells_is_refused_by_line() -> None:
    for text in ("nodes: ]", "nodes: [{a: 1, a: 2}]", "? [1]\n: 2"):
        with pytest.raises(Invalid, match="line 1"):
            read_marked(text, "The file")
    laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{to}: &{to} [{', '.join([f'*{of}'] * 10)}]\n" for of, to in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(Invalid, match="too many parts"):
        read_marked(laughs, "The file", most_parts=10_000)


class Kept:
    """The topology on a real database, with two clusters."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database, self.clock, self.store = database, clock, SqlTopology()
        members = {A: "a", B: "b"}

        async def visible(principal: Principal) -> list[Any]:
            return [SimpleNamespace(id=one, name=name) for one, name in members.items() if principal.sees(one)]

        async def get(principal: Principal, cluster_id: UUID) -> Any:
            if cluster_id not in members or not principal.sees(cluster_id):
                raise NotFound("There is no such cluster.")

        clusters: Any = SimpleNamespace(visible=visible, get=get)
        self.book = TopologyBook(database, clock, self.store)
        self.files = TopologyFiles(database, clock, self.store, clusters, self.book)
        self.reading = TopologyReading(database, clock, self.store, clusters, self.book)

    async def apply(self, text: str, *, dry_run: bool = False, prune: bool = False) -> AppliedTopology:
        return await self.files.apply(ROOT, text, name="network", dry_run=dry_run, prune=prune)

    async def names(self, principal: Principal = ROOT, **wanted: Any) -> list[str]:
        return [one.name for one in (await self.reading.page(principal, Wanted(**wanted), 100, None))[0]]


@pytest.fixture
def kept(database: Database, clock: VirtualClock) -> Kept:
    return Kept(database, clock)


async def test_a_file_is_applied_once_however_often_it_comes(kept: Kept) -> None:
    would = await kept.apply(NETWORK, dry_run=True)
    assert (would.nodes.added, would.edges.added) == (6, 4)
    assert await kept.names() == []
    assert (await kept.apply(NETWORK)).nodes.added == 6
    again = await kept.apply(NETWORK)
    assert (again.nodes.unchanged, again.edges.unchanged, again.changes) == (6, 4, [])
    moved = await kept.apply(NETWORK.replace("site: fra1", "site: fra2"))
    assert [(one.action, one.what) for one in moved.changes] == [("CHANGE", "switch switch-7")]
    topology = await kept.book.whole()
    switch = topology.node(SWITCH)
    assert switch is not None
    assert switch.attributes["site"] == "fra2"
    assert topology.locate(A, {"job": "snmp", "sysDescr": "Edge 7"}) == [SWITCH]
    assert topology.locate(A, {"instance": "10.0.0.7:161"}) == [SWITCH]
    assert topology.common_dependency([NODE_A, WEB]) == NODE_A
    assert topology.common_dependency([NODE_B, WEB]) is None


async def test_only_prune_removes_what_the_file_says_no_more(kept: Kept) -> None:
    await kept.apply(NETWORK)
    smaller = (
        NETWORK.partition("edges:")[0]
        .replace("core-1, switch-9", "core-1")
        .replace("  - {kind: node, name: n1, cluster: b, connected_to: switch-9}\n", "")
    )
    assert (await kept.apply(smaller)).nodes.removed == 0
    would = await kept.apply(smaller, dry_run=True, prune=True)
    done = await kept.apply(smaller, prune=True)
    assert would.nodes == done.nodes
    assert (done.nodes.removed, done.edges.removed) == (3, 2)
    assert ("REMOVE", "workload shop/web") in [(one.action, one.what) for one in done.changes]
    assert await kept.names() == ["core-1", "n1", "switch-7"]
    await kept.files.forget(ROOT, "network")
    assert await kept.names() == []
    with pytest.raises(NotFound):
        await kept.files.forget(ROOT, "network")


async def test_a_faulty_file_changes_nothing_and_tells_all_its_faults(kept: Kept) -> None:
    with pytest.raises(Invalid, match=r"line 11: there is no cluster c \(and 1 more\)") as caught:
        await kept.apply(NETWORK.replace("cluster: a", "cluster: c"))
    assert caught.value.details is not None
    assert [fault["line"] for fault in caught.value.details["faults"]] == [11, 14]
    assert await kept.names() == []


async def test_a_limited_user_sees_their_clusters_and_what_these_hang_on(kept: Kept) -> None:
    await kept.apply(NETWORK)
    assert await kept.names(limited(A)) == ["core-1", "n1", "switch-7", "web"]
    assert await kept.names(limited(B)) == ["n1", "switch-9"]
    assert await kept.names(limited()) == []
    for call in (kept.reading.node(limited(B), SWITCH), kept.reading.impact(limited(B), SWITCH, 5)):
        with pytest.raises(NotFound):
            await call
    seen = await kept.reading.impact(limited(A), CORE, 5)
    assert (seen.total, list(seen.by_cluster)) == (3, [A])
    assert [one.origin for one in await kept.reading.origins(limited(A))] == []
    with pytest.raises(PermissionDenied):
        await kept.files.apply(limited(A), NETWORK, name=None, dry_run=True, prune=False)


async def test_the_page_searches_walks_and_looks_from_far(kept: Kept) -> None:
    await kept.apply(NETWORK)
    assert await kept.names(search="WITCH") == ["switch-7", "switch-9"]
    assert await kept.names(search="core-1") == ["core-1"]
    assert await kept.names(cluster_id=A, kind=NodeKind.WORKLOAD) == ["web"]
    first, total, _ = await kept.reading.page(ROOT, Wanted(), 2, None)
    second, _, _ = await kept.reading.page(ROOT, Wanted(), 2, first[-1].id)
    assert total == 6
    assert [one.name for one in [*first, *second]] == ["core-1", "n1", "n1", "switch-7"]
    near = await kept.reading.around(ROOT, NODE_A, 1, 10, "BOTH")
    assert near.nodes == {NODE_A: 0, SWITCH: 1, WEB: 1}
    assert len(near.edges) == 2
    assert (await kept.reading.around(ROOT, CORE, 4, 2, "NEEDED_BY")).more
    far = await kept.reading.far(ROOT, None)
    assert {(key.cluster_id, key.kind): count for key, count in far.nodes.items()} == {
        (None, NodeKind.SWITCH): 3,
        (A, None): 2,
        (B, None): 1,
    }
    inside = await kept.reading.far(ROOT, A)
    assert {(key.namespace, key.kind) for key in inside.nodes} == {
        ("shop", NodeKind.WORKLOAD),
        (None, NodeKind.NODE),
        (None, NodeKind.SWITCH),
    }
    node, seen = await kept.reading.node(ROOT, SWITCH)
    assert node.name == "switch-7"
    assert [(origin, last) for origin, _, last in seen] == [("file:network", kept.clock.now())]


async def test_what_is_wrong_now_lies_on_the_nodes_that_its_labels_name(kept: Kept) -> None:
    await kept.apply(NETWORK)
    incident = uuid4()
    async with kept.database.begin() as tx:
        connection = tx.connection
        await connection.exec_driver_sql(
            "INSERT INTO intelligence.incident (id, key, status, detected_at, last_activity_at, revision)"
            " VALUES (%s, 'K', 'OPEN', now(), now(), 1)", (incident,)
        )  # fmt: skip
        for name, severity, labels in (
            ("Down", "CRITICAL", '{"instance": "switch-7"}'),
            ("Slow", "LOW", '{"sysName": "switch-7"}'),
            ("Lost", "HIGH", '{"instance": "nowhere"}'),
        ):
            await connection.exec_driver_sql(
                "INSERT INTO intelligence.incident_alert (incident_id, cluster_id, fingerprint, started_at, name,"
                " severity, labels) VALUES (%s, %s, %s, now(), %s, %s, %s)",
                (incident, A, name, name, severity, labels),
            )
        await tx.commit()
    assert await kept.names(unhealthy=True) == ["switch-7"]
    far = await kept.reading.far(ROOT, None)
    assert far.unhealthy.total() == 1
    wrong = (await kept.reading.around(limited(A), NODE_A, 1, 10, "NEEDS")).wrong[SWITCH]
    assert (wrong.severity, wrong.signs, wrong.incidents, wrong.names) == ("CRITICAL", 2, [incident], ["Down", "Slow"])
    assert (await kept.reading.among(limited(B), [SWITCH])).wrong == {}


async def test_a_cluster_takes_its_things_with_it(kept: Kept) -> None:
    await kept.apply(NETWORK)
    assert len(await kept.names()) == 6
    async with kept.database.begin() as tx:
        await kept.store.drop_cluster(tx, A)
        await tx.commit()
    await kept.clock.advance(2)
    assert await kept.names() == ["core-1", "n1", "switch-7", "switch-9"]
