"""Saved dashboards: panels of queries that people keep for themselves or share. They hold no data, so whoever opens one
sees what their own scope answers."""

from __future__ import annotations

import base64
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs import Dashboard, DashboardStore, Panel

MOST_A_PAGE = 100
_MOST_PANELS = 40
_MOST_EACH = 200
_LONGEST = {"name": 100, "description": 1000, "title": 100, "query": 10_000, "unit": 32, "legend": 200}


class DashboardWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`shared`: everyone who may sign in may open it. A legend names each line, as in `{{instance}}`."""

    name: str
    panels: list[Panel]
    description: str = ""
    shared: bool = False


class DashboardChange(DashboardWish, frozen=True, kw_only=True):
    """`revision` is the one that was changed: a change by somebody else meanwhile is not written over."""

    revision: int


class DashboardPage(msgspec.Struct, frozen=True):
    items: list[Dashboard]
    next_cursor: str | None
    total: int


class Dashboards:
    """Everyone keeps their own; sharing takes an operator. What is shared is changed by its owner or an admin."""

    def __init__(self, transactions: Transactions, clock: Clock, store: DashboardStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store

    async def page(self, principal: Principal, *, page_size: int, cursor: str | None) -> DashboardPage:
        """One's own and those that are shared, by name."""
        principal.require(Role.VIEWER)
        if not 1 <= page_size <= MOST_A_PAGE:
            raise Invalid(f"A page has 1 to {MOST_A_PAGE} dashboards.", details={"field": "page_size"})
        after = None if cursor is None else _after(cursor)
        async with self._transactions.begin() as tx:
            found, total = await self._store.page(tx, principal.id, after, page_size + 1)
        shown = found[:page_size]
        following = _cursor(shown[-1]) if len(found) > page_size else None
        return DashboardPage(shown, following, total)

    async def get(self, principal: Principal, dashboard_id: UUID) -> Dashboard:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._find(tx, principal, dashboard_id)

    async def add(self, principal: Principal, wish: DashboardWish) -> Dashboard:
        principal.require(Role.VIEWER)
        _check(wish)
        if wish.shared:
            principal.require(Role.OPERATOR)
        now = self._clock.now()
        made = _dashboard(wish, new_id(), (principal.id, principal.name), 1, (now, now))
        async with self._transactions.begin() as tx:
            if await self._store.count_of(tx, principal.id) >= _MOST_EACH:
                raise Conflict(f"You have {_MOST_EACH} dashboards: delete one first.")
            if not await self._store.add(tx, made):
                raise _taken(wish.name)
            await tx.commit()
        return made

    async def change(self, principal: Principal, dashboard_id: UUID, wish: DashboardChange) -> Dashboard:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            kept = await self._find(tx, principal, dashboard_id, lock=True)
            _may_change(principal, kept)
            _check(wish)
            if wish.shared and not kept.shared:
                principal.require(Role.OPERATOR)
            if not wish.shared and kept.owner_id != principal.id:
                raise PermissionDenied("Only its owner takes a dashboard back from the others.")
            if wish.revision != kept.revision:
                raise Conflict(
                    "The dashboard was changed meanwhile: open it anew.", details={"revision": kept.revision}
                )
            owner, times = (kept.owner_id, kept.owner), (kept.created_at, self._clock.now())
            changed = _dashboard(wish, kept.id, owner, kept.revision + 1, times)
            if not await self._store.change(tx, changed):
                raise _taken(wish.name)
            await tx.commit()
        return changed

    async def delete(self, principal: Principal, dashboard_id: UUID) -> None:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            kept = await self._find(tx, principal, dashboard_id, lock=True)
            _may_change(principal, kept)
            await self._store.delete(tx, kept.id)
            await tx.commit()

    async def _find(
        self, tx: Transaction, principal: Principal, dashboard_id: UUID, *, lock: bool = False
    ) -> Dashboard:
        """Others' own dashboards are not there, for admins neither."""
        found = await self._store.get(tx, dashboard_id, lock=lock)
        if found is None or not (found.shared or found.owner_id == principal.id):
            raise NotFound("There is no such dashboard.")
        return found


def _may_change(principal: Principal, kept: Dashboard) -> None:
    if kept.owner_id != principal.id and principal.role is not Role.ADMIN:
        raise PermissionDenied(f"This dashboard is {kept.owner}'s: save a copy of your own.")


def _dashboard(
    wish: DashboardWish, made_id: UUID, owner: tuple[str, str], revision: int, times: tuple[datetime, datetime]
) -> Dashboard:
    return Dashboard(
        id=made_id,
        name=wish.name.strip(),
        description=wish.description.strip(),
        owner_id=owner[0],
        owner=owner[1],
        shared=wish.shared,
        panels=wish.panels,
        revision=revision,
        created_at=times[0],
        updated_at=times[1],
    )


def _check(wish: DashboardWish) -> None:
    _check_text("name", wish.name, "name")
    if not wish.name.strip():
        raise Invalid("A dashboard needs a name.", details={"field": "name"})
    _check_text("description", wish.description, "description")
    if not 1 <= len(wish.panels) <= _MOST_PANELS:
        raise Invalid(f"A dashboard has 1 to {_MOST_PANELS} panels.", details={"field": "panels"})
    for at, panel in enumerate(wish.panels):
        for part in ("title", "query", "unit", "legend"):
            _check_text(part, getattr(panel, part), f"panels[{at}].{part}")


def _check_text(part: str, text: str, field: str) -> None:
    if len(text) > _LONGEST[part]:
        raise Invalid(f"The {part} has more than {_LONGEST[part]} characters.", details={"field": field})
    if "\x00" in text:
        raise Invalid(f"The {part} holds a character that can't be kept.", details={"field": field})


def _taken(name: str) -> Conflict:
    return Conflict(f"You already have a dashboard named {name.strip()}.", details={"field": "name"})


def _cursor(last: Dashboard) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((last.name, last.id))).decode()


def _after(cursor: str) -> tuple[str, UUID]:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[str, UUID])
    except (ValueError, msgspec.DecodeError):
        raise Invalid("This cursor is none of a page of dashboards.", details={"field": "cursor"}) from None
