"""For how long clusters were up, as far as probes tell."""

from __future__ import annotations

from datetime import datetime

from aiops.kernel.database import Transactions
from aiops.kernel.principal import Principal, Role
from aiops.registry.needs import Store
from aiops.registry.ports import ClusterUptime


class UptimeRecords:
    """Implements `ports.Uptimes`."""

    def __init__(self, transactions: Transactions, store: Store) -> None:
        self._transactions = transactions
        self._store = store

    async def between(self, principal: Principal, start: datetime, end: datetime) -> list[ClusterUptime]:
        principal.require(Role.VIEWER)
        scope = None if principal.clusters is None else list(principal.clusters)
        async with self._transactions.look() as tx:
            return await self._store.uptime(tx, scope, start, end)
