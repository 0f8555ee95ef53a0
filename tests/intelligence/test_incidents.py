from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from aiops.intelligence.detectors.robust_band import RobustBand
from aiops.intelligence.domain.anomalies import AnomalyFilter
from aiops.intelligence.domain.incidents import IncidentFilter, IncidentView, Status
from aiops.intelligence.events import EVENTS
from aiops.intelligence.handlers import Reactions
from aiops.intelligence.needs_incidents import Rulings, TopologySource
from aiops.intelligence.service.alert_places import AlertPlaces
from aiops.intelligence.service.arrived import Arrived
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.feedbacks import Feedbacks
from aiops.intelligence.service.findings import Findings
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.service.hands import Hands, IncidentChange
from aiops.intelligence.service.merging import Merging
from aiops.intelligence.service.ranking import Ranking
from aiops.intelligence.service.reading import IncidentDetail, Reading
from aiops.intelligence.service.watcher import Watcher
from aiops.intelligence.store.alert_places import SqlAlertPlaces
from aiops.intelligence.store.feedback import SqlFeedback
from aiops.intelligence.store.findings import SqlAnomalies, SqlTracks
from aiops.intelligence.store.gathering import SqlGathering
from aiops.intelligence.store.incident_findings import SqlIncidentFindings
from aiops.intelligence.store.incident_views import IncidentViews
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.intelligence.store.teams import SqlTeams
from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import NotFound, PermissionDenied
from aiops.kernel.events import EventCatalogue
from aiops.kernel.ids import new_id
from aiops.kernel.outbox import Dispatcher, Handler, SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.events import AlertFired, AlertResolved, WatchChanged
from aiops.observability.fakes import FakeAlerts, FakeWatchFeed
from aiops.observability.ports import Alert, AlertState, Severity, Watch, WatchBatch, WatchHistory
from aiops.observability.service.maintenance.hiding import Hiding, MaintainedNow
from aiops.observability.store.maintenance import PostgresWindowStore

CPU = Watch("node_cpu", "CPU", "cpu", "ratio", "up", 0.1, ("instance",))
LOAD = Watch("node_load", "Load", "load", "load", "up", 0.5, ("instance",))
DISK = Watch("node_disk", "Disk space", "disk", "ratio", "up", 0.05, ("instance",))
ROOT = Principal.system("test")
QUIET = {CPU: 0.15, LOAD: 0.5, DISK: 0.4}


def person(role: Role, *clusters: UUID) -> Principal:
    return Principal(PrincipalKind.USER, "u", "ann", role, frozenset(clusters) if clusters else None)


