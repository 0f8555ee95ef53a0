"""Teams: who owns what. They are the whole fleet's affair."""

from __future__ import annotations

from uuid import UUID

import msgspec

from aiops.intelligence.domain.teams import Team
from aiops.intelligence.needs_incidents import TeamStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Labels

_MOST = 100


class TeamDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A team owns what has all labels of one of its `matchers`; a value may end with `*`."""

    name: str
    matchers: list[Labels] = []
    members: list[str] = []


class Teams:
    def __init__(self, transactions: Transactions, clock: Clock, store: TeamStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store

    async def all(self, principal: Principal) -> list[Team]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.all(tx)

    async def put(self, principal: Principal, draft: TeamDraft, team_id: UUID | None = None) -> Team:
        """Add one, or replace that one. Raises `Conflict` where another has its name."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        name = " ".join(draft.name.split())
        if not name or len(name) > 100:
            raise Invalid("A team's name has 1 to 100 characters.")
        if len(draft.matchers) > _MOST or len(draft.members) > _MOST:
            raise Invalid(f"A team has at most {_MOST} matchers and {_MOST} members.")
        if not all(matcher and all(key and value for key, value in matcher.items()) for matcher in draft.matchers):
            raise Invalid('A matcher names labels with their values: {"namespace": "shop"}.')
        async with self._transactions.begin() as tx:
            if team_id is not None and await self._store.get(tx, team_id) is None:
                raise NotFound("There is no such team.")
            team = Team(
                id=team_id or new_id(),
                name=name,
                matchers=draft.matchers,
                members=sorted({one.strip() for one in draft.members if one.strip()}),
                changed_by=principal.name,
                changed_at=self._clock.now(),
            )
            if not await self._store.put(tx, team):
                raise Conflict(f"There is a team {name} already.", code="TEAM_EXISTS")
            await tx.commit()
        return team

    async def delete(self, principal: Principal, team_id: UUID) -> None:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            if not await self._store.delete(tx, team_id):
                raise NotFound("There is no such team.")
            await tx.commit()
