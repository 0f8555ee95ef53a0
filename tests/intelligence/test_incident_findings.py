"""What is foreseen and what the logs show belongs to incidents as alerts do."""

from __future__ import annotations

from uuid import UUID

import pytest

from aiops.intelligence.domain.correlation import ArrivalKind
from aiops.intelligence.domain.incident_findings import IncidentFinding, Mark, of_log_finding
from aiops.intelligence.domain.incidents import IncidentView, MemberChoice, Origin, Status
from aiops.intelligence.domain.log_patterns import FailureClass, FindingKind, LogFinding
from aiops.intelligence.domain.predictions import Prediction, Survey
from aiops.intelligence.store.predictions import SqlPredictions
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.errors import NotFound, Unavailable
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Role
from aiops.observability.ports import Alert, AlertState, Labels, Severity
from tests.intelligence.test_incidents import ROOT, Hub, person
from tests.intelligence.test_predictions import Foresight, filling

DAY_S = 86_400.0
SHOP: Labels = {"namespace": "shop", "app": "cart"}


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def fire(hub: Hub, cluster: UUID, fingerprint: str, labels: Labels) -> None:
    now = hub.clock.now()
    alert = Alert(
        cluster, fingerprint, f"Alert-{fingerprint}", Severity.HIGH, "warning", AlertState.FIRING,
        labels, {}, now, None, None, 1, now,
    )  # fmt: skip
    async with hub.database.begin() as tx:
        await hub.episodes.alerts_fired(tx, [alert])
        await tx.commit()


async def end_alert(hub: Hub, cluster: UUID, fingerprint: str) -> None:
    async with hub.database.begin() as tx:
        await hub.episodes.alerts_resolved(tx, {(cluster, fingerprint): hub.clock.now()})
        await tx.commit()


def logged(
    hub: Hub,
    cluster: UUID,
    pattern: str,
    severity: Severity = Severity.MEDIUM,
    *,
    kind: FindingKind = FindingKind.NEW,
    about: FailureClass | None = None,
    labels: Labels = SHOP,
    pattern_id: UUID | None = None,
) -> IncidentFinding | None:
    now = hub.clock.now()
    finding = LogFinding(
        id=new_id(), cluster_id=cluster, pattern_id=pattern_id or new_id(), kind=kind, pattern=pattern,
        severity=severity, failure_class=about, explanation="First seen just now.", value=3.0, expected=None,
        started_at=now,
    )  # fmt: skip
    return of_log_finding(new_id(), finding, labels, now)


async def find(hub: Hub, *findings: IncidentFinding | None) -> None:
    async with hub.database.begin() as tx:
        await hub.findings.begin(tx, [one for one in findings if one is not None])
        await tx.commit()


async def end(hub: Hub, finding: IncidentFinding | None) -> None:
    assert finding is not None
    async with hub.database.begin() as tx:
        await hub.findings.end(tx, [finding.mark])
        await tx.commit()


async def members(hub: Hub, incident_id: UUID) -> list[IncidentFinding]:
    return (await hub.reading.incident(ROOT, incident_id)).findings


async def settled(hub: Hub) -> int:
    await hub.clock.advance(90)
    return await hub.episodes.settle()


