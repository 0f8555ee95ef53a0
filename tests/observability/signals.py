"""Clusters with a Loki or a Tempo each, in memory: what the tests of logs and traces share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from aiops.kernel.clock import Clock, SystemClock
from aiops.kernel.errors import NotFound
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.backends.loki import LokiBackend
from aiops.observability.backends.tempo import TempoBackend
from aiops.observability.service.logs import LogsService
from aiops.observability.service.logs_labels import LogNames
from aiops.observability.service.logs_tail import LogFollower
from aiops.observability.service.traces import TracesService
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

SYSTEM = Principal.system("test")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """To one cluster's Loki or Tempo."""

    url: str | None
    selector: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class Fleet:
    """Implements `Clusters`, for one kind of endpoint."""

    def __init__(self, ways: Mapping[str, Way | str | None]) -> None:
        self.ids = {name: uuid4() for name in ways}
        unknown = ClusterStatus(State.UNKNOWN, Connectivity.DISCONNECTED, None, {}, None)
        self._ways = {self.ids[name]: way if isinstance(way, Way) else Way(way) for name, way in ways.items()}
        self._clusters = {
            id_: Cluster(
                id=id_,
                name=name,
                display_name=name,
                cluster_type=ClusterType.SPOKE,
                platform=Platform.STANDALONE,
                environment=Environment.LAB,
                region=None,
                labels={},
                prometheus_url=None,
                status=unknown,
                created_at=_NOW,
                updated_at=_NOW,
                last_seen_at=None,
            )
            for name, id_ in self.ids.items()
        }

    async def visible(self, principal: Principal) -> list[Cluster]:
        return [one for one in self._clusters.values() if principal.sees(one.id)]

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        if cluster_id not in self._clusters or not principal.sees(cluster_id):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        return self._clusters[cluster_id]

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        return await self.get(principal, self.ids[name])

    async def local(self, principal: Principal) -> Cluster | None:
        return None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        cluster, way = await self.get(principal, cluster_id), self._ways[cluster_id]
        if way.url is None:
            return None
        return Target(cluster_id, cluster.name, kind, way.url, headers=way.headers, selector=way.selector)

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        wanted = [one.id for one in await self.visible(principal)] if cluster_ids is None else cluster_ids
        return [
            Member(await self.get(principal, cluster_id), await self.target(principal, kind, cluster_id))
            for cluster_id in wanted
        ]

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        return None

    def viewer(self, *names: str) -> Principal:
        """Someone who sees these clusters alone."""
        return Principal(PrincipalKind.USER, "u", "u", Role.VIEWER, frozenset(self.ids[name] for name in names))


class AskingLogs(NamedTuple):
    logs: LogsService
    names: LogNames
    tail: LogFollower


@asynccontextmanager
async def asking_logs(
    fleet: Fleet, clock: Clock | None = None, *, max_reply_bytes: int = 1024 * 1024
) -> AsyncIterator[AskingLogs]:
    outbound, tails = Outbound(allow_loopback=True), Outbound(allow_loopback=True)
    clock = clock or SystemClock()
    remote = LokiBackend(outbound, tails, clock, max_reply_bytes=max_reply_bytes)
    try:
        yield AskingLogs(
            LogsService(clock, fleet, remote), LogNames(clock, fleet, remote), LogFollower(clock, fleet, remote)
        )
    finally:
        await outbound.close()
        await tails.close()


@asynccontextmanager
async def asking_traces(
    fleet: Fleet, clock: Clock | None = None, *, settle_s: float = 2.0
) -> AsyncIterator[TracesService]:
    outbound = Outbound(allow_loopback=True)
    clock = clock or SystemClock()
    try:
        yield TracesService(clock, fleet, TempoBackend(outbound, clock), settle_s=settle_s)
    finally:
        await outbound.close()
