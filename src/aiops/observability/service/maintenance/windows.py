"""Maintenance windows: made, changed, cut short, listed on a calendar."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.events import MaintenanceChanged
from aiops.observability.maintenance.occurrences import active, between, following, over_at
from aiops.observability.maintenance.windows import Cut, Occurrence, Terms, Window
from aiops.observability.needs_maintenance import HiddenAlerts, PushedSilence, PushedStore, WindowStore
from aiops.observability.service.maintenance.checking import check_future, check_span, check_year, checked
from aiops.registry.ports import Clusters

MOST_WINDOWS = 1_000
MOST_CUTS = 500
MOST_OCCURRENCES = 5_000

log = structlog.get_logger(__name__)

Changed = Callable[[], Awaitable[object]]


class WindowView(msgspec.Struct, frozen=True):
    """A window within a reader's scope: `active` is the occurrence of now, `following` the next one. `hides`: how many
    firing alerts it hides. `may_change`: all that it hides is in the reader's scope. `pushed`: its silences in the
    Alertmanagers."""

    window: Window
    active: Occurrence | None
    following: Occurrence | None
    hides: int
    may_change: bool
    pushed: list[PushedSilence] = []


class OnCalendar(msgspec.Struct, frozen=True):
    window_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime


class MaintenanceWindows:
    """`changed` is called behind each change, so that what is hidden, or no longer, is so at once."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        clusters: Clusters,
        store: WindowStore,
        alerts: HiddenAlerts,
        pushed: PushedStore,
        changed: Changed,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._clusters = clusters
        self._store = store
        self._alerts = alerts
        self._pushed = pushed
        self._changed = changed

    async def all(self, principal: Principal) -> list[WindowView]:
        """Those that run first, then by their next occurrence, those that are over last."""
        principal.require(Role.VIEWER)
        scope = None if principal.clusters is None else list(principal.clusters)
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            windows = await self._store.all(tx, scope)
            hidden = await self._alerts.hidden(tx, scope)
            pushed = await self._pushed.all(tx)
        views = [_view(principal, one, now, hidden, pushed) for one in windows]
        return sorted(views, key=_order)

    async def get(self, principal: Principal, window_id: UUID) -> WindowView:
        principal.require(Role.VIEWER)
        scope = None if principal.clusters is None else list(principal.clusters)
        async with self._transactions.begin() as tx:
            window = await self._seen(tx, principal, window_id)
            hidden = await self._alerts.hidden(tx, scope)
            pushed = await self._pushed.all(tx)
        return _view(principal, window, self._clock.now(), hidden, pushed)

    async def calendar(self, principal: Principal, start: datetime, end: datetime) -> list[OnCalendar]:
        """What takes place between these, the first to begin first; at most 5,000."""
        principal.require(Role.VIEWER)
        check_span(start, end)
        scope = None if principal.clusters is None else list(principal.clusters)
        async with self._transactions.begin() as tx:
            windows = await self._store.all(tx, scope)
        found = [
            OnCalendar(one.id, one.title, what.starts_at, what.ends_at)
            for one in windows
            for what in between(one, start, end)
        ]
        return sorted(found, key=lambda one: (one.starts_at, one.title))[:MOST_OCCURRENCES]

    async def create(self, principal: Principal, terms: Terms) -> WindowView:
        principal.require(Role.OPERATOR)
        terms = checked(terms)
        now = self._clock.now()
        check_future(terms, now)
        await self._check_scope(principal, terms)
        window = Window(
            id=new_id(),
            owner_id=principal.id,
            owner=principal.name,
            created_at=now,
            updated_at=now,
            over_at=over_at(terms),
            **_fields(terms),
        )
        async with self._transactions.begin() as tx:
            if await self._store.count(tx) >= MOST_WINDOWS:
                raise Conflict(f"There are {MOST_WINDOWS} windows already: delete those that are over.")
            await self._store.add(tx, window)
            self._state(tx, window, "CREATED", principal)
            await tx.commit()
        await self._changed()
        return await self.get(principal, window.id)

    async def change(self, principal: Principal, window_id: UUID, terms: Terms, revision: int) -> WindowView:
        """All of its terms; cuts of occurrences that no longer are fall away. Raises `Conflict` where somebody else
        changed it since `revision`."""
        principal.require(Role.OPERATOR)
        terms = checked(terms)
        await self._check_scope(principal, terms)
        async with self._transactions.begin() as tx:
            kept = await self._own(tx, principal, window_id)
            if kept.revision != revision:
                raise Conflict("Somebody else has changed this window: load it again.")
            window = msgspec.structs.replace(
                kept, **_fields(terms), over_at=over_at(terms), revision=revision + 1, updated_at=self._clock.now()
            )
            window = msgspec.structs.replace(window, cuts=tuple(cut for cut in kept.cuts if _is_of(window, cut)))
            await self._store.change(tx, window)
            self._state(tx, window, "CHANGED", principal)
            await tx.commit()
        await self._changed()
        return await self.get(principal, window_id)

    async def cut(self, principal: Principal, window_id: UUID, starts_at: datetime) -> WindowView:
        """End the occurrence that begins then: now, if it runs, and not at all, if it is still to come."""
        principal.require(Role.OPERATOR)
        now = self._clock.now()
        check_year(starts_at)
        async with self._transactions.begin() as tx:
            kept = await self._own(tx, principal, window_id)
            found = between(kept, starts_at, starts_at + timedelta(microseconds=1))
            if not any(one.starts_at == starts_at for one in found):
                raise NotFound("This window has no occurrence that begins then.")
            if len(kept.cuts) >= MOST_CUTS:
                raise Conflict("So many occurrences were left out that another rule would say it better.")
            cuts = {one.starts_at: one for one in kept.cuts} | {
                starts_at: Cut(starts_at, now if starts_at < now else None)
            }
            window = msgspec.structs.replace(
                kept, cuts=tuple(cuts.values()), revision=kept.revision + 1, updated_at=now
            )
            await self._store.change(tx, window)
            self._state(tx, window, "CHANGED", principal)
            await tx.commit()
        await self._changed()
        return await self.get(principal, window_id)

    async def delete(self, principal: Principal, window_id: UUID) -> None:
        """What still burns is heard at once."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            window = await self._own(tx, principal, window_id)
            await self._store.delete(tx, window_id)
            self._state(tx, window, "DELETED", principal)
            await tx.commit()
        await self._changed()

    async def _check_scope(self, principal: Principal, terms: Terms) -> None:
        if terms.cluster_ids is None:
            principal.require_whole_fleet()
        for one in terms.cluster_ids or ():
            await self._clusters.get(principal, one)

    async def _seen(self, tx: Transaction, principal: Principal, window_id: UUID, *, lock: bool = False) -> Window:
        found = await self._store.get(tx, window_id, lock=lock)
        if found is None or not found.seen_by(principal):
            raise NotFound("There is no such maintenance window.")
        return found

    async def _own(self, tx: Transaction, principal: Principal, window_id: UUID) -> Window:
        found = await self._seen(tx, principal, window_id, lock=True)
        if not found.within(principal):
            raise PermissionDenied("This window also hides what is out of your scope, so you can't change it.")
        return found

    def _state(self, tx: Transaction, window: Window, change: str, principal: Principal) -> None:
        tx.publish(changed_event(window, change, self._clock.now()))
        log.info(
            f"maintenance_{change.lower()}",
            window_id=str(window.id),
            title=window.title,
            by=principal.name,
            by_id=principal.id,
            revision=window.revision,
            matchers=[msgspec.to_builtins(one) for one in window.matchers],
            clusters=None if window.cluster_ids is None else [str(one) for one in window.cluster_ids],
        )


def changed_event(window: Window, change: str, now: datetime) -> MaintenanceChanged:
    """Of the whole fleet: told to those who see all of it."""
    return MaintenanceChanged(
        event_id=new_id(), occurred_at=now, cluster_ids=window.cluster_ids or (), window_id=window.id, change=change
    )


def _fields(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Terms.__struct_fields__}


def _is_of(window: Window, cut: Cut) -> bool:
    bare = msgspec.structs.replace(window, cuts=())
    return any(
        one.starts_at == cut.starts_at for one in between(bare, cut.starts_at, cut.starts_at + timedelta(seconds=1))
    )


def _view(
    principal: Principal, window: Window, now: datetime, hidden: dict[str, int], pushed: list[PushedSilence]
) -> WindowView:
    own = [one for one in pushed if one.window_id == window.id and principal.sees(one.cluster_id)]
    running, after = active(window, now), following(window, now)
    may_change = window.within(principal)
    if window.cluster_ids is not None:
        seen = tuple(one for one in window.cluster_ids if principal.sees(one))
        window = msgspec.structs.replace(window, cluster_ids=seen)
    return WindowView(window, running, after, hidden.get(str(window.id), 0), may_change, own)


def _order(view: WindowView) -> tuple[int, float, str]:
    if view.active is not None:
        return 0, view.active.ends_at.timestamp(), view.window.title
    if view.following is not None:
        return 1, view.following.starts_at.timestamp(), view.window.title
    return 2, -view.window.updated_at.timestamp(), view.window.title
