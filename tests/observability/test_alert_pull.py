"""Alerts that are read where a cluster keeps them, beside those that are pushed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import aiohttp
import msgspec
import pytest
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Unavailable
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.backends.alertmanager import AlertmanagerBackend
from aiops.observability.backends.prometheus_rules import PrometheusRules
from aiops.observability.domain import alert_fingerprint
from aiops.observability.needs_alerts import AlertFilter
from aiops.observability.ports import Alert, AlertOrigin, AlertState
from aiops.observability.service.alert_pull import AlertPulling, AlertPullJob
from aiops.observability.service.alert_pull_remote import FoundAlert, RemoteAlerts
from aiops.observability.service.alert_rules import AlertRules
from aiops.observability.service.alert_told import Webhook
from aiops.observability.service.alertmanager_pair import AlertmanagerPair
from aiops.observability.service.alerts import AlertService
from aiops.observability.store.alert_lists import PostgresAlertLists
from aiops.observability.store.alert_pulls import PostgresPullStore
from aiops.observability.store.alerts import PostgresAlertStore
from tests.lab.packages import lab_available
from tests.lab.servers import Alertmanager, Prometheus
from tests.observability.alerting import (
    SYSTEM,
    FakeRemoteAlerts,
    InTurn,
    Receiver,
    Saying,
    call,
    ha_pair,
    raise_alert,
    wait,
)
from tests.observability.clusters import Fleet, Ways

lab = pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))
READER = Principal(PrincipalKind.USER, "u", "ann", Role.VIEWER, None)


class House(NamedTuple):
    fleet: Fleet
    clock: VirtualClock
    alerts: AlertService
    pulling: AlertPulling
    job: AlertPullJob
    database: Database

    async def pull(self, name: str = "one") -> str | None:
        return await self.pulling.pull(SYSTEM, self.fleet.cluster(name))

    async def all(self) -> list[Alert]:
        return (await self.alerts.page(READER, AlertFilter(None), None, 100)).items

    async def stated(self) -> list[str]:
        async with self.database.begin() as tx:
            rows = await tx.connection.execute(text("SELECT event_type FROM kernel.outbox ORDER BY event_id"))
            return [row.event_type for row in rows]


def _house(
    database: Database, fleet: Fleet, clock: VirtualClock, manager: RemoteAlerts, rules: RemoteAlerts | None = None
) -> House:
    database.outbox = SqlOutbox(InMemoryBus(), [])
    alerts = AlertService(database, clock, PostgresAlertStore(), PostgresAlertLists())
    pulls = PostgresPullStore()
    remotes = {AlertOrigin.ALERTMANAGER: manager, AlertOrigin.PROMETHEUS: rules or manager}
    pulling = AlertPulling(database, clock, fleet, alerts, pulls, remotes)
    return House(fleet, clock, alerts, pulling, AlertPullJob(database, clock, fleet, pulls, pulling), database)


@pytest.fixture
def remote() -> FakeRemoteAlerts:
    return FakeRemoteAlerts()


@pytest.fixture
def house(database: Database, clock: VirtualClock, remote: FakeRemoteAlerts) -> House:
    fleet = Fleet({"one": Ways("http://a"), "two": Ways("http://b"), "none": Ways()})
    remote.started_at = clock.now() - timedelta(days=1)
    return _house(database, fleet, clock, remote)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def found(
    clock: VirtualClock, name: str = "DiskFull", *, ago_s: float = 60.0, silenced: str | None = None
) -> FoundAlert:
    labels = {"alertname": name, "severity": "warning"}
    return FoundAlert(
        labels=labels,
        annotations={},
        starts_at=clock.now() - timedelta(seconds=ago_s),
        fingerprint=alert_fingerprint(labels),
        suppressed=silenced is not None,
        silenced_by=(silenced,) if silenced else (),
    )


async def test_reading_again_counts_nothing_and_tells_nobody(house: House, remote: FakeRemoteAlerts) -> None:
    remote.found = [found(house.clock)]
    for _ in range(4):
        assert await house.pull() is None
        await house.clock.advance(30)
    (alert,) = await house.all()
    assert (alert.state, alert.occurrences, alert.pulled) == (AlertState.FIRING, 1, True)
    assert await house.stated() == ["ALERT_FIRED"]
    assert house.clock.now() - alert.received_at <= timedelta(seconds=60)


async def test_what_vanished_from_a_healthy_server_is_resolved(house: House, remote: FakeRemoteAlerts) -> None:
    remote.found = [found(house.clock), found(house.clock, "NodeDown")]
    await house.pull()
    remote.found = remote.found[1:]
    await house.clock.advance(30)
    await house.pull()
    states = {alert.name: alert.state for alert in await house.all()}
    assert states == {"DiskFull": AlertState.RESOLVED, "NodeDown": AlertState.FIRING}
    assert await house.stated() == ["ALERT_FIRED", "ALERT_FIRED", "ALERT_RESOLVED"]


async def test_what_a_server_forgot_by_starting_anew_still_fires(house: House, remote: FakeRemoteAlerts) -> None:
    remote.found = [found(house.clock)]
    await house.pull()
    kept, remote.found = remote.found, []
    await house.clock.advance(30)
    remote.started_at = house.clock.now() - timedelta(seconds=10)
    await house.pull()
    assert (await house.all())[0].state is AlertState.FIRING
    remote.found = kept
    await house.clock.advance(60)
    await house.pull()
    assert await house.stated() == ["ALERT_FIRED"]
    remote.found, remote.started_at = [], None
    await house.clock.advance(420)
    await house.pull()
    assert (await house.all())[0].state is AlertState.RESOLVED


async def test_where_nobody_answers_all_stays_and_says_how_old_it_is(house: House, remote: FakeRemoteAlerts) -> None:
    remote.found = [found(house.clock)]
    await house.pull()
    remote.fails = Unavailable("It cannot be reached.")
    await house.clock.advance(45)
    assert await house.pull() == "It cannot be reached."
    assert (await house.all())[0].state is AlertState.FIRING
    known = {one.cluster: one for one in await house.pulling.freshness(READER)}
    assert (known["one"].age_s, known["one"].error) == (45.0, "It cannot be reached.")
    assert (known["two"].age_s, known["two"].origin) == (None, AlertOrigin.ALERTMANAGER)
    assert known["none"].origin is None
    limited = house.fleet.user(Role.VIEWER, "two")
    assert [one.cluster for one in await house.pulling.freshness(limited)] == ["two"]


async def test_an_end_that_was_told_while_we_asked_stands_and_a_later_sight_begins_anew(
    house: House, remote: FakeRemoteAlerts
) -> None:
    seen = found(house.clock)
    remote.found = [seen]
    await house.pull()
    ended = {"labels": seen.labels, "startsAt": seen.starts_at, "status": "resolved", "fingerprint": seen.fingerprint}
    sender = Principal(PrincipalKind.SERVICE, "s", "am", None, frozenset({house.fleet.ids["one"]}))
    await house.alerts.receive(sender, msgspec.convert({"alerts": [ended]}, Webhook))
    await house.pull()
    assert (await house.all())[0].state is AlertState.RESOLVED
    await house.clock.advance(60)
    await house.pull()
    (alert,) = await house.all()
    assert (alert.state, alert.occurrences) == (AlertState.FIRING, 2)
    assert await house.stated() == ["ALERT_FIRED", "ALERT_RESOLVED", "ALERT_FIRED"]


async def test_the_silenced_alarm_nobody_until_they_are_heard_again(house: House, remote: FakeRemoteAlerts) -> None:
    remote.found = [found(house.clock, silenced="s-1")]
    await house.pull()
    (alert,) = await house.all()
    assert (alert.suppressed, alert.silenced_by) == (True, ("s-1",))
    remote.found = [found(house.clock)]
    await house.pull()
    assert await house.stated() == ["ALERT_UPDATED", "ALERT_FIRED"]


async def test_a_pair_that_disagrees_on_the_start_has_one_episode(house: House, remote: FakeRemoteAlerts) -> None:
    for start in (60.0, 53.0, 60.0, 53.0):
        remote.found = [found(house.clock, ago_s=start)]
        await house.pull()
    (alert,) = await house.all()
    assert alert.occurrences == 1
    assert await house.stated() == ["ALERT_FIRED"]


async def test_of_two_replicas_one_reads_and_each_cluster_in_its_turn(
    house: House, remote: FakeRemoteAlerts, database: Database
) -> None:
    other = _house(database, house.fleet, house.clock, remote)
    assert await house.job.tick() + await other.job.tick() == 2
    for _ in range(60):
        await house.clock.advance(1)
        await house.job.tick()
        await other.job.tick()
    assert 2 * 2 <= remote.asked - 2 <= 2 * 3


async def test_while_somebody_looks_a_cluster_is_read_every_ten_seconds(house: House, remote: FakeRemoteAlerts) -> None:
    await house.job.tick()
    ages = []
    for _ in range(60):
        await house.clock.advance(1)
        ages += [one.age_s for one in await house.pulling.freshness(READER) if one.origin]
        await house.job.tick()
    assert max(age for age in ages if age is not None) <= 13
    assert remote.asked <= 2 * 8


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, b"", "no such page"),
        (200, b"<html>", "did not answer as"),
        (200, b"{}", "did not answer as"),
        (401, b"who are you", "HTTP 401"),
        (500, b"", "HTTP 500"),
    ],
)
async def test_what_is_no_answer_is_told_and_ends_nothing(
    database: Database, session: aiohttp.ClientSession, clock: VirtualClock, status: int, body: bytes, told: str
) -> None:
    with Saying(status, body) as server:
        fleet = Fleet({"one": Ways(prometheus=server.url), "two": Ways(server.url)})
        house = _house(database, fleet, clock, AlertmanagerBackend(session, clock), PrometheusRules(session, clock))
        rules = await house.pull("one")
        assert told in (rules or "")
        assert (await house.pull("two") or "").startswith("It")
    known = {one.cluster: one.error for one in await house.pulling.freshness(READER)}
    assert known["one"] == rules


@pytest.fixture(scope="module")
def manager() -> Iterator[tuple[Alertmanager, Receiver]]:
    with Receiver() as receiver:
        config = (
            "route: {receiver: hub, group_wait: 0s, group_interval: 1s, group_by: ['...']}\n"
            f"receivers: [{{name: hub, webhook_configs: [{{url: '{receiver.url}/'}}]}}]\n"
        )
        with Alertmanager(config) as server:
            yield server, receiver


@lab
async def test_a_pushed_and_a_pulled_alert_of_a_real_alertmanager_are_one(
    database: Database, session: aiohttp.ClientSession, manager: tuple[Alertmanager, Receiver]
) -> None:
    server, receiver = manager
    began = datetime.now(UTC).replace(microsecond=123456)
    raise_alert(server, "Pushed", starts=began.isoformat().replace("123456+00:00", "123456789Z"), place="é", zone="x")
    notice = wait(lambda: receiver.notices, "the notice")[0]
    clock = VirtualClock(datetime.now(UTC))
    fleet = Fleet({"one": Ways(server.url)})
    house = _house(database, fleet, clock, AlertmanagerBackend(session, clock))
    sender = Principal(PrincipalKind.SERVICE, "s", "am", None, frozenset({fleet.ids["one"]}))
    await house.alerts.receive(sender, msgspec.json.decode(notice, type=Webhook))
    (pushed,) = await house.all()
    assert pushed.fingerprint == alert_fingerprint(pushed.labels)
    await house.pull()
    await house.alerts.receive(sender, msgspec.json.decode(notice, type=Webhook))
    (pulled,) = await house.all()
    assert (pulled.occurrences, pulled.starts_at, pulled.pulled) == (1, pushed.starts_at, True)
    assert pulled.annotations == {"summary": "Pushed here"}
    assert await house.stated() == ["ALERT_FIRED"]


@lab
async def test_an_end_in_a_real_alertmanager_is_seen_once_it_is_old_enough_to_know(
    database: Database, session: aiohttp.ClientSession, manager: tuple[Alertmanager, Receiver]
) -> None:
    server, _ = manager
    began = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    raise_alert(server, "Ends", starts=began, zone="y")
    clock = VirtualClock(datetime.now(UTC))
    fleet = Fleet({"one": Ways(server.url, selector={"zone": "y"}), "two": Ways(server.url, selector={"zone": "x"})})
    house = _house(database, fleet, clock, AlertmanagerBackend(session, clock))
    await house.pull()
    assert [alert.name for alert in await house.all()] == ["Ends"]
    raise_alert(server, "Ends", starts=began, ends=datetime.now(UTC).isoformat(), zone="y")
    await house.pull()
    assert (await house.all())[0].state is AlertState.FIRING
    await clock.advance(310)
    await house.pull()
    assert (await house.all())[0].state is AlertState.RESOLVED


@lab
async def test_of_a_real_pair_behind_one_address_each_alert_is_one(
    database: Database, session: aiohttp.ClientSession
) -> None:
    with ha_pair() as pair, InTurn(*(server.url for server in pair)) as both:
        for server in pair:
            raise_alert(server, "Twice", starts="2026-01-01T00:00:00.5Z", severity="critical")
        clock = VirtualClock(datetime.now(UTC) + timedelta(hours=1))
        house = _house(database, Fleet({"one": Ways(both.url)}), clock, AlertmanagerBackend(session, clock))
        for _ in range(4):
            assert await house.pull() is None
        (alert,) = await house.all()
        assert (alert.occurrences, alert.state) == (1, AlertState.FIRING)
        matcher = {"name": "alertname", "value": "Twice", "isRegex": False, "isEqual": True}
        times = {"startsAt": datetime.now(UTC).isoformat(), "endsAt": "2036-01-01T00:00:00Z"}
        body = {"matchers": [matcher], **times, "createdBy": "bob", "comment": "known"}
        made = call("POST", f"{pair[0].url}/api/v2/silences", body)["silenceID"]
        wait(lambda: call("GET", f"{pair[1].url}/api/v2/alerts")[0]["status"]["silencedBy"], "the gossip")
        for _ in range(2):
            await house.pull()
            assert (await house.all())[0].silenced_by == (made,)
        assert await house.stated() == ["ALERT_FIRED", "ALERT_UPDATED"]


@lab
async def test_of_a_real_pair_at_two_addresses_each_alert_is_one_while_either_answers(
    database: Database, session: aiohttp.ClientSession
) -> None:
    with ha_pair() as pair:
        first, second = pair
        for server in pair:
            raise_alert(server, "Twice", starts="2026-01-01T00:00:00.5Z", severity="critical")
        raise_alert(second, "OfTheSecond", starts="2026-01-01T00:00:00.5Z")
        clock = VirtualClock(datetime.now(UTC) + timedelta(hours=1))
        remote = AlertmanagerPair(AlertmanagerBackend(session, clock))
        house = _house(database, Fleet({"one": Ways(first.url, peer=second.url)}), clock, remote)
        assert await house.pull() is None
        names = {alert.name: (alert.state, alert.occurrences) for alert in await house.all()}
        assert names == dict.fromkeys(["Twice", "OfTheSecond"], (AlertState.FIRING, 1))
        first.stop()
        await clock.advance(30)
        assert await house.pull() is None
        assert {alert.name for alert in await house.all() if alert.state is AlertState.FIRING} == set(names)
        second.stop()
        await clock.advance(30)
        assert "refused the connection" in str(await house.pull())
        assert {alert.name for alert in await house.all() if alert.state is AlertState.FIRING} == set(names)


RULES = """
groups:
- name: own
  interval: 1s
  rules:
  - {alert: Always, expr: 'vector(1) > 0', labels: {severity: critical}, annotations: {summary: 'is {{ $value }}'}}
  - {alert: Later, expr: 'vector(1) > 0', for: 1h}
  - {alert: Broken, expr: 'label_replace(vector(1), "~bad", "$1", "a", ".*")'}
  - {record: job:one, expr: '1'}
