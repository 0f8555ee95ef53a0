"""Alerts, sent to the hub or read where they are kept: one a (cluster, fingerprint), every change of state kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied
from aiops.kernel.events import Event
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.events import AlertFired, AlertResolved, AlertUpdated
from aiops.observability.maintenance.matching import Hidden
from aiops.observability.needs_alerts import (
    AlertCounts,
    AlertFilter,
    AlertGroup,
    AlertKey,
    AlertLists,
    AlertStore,
    SentAlert,
    TimelineEntry,
)
from aiops.observability.ports import Alert, AlertChange, AlertState
from aiops.observability.service.alert_episodes import (
    TOUCH_EVERY,
    as_found,
    ended_unseen,
    merge,
    merge_found,
    merge_one_of_many,
    news,
    turned,
)
from aiops.observability.service.alert_pull_remote import FoundAlert
from aiops.observability.service.alert_shaping import Shaping
from aiops.observability.service.alert_told import Sender, Webhook, as_shaped, as_told
from aiops.observability.service.maintenance.hiding import Hiding

MOST_ALERTS = 10_000


class Shapes(Protocol):
    """Gives the rules as they are now."""

    async def shaping(self) -> Shaping: ...


class AlertPage(msgspec.Struct, frozen=True):
    """`at_least`: there are more than `total`, which nobody counted."""

    items: list[Alert]
    more: bool
    total: int
    at_least: bool = False


class HistoryPage(msgspec.Struct, frozen=True):
    """As `AlertPage`."""

    items: list[AlertChange]
    more: bool
    total: int
    at_least: bool = False


class Batch:
    """What is told of a cluster's alerts at one time, to be written at once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.saved: dict[str, Alert] = {}
        self.changes: list[AlertChange] = []
        self.events: list[Event] = []

    def add(self, before: Alert | None, alert: Alert) -> None:
        self.saved[alert.fingerprint] = alert
        if turned(before, alert) or (before is not None and before.severity != alert.severity):
            self.changes.append(_change_of(alert, self._now))
        kind = news(before, alert)
        if kind is not None:
            self.events.append(event_of(kind, alert, self._now))


