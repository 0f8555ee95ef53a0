"""The topology as it is now, held in memory and loaded anew only where something changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from uuid import UUID

from aiops.intelligence.domain.topology import Topology
from aiops.intelligence.needs_topology import Revision, TopologyStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.principal import Principal

Scope = frozenset[UUID] | None

_ASKED_EVERY_S = 1.0
# Each may take 60 MB where the topology is as large as can be.
_SCOPES_HELD = 4


class TopologyBook:
    """Implements `CurrentTopology`, and `TopologySource` of the gathering. What changed is seen within a second."""

    def __init__(self, transactions: Transactions, clock: Clock, store: TopologyStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._held: OrderedDict[Scope, tuple[Revision, Topology]] = OrderedDict()
        self._revision: Revision | None = None
        self._asked_at = float("-inf")
        self._loading = asyncio.Lock()

    async def whole(self) -> Topology:
        return await self._current(None)

    async def surroundings(self) -> Topology | None:
        """As `whole`, for the gathering of alerts; `None` where nothing is known."""
        topology = await self.whole()
        return topology if len(topology) else None

    async def of(self, principal: Principal) -> Topology:
        return await self._current(principal.clusters)

    def changed(self) -> None:
        """Something was written here: the next reader sees it."""
        self._asked_at = float("-inf")

    async def _current(self, scope: Scope) -> Topology:
        async with self._loading:
            revision = await self._latest()
            held = self._held.get(scope)
            if held is None or held[0] != revision:
                held = (revision, await self._load(scope))
                self._held[scope] = held
            # The whole is what jobs need all the time; of the rest the one that was not asked for longest goes.
            self._held.move_to_end(scope)
            limited = [one for one in self._held if one is not None]
            if len(limited) >= _SCOPES_HELD:
                del self._held[limited[0]]
            return held[1]

    async def _latest(self) -> Revision:
        now = self._clock.monotonic()
        if self._revision is None or now - self._asked_at >= _ASKED_EVERY_S:
            async with self._transactions.look() as tx:
                self._revision = await self._store.revision(tx)
            self._asked_at = now
        return self._revision

    async def _load(self, scope: Scope) -> Topology:
        async with self._transactions.begin() as tx:
            nodes, edges = await self._store.load(tx, None if scope is None else sorted(scope))
        return await asyncio.to_thread(Topology, nodes, edges)
