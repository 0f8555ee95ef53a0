"""From what people say about a cluster to what is kept of it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET

from aiops.kernel.errors import Invalid
from aiops.kernel.ids import new_id
from aiops.kernel.secrets import SecretUnreadable
from aiops.registry import domain
from aiops.registry.credentials import check_headers
from aiops.registry.endpoints import UrlRules
from aiops.registry.needs import ClusterRecord
from aiops.registry.ports import Cluster
from aiops.registry.service.description import (
    ClusterChange,
    NewCluster,
    as_the_kubeconfig_says,
    check_direct,
    checked,
    resolved,
    secret_would_travel,
)
from aiops.registry.service.secrets import with_secrets
from aiops.registry.vault import Secrets, Vault


class Records:
    """Checks what is said and seals what is secret."""

    def __init__(self, vault: Vault, rules: UrlRules) -> None:
        self._vault = vault
        self._rules = rules

    def made(self, new: NewCluster, now: datetime) -> ClusterRecord:
        """A cluster that nobody has kept yet; raises `Invalid`."""
        given = new.given()
        credentials, said = (None, None) if given is None else resolved(given, self._rules)
        check_headers(new.headers)
        check_direct(new.endpoint_credentials)
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
            alertmanager_peer_url=new.alertmanager_peer_url,
            loki_url=new.loki_url,
            tempo_url=new.tempo_url,
            selector=new.selector,
            tls=new.tls,
            proxy_url=new.proxy_url,
            managed_by=new.managed_by,
        )
        cluster = as_the_kubeconfig_says(cluster, said)
        secrets = Secrets(credentials, new.headers, None, new.endpoint_credentials)
        record = with_secrets(ClusterRecord(cluster, None, []), secrets, self._vault, now)
        return msgspec.structs.replace(record, cluster=checked(record.cluster, self._rules))

    def changed(self, record: ClusterRecord, change: ClusterChange, now: datetime) -> ClusterRecord:
        """The cluster as it will be; raises `Invalid`, also where secrets would go where nobody has sent them."""
        cluster = msgspec.structs.replace(record.cluster, updated_at=now, **change.described())
        if not change.touches_secrets():
            # Also where the stored secrets can't be read any more, the rest can be changed.
            cluster = checked(cluster, self._rules)
            if record.sealed is not None and secret_would_travel(record.cluster, cluster):
                raise _give_again("credentials", "bearer_token", "bearer_token: null")
            return msgspec.structs.replace(record, cluster=cluster)
        kept = self._kept(record, change)
        secrets = self._secrets(kept, change)
        changed = with_secrets(msgspec.structs.replace(record, cluster=cluster), secrets, self._vault, now)
        changed = msgspec.structs.replace(changed, cluster=checked(changed.cluster, self._rules))
        if secret_would_travel(record.cluster, changed.cluster):
            _check_given_again(kept, change)
        return changed

    def _secrets(self, kept: Secrets, change: ClusterChange) -> Secrets:
        credentials, access = kept.credentials, kept.access
        if change.touches_credentials():
            given = change.given()
            credentials, access = None if given is None else resolved(given, self._rules)[0], None
        headers = kept.headers if change.headers is UNSET else change.headers
        endpoints = kept.endpoints if change.endpoint_credentials is UNSET else change.endpoint_credentials
        check_headers(headers)
        check_direct(endpoints)
        return Secrets(credentials, headers, access, endpoints)

    def _kept(self, record: ClusterRecord, change: ClusterChange) -> Secrets:
        try:
            return self._vault.secrets(record.cluster.id, record.sealed)
        except SecretUnreadable:
            # A lost key is made good by giving anew whatever is known to have been there.
            if change.touches_credentials() and (change.headers is not UNSET or not record.cluster.header_names):
                return Secrets()
            raise


def _check_given_again(kept: Secrets, change: ClusterChange) -> None:
    if kept.credentials is not None and not change.touches_credentials():
        raise _give_again("credentials", "bearer_token", "bearer_token: null")
    if kept.headers and change.headers is UNSET:
        raise _give_again("headers", "headers", "headers: {}")
    if kept.endpoints and change.endpoint_credentials is UNSET:
        raise _give_again("credentials of single endpoints", "endpoint_credentials", "endpoint_credentials: {}")


def _give_again(what: str, field: str, drop: str) -> Invalid:
    return Invalid(
        f"The stored {what} belong to the old address: give them again, or {drop}.", details={"field": field}
    )
