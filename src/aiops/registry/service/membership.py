"""Who is in the fleet: adding, changing and removing clusters."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry import domain
from aiops.registry.credentials import Credentials, Vault, credentials_from, kind_of
from aiops.registry.events import ClusterDeleted, ClusterRegistered, ClusterUpdated
from aiops.registry.needs import ClusterRecord, Store
from aiops.registry.ports import Cluster, ClusterType, Environment, Platform
from aiops.registry.service.fleet import find

log = structlog.get_logger(__name__)


class CredentialsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bearer token, or a user name and password. Kept encrypted, never shown again."""

    bearer_token: str | None = None
    username: str | None = None
    password: str | None = None

    def credentials(self) -> Credentials | None:
        return credentials_from(self.bearer_token, self.username, self.password)


class NewCluster(CredentialsGiven, frozen=True, kw_only=True):
    """`prometheus_url` is needed, except for a HOST, whose samples are pushed to the hub."""

    name: str
    display_name: str | None = None
    cluster_type: ClusterType = ClusterType.SPOKE
    platform: Platform = Platform.STANDALONE
    environment: Environment = Environment.PRODUCTION
    region: str | None = None
    labels: dict[str, str] = {}
    prometheus_url: str | None = None


class ClusterChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. `bearer_token: null` (or `username: null`) drops the stored credentials."""

    name: str | UnsetType = UNSET
    display_name: str | UnsetType = UNSET
    cluster_type: ClusterType | UnsetType = UNSET
    environment: Environment | UnsetType = UNSET
    region: str | UnsetType | None = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    prometheus_url: str | UnsetType = UNSET
    bearer_token: str | UnsetType | None = UNSET
    username: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET

    def touches_credentials(self) -> bool:
        return any(given is not UNSET for given in (self.bearer_token, self.username, self.password))

    def credentials(self) -> Credentials | None:
        return credentials_from(_given(self.bearer_token), _given(self.username), _given(self.password))


class Membership:
    """`loopback_ports` are ports of this machine that the hub itself offers, allowed whatever `allow_loopback` says."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        allow_loopback: bool,
        loopback_ports: Collection[int] = (),
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._allow_loopback = allow_loopback
        self._loopback_ports = frozenset(loopback_ports)

    async def add(self, principal: Principal, new: NewCluster) -> Cluster:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        credentials = new.credentials()
        record = self._record(new, credentials, self._clock.now())
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
        """The address, the credentials and the name are for admins; the rest is for operators."""
        principal.require(Role.OPERATOR)
        if change.touches_credentials() or change.prometheus_url is not UNSET:
            principal.require(Role.ADMIN)
        if change.name is not UNSET:
            principal.require(Role.ADMIN)
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

    def _record(self, new: NewCluster, credentials: Credentials | None, now: datetime) -> ClusterRecord:
        domain.check_name(new.name)
        display_name = new.name if new.display_name is None else new.display_name
        domain.check_display_name(display_name)
        domain.check_region(new.region)
        domain.check_labels(new.labels)
        cluster_id = new_id()
        cluster = Cluster(
            id=cluster_id,
            name=new.name,
            display_name=display_name,
            cluster_type=new.cluster_type,
            platform=new.platform,
            environment=new.environment,
            region=new.region,
            labels=new.labels,
            prometheus_url=self._url_of(new, credentials),
            status=domain.first_status(),
            created_at=now,
            updated_at=now,
            last_seen_at=None,
            credential_kind=kind_of(credentials),
        )
        return ClusterRecord(cluster, self._vault.seal(cluster_id, credentials), [])

    def _url_of(self, new: NewCluster, credentials: Credentials | None) -> str | None:
        if new.platform is not Platform.HOST:
            if not new.prometheus_url:
                raise Invalid("Give the URL of its Prometheus.", details={"field": "prometheus_url"})
            return self._check_url(new.prometheus_url)
        if new.prometheus_url is not None or credentials is not None:
            raise Invalid(
                "A HOST is judged by the samples that it pushes: leave its Prometheus out, or add it as STANDALONE.",
                details={"field": "prometheus_url"},
            )
        return None

    def _changed(self, record: ClusterRecord, change: ClusterChange, now: datetime) -> ClusterRecord:
        given = {
            name: value
            for name in ("name", "display_name", "cluster_type", "environment", "region", "labels", "prometheus_url")
            if (value := getattr(change, name)) is not UNSET
        }
        cluster = msgspec.structs.replace(record.cluster, updated_at=now, **given)
        domain.check_name(cluster.name)
        domain.check_display_name(cluster.display_name)
        domain.check_region(cluster.region)
        domain.check_labels(cluster.labels)
        if cluster.platform is Platform.HOST and (cluster.prometheus_url or change.touches_credentials()):
            raise Invalid("A HOST is judged by the samples that it pushes: it has no Prometheus to sign in at.")
        sealed = record.sealed
        if change.prometheus_url is not UNSET:
            url = self._check_url(change.prometheus_url)
            cluster = msgspec.structs.replace(cluster, prometheus_url=url)
            moved = domain.origin_of(url) != domain.origin_of(record.cluster.prometheus_url or url)
            if moved and sealed is not None and not change.touches_credentials():
                raise Invalid(
                    "The stored credentials belong to the old address: give them again, or bearer_token: null.",
                    details={"field": "bearer_token"},
                )
        if change.touches_credentials():
            credentials = change.credentials()
            sealed = self._vault.seal(cluster.id, credentials)
            cluster = msgspec.structs.replace(cluster, credential_kind=kind_of(credentials))
        return ClusterRecord(cluster, sealed, record.recent)

    def _check_url(self, url: str) -> str:
        return domain.check_url(url, allow_loopback=self._allow_loopback, loopback_ports=self._loopback_ports)

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


def _given(value: str | UnsetType | None) -> str | None:
    return None if value is UNSET else value


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a cluster named {name} already: choose another name.", details={"field": "name"})
