"""Who is in the fleet: adding, changing and removing clusters."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from msgspec import UNSET

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry import domain
from aiops.registry.credentials import check_headers
from aiops.registry.endpoints import UrlRules
from aiops.registry.events import ClusterDeleted, ClusterRegistered, ClusterUpdated
from aiops.registry.needs import ClusterRecord, Store
from aiops.registry.ports import Cluster, Environment, Platform
from aiops.registry.service.description import (
    ClusterChange,
    NewCluster,
    as_the_kubeconfig_says,
    checked,
    resolved,
    secret_would_travel,
)
from aiops.registry.service.fleet import find
from aiops.registry.service.secrets import with_secrets
from aiops.registry.vault import Secrets, Vault

log = structlog.get_logger(__name__)


class Membership:
    def __init__(self, transactions: Transactions, clock: Clock, store: Store, vault: Vault, rules: UrlRules) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._rules = rules

    async def add(self, principal: Principal, new: NewCluster) -> Cluster:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        record = self._record(new, self._clock.now())
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
        if change.name is not UNSET:
            # Whether a name is taken tells of clusters that may be out of scope.
            principal.require_whole_fleet()
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id, lock=True)
            changed = self._changed(record, change, now)
            if not await self._store.change(tx, changed, now):
                raise _name_taken(changed.cluster.name)
            self._publish(tx, ClusterUpdated, changed.cluster, now)
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

    def _record(self, new: NewCluster, now: datetime) -> ClusterRecord:
        given = new.given()
        credentials, said = (None, None) if given is None else resolved(given, self._rules)
        check_headers(new.headers)
        cluster = Cluster(
            id=new_id(),
            name=new.name,
            display_name=new.name if new.display_name is None else new.display_name,
            cluster_type=new.cluster_type,
            platform=new.platform,
            environment=new.environment,
            region=new.region,
            labels=new.labels,
            prometheus_url=new.prometheus_url or None,
            status=domain.first_status(),
            created_at=now,
            updated_at=now,
            last_seen_at=None,
            api_server_url=new.api_server_url,
            alertmanager_url=new.alertmanager_url,
            loki_url=new.loki_url,
            tempo_url=new.tempo_url,
            selector=new.selector,
            tls=new.tls,
            proxy_url=new.proxy_url,
            managed_by=new.managed_by,
        )
        cluster = as_the_kubeconfig_says(cluster, said)
        record = with_secrets(ClusterRecord(cluster, None, []), Secrets(credentials, new.headers), self._vault, now)
        return msgspec.structs.replace(record, cluster=checked(record.cluster, self._rules))

    def _changed(self, record: ClusterRecord, change: ClusterChange, now: datetime) -> ClusterRecord:
        cluster = msgspec.structs.replace(record.cluster, updated_at=now, **change.described())
        if not change.touches_credentials() and change.headers is UNSET:
            # Also where the stored secrets can't be read any more, the rest can be changed.
            cluster = checked(cluster, self._rules)
            if record.sealed is not None and secret_would_travel(record.cluster, cluster):
                raise _give_again("credentials", "bearer_token", "bearer_token: null")
            return msgspec.structs.replace(record, cluster=cluster)
        secrets = self._kept(record, change)
        credentials = secrets.credentials
        if change.touches_credentials():
            given = change.given()
            credentials = None if given is None else resolved(given, self._rules)[0]
        headers = secrets.headers if change.headers is UNSET else change.headers
        check_headers(headers)
        access = None if change.touches_credentials() else secrets.access
        changed = msgspec.structs.replace(record, cluster=cluster)
        changed = with_secrets(changed, Secrets(credentials, headers, access), self._vault, now)
        changed = msgspec.structs.replace(changed, cluster=checked(changed.cluster, self._rules))
        if secret_would_travel(record.cluster, changed.cluster):
            if credentials is not None and not change.touches_credentials():
                raise _give_again("credentials", "bearer_token", "bearer_token: null")
            if headers and change.headers is UNSET:
                raise _give_again("headers", "headers", "headers: {}")
        return changed

    def _kept(self, record: ClusterRecord, change: ClusterChange) -> Secrets:
        # What nothing is kept of need not be opened: so a lost key can be made good by giving all anew.
        if change.touches_credentials() and (change.headers is not UNSET or not record.cluster.header_names):
            return Secrets()
        return self._vault.secrets(record.cluster.id, record.sealed)

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


def _give_again(what: str, field: str, drop: str) -> Invalid:
    return Invalid(
        f"The stored {what} belong to the old address: give them again, or {drop}.", details={"field": field}
    )


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a cluster named {name} already: choose another name.", details={"field": "name"})
