"""Two people merge, split and resolve the same incidents while alerts arrive: nothing is lost, doubled or stuck."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from aiops.intelligence.domain.incidents import SETTLE, AlertKey, IncidentView, MemberChoice, Status
from aiops.intelligence.service.hands import IncidentChange
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Alert, AlertState, Severity
from tests.intelligence.test_incidents import ROOT, Hub, person

REFUSALS = (NotFound, Conflict)


class Crowd:
    """A hub, two people, and the alerts that were told so far."""

    def __init__(self, hub: Hub, seed: int) -> None:
        self.hub, self.chance = hub, random.Random(seed)
        self.clusters = [new_id(), new_id()]
        self.people = [person(Role.OPERATOR), person(Role.OPERATOR, *self.clusters)]
        self.told: set[tuple[UUID, str]] = set()
        self.number = 0
        self.done: Counter[str] = Counter()

    async def arrive(self) -> None:
        now = self.hub.clock.now()
        fired = []
        for _ in range(self.chance.randint(1, 4)):
            self.number += 1
            cluster = self.chance.choice(self.clusters)
            mark = f"{self.number}-{new_id()}"
            self.told.add((cluster, mark))
            fired.append(
                Alert(
                    cluster,
                    mark,
                    f"Alert{self.number % 3}",
                    Severity.HIGH,
                    None,
                    AlertState.FIRING,
                    {"namespace": f"n{self.number % 4}", "app": "x"},
                    {},
                    now,
                    None,
                    None,
                    1,
                    now,
                )
            )
        async with self.hub.database.begin() as tx:
            await self.hub.episodes.alerts_fired(tx, fired)
            await tx.commit()

    async def end(self) -> None:
        some = self.chance.sample(sorted(self.told), min(2, len(self.told)))
        async with self.hub.database.begin() as tx:
            await self.hub.episodes.alerts_resolved(tx, dict.fromkeys(some, self.hub.clock.now()))
            await tx.commit()

    async def merge(self) -> None:
        views = await self.incidents()
        if len(views) > 1:
            target, *sources = self.chance.sample(views, 2)
            await self.hub.merging.merge(self.someone(), target.id, [one.id for one in sources])
            self.done["merged"] += 1

    async def split(self) -> None:
        views = await self.incidents()
        if not views:
            return
        source = self.chance.choice(views)
        target = self.chance.choice([None, *(one.id for one in views if one.id != source.id)])
        found = await self.hub.reading.incident(ROOT, source.id)
        some = self.chance.sample(found.alerts, min(2, len(found.alerts)))
        if some:
            choice = MemberChoice([AlertKey(one.cluster_id, one.fingerprint, one.started_at) for one in some])
            await self.hub.merging.move(self.someone(), source.id, target, choice, None)
            self.done["split"] += 1

    async def change(self) -> None:
        views = await self.incidents()
        if views:
            status = self.chance.choice([Status.RESOLVED, Status.OPEN, Status.ACKNOWLEDGED])
            await self.hub.hands.change(self.someone(), self.chance.choice(views).id, IncidentChange(status=status))
            self.done[status] += 1

    async def incidents(self) -> list[IncidentView]:
        """Those of this crowd alone: a page of all there are would soon hold none of them."""
        return await self.hub.incidents(self.people[1])

    async def settle(self) -> None:
        await self.hub.clock.advance(2 * SETTLE.total_seconds())
        self.done["settled"] += await self.hub.episodes.settle()

    def someone(self) -> Principal:
        return self.chance.choice(self.people)


async def _pausing(deed: Callable[[], Awaitable[None]], pauses: int) -> None:
    for _ in range(pauses):
        await asyncio.sleep(0)
    try:
        await deed()
    except REFUSALS:
        # The other was quicker: what was wanted is there no longer.
        return


async def _interleavings(hub: Hub, count: int) -> None:
    done: Counter[str] = Counter()
    for seed in range(count):
        # What one crowd leaves open stays so, and is too old for the next one's to join it.
        await hub.clock.advance(3600)
        crowd = Crowd(hub, seed)
        deeds = [crowd.arrive, crowd.arrive, crowd.merge, crowd.split, crowd.change, crowd.end, crowd.settle]
        await crowd.arrive()
        chosen = [crowd.chance.choice(deeds) for _ in range(6)]
        pauses = [crowd.chance.randint(0, 30) for _ in chosen]
        async with asyncio.timeout(60):
            await asyncio.gather(*(_pausing(*pair) for pair in zip(chosen, pauses, strict=True)))
        await _whole(hub, crowd)
        done += crowd.done
    print(f"{count} interleavings: {dict(done)}")
    assert all(done[deed] for deed in ("merged", "split", Status.RESOLVED, "settled")), "their hands did nothing"


async def _whole(hub: Hub, crowd: Crowd) -> None:
    async with hub.database.begin() as tx:
        rows = await tx.connection.execute(
            text(
                "SELECT a.cluster_id, a.fingerprint, i.merged_into FROM intelligence.incident_alert a"
                " JOIN intelligence.incident i ON i.id = a.incident_id WHERE a.cluster_id = ANY(:clusters)"
            ),
            {"clusters": crowd.clusters},
        )
        found = [(row.cluster_id, row.fingerprint, row.merged_into) for row in rows]
        assert len(found) == len(crowd.told), "an alert is in two incidents, or in none"
        assert {(cluster, mark) for cluster, mark, _ in found} == crowd.told
        assert not [one for one in found if one[2] is not None], "a member of an incident that was merged away"
        counted = await tx.connection.execute(
            text(
                "SELECT p.incident_id, p.alert_count, count(a.*) AS members FROM intelligence.incident_cluster p"
                " LEFT JOIN intelligence.incident_alert a USING (incident_id, cluster_id)"
                " WHERE p.cluster_id = ANY(:clusters) GROUP BY 1, 2, p.cluster_id HAVING p.alert_count <> count(a.*)"
            ),
            {"clusters": crowd.clusters},
        )
        assert not list(counted), "an incident counts other alerts than it has"


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def test_nothing_is_lost_doubled_or_stuck_however_their_hands_cross(hub: Hub) -> None:
    await _interleavings(hub, 25)


@pytest.mark.soak
async def test_nothing_is_lost_doubled_or_stuck_in_a_thousand_interleavings(hub: Hub) -> None:
    await _interleavings(hub, 1000)
