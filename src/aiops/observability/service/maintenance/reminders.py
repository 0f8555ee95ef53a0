"""Reminds of silences: of those that end soon, and of those that nobody remembers and that still hide something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.events import SilenceReminded
from aiops.observability.needs_maintenance import HiddenAlerts, Reminder, ReminderKind, ReminderStore
from aiops.observability.ports import QueryStatus
from aiops.observability.service.silences import Silence, SilencesFound
from aiops.observability.service.silences_remote import SilenceMatcher, SilenceState

LOOK_EVERY_S = 300.0
ENDS_WITHIN = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=7)
REPEAT_AFTER = timedelta(days=7)

log = structlog.get_logger(__name__)


class ListedSilences(Protocol):
    async def listed(
        self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None, expired: bool = False
    ) -> SilencesFound: ...


def kind_of(silence: Silence, hides: int, now: datetime) -> ReminderKind | None:
    """Of one that hides nothing nobody needs to hear; nor of one that was meant to be this short."""
    if silence.state is not SilenceState.ACTIVE or not hides:
        return None
    whole, left = silence.ends_at - silence.starts_at, silence.ends_at - now
    if left <= ENDS_WITHIN:
        return ReminderKind.ENDS_SOON if whole > ENDS_WITHIN else None
    return ReminderKind.FORGOTTEN if now - silence.starts_at >= FORGOTTEN_AFTER else None


class Reminders:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        silences: ListedSilences,
        hidden: HiddenAlerts,
        store: ReminderStore,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._silences = silences
        self._hidden = hidden
        self._store = store
        self._principal = Principal.system("reminders")

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Of a cluster that does not answer nothing new is known; gives how many reminders are new."""
        now = self._clock.now()
        found = await self._silences.listed(self._principal)
        answered = {one.cluster_id for one in found.clusters if one.status is QueryStatus.SUCCESS}
        new = 0
        async with self._transactions.begin() as tx:
            hides = await self._hidden.silenced(tx)
            for cluster_id in sorted(answered):
                there = [one.id for one in found.items if one.cluster_id == cluster_id]
                await self._store.gone(tx, cluster_id, there)
            for silence in found.items:
                count = hides.get((silence.cluster_id, silence.id), 0)
                kind = kind_of(silence, count, now)
                if kind is None:
                    continue
                reminder = _reminder(kind, silence, count, now)
                if await self._store.add(tx, reminder, now - REPEAT_AFTER):
                    new += 1
                    tx.publish(_event(reminder))
                    log.info("silence_reminded", kind=kind.value, cluster=silence.cluster, silence_id=silence.id)
            await tx.commit()
        return new

    async def open(self, principal: Principal) -> list[Reminder]:
        """Those that nobody has dismissed, the first to end first."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.open(tx, _scope(principal), self._clock.now())

    async def dismiss(self, principal: Principal, reminder_id: UUID) -> None:
        """For all; a forgotten one is reminded of again after a week."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            found = await self._store.get(tx, reminder_id, _scope(principal))
            if found is None:
                raise NotFound("There is no such reminder.")
            await self._store.dismiss(tx, reminder_id, principal.name, self._clock.now())
            await tx.commit()
        log.info("reminder_dismissed", reminder_id=str(reminder_id), by=principal.name, by_id=principal.id)


def _reminder(kind: ReminderKind, silence: Silence, hides: int, now: datetime) -> Reminder:
    return Reminder(
        id=new_id(),
        kind=kind,
        cluster_id=silence.cluster_id,
        silence_id=silence.id,
        title=", ".join(map(_written, silence.matchers))[:500],
        created_by=silence.created_by[:200],
        since=silence.starts_at,
        until=silence.ends_at,
        hides=hides,
        at=now,
    )


def _written(matcher: SilenceMatcher) -> str:
    operator = ("=" if matcher.is_equal else "!") + ("~" if matcher.is_regex else "" if matcher.is_equal else "=")
    return f"{matcher.name}{operator}{matcher.value}"


def _event(reminder: Reminder) -> SilenceReminded:
    return SilenceReminded(
        event_id=new_id(),
        occurred_at=reminder.at,
        cluster_ids=(reminder.cluster_id,),
        reminder_id=reminder.id,
        cluster_id=reminder.cluster_id,
        kind=reminder.kind.value,
        hides=reminder.hides,
    )


def _scope(principal: Principal) -> list[UUID] | None:
    return None if principal.clusters is None else list(principal.clusters)
