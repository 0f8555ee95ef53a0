"""A fleet in memory: what the tests of metrics, logs, traces, alerts and silences share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal, PrincipalKind, Role
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

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """To a cluster whose metrics, logs and traces are at one address, or that has none."""

    url: str | None
    selector: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def addresses(self) -> dict[str, str | None]:
        return dict.fromkeys(("prometheus_url", "loki_url", "tempo_url"), self.url)


@dataclass(frozen=True)
class Ways:
    """To a cluster's alerts."""

    alertmanager: str | None = None
    prometheus: str | None = None
    selector: dict[str, str] = field(default_factory=dict)
    peer: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def addresses(self) -> dict[str, str | None]:
        return {
            "alertmanager_url": self.alertmanager,
            "alertmanager_peer_url": self.peer,
            "prometheus_url": self.prometheus,
        }


class Fleet:
    """Implements `Clusters`."""

    def __init__(self, ways: Mapping[str, Way | Ways | str | None]) -> None:
        self.ids = {name: uuid4() for name in ways}
        given = {name: way if isinstance(way, Way | Ways) else Way(way) for name, way in ways.items()}
        self._headers = {self.ids[name]: way.headers for name, way in given.items()}
        self._clusters = {self.ids[name]: _cluster(self.ids[name], name, way) for name, way in given.items()}

    def cluster(self, name: str) -> Cluster:
        return self._clusters[self.ids[name]]

    async def visible(self, principal: Principal) -> list[Cluster]:
        return [one for one in self._clusters.values() if principal.sees(one.id)]

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        if cluster_id not in self._clusters or not principal.sees(cluster_id):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        return self._clusters[cluster_id]

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        if name not in self.ids:
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        return await self.get(principal, self.ids[name])

    async def local(self, principal: Principal) -> Cluster | None:
        return None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        cluster = await self.get(principal, cluster_id)
        url, peer = cluster.url(kind), None
        if url is None:
            return None
        if kind is EndpointKind.ALERTMANAGER:
            peer = await self.target(principal, EndpointKind.ALERTMANAGER_PEER, cluster_id)
        headers = self._headers[cluster_id]
        return Target(cluster_id, cluster.name, kind, url, headers=headers, selector=cluster.selector, peer=peer)

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        wanted = [one.id for one in await self.visible(principal)] if cluster_ids is None else cluster_ids
        return [Member(await self.get(principal, one), await self.target(principal, kind, one)) for one in wanted]

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        return None

    def viewer(self, *names: str) -> Principal:
        """Someone who sees these clusters alone."""
        return Principal(PrincipalKind.USER, "u", "u", Role.VIEWER, frozenset(self.ids[name] for name in names))

    def user(self, role: Role, *names: str) -> Principal:
        """Ann, who sees these clusters alone; of none, all."""
        scope = frozenset(self.ids[name] for name in names) if names else None
        return Principal(PrincipalKind.USER, "u-1", "ann", role, scope)


def _cluster(id_: UUID, name: str, way: Way | Ways) -> Cluster:
    return Cluster(
        id=id_,
        name=name,
        display_name=name,
        cluster_type=ClusterType.SPOKE,
        platform=Platform.STANDALONE,
        environment=Environment.LAB,
        region=None,
        labels={},
        status=ClusterStatus(State.UNKNOWN, Connectivity.DISCONNECTED, None, {}, None),
        created_at=_NOW,
        updated_at=_NOW,
        last_seen_at=None,
        selector=way.selector,
        **way.addresses(),  # type: ignore[arg-type]
    )
