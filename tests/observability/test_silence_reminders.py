"""Silences that are forgotten, that end soon, and that windows give to Alertmanagers, on a virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal, Role
from aiops.observability.domain import alert_fingerprint
from aiops.observability.needs_maintenance import ReminderKind
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.observability.service.maintenance.pushing import Pushing
from aiops.observability.service.maintenance.reminders import Reminders
from aiops.observability.service.silences import CreatedSilence, Silence, SilencesCreated, SilencesFound
from aiops.observability.service.silences_remote import SilenceMatcher, SilenceState
from aiops.observability.store.maintenance import (
    PostgresHiddenAlerts,
    PostgresPushedStore,
    PostgresReminderStore,
    PostgresWindowStore,
)
from tests.observability.test_maintenance import SYSTEM, House, terms


@pytest.fixture
def house(database: Database) -> House:
    return House(database, VirtualClock(datetime(2026, 3, 28, 12, tzinfo=UTC)))


class FakeSilences:
    """Alertmanagers' silences in memory: what `Silences` lists, creates and ends."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.items: list[Silence] = []
        self.refusing: set[UUID] = set()

    def put(self, name: str, silence_id: str, since: datetime, until: datetime) -> None:
        matchers = (SilenceMatcher("alertname", "DiskFull"), SilenceMatcher("zone", "a|b", True, False))
        state, cluster = SilenceState.ACTIVE, self._house.ids[name]
        self.items.append(Silence(cluster, name, silence_id, state, matchers, since, until, since, "bob", "why"))

    async def listed(
        self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None, expired: bool = False
    ) -> SilencesFound:
        now = self._house.clock.now()
        states = {one.cluster_id for one in self.items}
        outcomes = [ClusterOutcome(one, "", QueryStatus.SUCCESS, 1.0) for one in states]
        return SilencesFound([one for one in self.items if one.ends_at > now], outcomes)

    async def create(self, principal: Principal, **wish: Any) -> SilencesCreated:
        assert wish["ends_at"] > self._house.clock.now()
        made, outcomes = [], []
        for cluster in wish["cluster_ids"]:
            name = next(name for name, one in self._house.ids.items() if one == cluster)
            if cluster in self.refusing:
                outcomes.append(ClusterOutcome(cluster, name, QueryStatus.ERROR, 1.0, "It refused."))
                continue
            silence_id = f"s{len(self.items)}"
            since = wish["starts_at"] or self._house.clock.now()
            state, matchers = SilenceState.ACTIVE, tuple(wish["matchers"])
            self.items.append(
                Silence(
                    cluster, name, silence_id, state, matchers, since, wish["ends_at"], since, "hub", wish["comment"]
                )
            )
            made.append(CreatedSilence(cluster, name, silence_id, False))
            outcomes.append(ClusterOutcome(cluster, name, QueryStatus.SUCCESS, 1.0))
        return SilencesCreated(made, outcomes)

    async def expire(self, principal: Principal, cluster_id: UUID, silence_id: str) -> None:
        self.items = [one for one in self.items if (one.cluster_id, one.id) != (cluster_id, silence_id)]

    def told(self) -> list[str]:
        return [f"{one.cluster} {one.starts_at:%d %H:%M}-{one.ends_at:%H:%M}" for one in self.items]


async def _silenced(house: House, name: str, silence_id: str) -> None:
    """An alert that a cluster's Alertmanager keeps silent."""
    labels = {"alertname": name}
    found = FoundAlert(
        labels=labels,
        annotations={},
        starts_at=house.clock.now(),
        fingerprint=alert_fingerprint(labels),
        suppressed=True,
        silenced_by=(silence_id,),
    )
    now = house.clock.now()
    await house.alerts.settle(SYSTEM, house.ids["east"], [found], asked_at=now, up_since=now, whole=False)


