"""Maintenance windows on a virtual clock: what they hide, what fires at their end, what is pushed and reminded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.domain import alert_fingerprint
from aiops.observability.maintenance.occurrences import between
from aiops.observability.maintenance.windows import Terms
from aiops.observability.needs_alerts import AlertFilter, SentAlert
from aiops.observability.ports import Alert, AlertState
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.observability.service.alert_told import Webhook
from aiops.observability.service.alerts import AlertService
from aiops.observability.service.maintenance.hiding import Hiding
from aiops.observability.service.maintenance.job import MaintenanceJob
from aiops.observability.service.maintenance.preview import Previews
from aiops.observability.service.maintenance.windows import MaintenanceWindows
from aiops.observability.service.silences_remote import SilenceMatcher
from aiops.observability.store.alert_lists import PostgresAlertLists
from aiops.observability.store.alerts import PostgresAlertStore
from aiops.observability.store.maintenance import (
    PostgresHiddenAlerts,
    PostgresPushedStore,
    PostgresWindowStore,
)
from tests.observability.clusters import Fleet, Ways

SYSTEM = Principal.system("test")
READER = Principal(PrincipalKind.USER, "u", "ann", Role.VIEWER, None)


class House:
    def __init__(self, database: Database, clock: VirtualClock) -> None:
        database.outbox = SqlOutbox(InMemoryBus(), [])
        self.database, self.clock = database, clock
        self.fleet = Fleet({"east": Ways("http://a"), "west": Ways("http://b")})
        self.ids = self.fleet.ids
        self.ann = self.fleet.user(Role.OPERATOR)
        windows, hidden = PostgresWindowStore(), PostgresHiddenAlerts()
        hiding = Hiding(windows)
        self.alerts = AlertService(database, clock, PostgresAlertStore(), PostgresAlertLists(), hiding=hiding)
        self.job = MaintenanceJob(database, clock, windows, hidden, hiding, self.alerts)
        self.windows = MaintenanceWindows(
            database, clock, self.fleet, windows, hidden, PostgresPushedStore(), self._changed
        )
        self._started: dict[tuple[str, str], datetime] = {}
        self.previews = Previews(database, clock, self.fleet, hidden)

    async def _changed(self) -> None:
        await self.job.tick()

    async def at(self, moment: str) -> None:
        """Let time pass up to then (UTC), the job at work."""
        left = (datetime.fromisoformat(moment).replace(tzinfo=UTC) - self.clock.now()).total_seconds()
        for part in (left - min(left, 300.0), min(left, 300.0)):
            await self.clock.advance(part)
            await self.job.tick()

    async def fire(self, name: str, *, resolved: bool = False, cluster: str = "east", **labels: str) -> None:
        """By webhook."""
        now = self.clock.now()
        sent = SentAlert(
            labels={"alertname": name, "severity": "critical", **labels},
            startsAt=self._started.setdefault((cluster, name), now) if resolved else now,
            status="resolved" if resolved else "firing",
            endsAt=now if resolved else None,
        )
        self._started[cluster, name] = sent.startsAt
        source = Principal(PrincipalKind.SERVICE, "s", "s", None, frozenset({self.ids[cluster]}))
        await self.alerts.receive(source, Webhook([sent]))

    async def pull(self, *names: str, cluster: str = "east") -> None:
        """As the cluster's Alertmanager has them, each begun at its first pull."""
        now = self.clock.now()
        found = []
        for name in names:
            labels = {"alertname": name, "severity": "critical"}
            since = self._started.setdefault((cluster, name), now)
            found.append(
                FoundAlert(labels=labels, annotations={}, starts_at=since, fingerprint=alert_fingerprint(labels))
            )
        await self.alerts.settle(
            SYSTEM, self.ids[cluster], found, asked_at=now, up_since=now - timedelta(days=1), whole=True
        )

    async def alert(self, name: str) -> Alert:
        page = await self.alerts.page(READER, AlertFilter(None), None, 100)
        return next(one for one in page.items if one.name == name)

    async def stated(self, kind: str = "ALERT_") -> list[str]:
        async with self.database.begin() as tx:
            rows = await tx.connection.execute(
                text(
                    "SELECT event_type, payload->>'name' AS name, payload->>'change' AS change FROM kernel.outbox"
                    " WHERE event_type LIKE :kind ORDER BY event_id"
                ),
                {"kind": f"{kind}%"},
            )
            return [f"{row.event_type} {row.name or row.change}" for row in rows]


