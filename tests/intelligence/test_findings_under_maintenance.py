"""A maintenance window keeps anomalies, forecasts and log findings from alarming anybody, and forgets none of them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from aiops.intelligence.domain.anomalies import AnomalyFilter
from aiops.intelligence.domain.correlation import ArrivalKind
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.observability.maintenance.windows import Window
from aiops.observability.ports import Severity
from aiops.observability.service.silences_remote import SilenceMatcher
from tests.intelligence.test_incident_findings import end, find, fire, logged, members
from tests.intelligence.test_incidents import ROOT, Hub
from tests.intelligence.test_predictions import Foresight, filling

DAY_S = 86_400.0


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def maintain(hub: Hub, cluster: UUID, minutes: int, *matchers: SilenceMatcher) -> str:
    now = hub.clock.now()
    window = Window(
        id=new_id(), title="Work", timezone="UTC", starts_local=now.replace(tzinfo=None) - timedelta(minutes=1),
        duration_s=(minutes + 1) * 60, cluster_ids=(cluster,), matchers=matchers, owner_id="u", owner="ann",
        created_at=now, updated_at=now, over_at=now + timedelta(minutes=minutes),
    )  # fmt: skip
    async with hub.database.begin() as tx:
        await hub.windows.add(tx, window)
        await tx.commit()
    return str(window.id)


async def test_an_anomaly_under_maintenance_is_kept_and_opens_an_incident_if_it_outlasts_the_window(hub: Hub) -> None:
    east, west = new_id(), new_id()
    await hub.past(east, west)
    window = await maintain(hub, east, 10, SilenceMatcher("instance", f"h-{east}"))
    await hub.tick(east, times=30, node_cpu=0.99)
    assert await hub.incidents() == []
    found, _ = await hub.reading.anomalies(ROOT, AnomalyFilter(active=True), 10, None)
    assert {one.maintained_by for one in found} == {(window,)}
    assert await hub.episodes.heard_again() == 0
    # Elsewhere nothing is hidden.
    await hub.tick(west, times=30, node_cpu=0.99)
    (incident,) = await hub.incidents()
    assert list(incident.clusters) == [west]

    await hub.clock.advance(10 * 60)
    hub.start()
    assert await hub.episodes.heard_again() == len(found)
    assert await hub.episodes.heard_again() == 0
    again, _ = await hub.reading.anomalies(ROOT, AnomalyFilter(cluster_id=east), 10, None)
    assert all(one.incident_id is not None and one.maintained_by == (window,) for one in again)
    assert len(await hub.incidents()) == 2


async def test_an_anomaly_that_ends_within_its_window_was_nobodys_incident(hub: Hub) -> None:
    east = new_id()
    await hub.past(east)
    await maintain(hub, east, 60)
    await hub.tick(east, times=30, node_cpu=0.99)
    await hub.tick(east, times=60)
    found, _ = await hub.reading.anomalies(ROOT, AnomalyFilter(), 10, None)
    assert found
    assert all(one.ended_at is not None and one.incident_id is None for one in found)
    await hub.clock.advance(2 * 3600)
    assert await hub.episodes.heard_again() == 0
    assert await hub.incidents() == []


async def test_a_forecast_and_a_log_finding_wait_for_the_end_of_the_window(hub: Hub) -> None:
    a = new_id()
    await maintain(hub, a, 30)
    sight = Foresight(hub, a)
    sight.play(a, "disk_space", filling(sight.now(), left_s=3 * DAY_S))
    await sight.job.round()
    seen, gone = logged(hub, a, "Out of memory"), logged(hub, a, "Gone by then", Severity.HIGH)
    await find(hub, seen, gone)
    await end(hub, gone)
    assert await hub.incidents() == []
    assert await hub.findings.heard_again() == 0

    await hub.clock.advance(31 * 60)
    assert await hub.findings.heard_again() == 2
    (incident,) = await hub.incidents()
    told = await members(hub, incident.id)
    assert ArrivalKind.FORECAST in {one.kind for one in told}
    assert all(one.maintained_by == () for one in told)
    # What opens none joins what comes, as ever.
    await fire(hub, a, "f", msgspec.structs.asdict(seen)["labels"] if seen else {})
    every = [one for found in await hub.incidents() for one in await members(hub, found.id)]
    assert {one.kind for one in every} == {ArrivalKind.FORECAST, ArrivalKind.LOG_PATTERN}
