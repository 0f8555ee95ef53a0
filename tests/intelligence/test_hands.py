"""What people do with incidents by hand."""

from __future__ import annotations

from uuid import UUID

import pytest

from aiops.intelligence.domain.incidents import (
    AlertKey,
    IncidentFilter,
    IncidentView,
    MemberChoice,
    Order,
    Origin,
    Status,
)
from aiops.intelligence.service.hands import IncidentChange, NewIncident
from aiops.intelligence.service.reading import IncidentDetail
from aiops.intelligence.service.teams import TeamDraft, Teams
from aiops.intelligence.store.teams import SqlTeams
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from aiops.observability.ports import Severity
from tests.intelligence.test_incidents import ROOT, Hub, person


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def detail(hub: Hub, incident_id: UUID) -> IncidentDetail:
    return await hub.reading.incident(ROOT, incident_id)


def keys(found: IncidentDetail, *fingerprints: str) -> MemberChoice:
    wanted = [one for one in found.alerts if one.fingerprint in fingerprints]
    return MemberChoice([AlertKey(one.cluster_id, one.fingerprint, one.started_at) for one in wanted])


async def two(hub: Hub, a: UUID, b: UUID) -> tuple[IncidentView, IncidentView]:
    """Two incidents that nothing relates: one of two alerts on `a`, one of one on `b`."""
    await hub.fire(a, "a1")
    await hub.fire(a, "a2")
    await hub.clock.advance(600)
    await hub.fire(b, "b1")
    later, earlier = await hub.incidents()
    return earlier, later


async def test_an_incident_is_opened_named_owned_and_stays_until_people_resolve_it(hub: Hub) -> None:
    a, ann = new_id(), person(Role.OPERATOR)
    incident_id = await hub.hands.open(ann, NewIncident("Mail is slow", Severity.HIGH, [a], note="told by phone"))
    await hub.clock.advance(600)
    assert await hub.episodes.settle() == 0
    await hub.hands.change(
        ann, incident_id, IncidentChange(title="Mail is down", severity=Severity.CRITICAL, owner="bob")
    )
    found = await detail(hub, incident_id)
    assert (found.view.title, found.view.severity, found.view.owner) == ("Mail is down", Severity.CRITICAL, "bob")
    assert found.view.origin is Origin.MANUAL
    assert [(row.kind, row.by, row.text) for row in found.timeline] == [
        ("OPENED", "ann", "ann opened it"),
        ("COMMENT", "ann", "told by phone"),
        ("TITLE", "ann", "ann called it “Mail is down”"),
        ("SEVERITY", "ann", "ann set its severity to CRITICAL"),
        ("OWNER", "ann", "ann gave it to bob"),
    ]
    await hub.hands.change(ann, incident_id, IncidentChange(status=Status.RESOLVED))
    await hub.hands.change(ann, incident_id, IncidentChange(status=Status.OPEN))
    await hub.clock.advance(600)
    assert await hub.episodes.settle() == 0
    with pytest.raises(NotFound):
        await hub.hands.open(person(Role.OPERATOR, new_id()), NewIncident("Not theirs", Severity.LOW, [a]))
    with pytest.raises(PermissionDenied):
        await hub.hands.open(person(Role.VIEWER), NewIncident("No", Severity.LOW, [a]))


async def test_merged_incidents_are_one_and_what_returns_finds_it(hub: Hub) -> None:
    a, b = new_id(), new_id()
    first, second = await two(hub, a, b)
    await hub.hands.comment(ROOT, second.id, "looks like the same")
    await hub.merging.merge(ROOT, first.id, [second.id])
    (only,) = await hub.incidents()
    assert (only.id, only.alert_count, set(only.clusters)) == (first.id, 3, {a, b})
    found = await detail(hub, first.id)
    assert {one.fingerprint: one.reason for one in found.alerts}["b1"] == (
        f"test merged {second.key} into this incident"
    )
    assert "looks like the same" in [row.text for row in found.timeline]
    gone = await detail(hub, second.id)
    assert (gone.view.merged_into, gone.view.status, gone.alerts) == (first.id, Status.RESOLVED, [])
    with pytest.raises(Conflict):
        await hub.hands.change(ROOT, second.id, IncidentChange(status=Status.OPEN))
    await hub.fire(b, "b1", resolved=True)
    await hub.clock.advance(30)
    await hub.fire(b, "b1")
    assert (await detail(hub, first.id)).view.alert_count == 4


async def test_members_are_split_off_and_moved_and_each_says_by_whom(hub: Hub) -> None:
    a, b = new_id(), new_id()
    first, second = await two(hub, a, b)
    split = await hub.merging.move(ROOT, first.id, None, keys(await detail(hub, first.id), "a2"), "Only the second")
    found = await detail(hub, split)
    assert (found.view.title, [one.fingerprint for one in found.alerts]) == ("Only the second", ["a2"])
    assert found.alerts[0].reason == f"test moved it here from {first.key}"
    assert [(link.kind, link.key) for link in found.links] == [("SPLIT_FROM", first.key)]
    assert (await detail(hub, first.id)).view.title == "Alert Alert-a1"
    await hub.merging.move(ROOT, first.id, second.id, keys(await detail(hub, first.id), "a1"), None)
    assert {one.fingerprint for one in (await detail(hub, second.id)).alerts} == {"a1", "b1"}
    with pytest.raises(NotFound):
        await hub.merging.move(ROOT, first.id, second.id, keys(await detail(hub, second.id), "b1"), None)
    assert sum(view.alert_count for view in await hub.incidents()) == 3


