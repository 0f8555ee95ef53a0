"""One Prometheus, Thanos or Mimir asked without a hub: each value of a label in it counts as a cluster."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import NotFound
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal
from aiops.kernel.tls import Tls
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.remote import RemoteWithin
from aiops.registry.ports import (
    Cluster,
    ClusterStatus,
    ClusterType,
    Connectivity,
    EndpointKind,
    Environment,
    Member,
    Platform,
    State,
    Target,
)

_TIMEOUT_S = 30.0
_UNKNOWN = ClusterStatus(State.UNKNOWN, Connectivity.CONNECTED, None, {}, None)


class OnePrometheus:
    """Implements `registry.ports.Clusters` for what one address holds."""

    def __init__(self, url: str, outbound: Outbound, clock: Clock, headers: Mapping[str, str], tls: Tls) -> None:
        self._url = url.rstrip("/")
        self._backend = PrometheusBackend(outbound, clock)
        self._headers = dict(headers)
        self._tls = tls
        self._known: dict[UUID, Cluster] = {}

    async def find_clusters(self, label: str, start: datetime, end: datetime) -> list[Cluster]:
        """The clusters by the values of `label` within this time; without any, the whole is one, named by its host."""
        host = urlsplit(self._url).hostname or "prometheus"
        whole = self._target(uuid.uuid5(uuid.NAMESPACE_URL, self._url), host, {})
        within = RemoteWithin((f'{{{label}!=""}}',), start.timestamp(), end.timestamp())
        values = (await self._backend.label_values(whole, label, within, _TIMEOUT_S)).data
        found = [_cluster(self._url, value, {label: value}) for value in sorted(values)]
        found = found or [_cluster(self._url, host, {})]
        self._known = {cluster.id: cluster for cluster in found}
        return found

    async def visible(self, principal: Principal) -> list[Cluster]:
        return list(self._known.values())

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        if cluster_id not in self._known:
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        return self._known[cluster_id]

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        for cluster in self._known.values():
            if cluster.name == name:
                return cluster
        raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")

    async def local(self, principal: Principal) -> Cluster | None:
        return None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        cluster = await self.get(principal, cluster_id)
        return self._target(cluster.id, cluster.name, cluster.selector) if kind is EndpointKind.PROMETHEUS else None

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        wanted = list(self._known) if cluster_ids is None else cluster_ids
        return [Member(await self.get(principal, one), await self.target(principal, kind, one)) for one in wanted]

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        return None

    def numbers(self) -> ClusterNumbers:
        """What asks it; the hub's own samples are not there."""
        return ClusterNumbers(self, self._backend, None)

    def _target(self, cluster_id: UUID, name: str, selector: Mapping[str, str]) -> Target:
        return Target(
            cluster_id,
            name,
            EndpointKind.PROMETHEUS,
            self._url,
            headers=self._headers,
            selector=dict(selector),
            tls=self._tls,
        )


def _cluster(url: str, name: str, selector: dict[str, str]) -> Cluster:
    """Its id is made of address and name, so that the same question gives the same answer."""
    never = datetime.fromtimestamp(0, UTC)
    return Cluster(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{url}#{msgspec.json.encode(selector).decode()}"),
        name=name,
        display_name=name,
        cluster_type=ClusterType.SPOKE,
        platform=Platform.STANDALONE,
        environment=Environment.PRODUCTION,
        region=None,
        labels={},
        prometheus_url=url,
        status=_UNKNOWN,
        created_at=never,
        updated_at=never,
        last_seen_at=None,
        selector=selector,
    )
