"""From what people say about a cluster to what is kept of it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET

from aiops.kernel.errors import Invalid
from aiops.kernel.ids import new_id
from aiops.registry import domain
from aiops.registry.credentials import check_headers
from aiops.registry.endpoints import UrlRules
from aiops.registry.needs import ClusterRecord
from aiops.registry.ports import Cluster
from aiops.registry.service.description import (
    ClusterChange,
    NewCluster,
    as_the_kubeconfig_says,
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

    def changed(self, record: ClusterRecord, change: ClusterChange, now: datetime) -> ClusterRecord:
        """The cluster as it will be; raises `Invalid`, also where secrets would go where nobody has sent them."""
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


def _give_again(what: str, field: str, drop: str) -> Invalid:
    return Invalid(
        f"The stored {what} belong to the old address: give them again, or {drop}.", details={"field": field}
    )
