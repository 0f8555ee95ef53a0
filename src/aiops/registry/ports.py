"""What the registry offers: the clusters within a principal's scope and the way to their endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal


class ClusterType(StrEnum):
    HUB = "HUB"
    SPOKE = "SPOKE"
    EDGE = "EDGE"
    FAR_EDGE = "FAR_EDGE"


class Platform(StrEnum):
    OPENSHIFT = "OPENSHIFT"
    KUBERNETES = "KUBERNETES"
    MICROSHIFT = "MICROSHIFT"
    STANDALONE = "STANDALONE"
    HOST = "HOST"


class Environment(StrEnum):
    PRODUCTION = "PRODUCTION"
    STAGING = "STAGING"
    DEVELOPMENT = "DEVELOPMENT"
    LAB = "LAB"


class State(StrEnum):
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    DEGRADED = "DEGRADED"
    UNKNOWN = "UNKNOWN"
    PROVISIONING = "PROVISIONING"


class Connectivity(StrEnum):
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    INTERMITTENT = "INTERMITTENT"


class CredentialKind(StrEnum):
    NONE = "NONE"
    BEARER = "BEARER"
    BASIC = "BASIC"


class EndpointStatus(msgspec.Struct, frozen=True):
    """The last probe of one endpoint. `latency_ms` is `None` where it did not answer."""

    ok: bool
    checked_at: datetime
    latency_ms: float | None = None
    error: str | None = None


class ClusterStatus(msgspec.Struct, frozen=True):
    """`health_score` is 0–100, or `None` while nothing is known yet."""

    state: State
    connectivity: Connectivity
    health_score: int | None
    endpoints: dict[str, EndpointStatus]
    checked_at: datetime | None


class Cluster(msgspec.Struct, frozen=True):
    """A member of the fleet as its readers see it: never with credentials, only with their kind."""

    id: UUID
    name: str
    display_name: str
    cluster_type: ClusterType
    platform: Platform
    environment: Environment
    region: str | None
    labels: dict[str, str]
    prometheus_url: str | None
    status: ClusterStatus
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime | None
    credential_kind: CredentialKind = CredentialKind.NONE


class PrometheusTarget(msgspec.Struct, frozen=True):
    """How to reach a cluster's Prometheus. `headers` hold the secret: never log or show them."""

    cluster_id: UUID
    cluster_name: str
    url: str
    headers: dict[str, str]


class Member(msgspec.Struct, frozen=True):
    """A cluster and the way to its Prometheus: `None` where its samples lie in the hub's own store, or where
    `problem` says why there is no way."""

    cluster: Cluster
    prometheus: PrometheusTarget | None
    problem: str | None = None


class Clusters(Protocol):
    async def visible(self, principal: Principal) -> list[Cluster]:
        """All clusters in scope, by name."""

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        """One cluster; raises `NotFound` (CLUSTER_NOT_FOUND) also where it is out of scope."""

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        """As `get`, by the cluster's name."""

    async def local(self, principal: Principal) -> Cluster | None:
        """The cluster that stands for this machine; `None` where it is out of scope, removed, or not watched."""

    async def prometheus_target(self, principal: Principal, cluster_id: UUID) -> PrometheusTarget | None:
        """The way to its Prometheus, or `None` for a cluster whose samples lie in the hub's own store."""

    async def members(self, principal: Principal, cluster_ids: Sequence[UUID] | None = None) -> list[Member]:
        """These clusters in this order, or all in scope by name, each with the way to its Prometheus; raises `NotFound`
        for one that is out of scope."""

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        """Samples of this cluster arrived at `at`: a HOST cluster is judged by their freshness."""