async def test_who_sees_one_cluster_merges_splits_and_reads_nothing_of_another(hub: Hub) -> None:
    a, b = new_id(), new_id()
    first, second = await two(hub, a, b)
    await hub.merging.merge(ROOT, first.id, [second.id])
    await hub.hands.comment(ROOT, first.id, f"only on {b}")
    await hub.hands.change(ROOT, first.id, IncidentChange(title=f"Trouble on {b}"))
    bob = person(Role.OPERATOR, a)
    seen = await hub.reading.incident(bob, first.id)
    assert str(b) not in repr(seen)
    assert seen.view.title == "Alert Alert-a1, with Alert-a2"
    whole = await detail(hub, first.id)
    with pytest.raises(NotFound):
        await hub.merging.move(bob, first.id, None, keys(whole, "a1", "b1"), None)
    mine = await hub.hands.open(bob, NewIncident("Mine", Severity.LOW, [a]))
    with pytest.raises(NotFound):
        await hub.hands.change(bob, second.id, IncidentChange(owner="bob"))
    await hub.merging.merge(bob, mine, [first.id])
    assert {one.fingerprint for one in (await detail(hub, mine)).alerts} == {"a1", "a2"}
    left = await detail(hub, first.id)
    assert ([one.fingerprint for one in left.alerts], left.view.merged_into) == (["b1"], None)
    with pytest.raises(PermissionDenied):
        await hub.merging.merge(person(Role.VIEWER), first.id, [mine])


async def test_the_team_that_owns_what_is_struck_gets_the_incident(hub: Hub) -> None:
    a = new_id()
    teams = Teams(hub.database, hub.clock, SqlTeams())
    shop = await teams.put(ROOT, TeamDraft("Shop", [{"alertname": "sh*"}], ["bob", "ann"]))
    with pytest.raises(Conflict):
        await teams.put(ROOT, TeamDraft("Shop"))
    with pytest.raises(PermissionDenied):
        await teams.put(person(Role.ADMIN, a), TeamDraft("Mine"))
    await hub.fire(a, "shop-down")
    (view,) = await hub.incidents()
    assert (view.team_id, view.team) == (shop.id, "Shop")
    wanted = IncidentFilter(team_id=shop.id, owner="-", open=True)
    assert (await hub.reading.incidents(ROOT, wanted, 10, None))[1] == 1
    await teams.delete(ROOT, shop.id)
    assert (await hub.incidents())[0].team is None


async def test_the_list_by_impact_goes_through_all_pages_with_the_worst_first(hub: Hub) -> None:
    clusters = [new_id() for _ in range(4)]
    for number, severity in enumerate((Severity.LOW, Severity.CRITICAL, Severity.HIGH)):
        await hub.hands.open(ROOT, NewIncident(f"Incident {number}", severity, clusters[: number + 1]))
    over = await hub.hands.open(ROOT, NewIncident("Over", Severity.CRITICAL, clusters))
    await hub.hands.change(ROOT, over, IncidentChange(status=Status.RESOLVED))
    await hub.hands.open(ROOT, NewIncident("Wide", Severity.HIGH, clusters))
    titles, after = list[str](), None
    for _ in range(5):
        items, total = await hub.reading.incidents(ROOT, IncidentFilter(), 1, after, Order.IMPACT)
        titles.append(items[0].title)
        after = items[0].id
    assert (titles, total) == (["Incident 1", "Wide", "Incident 2", "Incident 0", "Over"], 5)


async def test_merging_takes_nothing_from_those_whose_clusters_are_out_of_scope(hub: Hub) -> None:
    a, b = new_id(), new_id()
    both = await hub.hands.open(ROOT, NewIncident("of both", Severity.HIGH, [a, b]))
    await hub.fire(a, "a1")
    mine = next(one for one in await hub.incidents() if one.id != both)
    await hub.merging.merge(person(Role.OPERATOR, a), mine.id, [both])
    (left,) = await hub.incidents(person(Role.VIEWER, b))
    assert (left.id, left.status, left.merged_into) == (both, Status.OPEN, None)


async def test_a_member_named_twice_is_moved_once(hub: Hub) -> None:
    a, b = new_id(), new_id()
    first, second = await two(hub, a, b)
    (key,) = keys(await detail(hub, second.id), "b1").alerts
    assert await hub.merging.move(ROOT, second.id, first.id, MemberChoice([key, key]), None) == first.id
    assert (await detail(hub, first.id)).view.alert_count == 3
