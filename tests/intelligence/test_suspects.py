"""What an incident's members depend on, as each reader may know it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind, Topology
from aiops.intelligence.service.ranking import Ranking
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.store.findings import SqlAnomalies
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.intelligence.store.log_findings import SqlLogFindings
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from aiops.observability.events import AlertFired
from aiops.observability.ports import Alert, AlertState, Severity
from tests.intelligence.test_incidents import Hub, person


class Plant:
    """Four machines on each of two clusters, all on one switch. Implements `TopologySource`."""

    def __init__(self, *clusters: UUID) -> None:
        switch = Node.of(NodeKind.SWITCH, "switch-7")
        machines = [Node.of(NodeKind.NODE, f"n{place}", cluster_id=one) for one in clusters for place in range(4)]
        edges = [Edge(machine.id, switch.id, EdgeKind.CONNECTED_TO) for machine in machines]
        self._topology = Topology([switch, *machines], edges)

    async def surroundings(self) -> Topology:
        return self._topology


async def fire(hub: Hub, cluster: UUID, name: str, at: datetime, **labels: str) -> None:
    mark = f"{name}{sorted(labels.items())}"
    alert = Alert(
        cluster, mark, name, Severity.HIGH, "warning", AlertState.FIRING, {"alertname": name, **labels}, {}, at,
        None, None, 1, at,
    )  # fmt: skip
    hub.alerts.put(alert)
    async with hub.database.begin() as tx:
        tx.publish(
            AlertFired(
                event_id=new_id(),
                occurred_at=hub.clock.now(),
                cluster_ids=(cluster,),
                cluster_id=cluster,
                fingerprint=mark,
                name=name,
                severity="HIGH",
                starts_at=at,
            )
        )
        await tx.commit()


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def test_of_a_suspect_that_clusters_share_a_reader_learns_only_what_his_own_tell(hub: Hub) -> None:
    a, b = new_id(), new_id()
    hub.topology = Plant(a, b)
    hub.start()
    for cluster, machines in ((a, 3), (b, 4)):
        for place in range(machines):
            await fire(hub, cluster, "NodeDown", hub.clock.now(), node=f"n{place}")
    await fire(hub, b, "SecretOfB", hub.clock.now(), switch="switch-7")
    await hub.dispatcher.step()
    (whole,) = await hub.incidents()
    assert whole.suspect is not None
    assert (whole.suspect.affected, whole.suspect.told) == (8, "SecretOfB")
    (mine,) = await hub.incidents(person(Role.VIEWER, a))
    assert mine.suspect is not None
    assert (mine.suspect.affected, mine.suspect.located, mine.suspect.told) == (3, 3, None)
    assert "SecretOfB" not in mine.title


async def test_an_incident_that_can_not_be_ranked_says_so_and_holds_up_no_other(hub: Hub) -> None:
    a, b = new_id(), new_id()
    structure = StructureReader(hub.database, SqlLogFindings(), SqlLogPatterns())
    ranking = Ranking(
        hub.database, hub.clock, SqlIncidents(), SqlAnomalies(), hub.episodes, hub.watcher, structure
    )  # fmt: skip
    await fire(hub, a, "OfTheYearOne", datetime(1, 1, 1, tzinfo=UTC))
    await hub.dispatcher.step()
    await hub.clock.advance(3600)
    await fire(hub, b, "Ordinary", hub.clock.now())
    await hub.dispatcher.step()
    assert await ranking.step() == 2
    assert await ranking.step() == 0
    notes = [(await hub.reading.incident(person(Role.VIEWER), one.id)).causes_note for one in await hub.incidents()]
    assert notes[1] == "Inconclusive: ranking failed. The hub's log says more."
    assert notes[0] != notes[1]
