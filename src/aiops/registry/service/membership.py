"""Who is in the fleet: adding, changing and removing clusters."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from msgspec import UNSET

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry import domain
from aiops.registry.credentials import SecretRef
from aiops.registry.events import ClusterDeleted, ClusterRegistered, ClusterUpdated
from aiops.registry.needs import Store
from aiops.registry.ports import Cluster, Environment, Platform
from aiops.registry.service.description import ClusterChange, NewCluster
from aiops.registry.service.fleet import find
from aiops.registry.service.records import Records
from aiops.registry.service.secrets import credentials_updated

log = structlog.get_logger(__name__)


class Membership:
    def __init__(self, transactions: Transactions, clock: Clock, store: Store, records: Records) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._records = records

    async def add(self, principal: Principal, new: NewCluster) -> Cluster:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        record = self._records.made(new, self._clock.now())
        cluster = record.cluster
        async with self._transactions.begin() as tx:
            if not await self._store.add(tx, record, cluster.created_at):
                raise _name_taken(cluster.name)
            if cluster.platform is Platform.HOST and cluster.name == domain.LOCAL_NAME:
                await self._store.set_local(tx, cluster.id)
            self._publish(tx, ClusterRegistered, cluster, cluster.created_at)
            await tx.commit()
        return cluster

    async def change(self, principal: Principal, cluster_id: UUID, change: ClusterChange) -> Cluster:
        """Addresses, credentials, names and what secures them are for admins; the rest is for operators."""
        principal.require(Role.ADMIN if change.is_for_admins() else Role.OPERATOR)
        if change.name is not UNSET or isinstance(change.credentials, SecretRef):
            # Whether a name is taken tells of clusters that may be out of scope; what the hub's own cluster holds is
            # nobody's who sees a part of the fleet.
            principal.require_whole_fleet()
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id, lock=True)
            changed = self._records.changed(record, change, now)
            if not await self._store.change(tx, changed, now):
                raise _name_taken(changed.cluster.name)
            self._publish(tx, ClusterUpdated, changed.cluster, now)
            if change.touches_credentials():
                tx.publish(credentials_updated(changed.cluster, "SET", now))
            await tx.commit()
        return changed.cluster

    async def remove(self, principal: Principal, cluster_id: UUID) -> None:
        principal.require(Role.ADMIN)
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id, lock=True)
            await self._store.remove(tx, cluster_id)
            self._publish(tx, ClusterDeleted, record.cluster, self._clock.now())
            await tx.commit()

    async def ensure_local(self, principal: Principal, machine: str) -> None:
        """Make the cluster of this machine, once: where a user removed it, it stays removed."""
        async with self._transactions.begin() as tx:
            if await self._store.local(tx) is not None:
                return
        shown = machine if machine.isprintable() and 1 <= len(machine) <= 128 else "This machine"
        new = NewCluster(
            name=domain.LOCAL_NAME, display_name=shown, platform=Platform.HOST, environment=Environment.LAB
        )
        try:
            await self.add(principal, new)
        except Conflict:
            log.warning("local_cluster_not_made", reason="a cluster named local is there already")

    @staticmethod
    def _publish(
        tx: Transaction,
        fact: type[ClusterRegistered] | type[ClusterUpdated] | type[ClusterDeleted],
        cluster: Cluster,
        at: datetime,
    ) -> None:
        tx.publish(
            fact(event_id=new_id(), occurred_at=at, cluster_ids=(cluster.id,), cluster_id=cluster.id, name=cluster.name)
        )


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a cluster named {name} already: choose another name.", details={"field": "name"})
