"""Runbooks: kept by those who act, read by all."""

from __future__ import annotations

from uuid import UUID

from aiops.intelligence.domain.runbooks import Runbook, RunbookDraft
from aiops.intelligence.needs_analysis import RunbookStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role

_MOST = 1_000


class Runbooks:
    """They speak of the whole fleet, so who is limited to some clusters reads them and changes none."""

    def __init__(self, transactions: Transactions, clock: Clock, store: RunbookStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store

    async def all(self, principal: Principal) -> list[Runbook]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.all(tx)

    async def get(self, principal: Principal, runbook_id: UUID) -> Runbook:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._store.get(tx, runbook_id)
        if found is None:
            raise NotFound("There is no such runbook.")
        return found

    async def put(self, principal: Principal, draft: RunbookDraft, runbook_id: UUID | None = None) -> Runbook:
        """Add one, or replace that one. Raises `Conflict` where another has its title."""
        principal.require(Role.OPERATOR)
        principal.require_whole_fleet()
        title = " ".join(draft.title.split())
        if not title:
            raise Invalid("A runbook has a title.")
        if not all(matcher and all(key and value for key, value in matcher.items()) for matcher in draft.matchers):
            raise Invalid('A matcher names labels with their values: {"alertname": "HighErrorRate"}.')
        runbook = Runbook(
            id=runbook_id or new_id(),
            title=title,
            markdown=draft.markdown,
            matchers=draft.matchers,
            owner=draft.owner.strip(),
            changed_by=principal.name,
            changed_at=self._clock.now(),
        )
        async with self._transactions.begin() as tx:
            if runbook_id is not None and await self._store.get(tx, runbook_id) is None:
                raise NotFound("There is no such runbook.")
            if runbook_id is None and len(await self._store.all(tx)) >= _MOST:
                raise Conflict(f"There are {_MOST} runbooks, which is the most that are kept.")
            if not await self._store.put(tx, runbook):
                raise Conflict(f"There is a runbook {title} already.")
            await tx.commit()
        return runbook

    async def delete(self, principal: Principal, runbook_id: UUID) -> None:
        principal.require(Role.OPERATOR)
        principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            if not await self._store.delete(tx, runbook_id):
                raise NotFound("There is no such runbook.")
            await tx.commit()