async def test_a_forgotten_silence_is_reminded_of_while_it_still_hides_something(house: House) -> None:
    silences, now = FakeSilences(house), house.clock.now()
    hidden, store = PostgresHiddenAlerts(), PostgresReminderStore()
    reminders = Reminders(house.database, house.clock, silences, hidden, store)
    silences.put("east", "old", now, now + timedelta(days=90))
    silences.put("east", "idle", now, now + timedelta(days=90))
    await _silenced(house, "DiskFull", "old")
    assert await reminders.look() == 0
    await house.clock.advance(7 * 86_400)
    # Once, however often one looks; of the one that hides nothing, nobody needs to hear.
    assert [await reminders.look() for _ in range(3)] == [1, 0, 0]
    (reminder,) = await reminders.open(house.ann)
    assert (reminder.kind, reminder.silence_id, reminder.hides) == (ReminderKind.FORGOTTEN, "old", 1)
    assert (reminder.title, reminder.created_by) == ("alertname=DiskFull, zone!~a|b", "bob")
    assert await reminders.open(house.fleet.user(Role.VIEWER, "west")) == []
    with pytest.raises(NotFound):
        await reminders.dismiss(house.fleet.user(Role.OPERATOR, "west"), reminder.id)
    await reminders.dismiss(house.ann, reminder.id)
    assert await reminders.open(house.ann) == []
    await house.clock.advance(6 * 86_400)
    assert await reminders.look() == 0
    await house.clock.advance(2 * 86_400)
    assert await reminders.look() == 1
    await silences.expire(SYSTEM, house.ids["east"], "old")
    await reminders.look()
    assert await reminders.open(house.ann) == []
    assert len(await house.stated("SILENCE_")) == 2


async def test_an_end_that_comes_soon_is_told_of_what_will_be_heard_again(house: House) -> None:
    silences, now = FakeSilences(house), house.clock.now()
    reminders = Reminders(house.database, house.clock, silences, PostgresHiddenAlerts(), PostgresReminderStore())
    silences.put("east", "long", now, now + timedelta(hours=5))
    await _silenced(house, "DiskFull", "long")
    await house.clock.advance(3.9 * 3600)
    assert await reminders.look() == 0
    await house.clock.advance(0.2 * 3600)
    assert await reminders.look() == 1
    (reminder,) = await reminders.open(house.ann)
    assert (reminder.kind, reminder.until) == (ReminderKind.ENDS_SOON, now + timedelta(hours=5))
    # Made longer, it ends soon no more, and later anew.
    silences.items = [msgspec.structs.replace(silences.items[0], ends_at=now + timedelta(hours=9))]
    assert await reminders.look() == 0
    await house.clock.advance(4.2 * 3600)
    assert await reminders.look() == 1


async def test_each_occurrence_is_given_to_the_alertmanagers_and_taken_back_where_it_is_cut(house: House) -> None:
    silences, store = FakeSilences(house), PostgresPushedStore()
    pushing = Pushing(house.database, house.clock, house.fleet, PostgresWindowStore(), store, silences)
    daily = terms("2026-03-28T14:00", 1, "FREQ=DAILY", push=True)
    made = await house.windows.create(house.ann, daily)
    silences.refusing = {house.ids["west"]}
    await pushing.look()
    assert silences.told() == []
    await house.at("2026-03-28T13:55")
    for _ in range(2):
        await pushing.look()
    assert silences.told() == ["east 28 14:00-15:00"]
    assert silences.items[0].matchers == (SilenceMatcher("alertname", ".+", is_regex=True),)
    (pushed,) = [one for one in (await house.windows.get(house.ann, made.window.id)).pushed if one.error]
    assert (pushed.cluster_id, pushed.error) == (house.ids["west"], "It refused.")
    silences.refusing = set()
    await house.at("2026-03-28T14:10")
    await pushing.look()
    assert silences.told() == ["east 28 14:00-15:00", "west 28 14:10-15:00"]
    await house.windows.cut(house.ann, made.window.id, datetime(2026, 3, 28, 14, tzinfo=UTC))
    await pushing.look()
    assert silences.told() == []
    await house.at("2026-03-29T14:30")
    await pushing.look()
    assert silences.told() == ["east 29 14:30-15:00", "west 29 14:30-15:00"]
    now = (await house.windows.get(house.ann, made.window.id)).window
    longer = terms("2026-03-28T14:00", 2, "FREQ=DAILY", push=True)
    await house.windows.change(house.ann, now.id, longer, now.revision)
    await pushing.look()
    assert silences.told() == ["east 29 14:30-16:00", "west 29 14:30-16:00"]
    await house.windows.delete(house.ann, now.id)
    await pushing.look()
    assert silences.told() == []
    async with house.database.begin() as tx:
        assert await store.all(tx) == []
