"""What the registry requires: a store of clusters, and those who can ask them how they are and what they can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.database import Transaction
from aiops.registry.credentials import Oidc
from aiops.registry.discovery.candidates import Candidate, ManagedClusters
from aiops.registry.discovery.findings import Suggestion
from aiops.registry.ports import (
    Capabilities,
    Cluster,
    ClusterStatus,
    ClusterType,
    ClusterUptime,
    Connectivity,
    EndpointKind,
    EndpointStatus,
    Environment,
    Platform,
    State,
    Target,
)
from aiops.registry.ports_objects import ClusterObjects

Scope = frozenset[UUID] | None
"""Whose rows: `None` is every cluster."""


class Filters(msgspec.Struct, frozen=True):
    """What a list is narrowed to; `name` is any part of a name or display name."""

    name: str | None = None
    cluster_type: ClusterType | None = None
    environment: Environment | None = None
    region: str | None = None
    state: State | None = None
    has_gpu: bool | None = None
    has_cnf: bool | None = None
    labels: dict[str, str] = {}
    managed_by: str | None = None


class ClusterRecord(msgspec.Struct, frozen=True):
    """A cluster with what only the registry may see: its secrets, the outcomes of its last probes, and what last kept
    the hub from renewing its credentials."""

    cluster: Cluster
    sealed: bytes | None
    recent: list[bool]
    renew_at: datetime | None = None
    renewal_problem: str | None = None


class HealthPoint(msgspec.Struct, frozen=True):
    """How a cluster was found at one moment."""

    at: datetime
    state: State
    connectivity: Connectivity
    health_score: int | None
    endpoints: dict[str, EndpointStatus]


class FleetSummary(msgspec.Struct, frozen=True):
    """The clusters in scope, counted; `health_score` is the mean of those that have one."""

    total: int
    by_state: dict[State, int]
    by_cluster_type: dict[ClusterType, int]
    by_environment: dict[Environment, int]
    health_score: int | None


class EndpointCount(msgspec.Struct, frozen=True):
    """How many clusters have an endpoint of a kind that was probed, and how many of those did not answer."""

    total: int
    down: int


class UnwellCluster(msgspec.Struct, frozen=True):
    """A cluster with something to mend: its lowest is the worst."""

    id: UUID
    name: str
    state: State
    connectivity: Connectivity
    health_score: int | None
    checked_at: datetime | None
    errors: dict[str, str]
    warnings: list[str]


class FleetHealth(msgspec.Struct, frozen=True):
    """How the clusters in scope fare; `worst` are those with something to mend, the worst first."""

    total: int
    health_score: int | None
    by_state: dict[State, int]
    by_connectivity: dict[Connectivity, int]
    endpoints: dict[str, EndpointCount]
    with_warnings: int
    worst: list[UnwellCluster]


class FleetCapabilities(msgspec.Struct, frozen=True):
    """What the clusters in scope can do: how many have it. `undiscovered` are those that nobody has looked at yet."""

    total: int
    undiscovered: int
    clusters_with: dict[str, int]
    gpu_count: int
    gpu_types: dict[str, int]
    cnf_types: dict[str, int]
    platforms: dict[Platform, int]
    platform_versions: dict[str, int]


class Store(Protocol):
    async def page(
        self, tx: Transaction, scope: Scope, filters: Filters, after: str | None, limit: int
    ) -> tuple[list[Cluster], int]:
        """Clusters by name, those after the name `after`, and how many match without `after`."""

    async def all(self, tx: Transaction, scope: Scope) -> list[Cluster]: ...

    async def records(self, tx: Transaction, scope: Scope) -> list[ClusterRecord]:
        """As `all`, with what only the registry may see."""

    def changes(self) -> int:
        """Another number after each commit of this process that changed which clusters there are, or a way to one."""

    async def versions(self, tx: Transaction, scope: Scope) -> list[str]:
        """For each cluster, by name, its id and then what changes whenever anything about it does."""

    async def get(self, tx: Transaction, cluster_id: UUID, *, lock: bool = False) -> ClusterRecord | None: ...

    async def by_name(self, tx: Transaction, name: str) -> ClusterRecord | None: ...

    async def add(self, tx: Transaction, record: ClusterRecord, probe_at: datetime) -> bool:
        """Says whether it could: not where the name is taken."""

    async def change(self, tx: Transaction, record: ClusterRecord, probe_at: datetime) -> bool:
        """Write all but the status. Says whether it could: not where the name is taken."""

    async def remove(self, tx: Transaction, cluster_id: UUID) -> None: ...

    async def save_status(
        self, tx: Transaction, cluster_id: UUID, status: ClusterStatus, recent: Sequence[bool], seen_at: datetime | None
    ) -> None: ...

    async def seen(self, tx: Transaction, cluster_id: UUID, at: datetime) -> None:
        """Move `last_seen_at` on, never back."""

    async def claim_due(self, tx: Transaction, now: datetime, limit: int) -> list[Cluster]:
        """Clusters whose probe is due and that no other replica holds; held until this transaction ends."""

    async def schedule(self, tx: Transaction, due: Mapping[UUID, datetime]) -> None:
        """When to probe each of these next."""

    async def claim_renewals(self, tx: Transaction, now: datetime, until: datetime, limit: int) -> list[UUID]:
        """Clusters whose credentials are due to be renewed and that no other replica holds, theirs until `until`."""

    async def claim_discoveries(self, tx: Transaction, now: datetime, until: datetime, limit: int) -> list[UUID]:
        """Clusters that are due to be discovered anew and that no other replica holds, theirs until `until`."""

    async def save_secrets(self, tx: Transaction, record: ClusterRecord) -> None:
        """Write the secrets and what is shown of them; the cluster counts as the same version as before."""

    async def save_discovery(self, tx: Transaction, cluster: Cluster, next_at: datetime) -> None:
        """Write what discovery finds: capabilities, platform, version, region and addresses."""

    async def add_history(self, tx: Transaction, cluster_id: UUID, point: HealthPoint) -> None:
        """Keep it, and count the time since the point before as it was then."""

    async def uptime(
        self, tx: Transaction, scope: Sequence[UUID] | None, start: datetime, end: datetime
    ) -> list[ClusterUptime]:
        """By cluster, over the days (UTC) that these moments lie in."""

    async def forget_uptime(self, tx: Transaction, before: datetime) -> int: ...

    async def history(
        self, tx: Transaction, cluster_id: UUID, *, start: datetime, end: datetime, before: datetime | None, limit: int
    ) -> tuple[list[HealthPoint], int]:
        """Newest first, those before `before`, and how many lie in `[start, end]`."""

    async def forget_history(self, tx: Transaction, before: datetime) -> int: ...

    async def summary(self, tx: Transaction, scope: Scope) -> FleetSummary: ...

    async def health(self, tx: Transaction, scope: Scope, worst: int) -> FleetHealth: ...

    async def capabilities(self, tx: Transaction, scope: Scope) -> FleetCapabilities: ...

    async def local(self, tx: Transaction) -> UUID | None:
        """The cluster that was made for this machine, also where it has been removed since."""

    async def set_local(self, tx: Transaction, cluster_id: UUID) -> None: ...


class Step(msgspec.Struct, frozen=True):
    """One step on the way to a working connection; `detail` says what was found, or what to change."""

    name: str
    ok: bool
    detail: str


class Prober(Protocol):
    async def probe(self, target: Target, timeout_s: float) -> EndpointStatus:
        """Whether it answers as its kind does; never raises for a server that does not."""

    async def diagnose(self, target: Target, timeout_s: float) -> list[Step]:
        """Every step in order up to the first that failed."""

    async def version(self, target: Target, timeout_s: float) -> str | None:
        """The version of what answers there; `None` where nothing of its kind does."""


class FreshToken(msgspec.Struct, frozen=True):
    """A token and when it ends, as far as its issuer tells. The token is secret: never log or show it."""

    token: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"FreshToken(***, {self.expires_at})"


class Discovered(msgspec.Struct, frozen=True):
    """What was found out about a cluster; `offers` are the addresses where its endpoints should be, one of a kind."""

    capabilities: Capabilities
    platform: Platform | None = None
    platform_version: str | None = None
    region: str | None = None
    offers: dict[EndpointKind, str] = {}


class Discovery(Protocol):
    async def discover(self, api: Target | None, prometheus: Target | None) -> Discovered:
        """By whichever way there is; never raises for a cluster that can't be asked: `problems` say so."""

    async def check_rights(self, api: Target) -> list[Step]:
        """Which rights these credentials lack for what discovery reads; never raises."""

    async def renew_token(self, api: Target, namespace: str, account: str, lasts_s: int) -> FreshToken:
        """A new token of a service account (TokenRequest); raises an `AiopsError` that says what is missing."""

    async def read_secret(self, namespace: str, name: str) -> dict[str, bytes]:
        """A Secret of the cluster that the hub itself runs in; raises an `AiopsError`, also where it runs in none."""


class ObjectReader(Protocol):
    async def look(self, api: Target) -> ClusterObjects:
        """What lives in a cluster now; what these credentials may not read is told in `problems`. Raises an
        `AiopsError` where nothing could be read."""


class Finder(Protocol):
    """Finds clusters to add, and addresses to give them: for people to choose from."""

    async def suggestions(self, api: Target) -> list[Suggestion]:
        """Every address where an endpoint of the cluster should be; raises an `AiopsError`."""

    async def managed_clusters(self, hub: Target) -> ManagedClusters:
        """The clusters that a hub of Red Hat ACM manages; raises an `AiopsError`."""

    async def carved_clusters(self, prometheus: Target, label: str) -> list[Candidate]:
        """The clusters that share a Prometheus, told apart by a label; raises an `AiopsError`."""


class TokenIssuer(Protocol):
    async def fetch(self, client: Oidc) -> FreshToken:
        """Sign an OIDC client in (client credentials grant); raises an `AiopsError` that says what was refused."""
