"""What people do about alerts, on a real PostgreSQL: what it changes, what is kept of it, who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.needs_alerts import AlertFilter, AlertKey, SentAlert
from aiops.observability.ports import Alert, AlertState, AlertStatus, Severity
from aiops.observability.service.alert_episodes import CALM_AFTER
from aiops.observability.service.alert_handling import AlertHandling, Wish
from aiops.observability.service.alert_told import Webhook
from aiops.observability.service.alerts import AlertService
from aiops.observability.store.alert_desk import PostgresAlertDesk
from aiops.observability.store.alert_lists import PostgresAlertLists
from aiops.observability.store.alerts import PostgresAlertStore

HERE, THERE = new_id(), new_id()
ANN = Principal(PrincipalKind.USER, "u", "ann", Role.OPERATOR, None)
BOB = Principal(PrincipalKind.USER, "v", "bob", Role.OPERATOR, frozenset({HERE}))
VIEWER = Principal(PrincipalKind.USER, "w", "eve", Role.VIEWER, None)


class House:
    def __init__(self, database: Database, clock: VirtualClock) -> None:
        database.outbox = SqlOutbox(InMemoryBus(), [])
        self.database, self.clock = database, clock
        self.alerts = AlertService(database, clock, PostgresAlertStore(), PostgresAlertLists())
        self.handling = AlertHandling(database, clock, PostgresAlertDesk())

    async def told(self, *names: str, ended: bool = False, cluster: UUID = HERE, **labels: str) -> None:
        """A webhook of these alerts, of an episode that begins now, or that ends now."""
        sender = Principal(PrincipalKind.SERVICE, "s", "alertmanager", None, frozenset({cluster}))
        now = self.clock.now()
        alerts = [
            {
                "status": "resolved" if ended else "firing",
                "labels": {"alertname": name, "severity": "critical", **labels},
                "startsAt": (await self._began(name, cluster) if ended else now).isoformat(),
                "endsAt": now.isoformat() if ended else None,
                "fingerprint": name,
            }
            for name in names
        ]
        await self.alerts.receive(sender, msgspec.convert({"alerts": alerts}, Webhook))

    async def _began(self, name: str, cluster: UUID) -> datetime:
        return (await self.alert(name, cluster)).starts_at

    async def alert(self, name: str, cluster: UUID = HERE) -> Alert:
        return await self.alerts.get(VIEWER, cluster, name)

    async def listed(self, **wish: Any) -> list[str]:
        return sorted(one.name for one in (await self.alerts.page(VIEWER, AlertFilter(None, **wish), None, 50)).items)

    async def timeline(self, name: str) -> list[tuple[str, str | None, str | None]]:
        entries = await self.alerts.timeline(VIEWER, AlertKey(HERE, name), None, 50)
        return [(one.kind, one.by, one.text or one.became) for one in reversed(entries)]

    async def events(self) -> list[dict[str, Any]]:
        async with self.database.begin() as tx:
            rows = await tx.connection.execute(text("SELECT event_type, payload FROM kernel.outbox ORDER BY event_id"))
            return [{"type": row.event_type, **row.payload} for row in rows]


@pytest.fixture
def house(database: Database, clock: VirtualClock) -> House:
    return House(database, clock)


def here(*names: str) -> list[AlertKey]:
    return [AlertKey(HERE, name) for name in names]


async def test_what_is_done_about_an_alert_is_seen_noted_and_told(house: House) -> None:
    await house.told("Disk")
    await house.handling.handle(ANN, here("Disk"), Wish(AlertStatus.ACKNOWLEDGED, "ann", comment=" on it "))
    await house.handling.handle(ANN, here("Disk"), Wish(AlertStatus.IN_PROGRESS, escalate_to="storage"))
    now = (await house.alert("Disk")).handling
    assert (now.status, now.assignee, now.escalated_to) == (AlertStatus.IN_PROGRESS, "ann", "storage")
    assert await house.timeline("Disk") == [
        ("FIRING", None, "CRITICAL"),
        ("STATUS", "ann", "ACKNOWLEDGED"),
        ("ASSIGNED", "ann", "ann"),
        ("COMMENT", "ann", "on it"),
        ("STATUS", "ann", "IN_PROGRESS"),
        ("ESCALATED", "ann", "storage"),
    ]
    events = await house.events()
    assert [one["type"] for one in events] == ["ALERT_FIRED", "ALERT_UPDATED", "ALERT_UPDATED"]
    assert (events[1]["by"], events[1]["did"]) == ("ann", "STATUS ASSIGNED COMMENT")
    assert await house.listed(assignee="ann", statuses=(AlertStatus.IN_PROGRESS,)) == ["Disk"]
    assert await house.listed(assignee="") == []


async def test_what_changes_nothing_is_neither_noted_nor_told(house: House) -> None:
    await house.told("Disk")
    done = await house.handling.handle(ANN, here("Disk"), Wish(AlertStatus.NEW, None))
    assert (done.changed, done.unchanged) == (0, 1)
    assert [one["type"] for one in await house.events()] == ["ALERT_FIRED"]


async def test_a_new_episode_begins_as_new_and_keeps_its_past(house: House) -> None:
    await house.told("Disk")
    await house.handling.handle(ANN, here("Disk"), Wish(AlertStatus.RESOLVED, "ann"))
    await house.clock.advance(60)
    await house.told("Disk", ended=True)
    assert (await house.alert("Disk")).handling.status is AlertStatus.RESOLVED
    await house.clock.advance(60)
    await house.told("Disk")
    now = await house.alert("Disk")
    assert (now.occurrences, now.handling.status, now.handling.assignee) == (2, AlertStatus.NEW, None)
    kinds = [kind for kind, *_ in await house.timeline("Disk")]
    assert kinds == ["FIRING", "STATUS", "ASSIGNED", "RESOLVED", "FIRING"]


async def test_a_snooze_hides_an_alert_over_its_episodes_until_its_time(house: House) -> None:
    await house.told("Disk", "Load")
    until = house.clock.now() + timedelta(hours=1)
    await house.handling.handle(ANN, here("Disk"), Wish(snooze_until=until))
    assert await house.listed(snoozed=False) == ["Load"]
    await house.clock.advance(60)
    await house.told("Disk", ended=True)
    await house.clock.advance(60)
    await house.told("Disk")
    assert await house.listed(snoozed=True) == ["Disk"]
    assert (await house.events())[-1]["quiet"] is True
    assert await house.handling.wake() == 0
    await house.clock.advance(3600)
    # It is back at its time, whether or not the job that tells of it has come by.
    assert await house.listed(snoozed=False) == ["Disk", "Load"]
    assert await house.handling.wake() == 1
    assert (await house.alert("Disk")).handling.snoozed_until is None
    assert (await house.timeline("Disk"))[-1][:2] == ("SNOOZE_ENDED", "the hub")
    assert (await house.events())[-1]["did"] == "SNOOZE_ENDED"


async def test_many_are_handled_at_once_and_what_is_left_out_is_named(house: House) -> None:
    await house.told("A", "B", "C")
    await house.told("D", cluster=THERE)
    keys = [*here("A", "B", "None"), AlertKey(THERE, "D")]
    done = await house.handling.handle(BOB, keys, Wish(AlertStatus.ACKNOWLEDGED))
    assert (done.changed, sorted(done.left_out)) == (2, sorted([AlertKey(HERE, "None"), AlertKey(THERE, "D")]))
    assert (await house.alert("D", THERE)).handling.status is AlertStatus.NEW
    only = AlertFilter(None, states=(AlertState.FIRING,), severities=(Severity.CRITICAL,))
    done = await house.handling.handle_all(BOB, only, Wish(AlertStatus.ACKNOWLEDGED))
    assert (done.changed, done.unchanged, done.more) == (1, 2, False)
    counts = await house.alerts.counts(VIEWER, AlertFilter(None, states=(AlertState.FIRING,)))
    assert (counts.status, counts.unassigned) == ({"NEW": 1, "ACKNOWLEDGED": 3}, 4)


async def test_only_who_may_act_acts_and_only_on_what_they_see(house: House) -> None:
    await house.told("D", cluster=THERE)
    with pytest.raises(PermissionDenied):
        await house.handling.handle(VIEWER, [AlertKey(THERE, "D")], Wish(AlertStatus.ACKNOWLEDGED))
    with pytest.raises(NotFound):
        await house.handling.handle(BOB, [AlertKey(THERE, "D")], Wish(AlertStatus.ACKNOWLEDGED))
    with pytest.raises(NotFound):
        await house.handling.handle_all(BOB, AlertFilter(None), Wish(AlertStatus.ACKNOWLEDGED))
    past = house.clock.now() - timedelta(seconds=1)
    for wish in (Wish(), Wish(comment=" "), Wish(snooze_until=past), Wish(assignee="x" * 129)):
        with pytest.raises(Invalid):
            await house.handling.handle(ANN, [AlertKey(THERE, "D")], wish)


async def test_what_flaps_fires_once_and_is_over_once_it_is_calm(house: House) -> None:
    for _ in range(7):
        await house.told("Link")
        await house.clock.advance(60)
        await house.told("Link", ended=True)
        await house.clock.advance(60)
    now = await house.alert("Link")
    assert (now.occurrences, now.flapping, now.state) == (7, True, AlertState.RESOLVED)
    types = [one["type"] for one in await house.events()]
    assert types == ["ALERT_FIRED", "ALERT_RESOLVED"] * 4 + ["ALERT_FIRED"] + ["ALERT_UPDATED"] * 5
    assert await house.listed(flapping=True) == ["Link"]
    assert await house.handling.wake() == 0
    await house.clock.advance(CALM_AFTER.total_seconds())
    assert await house.handling.wake() == 1
    assert not (await house.alert("Link")).flapping
    assert (await house.events())[-1]["type"] == "ALERT_RESOLVED"


async def test_alerts_are_counted_and_grouped_by_what_they_have_in_common(house: House) -> None:
    await house.told("A", "B", team="red")
    await house.told("C", team="blue")
    await house.told("D", cluster=THERE)
    groups = await house.alerts.groups(VIEWER, AlertFilter(None), "team", 10)
    assert [(one.value, one.alerts, one.clusters) for one in groups] == [("red", 2, 1), ("blue", 1, 1), (None, 1, 1)]
    seen = await house.alerts.groups(BOB, AlertFilter(None), "cluster", 10)
    assert [(one.value, one.alerts, one.status) for one in seen] == [(str(HERE), 3, {"NEW": 3})]
    assert (await house.alerts.counts(BOB, AlertFilter(None))).total == 3
    assert await house.listed(labels=(("team", "red"),)) == ["A", "B"]
    assert await house.listed(labels=(("team", "red"), ("team", "blue"))) == []


async def test_open_alerts_with_labels_too_long_for_an_index_are_grouped_with_the_rest(house: House) -> None:
    await house.told("Short", "Ended", team="red")
    # Signs that do not repeat: what compresses well would find room.
    await house.told("Long", team="red", note="".join(map(chr, range(0x4E00, 0x5400))))
    await house.told("Ended", ended=True, team="red")
    for by, found in (("team", [("red", 2)]), ("name", [("Long", 1), ("Short", 1)])):
        groups = await house.alerts.groups(VIEWER, AlertFilter(None, states=(AlertState.FIRING,)), by, 10)
        assert [(one.value, one.alerts) for one in groups] == found


async def test_what_no_table_can_hold_is_refused_and_what_no_calendar_can_is_brought_within(house: House) -> None:
    # What does not compress, as no two signs are the same.
    endless = "".join(map(chr, range(0x4E00, 0x9000)))
    with pytest.raises(Invalid, match="longer than what can be kept"):
        await house.told(endless)
    sender = Principal(PrincipalKind.SERVICE, "s", "alertmanager", None, frozenset({HERE}))
    sent = SentAlert(labels={"alertname": "Old"}, startsAt=datetime(1, 1, 1, tzinfo=UTC), fingerprint="old")
    large = {"text": "x" * 100_000}
    await house.alerts.take(sender, [(sent, large)], "json")
    kept = await house.alert("old")
    assert kept.starts_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert kept.original is not None
    assert kept.original.payload is None