def terms(starts: str, hours: float = 1, rule: str = "", **more: Any) -> Terms:
    given: dict[str, Any] = {"timezone": "UTC", **more}
    return Terms(
        title="Nightly backup",
        starts_local=datetime.fromisoformat(starts),
        duration_s=int(hours * 3600),
        rrule=rule,
        **given,
    )


def only(**labels: str) -> tuple[SilenceMatcher, ...]:
    return tuple(SilenceMatcher(name, value) for name, value in labels.items())


@pytest.fixture
def house(database: Database) -> House:
    return House(database, VirtualClock(datetime(2026, 3, 28, 12, tzinfo=UTC)))


async def test_a_weekly_window_across_the_change_of_daylight_saving_hides_and_what_still_burns_fires_at_its_end(
    house: House,
) -> None:
    """Sunday 29 March 2026, 02:30 to 03:30 in Berlin does not exist: it takes place from 03:30 to 04:30 (01:30 UTC)."""
    weekly = terms("2026-03-01T02:30", 1, "FREQ=WEEKLY;BYDAY=SU", timezone="Europe/Berlin")
    await house.windows.create(house.ann, weekly)
    await house.at("2026-03-29T01:40")
    await house.fire("DiskFull")
    await house.fire("Reboot")
    assert await house.stated() == ["ALERT_UPDATED DiskFull", "ALERT_UPDATED Reboot"]
    assert (await house.alert("DiskFull")).maintained_by != ()
    for wanted, many in ((True, 2), (False, 0)):
        only = AlertFilter(None, states=(AlertState.FIRING,), maintained=wanted)
        assert (await house.alerts.counts(READER, only)).maintained == many
        assert len((await house.alerts.page(READER, only, None, 10)).items) == many
    await house.at("2026-03-29T02:25")
    await house.fire("Reboot", resolved=True)
    assert len(await house.stated()) == 3
    await house.at("2026-03-29T02:30")
    # Once, for what burns on alone.
    assert (await house.stated())[3:] == ["ALERT_FIRED DiskFull"]
    assert (await house.alert("DiskFull")).maintained_by == ()
    await house.at("2026-03-29T06:00")
    assert len(await house.stated()) == 4
    # A week later the same window lies an hour earlier in UTC.
    await house.at("2026-04-05T00:30")
    assert (await house.alert("DiskFull")).maintained_by != ()
    await house.at("2026-04-05T01:30")
    assert (await house.stated())[-1] == "ALERT_FIRED DiskFull"
    assert await house.stated("MAINTENANCE") == [
        "MAINTENANCE_CHANGED CREATED",
        *["MAINTENANCE_CHANGED STARTED", "MAINTENANCE_CHANGED ENDED"] * 2,
    ]


async def test_an_hour_that_comes_twice_stays_hidden_both_times(house: House) -> None:
    weekly = terms("2026-03-01T02:30", 1, "FREQ=WEEKLY;BYDAY=SU", timezone="Europe/Berlin")
    await house.clock.advance((datetime(2026, 10, 24, 23, 55, tzinfo=UTC) - house.clock.now()).total_seconds())
    await house.windows.create(house.ann, weekly)
    for moment, hidden in (("00:25", False), ("00:30", True), ("01:15", True), ("02:25", True), ("02:30", False)):
        await house.at(f"2026-10-25T{moment}")
        await house.pull("DiskFull")
        assert bool((await house.alert("DiskFull")).maintained_by) is hidden, moment


async def test_what_fired_before_is_hidden_from_the_start_on_and_its_end_is_told(house: House) -> None:
    await house.windows.create(house.ann, terms("2026-03-28T13:00"))
    await house.pull("DiskFull", "Slow")
    await house.at("2026-03-28T13:00")
    assert all([(await house.alert(name)).maintained_by for name in ("DiskFull", "Slow")])
    await house.pull("Slow")
    told = await house.stated()
    assert told == ["ALERT_FIRED DiskFull", "ALERT_FIRED Slow", *["ALERT_UPDATED DiskFull", "ALERT_UPDATED Slow"],
                    "ALERT_RESOLVED DiskFull"]  # fmt: skip
    await house.at("2026-03-28T14:00")
    assert (await house.stated())[5:] == ["ALERT_FIRED Slow"]