"""


@lab
async def test_a_prometheus_without_alertmanager_tells_of_its_own_rules(
    database: Database, session: aiohttp.ClientSession
) -> None:
    config = "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
    with Prometheus(config, files={"rules.yml": RULES}) as server:
        wait(lambda: len(server.query("ALERTS")["result"]) == 2, "the alerts")
        clock = VirtualClock(datetime.now(UTC) + timedelta(hours=1))
        rules = PrometheusRules(session, clock)
        fleet = Fleet({"one": Ways(prometheus=server.url), "dead": Ways(prometheus="http://127.0.0.1:9")})
        house = _house(database, fleet, clock, rules)
        assert await house.pull() is None
        states = {alert.name: (alert.state, alert.severity) for alert in await house.all()}
        assert states == {"Always": ("FIRING", "CRITICAL"), "Later": ("PENDING", "MEDIUM")}
        assert sorted(await house.stated()) == ["ALERT_FIRED", "ALERT_UPDATED"]
        answer = await AlertRules(clock, fleet, rules).rules(READER)
        named = {one.rule.name: one.rule for one in answer.items}
        assert (named["Always"].state, named["Always"].health, named["Later"].for_s) == ("firing", "ok", 3600.0)
        assert (named["Broken"].health, bool(named["Broken"].last_error)) == ("err", True)
        assert (named["job:one"].kind, named["Later"].state) == ("recording", "pending")
        assert [(one.cluster, one.status) for one in answer.clusters] == [("one", "SUCCESS"), ("dead", "ERROR")]
        server.configure(config, {"rules.yml": "groups: []"})
        wait(lambda: not call("GET", f"{server.url}/api/v1/alerts")["data"]["alerts"], "the rules' end")
        await house.pull()
        assert {alert.state for alert in await house.all()} == {AlertState.RESOLVED}


SHARED = """
groups:
- name: shared
  interval: 1s
  rules:
  - {alert: Down, expr: 'vector(1)', labels: {cluster: north, replica: a, severity: error}}
  - {alert: Down, expr: 'vector(1)', labels: {cluster: north, replica: b, severity: error}}
  - {alert: Slow, expr: 'vector(1)', for: 1h, labels: {cluster: north}}
  - {alert: Down, expr: 'vector(1)', labels: {cluster: south}}
