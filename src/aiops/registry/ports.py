"""What the registry offers: the clusters within a principal's scope and the way to their endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal
from aiops.kernel.tls import PLAIN, Tls


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
    CLIENT_CERTIFICATE = "CLIENT_CERTIFICATE"
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"
    OIDC = "OIDC"
    KUBECONFIG = "KUBECONFIG"
    SECRET_REF = "SECRET_REF"  # noqa: S105 (a kind, no secret)


class EndpointKind(StrEnum):
    API_SERVER = "API_SERVER"
    PROMETHEUS = "PROMETHEUS"
    ALERTMANAGER = "ALERTMANAGER"
    ALERTMANAGER_PEER = "ALERTMANAGER_PEER"
    LOKI = "LOKI"
    TEMPO = "TEMPO"


class CnfType(StrEnum):
    VDU = "VDU"
    VCU = "VCU"
    UPF = "UPF"
    AMF = "AMF"
    SMF = "SMF"
    OTHER = "OTHER"


class Capabilities(msgspec.Struct, frozen=True):
    """What was found in a cluster at `discovered_at`: `None` is what nobody could look at, and `problems` say why."""

    discovered_at: datetime
    has_prometheus: bool | None = None
    has_thanos: bool | None = None
    has_loki: bool | None = None
    has_tempo: bool | None = None
    has_service_mesh: bool | None = None
    has_gpu_nodes: bool | None = None
    has_cnf_workloads: bool | None = None
    gpu_count: int | None = None
    gpu_types: list[str] = []
    cnf_types: list[CnfType] = []
    problems: list[str] = []


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the servers of a cluster are to be trusted. `ca_bundle` (PEM) replaces the machine's own authorities."""

    ca_bundle: str | None = None
    skip_verify: bool = False
    server_name: str | None = None


class EndpointStatus(msgspec.Struct, frozen=True):
    """The last probe of one endpoint. `latency_ms` is `None` where it did not answer."""

    ok: bool
    checked_at: datetime
    latency_ms: float | None = None
    error: str | None = None


class ClusterStatus(msgspec.Struct, frozen=True):
    """`health_score` is 0–100, or `None` while nothing is known yet; `warnings` tell of what will fail soon."""

    state: State
    connectivity: Connectivity
    health_score: int | None
    endpoints: dict[str, EndpointStatus]
    checked_at: datetime | None
    warnings: list[str] = []


class Cluster(msgspec.Struct, frozen=True):
    """A member of the fleet as its readers see it: never with credentials, only with their kind.

    `selector` are the labels that carve the cluster out of a Prometheus (Loki, Tempo) that several share.
    `alertmanager_peer_url` is another member of the same highly available Alertmanager, where each has its own address.
    `header_names` are extra headers sent to its endpoints; their values are secret.
    `own_sign_ins` are the endpoints that have credentials of their own.
    """

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
    api_server_url: str | None = None
    alertmanager_url: str | None = None
    alertmanager_peer_url: str | None = None
    loki_url: str | None = None
    tempo_url: str | None = None
    platform_version: str | None = None
    capabilities: Capabilities | None = None
    selector: dict[str, str] = {}
    tls: TlsSettings = TlsSettings()
    proxy_url: str | None = None
    header_names: list[str] = []
    own_sign_ins: list[EndpointKind] = []
    credential_expires_at: datetime | None = None
    managed_by: str | None = None

    def url(self, kind: EndpointKind) -> str | None:
        found: str | None = getattr(self, URL_FIELDS[kind])
        return found


URL_FIELDS = {
    EndpointKind.API_SERVER: "api_server_url",
    EndpointKind.PROMETHEUS: "prometheus_url",
    EndpointKind.ALERTMANAGER: "alertmanager_url",
    EndpointKind.ALERTMANAGER_PEER: "alertmanager_peer_url",
    EndpointKind.LOKI: "loki_url",
    EndpointKind.TEMPO: "tempo_url",
}
"""The field of a cluster that holds the address of each kind of endpoint."""


class Target(msgspec.Struct, frozen=True):
    """How to reach one endpoint of a cluster. `headers` and `tls` hold secrets: never log or show them.

    Where `selector` is not empty, the endpoint holds other clusters too: whoever asks must narrow every question to
    these labels. `peer` is the other member of a pair of Alertmanagers.
    """

    cluster_id: UUID
    cluster_name: str
    kind: EndpointKind
    url: str
    headers: dict[str, str] = {}
    selector: dict[str, str] = {}
    tls: Tls = PLAIN
    proxy_url: str | None = None
    peer: Target | None = None

    def __repr__(self) -> str:
        return f"Target({self.cluster_name}, {self.kind.value}, {self.url})"


class Member(msgspec.Struct, frozen=True):
    """A cluster and the way to its endpoint of the kind that was asked for: `None` where it has none (of metrics: its
    samples lie in the hub's own store), or where `problem` says why there is no way."""

    cluster: Cluster
    target: Target | None
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

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        """The way to one endpoint, or `None` for a cluster that has none of this kind; raises `Unavailable` where there
        is no way now."""

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        """These clusters in this order, or all in scope by name, each with the way to its endpoint of this kind; raises
        `NotFound` for one that is out of scope."""

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        """Samples of this cluster arrived at `at`: a HOST cluster is judged by their freshness."""


class ClusterUptime(msgspec.Struct, frozen=True):
    """Of `known_s` seconds of which probes tell, the cluster was not OFFLINE in `up_s`."""

    cluster_id: UUID
    up_s: float
    known_s: float


class Uptimes(Protocol):
    async def between(self, principal: Principal, start: datetime, end: datetime) -> list[ClusterUptime]:
        """By cluster in scope, over the days (UTC) that these moments lie in; those of which nothing is known are
        left out."""