async def test_only_what_matches_on_its_clusters_is_hidden(house: House) -> None:
    matchers = (SilenceMatcher("alertname", "Disk.*", is_regex=True), SilenceMatcher("team", "", is_equal=False))
    window = terms("2026-03-28T11:00", 4, cluster_ids=(house.ids["east"],), matchers=matchers)
    await house.windows.create(house.ann, window)
    await house.fire("DiskFull", team="db")
    await house.fire("DiskSlow")
    await house.fire("CpuHigh", team="db")
    await house.fire("DiskFull", cluster="west", team="db")
    assert await house.stated() == [
        "ALERT_UPDATED DiskFull", "ALERT_FIRED DiskSlow", "ALERT_FIRED CpuHigh", "ALERT_FIRED DiskFull",
    ]  # fmt: skip
    (view,) = await house.windows.all(house.ann)
    assert view.hides == 1


async def test_a_window_that_is_deleted_cut_short_or_changed_lets_be_heard_at_once(house: House) -> None:
    made = await house.windows.create(
        house.ann, terms("2026-03-28T12:00", 2, "FREQ=DAILY", matchers=only(alertname="A"))
    )
    await house.fire("A")
    assert made.active is not None
    await house.at("2026-03-28T12:10")
    cut = await house.windows.cut(house.ann, made.window.id, made.active.starts_at)
    assert cut.active is None
    assert (await house.stated())[-1] == "ALERT_FIRED A"
    # Tomorrow's is left out, the day after it takes place.
    tomorrow = datetime(2026, 3, 29, 12, tzinfo=UTC)
    await house.windows.cut(house.ann, made.window.id, tomorrow)
    await house.at("2026-03-29T12:30")
    assert (await house.alert("A")).maintained_by == ()
    await house.at("2026-03-30T12:30")
    assert (await house.alert("A")).maintained_by == (str(made.window.id),)
    now = (await house.windows.get(house.ann, made.window.id)).window
    await house.windows.change(
        house.ann, now.id, terms("2026-03-28T12:00", 2, "FREQ=DAILY", matchers=only(alertname="B")), now.revision
    )
    assert (await house.alert("A")).maintained_by == ()
    with pytest.raises(Conflict):
        await house.windows.change(house.ann, now.id, terms("2026-03-28T12:00"), now.revision)
    await house.fire("B")
    await house.windows.delete(house.ann, now.id)
    assert (await house.stated())[-1] == "ALERT_FIRED B"


async def test_what_a_stopped_hub_missed_is_heard_when_it_starts_again(house: House) -> None:
    await house.windows.create(house.ann, terms("2026-03-28T12:00"))
    await house.fire("DiskFull")
    await house.clock.advance(3 * 3600)
    assert (await house.alert("DiskFull")).maintained_by != ()
    fresh = House(house.database, house.clock)
    await fresh.job.tick()
    assert (await house.stated())[-1] == "ALERT_FIRED DiskFull"


async def test_the_preview_tells_what_is_hidden_now_and_would_have_been(house: House) -> None:
    await house.fire("Old")
    await house.at("2026-03-28T12:20")
    await house.fire("Old", resolved=True)
    await house.at("2026-03-29T20:00")
    await house.fire("Late")
    await house.at("2026-03-30T09:00")
    daily = terms("2026-04-01T12:15", 1, "FREQ=DAILY", matchers=())
    seen = await house.previews.preview(house.ann, daily, 7)
    assert [one.name for one in seen.now] == ["Late"]
    # Both fired at that hour of a day: one ended within it, the other not before.
    assert [one.name for one in seen.past] == ["Old"]
    assert (seen.past_total, seen.past_matching, seen.past_whenever) == (1, 2, False)
    assert [one.starts_at.day for one in seen.next[:3]] == [1, 2, 3]
    once = await house.previews.preview(house.ann, terms("2026-04-01T12:15"), 7)
    assert (once.past_total, once.past_whenever) == (2, True)
    limited = house.fleet.user(Role.VIEWER, "west")
    assert (await house.previews.preview(limited, daily, 7)).past_matching == 0
    with pytest.raises(NotFound):
        await house.previews.preview(limited, terms("2026-04-01T12:15", cluster_ids=(house.ids["east"],)), 7)