"""


@lab
async def test_clusters_that_share_a_prometheus_have_their_own_alerts_and_those_of_a_pair_once(
    database: Database, session: aiohttp.ClientSession
) -> None:
    config = "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
    with Prometheus(config, files={"rules.yml": SHARED}) as server:
        wait(lambda: len(server.query("ALERTS_FOR_STATE")["result"]) == 4, "the alerts")
        clock = VirtualClock(datetime.now(UTC) + timedelta(hours=1))
        rules = PrometheusRules(session, clock)
        ways = {name: Ways(prometheus=server.url, selector={"cluster": name}) for name in ("north", "south")}
        house = _house(database, Fleet(ways), clock, rules)
        for _ in range(2):
            assert (await house.pull("north"), await house.pull("south")) == (None, None)
        seen = {(alert.name, alert.labels["cluster"]): alert for alert in await house.all()}
        states = {key: (alert.state.value, alert.severity.value) for key, alert in seen.items()}
        assert states == {
            ("Down", "north"): ("FIRING", "HIGH"),
            ("Slow", "north"): ("PENDING", "MEDIUM"),
            ("Down", "south"): ("FIRING", "MEDIUM"),
        }
        assert all(alert.occurrences == 1 for alert in seen.values())
        assert abs(seen["Down", "north"].starts_at - datetime.now(UTC)) < timedelta(minutes=2)


async def test_the_notice_of_what_was_seen_pending_begins_no_other_episode(
    house: House, remote: FakeRemoteAlerts
) -> None:
    seen = msgspec.structs.replace(found(house.clock), state=AlertState.PENDING)
    remote.found = [seen]
    await house.pull()
    await house.clock.advance(20)
    told = {"labels": seen.labels, "startsAt": house.clock.now(), "fingerprint": seen.fingerprint}
    sender = Principal(PrincipalKind.SERVICE, "s", "am", None, frozenset({house.fleet.ids["one"]}))
    await house.alerts.receive(sender, msgspec.convert({"alerts": [told]}, Webhook))
    (alert,) = await house.all()
    assert (alert.state, alert.occurrences, alert.starts_at) == (AlertState.FIRING, 1, seen.starts_at)
    assert await house.stated() == ["ALERT_UPDATED", "ALERT_FIRED"]


async def test_an_alert_whose_start_nobody_tells_began_when_it_was_first_seen(
    house: House, remote: FakeRemoteAlerts
) -> None:
    remote.found = [msgspec.structs.replace(found(house.clock), starts_at=None)]
    began = house.clock.now()
    for _ in range(4):
        await house.pull()
        await house.clock.advance(30)
    (alert,) = await house.all()
    assert (alert.starts_at, alert.occurrences) == (began, 1)
