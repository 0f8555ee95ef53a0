"""Alerts, sent to the hub or read where they are kept: one a (cluster, fingerprint), every change of state kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied
from aiops.kernel.events import Event
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.domain import alert_fingerprint, severity_of
from aiops.observability.events import AlertFired, AlertResolved, AlertUpdated
from aiops.observability.needs_alerts import (
    AlertCounts,
    AlertFilter,
    AlertGroup,
    AlertKey,
    AlertLists,
    AlertStore,
    TimelineEntry,
)
from aiops.observability.ports import Alert, AlertChange, AlertState, Labels
from aiops.observability.service.alert_episodes import (
    TOUCH_EVERY,
    as_found,
    ended_unseen,
    merge,
    merge_found,
    news,
    turned,
)
from aiops.observability.service.alert_pull_remote import FoundAlert

MOST_ALERTS = 10_000


class SentAlert(msgspec.Struct):
    """One alert as Alertmanager's webhook (version 4) writes it; an open end has the year 1."""

    labels: Labels
    startsAt: datetime
    status: str = "firing"
    annotations: Labels = {}
    endsAt: datetime | None = None
    generatorURL: str | None = None
    fingerprint: str = ""


class Webhook(msgspec.Struct):
    """What Alertmanager posts; what the hub has no use for is ignored."""

    alerts: list[SentAlert]


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

    def __init__(self, transactions: Transactions, clock: Clock, store: AlertStore, lists: AlertLists) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._lists = lists

    async def receive(self, principal: Principal, webhook: Webhook) -> int:
        """Take a notification whole. A resend changes nothing but when the alert was last received."""
        if principal.kind != PrincipalKind.SERVICE or principal.clusters is None or len(principal.clusters) != 1:
            raise PermissionDenied("Alerts are sent with the token of a source, which binds the cluster.")
        cluster_id = next(iter(principal.clusters))
        if len(webhook.alerts) > MOST_ALERTS:
            raise Invalid(f"A notification may have at most {MOST_ALERTS} alerts.")
        now = self._clock.now()
        sent = [_as_alert(cluster_id, alert, now) for alert in webhook.alerts]
        batch = Batch(now)
        async with self._transactions.begin() as tx:
            known = await self._store.lock(tx, cluster_id, sorted({alert.fingerprint for alert in sent}))
            for alert in sent:
                merged = merge(known.get(alert.fingerprint), alert)
                if merged is not None:
                    batch.add(known.get(alert.fingerprint), merged)
                    known[alert.fingerprint] = merged
            await self._write(tx, cluster_id, batch, [mark for mark in known if mark not in batch.saved])
            await tx.commit()
        return len(sent)

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
            for mark, alert in there.items():
                now_there = as_found(cluster_id, alert, known.get(mark), now)
                merged = merge_found(known.get(mark), now_there, asked_at)
                if merged is not None:
                    batch.add(known.get(mark), merged)
            gone = [one for one in await self._store.lock_pulled(tx, cluster_id) if one.fingerprint not in there]
            for before in gone if whole else ():
                if ended_unseen(before, asked_at, up_since):
                    ended = msgspec.structs.replace(
                        before, state=AlertState.RESOLVED, ends_at=asked_at, received_at=now, suppressed=False
                    )
                    batch.add(before, ended)
            # Their age is that of the reading; each only says that it was still there, now and then.
            stale = [mark for mark, one in known.items() if now - one.received_at >= TOUCH_EVERY]
            await self._write(tx, cluster_id, batch, [mark for mark in stale if mark not in batch.saved])
            await tx.commit()

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
        async with self._transactions.look() as tx:
            items = await self._lists.page(tx, only, after, size + 1)
            counted = await self._lists.count(tx, only)
        return AlertPage(items[:size], len(items) > size, counted.total, counted.at_least)

    async def counts(self, principal: Principal, only: AlertFilter) -> AlertCounts:
        """As `page`."""
        principal.require(Role.VIEWER)
        async with self._transactions.look() as tx:
            return await self._lists.counts(tx, self._narrowed(principal, only))

    async def groups(self, principal: Principal, only: AlertFilter, by: str, limit: int) -> list[AlertGroup]:
        """As `page`; by `name`, `severity`, `cluster` or any other label."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._lists.groups(tx, self._narrowed(principal, only), by, limit)

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

    def _narrowed(self, principal: Principal, only: AlertFilter) -> AlertFilter:
        return msgspec.structs.replace(only, clusters=principal.clusters, now=self._clock.now())

    async def _write(self, tx: Transaction, cluster_id: UUID, batch: Batch, touched: Sequence[str]) -> None:
        await self._store.hold(tx, cluster_id, sorted([*batch.saved, *touched]))
        await self._store.save(tx, list(batch.saved.values()))
        await self._store.touch(tx, cluster_id, touched, self._clock.now())
        await self._store.record(tx, batch.changes)
        for event in batch.events:
            tx.publish(event)


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


def _as_alert(cluster_id: UUID, sent: SentAlert, now: datetime) -> Alert:
    resolved = sent.status == "resolved"
    word = sent.labels.get("severity")
    ends_at = _utc(sent.endsAt) if sent.endsAt is not None and sent.endsAt.year > 1 else None
    return Alert(
        cluster_id=cluster_id,
        fingerprint=sent.fingerprint or alert_fingerprint(sent.labels),
        name=sent.labels.get("alertname", "unnamed"),
        severity=severity_of(word),
        sender_severity=word,
        state=AlertState.RESOLVED if resolved else AlertState.FIRING,
        labels=sent.labels,
        annotations=sent.annotations,
        starts_at=_utc(sent.startsAt),
        # A firing alert's end is only when the sender would forget it.
        ends_at=(ends_at or now) if resolved else None,
        generator_url=sent.generatorURL or None,
        occurrences=1,
        received_at=now,
    )


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None
