"""Which incident something belongs to, and why: without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from aiops.intelligence.domain.correlation import Arrival, ArrivalKind, Placement, Scene, Surroundings, place
from aiops.intelligence.domain.correlation.placing import Ruling
from aiops.intelligence.domain.incidents import Status
from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind, Topology
from aiops.kernel.ids import new_id
from aiops.observability.ports import Severity

A, B = uuid4(), uuid4()
T0 = datetime(2026, 3, 1, tzinfo=UTC)


def alert(cluster: UUID, name: str, at_s: float = 0, **labels: str) -> Arrival:
    subject = f"{name}{sorted(labels.items())}"
    return Arrival(
        kind=ArrivalKind.ALERT, cluster_id=cluster, name=name, subject=subject, phrase=f"Alert {name}", short=name,
        severity=Severity.HIGH, labels=labels, started_at=T0 + timedelta(seconds=at_s),
    )  # fmt: skip


def again(arrival: Arrival, at_s: float) -> Arrival:
    return msgspec.structs.replace(arrival, started_at=T0 + timedelta(seconds=at_s))


class Past:
    """Tells what arrives, one after the other, to one scene; gives where each went."""

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self.scene, self.surroundings = Scene(), surroundings

    def tell(self, *arrivals: Arrival, rulings: dict[tuple[UUID, str, str], Ruling] | None = None) -> list[Placement]:
        return [
            placement
            for one in arrivals
            for placement in place(
                [one], self.scene, one.started_at, new_id=new_id, surroundings=self.surroundings, rulings=rulings
            )
        ]

    def resolve(self, incident_id: UUID, at_s: float) -> None:
        at = T0 + timedelta(seconds=at_s)
        self.scene.know(replace(self.scene.sketches[incident_id], status=Status.RESOLVED, resolved_at=at))


def test_what_shares_nothing_but_its_cluster_joins_a_young_episode_and_later_stands_alone() -> None:
    past = Past()
    told = [alert(A, f"Alert{minute}", minute * 60.0, pod=f"p{minute}-0") for minute in range(0, 24, 4)]
    placed = past.tell(*told)
    assert [one.by for one in placed] == ["alone", "time", "time", "time", "alone", "time"]
    assert "its cluster concerns other places" in placed[4].reason
    assert placed[3].reason == (
        "It joined because it began on the same cluster, 5 min or less after this incident’s last change"
    )


def test_the_same_place_is_joined_also_when_the_episode_is_old() -> None:
    past = Past()
    told = [
        alert(A, f"Alert{at}", at * 60.0, namespace="shop", pod=f"cart-7d9c5b{at:x}-x2x4z") for at in range(0, 40, 8)
    ]
    placed = past.tell(*told)
    assert len({one.incident_id for one in placed}) == 1
    assert placed[-1].reason == "It joined because it concerns the same workload, shop/cart"


def test_the_same_alert_on_another_cluster_belongs_together_and_names_no_other_cluster() -> None:
    placed = Past().tell(alert(A, "LinkDown"), alert(B, "LinkDown", 90), alert(uuid4(), "LinkDown", 600))
    assert [one.by for one in placed] == ["alone", "across clusters", "alone"]
    assert placed[1].reason == "It joined because LinkDown moved on another cluster too within 2 min"


def test_what_returns_soon_reopens_its_incident_and_later_opens_one_that_follows_it() -> None:
    past = Past()
    (first,) = past.tell(alert(A, "Disk"))
    past.resolve(first.incident_id, 60)
    (back,) = past.tell(again(alert(A, "Disk"), 600))
    assert (back.incident_id, back.reopened, back.fresh) == (first.incident_id, True, 0)
    assert back.reason == "It joined because it came back 9 min after this incident had resolved, which reopened it"
    past.resolve(first.incident_id, 660)
    (later,) = past.tell(again(alert(A, "Disk"), 6000))
    assert (later.opened, later.follows) == (True, first.incident_id)


@pytest.fixture
def plant() -> Topology:
    """Two clusters of which each has a node on the same switch."""
    switch = Node.of(NodeKind.SWITCH, "switch-7")
    machines = [Node.of(NodeKind.NODE, f"n-{n}", cluster_id=cluster) for n, cluster in enumerate((A, B))]
    loads = [
        Node.of(NodeKind.WORKLOAD, f"w-{n}", cluster_id=one.cluster_id, namespace="shop")
        for n, one in enumerate(machines)
    ]
    edges = [Edge(one.id, switch.id, EdgeKind.CONNECTED_TO) for one in machines]
    edges += [Edge(load.id, one.id, EdgeKind.RUNS_ON) for load, one in zip(loads, machines, strict=True)]
    return Topology([switch, *machines, *loads], edges)


def test_the_topology_relates_what_depends_on_the_same_thing_and_says_by_what(plant: Topology) -> None:
    placed = Past(plant).tell(
        alert(A, "Slow", namespace="shop", deployment="w-0"),
        alert(B, "Errors", 60, namespace="shop", deployment="w-1"),
        alert(uuid4(), "SwitchDown", 70, switch="switch-7"),
        alert(A, "NodeGone", 80, node="n-0"),
    )
    assert [one.by for one in placed] == ["alone", "topology", "topology", "topology"]
    assert [one.reason for one in placed[1:]] == [
        "It joined because it depends on the switch switch-7, as others of this incident do",
        "It joined because others of this incident depend on the switch switch-7",
        "It joined because it depends on the switch switch-7, which this incident is about",
    ]


def test_a_rule_gathers_what_nothing_else_relates_and_another_keeps_apart() -> None:
    one, two = alert(A, "Backup", site="x"), alert(B, "Tape", 900, site="x")
    gathers = Ruling(keys=("1\x1fnight\x1f3600\x1fsite=x",))
    placed = Past().tell(one, two, rulings={one.mark: gathers, two.mark: gathers})
    assert placed[1].reason == "It joined because the rule “night” gathers it with site=x"
    alone = Past().tell(one, alert(A, "Loud", 10), rulings={alert(A, "Loud", 10).mark: Ruling(apart="no noise")})
    assert (alone[1].opened, alone[1].reason) == (True, "The rule “no noise” keeps it apart")


def test_however_it_is_cut_into_batches_the_same_belongs_together(plant: Topology) -> None:
    told = [
        alert((A, B)[n % 2], f"Alert{n % 7}", n * 5.0, namespace="shop", deployment=f"w-{n % 2}") for n in range(60)
    ]
    single = Past(plant).tell(*told)
    whole = place(told, Scene(), T0 + timedelta(minutes=5), new_id=new_id, surroundings=plant)
    shape = [[one.incident_id == other.incident_id for other in run] for run in (single, whole) for one in run]
    assert shape[:60] == shape[60:]
    assert sum(one.opened for one in single) == 1
