"""What the gateway does when something happened elsewhere."""

from __future__ import annotations

from aiops.gateway.needs import UserStore
from aiops.kernel.database import Transaction
from aiops.kernel.events import Event
from aiops.registry.events import ClusterDeleted


class ForgetCluster:
    """A cluster that has left is in nobody's scope any more. Who saw it alone sees nothing then, and not everything."""

    def __init__(self, store: UserStore) -> None:
        self._store = store

    async def handle(self, tx: Transaction, event: Event) -> None:
        assert isinstance(event, ClusterDeleted)
        await self._store.forget_cluster(tx, event.cluster_id, event.occurred_at)