async def test_a_forecast_that_comes_close_opens_an_incident_that_resolves_when_it_clears(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    began = sight.now()
    course = filling(began, left_s=9 * DAY_S)
    sight.play(a, "disk_space", course)
    await sight.job.round()
    assert await hub.incidents() == []

    await hub.clock.advance(3 * DAY_S)
    await sight.job.round()
    found = await hub.only()
    assert (found.view.origin, found.view.status, found.view.severity) == (Origin.FORECAST, Status.OPEN, Severity.LOW)
    assert found.view.title == "Foreseen: Disk space of node-1 / is used up"
    assert (found.view.finding_count, found.view.alert_count) == (1, 0)
    (member,) = found.findings
    assert (member.kind, member.joined_by) == (ArrivalKind.FORECAST, "alone")
    assert member.reason is not None
    assert "its time came close" in member.reason
    assert member.source_id == (await sight.listed())[0].id
    assert [row.kind for row in found.timeline] == ["OPENED", "FORECAST"]

    await hub.clock.advance(600)
    await sight.job.round()
    assert (await hub.only()).view.finding_count == 1
    assert await settled(hub) == 0

    cleaned = sight.now()
    sight.feed.courses.clear()
    await hub.clock.advance(1800)
    sight.play(a, "disk_space", lambda times: 0.2 * (times > cleaned) + course(times) * (times <= cleaned))
    await sight.job.round()
    assert await settled(hub) == 1
    over = await hub.only()
    assert over.view.status is Status.RESOLVED
    assert over.findings[0].ended_at is not None
    assert [row.kind for row in over.timeline] == ["OPENED", "FORECAST", "FORECAST_ENDED", "RESOLVED"]


async def test_what_comes_closer_becomes_more_severe_and_says_so_once(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    sight.play(a, "disk_space", filling(sight.now(), left_s=3 * DAY_S))
    await sight.job.round()
    assert (await hub.only()).view.severity is Severity.LOW
    for hours in (30, 1, 40):
        await hub.clock.advance(hours * 3600)
        await sight.job.round()
    found = await hub.only()
    assert (found.view.severity, found.findings[0].severity) == (Severity.HIGH, Severity.HIGH)
    assert [row.text.split(":")[0] for row in found.timeline if row.kind == "WORSENED"] == ["Now MEDIUM", "Now HIGH"]


class _FailsOnce(SqlPredictions):
    """The database goes away after the prediction was written, once."""

    failed = False

    async def survey(self, tx: Transaction, survey: Survey) -> None:
        if not self.failed:
            self.failed = True
            raise Unavailable("The database is away.")
        await super().survey(tx, survey)


async def test_a_crash_between_prediction_and_incident_loses_and_doubles_neither(hub: Hub) -> None:
    a = new_id()
    sight = Foresight(hub, a)
    sight.play(a, "disk_space", filling(sight.now(), left_s=DAY_S))
    sight.job._store = _FailsOnce()
    await sight.job.round()
    assert (await sight.listed(), await hub.incidents()) == ([], [])
    assert await hub.told("PREDICTION_MADE") + await hub.told("INCIDENT_OPENED") == 0

    async def away(tx: Transaction, made: list[Prediction]) -> None:
        raise Unavailable("The database is away.")

    told = hub.incidents
    begin, hub.findings.begin = hub.findings.begin, away  # type: ignore[method-assign, assignment]
    await sight.job.round()
    assert (await sight.listed(), await told()) == ([], [])
    hub.findings.begin = begin  # type: ignore[method-assign]
    for _ in range(2):
        await sight.job.round()
    assert ((await hub.only()).view.finding_count, await hub.told("PREDICTION_MADE")) == (1, 1)
    assert await hub.told("INCIDENT_OPENED") == 1


async def test_forecasts_of_one_round_are_incidents_of_their_own_unless_they_concern_the_same_node(hub: Hub) -> None:
    a, b = new_id(), new_id()
    sight = Foresight(hub, a, b)
    for cluster, node, mount in ((a, "n1", "/"), (a, "n1", "/data"), (a, "n2", "/"), (b, "n1", "/")):
        labels = {"instance": node, "mountpoint": mount}
        sight.play(cluster, "disk_space", filling(sight.now(), left_s=DAY_S), labels)
    await sight.job.round()
    assert sorted(view.finding_count for view in await hub.incidents()) == [1, 1, 2]
    await fire(hub, a, "elsewhere", {"instance": "n9"})
    assert len(await hub.incidents()) == 4


async def test_a_log_finding_joins_the_alert_of_its_workload_and_says_why(hub: Hub) -> None:
    a = new_id()
    await fire(hub, a, "slow", SHOP)
    await hub.clock.advance(120)
    found, elsewhere = logged(hub, a, "retry <*> failed"), logged(hub, a, "odd", labels={"app": "other"})
    await find(hub, found, elsewhere, logged(hub, a, "hello", Severity.INFO))
    only = await hub.only()
    assert (only.view.alert_count, only.view.finding_count, only.view.title) == (
        1, 1, "Alert Alert-slow, with a new log pattern",
    )  # fmt: skip
    (member,) = only.findings
    assert (member.name, member.joined_by) == ("retry <*> failed", "place")
    assert member.reason == "It joined because it concerns the same workload, shop/cart"
    assert only.timeline[-1].text.startswith("New in the logs: retry <*> failed")

    await end_alert(hub, a, "slow")
    assert await settled(hub) == 0
    await end(hub, found)
    assert await settled(hub) == 1


async def test_a_log_finding_that_came_first_waits_for_the_alert(hub: Hub) -> None:
    a = new_id()
    early, other = logged(hub, a, "pool is exhausted"), logged(hub, a, "odd", labels={"app": "other"})
    await find(hub, early, other)
    assert await hub.incidents() == []
    await hub.clock.advance(180)
    await fire(hub, a, "slow", SHOP)
    only = await hub.only()
    assert [(one.name, one.joined_by) for one in only.findings] == [("pool is exhausted", "place")]
    assert only.view.title == "Alert Alert-slow, with a new log pattern"
    assert [row.kind for row in only.timeline] == ["OPENED", "LOG_PATTERN", "ALERT"]
    await hub.clock.advance(900)
    await fire(hub, a, "late", {"app": "other"})
    assert sum(view.finding_count for view in await hub.incidents()) == 1


@pytest.mark.parametrize(
    ("severity", "about", "kind", "opens"),
    [
        (Severity.HIGH, FailureClass.DISK, FindingKind.NEW, True),
        (Severity.CRITICAL, FailureClass.MEMORY, FindingKind.SURGE, True),
        (Severity.HIGH, None, FindingKind.NEW, False),
        (Severity.MEDIUM, FailureClass.DISK, FindingKind.SURGE, False),
        (Severity.HIGH, FailureClass.DISK, FindingKind.VANISHED, False),
    ],
)
async def test_only_a_severe_pattern_that_tells_what_fails_opens_an_incident(
    hub: Hub, severity: Severity, about: FailureClass | None, kind: FindingKind, opens: bool
) -> None:
    finding = logged(hub, new_id(), "sdb: I/O error", severity, kind=kind, about=about)
    await find(hub, finding)
    assert len(await hub.incidents()) == opens
    await end(hub, finding)
    assert await settled(hub) == opens


async def test_a_finding_that_comes_back_reopens_its_incident_and_much_later_opens_one_that_follows(hub: Hub) -> None:
    a, pattern = new_id(), new_id()

    async def once() -> None:
        one = logged(hub, a, "sdb: I/O error", Severity.HIGH, about=FailureClass.DISK, pattern_id=pattern)
        await find(hub, one, one)
        await end(hub, one)
        assert await settled(hub) == 1

    await once()
    await hub.clock.advance(300)
    await once()
    only = await hub.only()
    assert [one.ended_at is None for one in only.findings] == [False, False]
    assert "REOPENED" in [row.kind for row in only.timeline]
    await hub.clock.advance(3600)
    await once()
    later, earlier = await hub.incidents()
    links = (await hub.reading.incident(ROOT, later.id)).links
    assert [(link.kind, link.other_id) for link in links] == [("FOLLOWS", earlier.id)]


async def test_a_cluster_that_leaves_and_a_source_that_is_gone_end_them(hub: Hub) -> None:
    a, b = new_id(), new_id()
    bad = {"severity": Severity.HIGH, "about": FailureClass.DISK}
    await find(hub, logged(hub, a, "x failed", **bad), logged(hub, b, "y failed", **bad))  # type: ignore[arg-type]
    async with hub.database.begin() as tx:
        await hub.findings.cluster_left(tx, a)
        await tx.commit()
    ends = {view.clusters[0]: (await members(hub, view.id))[0].ended_at for view in await hub.incidents()}
    assert (ends[a] is None, ends[b] is None) == (False, True)
    # Nothing was kept of the pattern itself, as where it became part of another one.
    assert await hub.findings.let_go() == 1
    assert await settled(hub) == 2


async def two(hub: Hub, a: UUID, b: UUID) -> tuple[IncidentView, IncidentView]:
    await find(hub, logged(hub, a, "x failed", Severity.HIGH, about=FailureClass.DISK))
    await hub.clock.advance(900)
    await find(hub, logged(hub, b, "y failed", Severity.HIGH, about=FailureClass.DISK))
    later, earlier = await hub.incidents()
    return earlier, later


async def test_findings_are_merged_split_and_moved_by_hand(hub: Hub) -> None:
    a, b = new_id(), new_id()
    first, second = await two(hub, a, b)
    await hub.merging.merge(ROOT, first.id, [second.id])
    (only,) = await hub.incidents()
    assert (only.id, only.finding_count, set(only.clusters)) == (first.id, 2, {a, b})
    moved = next(one for one in await members(hub, first.id) if one.cluster_id == b)
    assert moved.reason == f"test merged {second.key} into this incident"
    split = await hub.merging.move(ROOT, first.id, None, MemberChoice(findings=[moved.id]), None)
    assert [one.id for one in await members(hub, split)] == [moved.id]
    assert {view.id: view.finding_count for view in await hub.incidents()} == {first.id: 1, split: 1}
    with pytest.raises(NotFound):
        await hub.merging.move(ROOT, first.id, split, MemberChoice(findings=[moved.id]), None)


async def test_a_limited_reader_sees_only_findings_of_their_clusters(hub: Hub) -> None:
    a, b = new_id(), new_id()
    first, second = await two(hub, a, b)
    await hub.merging.merge(ROOT, first.id, [second.id])
    seen = await hub.reading.incident(person(Role.VIEWER, a), first.id)
    assert ([one.name for one in seen.findings], seen.view.finding_count) == (["x failed"], 1)
    assert not [row for row in seen.timeline if "y failed" in row.text]


async def test_an_incident_of_findings_alone_says_that_no_cause_can_be_ranked(hub: Hub) -> None:
    await find(hub, logged(hub, new_id(), "x failed", Severity.HIGH, about=FailureClass.DISK))
    assert await hub.ranking.step() == 1
    assert (await hub.only()).causes_note == "Inconclusive: no alert and no anomaly belongs to it."
    assert await hub.ranking.step() == 0


async def test_what_is_told_twice_is_one(hub: Hub) -> None:
    one = logged(hub, new_id(), "x failed", Severity.HIGH, about=FailureClass.DISK)
    await find(hub, one)
    await find(hub, one)
    assert (await hub.only()).view.finding_count == 1
    assert one is not None
    async with hub.database.begin() as tx:
        await hub.findings.end(tx, [Mark(ArrivalKind.LOG_PATTERN, one.source_id, "SURGE")])
        await tx.commit()
    assert (await hub.only()).findings[0].ended_at is None