async def test_who_sees_some_clusters_reads_and_changes_windows_of_these_alone(house: House) -> None:
    both = (house.ids["east"], house.ids["west"])
    wide = await house.windows.create(house.ann, terms("2026-03-28T13:00"))
    shared = await house.windows.create(house.ann, terms("2026-03-28T14:00", cluster_ids=both))
    east = await house.windows.create(house.ann, terms("2026-03-28T15:00", cluster_ids=both[:1]))
    west = house.fleet.user(Role.OPERATOR, "west")
    seen = await house.windows.all(west)
    assert [(one.window.id, one.may_change) for one in seen] == [(wide.window.id, False), (shared.window.id, False)]
    assert seen[1].window.cluster_ids == (house.ids["west"],)
    calendar = await house.windows.calendar(west, house.clock.now(), house.clock.now() + timedelta(days=1))
    assert len(calendar) == 2
    with pytest.raises(NotFound):
        await house.windows.delete(west, east.window.id)
    for one in (wide, shared):
        with pytest.raises(PermissionDenied):
            await house.windows.delete(west, one.window.id)
    with pytest.raises(PermissionDenied):
        await house.windows.create(west, terms("2026-03-28T13:00"))
    with pytest.raises(NotFound):
        await house.windows.create(west, terms("2026-03-28T13:00", cluster_ids=both[:1]))
    with pytest.raises(PermissionDenied):
        await house.windows.create(READER, terms("2026-03-28T13:00"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Nowhere/City"},
        {"rule": "FREQ=HOURLY"},
        {"hours": 0.001},
        {"hours": 24 * 40},
        {"starts": "2026-03-01T10:00"},
        {"matchers": (SilenceMatcher("a", "(", is_regex=True),)},
        {"matchers": (SilenceMatcher("no-label", "x"),)},
        {"cluster_ids": ()},
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(house: House, wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"starts": "2026-03-29T10:00", **wrong}
    with pytest.raises(Invalid):
        await house.windows.create(house.ann, terms(**given))


async def test_a_removed_cluster_leaves_its_windows(house: House) -> None:
    store, both = PostgresWindowStore(), (house.ids["east"], house.ids["west"])
    await house.windows.create(house.ann, terms("2026-03-28T14:00", cluster_ids=both))
    for name, left in (("east", [house.ids["west"]]), ("west", [])):
        async with house.database.begin() as tx:
            await store.forget_cluster(tx, house.ids[name])
            await tx.commit()
        clusters: list[UUID] = [
            one for view in await house.windows.all(house.ann) for one in view.window.cluster_ids or ()
        ]
        assert clusters == left
    assert await house.windows.all(house.ann) == []


async def test_no_moment_is_so_far_off_that_the_hub_counts_its_way_there(house: House) -> None:
    made = await house.windows.create(house.ann, terms("2026-03-29T02:00", 1, "FREQ=DAILY"))
    for far in (datetime.min.replace(tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)):
        with pytest.raises(Invalid, match="2000 to 2100"):
            await house.windows.calendar(READER, far, far + timedelta(days=30))
        with pytest.raises(Invalid, match="2000 to 2100"):
            await house.windows.cut(house.ann, made.window.id, far)
    for rule in ("FREQ=DAILY;UNTIL=99991231", "FREQ=YEARLY;COUNT=8000"):
        with pytest.raises(Invalid):
            await house.previews.preview(READER, terms("2000-12-31T02:00", 24, rule), 14)


def test_the_starts_of_a_rule_are_the_same_in_whatever_order_they_are_asked_for() -> None:
    daily = terms("2000-01-01T02:00", 1, "FREQ=DAILY;INTERVAL=3")
    late, early = datetime(2026, 3, 28, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)
    assert [one.starts_at for one in between(daily, late, late + timedelta(days=3))] == [
        datetime(2026, 3, 30, 2, tzinfo=UTC)
    ]
    first = [one.starts_at for one in between(daily, early, early + timedelta(days=7))]
    assert first == [datetime(2000, 1, day, 2, tzinfo=UTC) for day in (1, 4, 7)]
    assert len(between(daily, early, late)) == 2_000
