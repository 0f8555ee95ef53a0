"""Filters of the page of alerts that people keep for themselves or share. They hold no alerts: whoever uses one sees
their own scope."""

from __future__ import annotations

from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs_alerts import SavedFilter, SavedFilterStore

_MOST_EACH = 100
_MOST_SHARED = 500
_LONGEST = {"name": 100, "query": 2_000}


class FilterWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`query` as in the page's address, without its ?; `shared`: everyone who may sign in may use it."""

    name: str
    query: str
    shared: bool = False


class SavedFilters:
    """Everyone keeps their own; sharing takes an operator. What is shared is deleted by its owner or an admin."""

    def __init__(self, transactions: Transactions, clock: Clock, store: SavedFilterStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store

    async def all(self, principal: Principal) -> list[SavedFilter]:
        """One's own, then what others share, by name."""
        principal.require(Role.VIEWER)
        async with self._transactions.look() as tx:
            mine = await self._store.of(tx, principal.id)
            shared = await self._store.shared(tx, _MOST_SHARED)
        return mine + [one for one in shared if one.owner_id != principal.id]

    async def save(self, principal: Principal, wish: FilterWish) -> SavedFilter:
        """In place of one's own of that name."""
        principal.require(Role.OPERATOR if wish.shared else Role.VIEWER)
        for part, longest in _LONGEST.items():
            _check(part, getattr(wish, part), longest)
        made = SavedFilter(
            new_id(), wish.name.strip(), wish.query, principal.id, principal.name, wish.shared, self._clock.now()
        )
        async with self._transactions.begin() as tx:
            await self._store.hold(tx, principal.id)
            mine = {one.name for one in await self._store.of(tx, principal.id)}
            if made.name not in mine and len(mine) >= _MOST_EACH:
                raise Conflict(f"You have {_MOST_EACH} saved filters: delete one first.")
            await self._store.save(tx, made)
            await tx.commit()
        return made

    async def delete(self, principal: Principal, filter_id: UUID) -> None:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            kept = await self._store.get(tx, filter_id)
            mine = kept is not None and kept.owner_id == principal.id
            if kept is None or not (kept.shared or mine):
                raise NotFound("There is no such filter.")
            if not mine and principal.role is not Role.ADMIN:
                raise PermissionDenied(f"This filter is {kept.owner}'s.")
            await self._store.delete(tx, filter_id)
            await tx.commit()


def _check(part: str, text: str, longest: int) -> None:
    if not text.strip():
        raise Invalid(f"A saved filter needs a {part}.", details={"field": part})
    if len(text) > longest:
        raise Invalid(f"The {part} has more than {longest} characters.", details={"field": part})
    if "\x00" in text:
        raise Invalid(f"The {part} holds a character that can't be kept.", details={"field": part})