class Hub:
    """Intelligence on a real database with time, watches and alerts driven by hand."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database, self.clock = database, clock
        self.feed, self.alerts = FakeWatchFeed(), FakeAlerts()
        self.topology: TopologySource | None = None
        self.rulings: Rulings | None = None
        self.windows = PostgresWindowStore()
        self.maintenance = MaintainedNow(Hiding(self.windows), clock)
        self.start()

    def start(self) -> None:
        """As a restart of the process does it: nothing is kept but the database."""
        incidents, anomalies, tracks = SqlIncidents(), SqlAnomalies(), SqlTracks()
        self.gathering = Gathering(incidents, SqlGathering(), self.topology, self.rulings, SqlTeams())
        self.episodes = Episodes(
            self.database, self.clock, incidents, anomalies, tracks, self.gathering, self.maintenance
        )
        said = SqlFeedback()
        self.watcher = Watcher(
            self.database, self.clock, self.feed, RobustBand(), tracks, anomalies, said, self.episodes
        )
        start, end = (self.database, self.clock, incidents, anomalies), (self.episodes, self.watcher)
        self.ranking, self.reading = Ranking(*start, *end), Reading(*start, said, SqlIncidentFindings(), self.watcher)
        store, teams = SqlGathering(), SqlTeams()
        self.findings = Findings(
            self.database, self.clock, incidents, store, self.gathering, self.episodes, self.maintenance
        )
        self.hands = Hands(self.database, self.clock, incidents, store, teams, self.episodes)
        self.merging = Merging(self.database, self.clock, incidents, store, self.gathering, self.episodes, self.hands)
        self.feedbacks = Feedbacks(self.database, self.clock, said, anomalies, incidents, *end)
        reactions = Reactions(self.episodes, self.alerts, self.watcher)
        handlers = [
            Handler("intelligence.alerts", (AlertFired, AlertResolved), reactions.on_alert, reactions.on_alerts),
            Handler("intelligence.watch_changed", (WatchChanged,), reactions.on_watch_changed),
        ]
        bus, catalogue = InMemoryBus(), EventCatalogue()
        catalogue.add(AlertFired, AlertResolved, WatchChanged, *EVENTS)
        self.database.outbox = SqlOutbox(bus, handlers)
        self.dispatcher = Dispatcher(self.database, bus, self.clock, catalogue, handlers)

    def batch(self, cluster: UUID, watch: Watch, value: float, host: str = "web-1") -> WatchBatch:
        at = self.clock.now().timestamp()
        return WatchBatch(cluster, watch, at, 5.0, [{"instance": host}], np.array([value]))

    async def past(self, *clusters: UUID) -> None:
        """Give every watch an hour of ordinary past, and let it be learned."""
        rng = np.random.default_rng(1)
        now = self.clock.now().timestamp()
        times = np.arange(now - 3600, now, 15.0)
        for cluster in clusters:
            for watch, level in QUIET.items():
                values = rng.normal(level, level / 20, (1, 240))
                self.feed.past[cluster, watch.name] = WatchHistory(times, [{"instance": f"h-{cluster}"}], values)
        await self.tick(*clusters)
        await self.watcher.learned()

    async def tick(self, *clusters: UUID, times: int = 1, **loud: float) -> None:
        for _ in range(times):
            await self.clock.advance(5)
            for cluster in clusters:
                for watch, level in QUIET.items():
                    value = loud.get(watch.name, level)
                    await self.watcher.take([self.batch(cluster, watch, value, f"h-{cluster}")])

    async def fire(
        self, cluster: UUID, fingerprint: str = "f1", *, resolved: bool = False, twice: bool = False
    ) -> None:
        now = self.clock.now()
        alert = Alert(
            cluster, fingerprint, f"Alert-{fingerprint}", Severity.HIGH, "warning", AlertState.FIRING,
            {"alertname": fingerprint}, {}, now, None, None, 1, now,
        )  # fmt: skip
        if not resolved:
            self.alerts.put(alert)
        kind = AlertResolved if resolved else AlertFired
        for _ in range(2 if twice else 1):
            event = kind(
                event_id=new_id(), occurred_at=now, cluster_ids=(cluster,), cluster_id=cluster,
                fingerprint=fingerprint, name=alert.name, severity="HIGH", starts_at=now,
            )  # fmt: skip
            async with self.database.begin() as tx:
                tx.publish(event)
                await tx.commit()
        await self.dispatcher.step()

    async def incidents(self, principal: Principal = ROOT) -> list[IncidentView]:
        return (await self.reading.incidents(principal, IncidentFilter(), 100, None))[0]

    async def only(self, principal: Principal = ROOT) -> IncidentDetail:
        (incident,) = await self.incidents(principal)
        return await self.reading.incident(principal, incident.id)

    async def told(self, event_type: str) -> int:
        async with self.database.begin() as tx:
            query = text("SELECT count(*) FROM kernel.outbox WHERE event_type = :t")
            return int(await tx.connection.scalar(query, {"t": event_type}) or 0)


@pytest.fixture
def hub(database: Database, clock: VirtualClock) -> Hub:
    return Hub(database, clock)


async def test_a_fault_opens_one_incident_that_says_what_and_resolves_when_it_ends(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=3)
    assert await hub.incidents() == []
    await hub.tick(a, times=4, node_cpu=0.98)
    await hub.tick(a, times=6, node_cpu=0.98, node_load=9.0)
    detail = await hub.only()
    assert detail.view.key == f"INC-{hub.clock.now():%Y%m%d}-0001"
    assert detail.view.title == f"CPU of h-{a} high, with Load"
    assert detail.view.severity in (Severity.CRITICAL, Severity.HIGH)
    assert [anomaly.watch for anomaly in detail.anomalies] == ["node_cpu", "node_load"]
    assert "is 98 %, usually 15 %, expected " in detail.anomalies[0].explanation
    await hub.tick(a, times=4)
    assert await hub.episodes.settle() == 0
    await hub.clock.advance(70)
    assert await hub.episodes.settle() == 1
    assert (await hub.only()).view.status is Status.RESOLVED
    counts = [await hub.told(name) for name in ("INCIDENT_OPENED", "INCIDENT_RESOLVED", "ANOMALY_DETECTED")]
    assert counts == [1, 1, 2]


async def test_what_returns_reopens_its_incident_and_later_a_new_one_is_opened(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    for pause in (70, 1200):
        await hub.tick(a, times=4, node_cpu=0.98)
        await hub.tick(a, times=4)
        await hub.clock.advance(70)
        await hub.episodes.settle()
        await hub.clock.advance(pause)
    assert len(await hub.incidents()) == 1
    assert "REOPENED" in [row.kind for row in (await hub.only()).timeline]
    await hub.tick(a, times=4, node_cpu=0.98)
    assert [view.key[-4:] for view in await hub.incidents()] == ["0002", "0001"]


async def test_the_cause_that_moved_first_ranks_first_with_evidence_that_can_be_run_again(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=10)
    await hub.tick(a, times=3, node_load=9.0)
    await hub.tick(a, times=8, node_load=9.0, node_cpu=0.98)
    assert await hub.ranking.step() == 1
    assert await hub.ranking.step() == 0
    causes = (await hub.only()).causes
    # Both are of one host: one cause, with the evidence of both.
    assert [cause.watch for cause in causes] == ["node_load"]
    assert causes[0].reasons[0] == "the only thing watched here that moved"
    assert 0.3 < causes[0].confidence <= 0.98
    assert sum(cause.confidence for cause in causes) <= 1
    assert causes[0].evidence[0].query == f'aiops:watch:value{{instance="h-{a}",watch="node_load"}}'
    assert await hub.told("RCA_COMPLETE") == 1


async def test_where_nothing_moved_no_cause_is_named(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=5)
    await hub.fire(a)
    await hub.ranking.step()
    detail = await hub.only()
    assert detail.causes == []
    assert detail.causes_note is not None
    assert detail.causes_note.startswith("Inconclusive")


async def test_alerts_join_the_open_incident_once_however_often_they_are_told(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    await hub.fire(a, twice=True)
    detail = await hub.only()
    assert (detail.view.anomaly_count, detail.view.alert_count) == (1, 1)
    await hub.tick(a, times=4)
    await hub.clock.advance(100)
    assert await hub.episodes.settle() == 0
    await hub.fire(a, resolved=True, twice=True)
    await hub.clock.advance(100)
    assert await hub.episodes.settle() == 1
    assert [row.kind for row in (await hub.only()).timeline].count("ALERT_RESOLVED") == 1


async def test_one_incident_relates_clusters_and_each_reader_sees_only_their_part(hub: Hub) -> None:
    a, b = new_id(), new_id()
    await hub.past(a, b)
    await hub.tick(a, b, times=10)
    await hub.tick(a, b, times=6, node_cpu=0.98)
    await hub.ranking.step()
    assert set((await hub.only()).view.clusters) == {a, b}
    viewer = person(Role.VIEWER, b)
    detail = await hub.only(viewer)
    seen = repr(detail)
    assert str(b) in seen
    assert str(a) not in seen
    assert detail.view.title == f"CPU of h-{b} high"
    assert detail.view.anomaly_count == 1
    assert [cause.cluster_id for cause in detail.causes] == [b]
    assert {item.cluster_id for item in await hub.reading.expectations(viewer)} == {b}
    items, total = await hub.reading.anomalies(viewer, AnomalyFilter(), 20, None)
    assert ([item.cluster_id for item in items], total) == ([b], 1)
    stranger = person(Role.VIEWER, new_id())
    assert await hub.incidents(stranger) == []
    with pytest.raises(NotFound):
        await hub.reading.incident(stranger, detail.view.id)


async def test_alerts_are_told_their_incident_and_its_likely_cause_within_the_reader_s_scope(hub: Hub) -> None:
    a, b = new_id(), new_id()
    await hub.past(a, b)
    await hub.tick(a, b, times=10)
    await hub.tick(a, b, times=6, node_cpu=0.98)
    await hub.fire(a)
    await hub.fire(b, "f2")
    await hub.ranking.step()
    places = AlertPlaces(hub.database, SqlAlertPlaces(), IncidentViews())
    wanted = [(a, "f1"), (b, "f2"), (b, "in none")]
    viewer = person(Role.VIEWER, b)
    for reader, clusters in ((ROOT, {a, b}), (viewer, {b})):
        detail = await hub.only(reader)
        found = await places.of_alerts(reader, wanted)
        assert {place.cluster_id for place in found.places} == clusters
        (incident,) = found.incidents
        assert (incident.id, incident.title) == (detail.view.id, detail.view.title)
        assert incident.causes_note == detail.causes_note
        assert (incident.cause and incident.cause.title) == (None if detail.causes_note else detail.causes[0].title)
        (group,) = await places.groups(reader, [], [Severity.HIGH], 10)
        assert (group.incident, group.firing.alerts, set(group.firing.clusters)) == (incident, len(clusters), clusters)
    whole = await hub.only()
    async with hub.database.begin() as tx:
        await SqlIncidents().put_causes(tx, whole.view.id, 99, whole.causes, None)
        await tx.commit()
    for reader in (ROOT, viewer):
        cause = (await places.of_alerts(reader, wanted)).incidents[0].cause
        assert cause is not None
        assert cause.title == (await hub.only(reader)).causes[0].title
    assert str(a) not in repr(await places.of_alerts(viewer, wanted))
    assert await places.groups(viewer, [a], [], 10) == await places.groups(ROOT, [], [Severity.LOW], 10) == []
    await hub.fire(a, resolved=True)
    assert [group.firing.clusters for group in await places.groups(ROOT, [], [], 10)] == [[b]]


async def test_only_an_operator_in_scope_changes_a_status_and_the_timeline_says_who(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    incident, acknowledged = (await hub.only()).view, IncidentChange(status=Status.ACKNOWLEDGED)
    with pytest.raises(PermissionDenied):
        await hub.hands.change(person(Role.VIEWER, a), incident.id, acknowledged)
    with pytest.raises(NotFound):
        await hub.hands.change(person(Role.OPERATOR, new_id()), incident.id, acknowledged)
    await hub.hands.change(person(Role.OPERATOR, a), incident.id, acknowledged)
    changed = await hub.only()
    assert changed.view.acknowledged_at == hub.clock.now()
    assert changed.timeline[-1].text == "ann changed the status from OPEN to ACKNOWLEDGED"


async def test_a_restart_keeps_band_anomaly_and_incident_and_skips_what_was_seen(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    before = await hub.reading.expectations(ROOT)
    hub.start()
    assert not await hub.watcher.take([hub.batch(a, CPU, 0.98, f"h-{a}")])
    await hub.tick(a, node_cpu=0.98)
    after = await hub.reading.expectations(ROOT)
    assert after[0].expected == pytest.approx(before[0].expected)
    assert after[0].anomaly_id == before[0].anomaly_id is not None
    assert len((await hub.only()).anomalies) == 1
    await hub.tick(a, times=3)
    assert (await hub.only()).anomalies[0].end_reason == "back in its band"


async def test_the_past_that_was_learned_from_is_kept_once_for_charts_and_evidence(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    kept = {watch: past for _, watch, past in hub.feed.recorded_past}
    assert set(kept) == {watch.name for watch in QUIET}
    assert kept["node_cpu"].series == [{"instance": f"h-{a}"}]
    assert np.array_equal(kept["node_cpu"].values, hub.feed.past[a, "node_cpu"].values)
    hub.start()
    await hub.tick(a)
    await hub.watcher.learned()
    assert len(hub.feed.recorded_past) == len(QUIET)


async def test_without_history_it_says_how_far_it_has_learned(hub: Hub) -> None:
    a = new_id()
    await hub.tick(a, times=3)
    (cpu, *_) = await hub.reading.expectations(ROOT)
    assert cpu.learning is not None
    assert (cpu.learning.seen, cpu.learning.needed, cpu.expected) == (3, 36, None)
    assert hub.feed.recorded[-1].expectations[0].value == QUIET[DISK]


async def test_a_cluster_that_leaves_ends_what_was_open_on_it(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    async with hub.database.begin() as tx:
        await hub.episodes.cluster_left(tx, a)
        await tx.commit()
    await hub.clock.advance(timedelta(minutes=2).total_seconds())
    assert await hub.episodes.settle() == 1


async def test_what_a_silent_cluster_left_open_is_given_up_and_found_again_when_it_speaks(hub: Hub) -> None:
    a = new_id()
    await hub.past(a)
    await hub.tick(a, times=4, node_cpu=0.98)
    (before,) = (await hub.only()).anomalies
    await hub.clock.advance(29 * 60)
    assert await hub.episodes.give_up_unseen() == 0
    await hub.clock.advance(90)
    assert await hub.episodes.give_up_unseen() == 1
    (gone,) = (await hub.only()).anomalies
    assert gone.end_reason == "no values for 30 min, so its end was not seen"
    await hub.tick(a, times=4, node_cpu=0.98)
    detail = await hub.only()
    assert [anomaly.ended_at is None for anomaly in detail.anomalies] == [False, True]
    assert before.id == detail.anomalies[0].id


async def test_what_moves_at_once_is_one_incident_told_once(hub: Hub) -> None:
    a = new_id()
    hosts = [{"instance": f"h-{number}"} for number in range(300)]
    now = hub.clock.now().timestamp()
    times = np.arange(now - 3600, now, 15.0)
    past = np.random.default_rng(2).normal(0.15, 0.01, (300, 240))
    hub.feed.past[a, "node_cpu"] = WatchHistory(times, hosts, past)

    async def all_at(value: float) -> None:
        await hub.clock.advance(5)
        now = hub.clock.now().timestamp()
        await hub.watcher.take([WatchBatch(a, CPU, now, 5.0, hosts, np.full(300, value))])

    await all_at(0.15)
    await hub.watcher.learned()
    for value in (0.15, 0.98, 0.98, 0.98):
        await all_at(value)
    detail = await hub.only()
    assert detail.view.anomaly_count == 300
    assert detail.view.title == "CPU of h-0 high, and 299 more like it"
    assert await hub.told("ANOMALY_DETECTED") == 300
    assert await hub.told("INCIDENT_OPENED") == 1
    assert await hub.told("INCIDENT_UPDATED") == 0
    for _ in range(4):
        await all_at(0.15)
    assert {anomaly.end_reason for anomaly in (await hub.only()).anomalies} == {"back in its band"}
    assert await hub.told("INCIDENT_UPDATED") == 1


async def test_batches_of_many_watches_are_dealt_with_at_once_each_watch_in_its_order(hub: Hub) -> None:
    a, b = new_id(), new_id()
    arrived = Arrived()
    for _ in range(2):
        await hub.clock.advance(5)
        for cluster in (a, b):
            for watch in (CPU, LOAD):
                arrived.put(hub.batch(cluster, watch, 0.5))
    first, second = await arrived.next(100), await arrived.next(100)
    assert len(first) == len(second) == 4
    assert {batch.at for batch in first} < {batch.at for batch in first + second}
    assert await hub.watcher.take(first) == 4
    assert await hub.watcher.take(first) == 0
    assert await hub.watcher.take(second) == 4
    assert {(one.cluster_id, one.learning.seen) for one in await hub.reading.expectations(ROOT) if one.learning} == {
        (a, 2),
        (b, 2),
    }


async def test_an_incident_long_past_is_forgotten_and_one_that_is_open_never(hub: Hub) -> None:
    over, burning = new_id(), new_id()
    await hub.past(over)
    await hub.tick(over, times=4, node_cpu=0.98)
    await hub.tick(over, times=4)
    await hub.clock.advance(70)
    await hub.episodes.settle()
    await hub.clock.advance(3600)
    await hub.fire(burning)
    async with hub.database.begin() as tx:
        assert await SqlIncidents().forget(tx, hub.clock.now() - timedelta(hours=2)) == 0
        assert await SqlIncidents().forget(tx, hub.clock.now() + timedelta(hours=1)) == 1
        await tx.commit()
    assert [view.clusters for view in await hub.incidents()] == [[burning]]


async def test_an_alert_that_ended_before_anyone_heard_of_it_is_a_member_all_the_same(hub: Hub) -> None:
    a = new_id()
    now = hub.clock.now()
    alert = Alert(
        a, "f1", "Flap", Severity.HIGH, "warning", AlertState.RESOLVED, {}, {}, now, now + timedelta(seconds=3),
        None, 1, now,
    )  # fmt: skip
    hub.alerts.put(alert)
    for kind in (AlertFired, AlertResolved):
        event = kind(
            event_id=new_id(), occurred_at=now + timedelta(seconds=3), cluster_ids=(a,), cluster_id=a,
            fingerprint="f1", name="Flap", severity="HIGH", starts_at=now,
        )  # fmt: skip
        async with hub.database.begin() as tx:
            tx.publish(event)
            await tx.commit()
    await hub.dispatcher.step()
    (member,) = (await hub.only()).alerts
    assert (member.started_at, member.ended_at) == (now, now + timedelta(seconds=3))
    assert member.reason is not None
    assert member.reason.startswith("It opened this incident: nothing else had moved on its cluster")
    await hub.clock.advance(70)
    assert await hub.episodes.settle() == 1


async def test_what_comes_back_too_late_to_be_the_same_is_linked_to_what_was_before(hub: Hub) -> None:
    a = new_id()
    await hub.fire(a)
    await hub.fire(a, resolved=True)
    await hub.clock.advance(70)
    await hub.episodes.settle()
    await hub.clock.advance(3600)
    await hub.fire(a)
    later, earlier = await hub.incidents()
    detail = await hub.reading.incident(ROOT, later.id)
    assert [(link.key, link.kind) for link in detail.links] == [(earlier.key, "FOLLOWS")]
    before = await hub.reading.incident(ROOT, earlier.id)
    assert [(link.key, link.kind) for link in before.links] == [(later.key, "FOLLOWED_BY")]