class AlertService:
    """`ports.Alerts`, the webhook and the lists."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: AlertStore,
        lists: AlertLists,
        shapes: Shapes | None = None,
        hiding: Hiding | None = None,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._lists = lists
        self._shapes = shapes
        self._hiding = hiding

    async def receive(self, principal: Principal, webhook: Webhook) -> int:
        """Take a notification of an Alertmanager whole. A resend changes nothing but when it was last received."""
        return await self.take(principal, [(alert, None) for alert in webhook.alerts], "alertmanager")

    async def take(
        self, principal: Principal, told: Sequence[tuple[SentAlert, dict[str, Any] | None]], kind: str
    ) -> int:
        """Take alerts that a server of this kind sent, each with what it wrote where that had another form."""
        if principal.kind != PrincipalKind.SERVICE or principal.clusters is None or len(principal.clusters) != 1:
            raise PermissionDenied("Alerts are sent with the token of a source, which binds the cluster.")
        sender = Sender(next(iter(principal.clusters)), kind, principal.name)
        if len(told) > MOST_ALERTS:
            raise Invalid(f"A notification may have at most {MOST_ALERTS} alerts.")
        now, shaping = self._clock.now(), await self._shaping()
        sent = [as_told(sender, alert, shaping, now, payload) for alert, payload in told]
        batch = Batch(now)
        marks = {mark for alert in sent for mark in (alert.fingerprint, *alert.members)}
        async with self._transactions.begin() as tx:
            known = await self._store.lock(tx, sender.cluster_id, sorted(marks))
            hidden = await self._hidden(tx)
            for alert in sent:
                self._take_one(batch, known, _marked(alert, hidden))
            received = {alert.fingerprint for alert in sent if alert.fingerprint in known}
            await self._write(tx, sender.cluster_id, batch, sorted(received - set(batch.saved)))
            await tx.commit()
        return len(sent)

    def _take_one(self, batch: Batch, known: dict[str, Alert], alert: Alert) -> None:
        before = known.get(alert.fingerprint)
        merged = merge_one_of_many(before, alert) if alert.members else merge(before, alert)
        if merged is not None:
            batch.add(before, merged)
            known[alert.fingerprint] = merged
        for mark in alert.members:
            alone = known.get(mark)
            # It was told of before there was the rule that makes it one with others.
            if alone is not None and alone.state is not AlertState.RESOLVED:
                known[mark] = _ended(alone, alert.received_at)
                batch.add(alone, known[mark])

    async def _shaping(self) -> Shaping:
        return await self._shapes.shaping() if self._shapes is not None else Shaping([])

    async def shaped(
        self, principal: Principal, cluster_id: UUID, found: Sequence[FoundAlert], kind: str
    ) -> list[FoundAlert]:
        """What was found at a server of this kind, as the rules make it: what the two below take."""
        principal.require(Role.OPERATOR)
        return list(as_shaped(Sender(cluster_id, kind), found, await self._shaping()).values())

    async def missing(self, principal: Principal, cluster_id: UUID, found: Sequence[FoundAlert]) -> bool:
        """Whether an alert that was seen where it is kept is not among those found now."""
        principal.require(Role.OPERATOR)
        seen = {alert.fingerprint for alert in found}
        async with self._transactions.begin() as tx:
            return any(alert.fingerprint not in seen for alert in await self._store.lock_pulled(tx, cluster_id))

    async def settle(
        self,
        principal: Principal,
        cluster_id: UUID,
        found: Sequence[FoundAlert],
        *,
        asked_at: datetime,
        up_since: datetime | None,
        whole: bool = True,
    ) -> None:
        """Take what was found where a cluster's alerts are kept, as it is there now: what is not among it has ended,
        unless the server is too young to know, or `found` is not the whole."""
        principal.require(Role.OPERATOR)
        if not principal.sees(cluster_id):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        now = self._clock.now()
        batch = Batch(now)
        there = {alert.fingerprint: alert for alert in found}
        async with self._transactions.begin() as tx:
            known = await self._store.lock(tx, cluster_id, sorted(there))
            hidden = await self._hidden(tx)
            for mark, alert in there.items():
                now_there = _marked(as_found(cluster_id, alert, known.get(mark), now), hidden)
                merged = merge_found(known.get(mark), now_there, asked_at)
                if merged is not None:
                    batch.add(known.get(mark), merged)
            gone = [one for one in await self._store.lock_pulled(tx, cluster_id) if one.fingerprint not in there]
            for before in gone if whole else ():
                if ended_unseen(before, asked_at, up_since):
                    batch.add(before, msgspec.structs.replace(_ended(before, asked_at), received_at=now))
            # Their age is that of the reading; each only says that it was still there, now and then.
            stale = [mark for mark, one in known.items() if now - one.received_at >= TOUCH_EVERY]
            await self._write(tx, cluster_id, batch, [mark for mark in stale if mark not in batch.saved])
            await tx.commit()

    async def hide_anew(self, principal: Principal, cluster_id: UUID) -> int:
        """Look again which of a cluster's alerts maintenance windows hide; gives how many changed by it. One that is
        heard again fires."""
        principal.require(Role.OPERATOR)
        batch = Batch(self._clock.now())
        async with self._transactions.begin() as tx:
            await self._store.lock(tx, cluster_id, ())
            hidden = await self._hidden(tx)
            for before in await self._store.lock_open(tx, cluster_id):
                alert = _marked(before, hidden)
                if alert != before:
                    batch.add(before, alert)
            if batch.saved:
                await self._write(tx, cluster_id, batch, ())
                await tx.commit()
        return len(batch.saved)

    async def get(self, principal: Principal, cluster_id: UUID, fingerprint: str) -> Alert:
        principal.require(Role.VIEWER)
        found: Alert | None = None
        if principal.sees(cluster_id):
            async with self._transactions.begin() as tx:
                found = await self._lists.get(tx, cluster_id, fingerprint)
        if found is None:
            raise NotFound("There is no such alert in this cluster.")
        return found

    async def several(self, principal: Principal, wanted: Sequence[tuple[UUID, str]]) -> list[Alert]:
        principal.require(Role.VIEWER)
        seen = [one for one in wanted if principal.sees(one[0])]
        async with self._transactions.begin() as tx:
            return await self._lists.several(tx, seen)

    async def page(
        self, principal: Principal, only: AlertFilter, after: tuple[datetime, UUID, str] | None, size: int
    ) -> AlertPage:
        """`only.clusters` is replaced by the principal's scope."""
        principal.require(Role.VIEWER)
        only = self._narrowed(principal, only)
        async with self._reading(only) as tx:
            items = await self._lists.page(tx, only, after, size + 1)
            counted = await self._lists.count(tx, only)
        return AlertPage(items[:size], len(items) > size, counted.total, counted.at_least)

    async def counts(self, principal: Principal, only: AlertFilter) -> AlertCounts:
        """As `page`."""
        principal.require(Role.VIEWER)
        async with self._reading(only) as tx:
            return await self._lists.counts(tx, self._narrowed(principal, only))

    async def groups(self, principal: Principal, only: AlertFilter, by: str, limit: int) -> list[AlertGroup]:
        """As `page`; by `name`, `severity`, `cluster` or any other label."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._lists.groups(tx, self._narrowed(principal, only), by, limit)

    def _reading(self, only: AlertFilter) -> Any:
        # What is searched for is planned anew each time, which is said of a transaction.
        return self._transactions.begin() if only.searches else self._transactions.look()

    async def timeline(
        self, principal: Principal, key: AlertKey, after: tuple[datetime, UUID] | None, size: int
    ) -> list[TimelineEntry]:
        """What happened to an alert and what people did; one more than `size` where there is more."""
        await self.get(principal, key.cluster_id, key.fingerprint)
        async with self._transactions.look() as tx:
            return await self._lists.timeline(tx, key, after, size + 1)

    async def history(
        self,
        principal: Principal,
        cluster_ids: tuple[UUID, ...],
        fingerprint: str | None,
        after: tuple[datetime, UUID] | None,
        size: int,
    ) -> HistoryPage:
        principal.require(Role.VIEWER)
        only = AlertFilter(principal.clusters, cluster_ids)
        async with self._transactions.begin() as tx:
            items = await self._lists.history(tx, only, fingerprint, after, size + 1)
            counted = await self._lists.history_count(tx, only, fingerprint)
        return HistoryPage(items[:size], len(items) > size, counted.total, counted.at_least)

    async def _hidden(self, tx: Transaction) -> Hidden | None:
        """Asked behind the lock: who holds it later knows of a later moment."""
        return None if self._hiding is None else await self._hiding.at(tx, self._clock.now())

    def _narrowed(self, principal: Principal, only: AlertFilter) -> AlertFilter:
        return msgspec.structs.replace(only, clusters=principal.clusters, now=self._clock.now())

    async def _write(self, tx: Transaction, cluster_id: UUID, batch: Batch, touched: Sequence[str]) -> None:
        await self._store.hold(tx, cluster_id, sorted([*batch.saved, *touched]))
        await self._store.save(tx, list(batch.saved.values()))
        await self._store.touch(tx, cluster_id, touched, self._clock.now())
        await self._store.record(tx, batch.changes)
        for event in batch.events:
            tx.publish(event)


def _marked(alert: Alert, hidden: Hidden | None) -> Alert:
    """With the windows that hide it; one that has ended needs none."""
    ended = alert.state == AlertState.RESOLVED
    by = () if hidden is None or ended else hidden.by(alert.cluster_id, alert.labels)
    return alert if by == alert.maintained_by else msgspec.structs.replace(alert, maintained_by=by)


def _ended(alert: Alert, at: datetime) -> Alert:
    return msgspec.structs.replace(
        alert,
        state=AlertState.RESOLVED,
        ends_at=at,
        received_at=at,
        suppressed=False,
        members=(),
        maintained_by=(),
    )


def event_of(kind: type[AlertFired | AlertResolved | AlertUpdated], alert: Alert, now: datetime) -> Event:
    until = alert.handling.snoozed_until
    return kind(
        event_id=new_id(),
        occurred_at=now,
        cluster_ids=(alert.cluster_id,),
        cluster_id=alert.cluster_id,
        fingerprint=alert.fingerprint,
        name=alert.name,
        severity=alert.severity.value,
        starts_at=alert.starts_at,
        flapping=alert.flapping,
        quiet=until is not None and until > now,
    )


def _change_of(alert: Alert, now: datetime) -> AlertChange:
    return AlertChange(
        new_id(),
        alert.cluster_id,
        alert.fingerprint,
        alert.name,
        alert.state,
        alert.severity,
        alert.starts_at,
        alert.ends_at,
        now,
    )
