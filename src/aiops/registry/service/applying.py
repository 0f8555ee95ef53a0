"""Bringing a cluster to what a file says of it: the same file twice changes nothing the second time."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Unavailable
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.kernel.secrets import SecretUnreadable
from aiops.registry import domain
from aiops.registry.endpoints import PROXY_FIELD, UrlRules
from aiops.registry.events import ClusterRegistered, ClusterUpdated
from aiops.registry.needs import ClusterRecord, Store
from aiops.registry.ports import URL_FIELDS, Cluster, Platform
from aiops.registry.service.description import ClusterChange, NewCluster, resolved
from aiops.registry.service.records import Records
from aiops.registry.service.secrets import credentials_updated
from aiops.registry.vault import Secrets, Vault

_FOUND_OUT = frozenset({Platform.OPENSHIFT, Platform.MICROSHIFT})
_SECRET = "***"  # noqa: S105


class WantedCluster(ClusterChange, frozen=True, kw_only=True):
    """As a file describes it: what is left out stays as it is, `null` takes it away. `managed_by` names the file."""

    managed_by: str | UnsetType = UNSET


class Action(StrEnum):
    ADD = "ADD"
    CHANGE = "CHANGE"
    NONE = "NONE"


class FieldChange(msgspec.Struct, frozen=True):
    """What is secret shows as three stars."""

    field: str
    before: Any
    after: Any


class Applied(msgspec.Struct, frozen=True):
    """What was done, or would be; `cluster` is as it is then, without an id's meaning where it is not kept yet."""

    action: Action
    changes: list[FieldChange]
    cluster: Cluster


class Applying:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        records: Records,
        rules: UrlRules,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._records = records
        self._rules = rules

    async def apply(self, principal: Principal, name: str, wanted: WantedCluster, *, dry_run: bool) -> Applied:
        """All of it in one transaction, or nothing; with `dry_run` nothing, and what would be done."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        domain.check_name(name)
        async with self._transactions.begin() as tx:
            found = await self._store.by_name(tx, name)
            # Between the two look-ups it may have been removed: then there is nothing to change any more.
            record = None if found is None else await self._store.get(tx, found.cluster.id, lock=True)
        if record is None:
            return await self._add(name, wanted, dry_run=dry_run)
        return await self._change(record, wanted, dry_run=dry_run)

    async def _add(self, name: str, wanted: WantedCluster, *, dry_run: bool) -> Applied:
        given = {field: value for field in wanted.__struct_fields__ if (value := getattr(wanted, field)) is not UNSET}
        new = NewCluster(**{**_without_nothing(given), "name": name})
        record = self._records.made(new, self._clock.now())
        cluster = record.cluster
        if not dry_run:
            async with self._transactions.begin() as tx:
                if not await self._store.add(tx, record, cluster.created_at):
                    raise Unavailable(f"The cluster {name} was added by someone else just now: try again.")
                tx.publish(
                    ClusterRegistered(
                        event_id=new_id(),
                        occurred_at=cluster.created_at,
                        cluster_ids=(cluster.id,),
                        cluster_id=cluster.id,
                        name=cluster.name,
                    )
                )
                await tx.commit()
        return Applied(Action.ADD, [], cluster)

    async def _change(self, record: ClusterRecord, wanted: WantedCluster, *, dry_run: bool) -> Applied:
        cluster, now = record.cluster, self._clock.now()
        if wanted.managed_by is not UNSET and cluster.managed_by not in (None, wanted.managed_by):
            raise Conflict(f"The cluster {cluster.name} belongs to another fleet file, {cluster.managed_by}.")
        described: dict[str, Any] = {
            field: value
            for field, value in wanted.described().items()
            if field != "name" and self._normal(field, value) != getattr(cluster, field)
        }
        if described.get("platform") is Platform.KUBERNETES and cluster.platform in _FOUND_OUT:
            # The file said what it knew; the hub found out more.
            del described["platform"]
        changes = [FieldChange(field, getattr(cluster, field), value) for field, value in described.items()]
        secrets = self._changed_secrets(record, wanted)
        changes += [FieldChange(field, _SECRET, _SECRET) for field in secrets]
        if not changes:
            return Applied(Action.NONE, [], cluster)
        # Where anything changes, the secrets are given again: they may go to a new address, as the file says.
        carried = ("bearer_token", "username", "password", "credentials", "headers", "endpoint_credentials")
        given: dict[str, Any] = {field: value for field in carried if (value := getattr(wanted, field)) is not UNSET}
        changed = self._records.changed(record, ClusterChange(**described, **given), now)
        if not dry_run:
            await self._keep(record, changed, credentials_changed="credentials" in secrets)
        return Applied(Action.CHANGE, changes, changed.cluster)

    async def _keep(self, before: ClusterRecord, changed: ClusterRecord, *, credentials_changed: bool) -> None:
        cluster, now = changed.cluster, changed.cluster.updated_at
        async with self._transactions.begin() as tx:
            record = await self._store.get(tx, cluster.id, lock=True)
            if record is None or record.cluster.updated_at != before.cluster.updated_at:
                raise Unavailable(f"The cluster {cluster.name} was changed by someone else just now: try again.")
            await self._store.change(tx, changed, now)
            tx.publish(
                ClusterUpdated(
                    event_id=new_id(),
                    occurred_at=now,
                    cluster_ids=(cluster.id,),
                    cluster_id=cluster.id,
                    name=cluster.name,
                )
            )
            if credentials_changed:
                tx.publish(credentials_updated(cluster, "SET", now))
            await tx.commit()

    def _changed_secrets(self, record: ClusterRecord, wanted: WantedCluster) -> list[str]:
        """Which secrets differ from those that are kept; all that are given, where those can't be read any more."""
        if not wanted.touches_secrets():
            return []
        try:
            kept = self._vault.secrets(record.cluster.id, record.sealed)
        except SecretUnreadable:
            kept = None
        differ = []
        if wanted.touches_credentials():
            given = wanted.given()
            credentials = None if given is None else resolved(given, self._rules)[0]
            if kept is None or credentials != (kept or Secrets()).credentials:
                differ.append("credentials")
        if wanted.headers is not UNSET and (kept is None or wanted.headers != kept.headers):
            differ.append("headers")
        own = wanted.endpoint_credentials
        if own is not UNSET and (kept is None or own != kept.endpoints):
            differ.append("endpoint_credentials")
        return differ

    def _normal(self, field: str, value: object) -> object:
        if isinstance(value, str) and field in (*URL_FIELDS.values(), PROXY_FIELD):
            return self._rules.check(value, field)
        return value


def _without_nothing(given: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in given.items() if value is not None}
