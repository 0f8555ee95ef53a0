"""Adding many clusters at once: those that a hub of Red Hat ACM manages, or that share one Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, Conflict, Invalid, Retriable
from aiops.kernel.principal import Principal, Role
from aiops.registry.discovery.candidates import Candidate, ManagedClusters
from aiops.registry.discovery.findings import Suggestion
from aiops.registry.needs import Finder, Store
from aiops.registry.ports import EndpointKind, Environment, Platform, Target, TlsSettings
from aiops.registry.service.description import CredentialsGiven, NewCluster
from aiops.registry.service.fleet import find, member_of
from aiops.registry.service.membership import Membership
from aiops.registry.service.records import Records
from aiops.registry.vault import Vault

_ASKED_AS = "import"


class SourceKind(StrEnum):
    ACM = "ACM"
    SHARED_PROMETHEUS = "SHARED_PROMETHEUS"


class ImportSource(CredentialsGiven, frozen=True, kw_only=True):
    """Where clusters are looked for: the API server of a hub of Red Hat ACM, or a Thanos or Mimir that holds several,
    told apart by `label`."""

    kind: SourceKind
    url: str
    label: str = "cluster"
    tls: TlsSettings = TlsSettings()
    proxy_url: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class FoundCluster(msgspec.Struct, frozen=True):
    """A cluster that can be added; `registered` says that one of its name is there already."""

    name: str
    known_as: str
    platform: Platform | None
    platform_version: str | None
    region: str | None
    labels: dict[str, str]
    api_server_url: str | None
    selector: dict[str, str]
    available: bool | None
    problem: str | None
    registered: bool


class FoundClusters(msgspec.Struct, frozen=True):
    """`prometheus_url` is where the metrics of all of them are."""

    clusters: list[FoundCluster]
    prometheus_url: str | None
    alertmanager_url: str | None
    problems: list[str]


class Import(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`names` are those to add, or all without a problem. `prometheus_url` is where the metrics of all of them are: the
    source's credentials are shown there, so it counts only as given here. Of a hub, each cluster is then carved out of
    it; without it, each is added by its API server alone, without credentials."""

    source: ImportSource
    names: list[str] | None = None
    prometheus_url: str | None = None
    metrics_tls: TlsSettings = TlsSettings()
    environment: Environment = Environment.PRODUCTION
    labels: dict[str, str] = {}


class ImportOutcome(msgspec.Struct, frozen=True):
    """`problem` says why it was not added; one that is there already is left as it is."""

    name: str
    added: bool
    cluster_id: UUID | None = None
    problem: str | None = None


class Suggestions(msgspec.Struct, frozen=True):
    """`problem` says why nobody could be asked."""

    suggestions: list[Suggestion]
    problem: str | None = None


class Importing:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        records: Records,
        membership: Membership,
        finder: Finder,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._records = records
        self._membership = membership
        self._finder = finder

    async def candidates(self, principal: Principal, source: ImportSource) -> FoundClusters:
        """Registers nothing."""
        principal.require(Role.OPERATOR)
        principal.require_whole_fleet()
        found = await self._found(source)
        async with self._transactions.begin() as tx:
            taken = {cluster.name for cluster in await self._store.all(tx, None)}
        clusters = [_shown(one, taken) for one in found.clusters]
        return FoundClusters(clusters, found.prometheus_url, found.alertmanager_url, found.problems)

    async def add(self, principal: Principal, wanted: Import) -> list[ImportOutcome]:
        """Each on its own: one that can't be added keeps no other from it."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        found = await self._found(wanted.source)
        chosen = _chosen(found.clusters, wanted.names)
        return [await self._added(principal, wanted, one) for one in chosen]

    async def suggestions(self, principal: Principal, cluster_id: UUID) -> Suggestions:
        """Addresses where endpoints of a cluster should be, as far as there is an API server to ask for them."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            record = await find(self._store, tx, principal, cluster_id)
        member = member_of(self._vault, record, EndpointKind.API_SERVER)
        if member.target is None:
            return Suggestions([], member.problem or "The cluster has no API server to ask.")
        return Suggestions(await self._finder.suggestions(member.target))

    async def _found(self, source: ImportSource) -> ManagedClusters:
        target = self._target(source)
        if source.kind is SourceKind.ACM:
            return await self._finder.managed_clusters(target)
        return ManagedClusters(await self._finder.carved_clusters(target, source.label), target.url, None, [])

    def _target(self, source: ImportSource) -> Target:
        """Checked as a cluster of its own would be."""
        kind = EndpointKind.API_SERVER if source.kind is SourceKind.ACM else EndpointKind.PROMETHEUS
        hub = kind is EndpointKind.API_SERVER
        asked = NewCluster(
            name=_ASKED_AS,
            platform=Platform.KUBERNETES if hub else Platform.STANDALONE,
            api_server_url=source.url if hub else None,
            prometheus_url=None if hub else source.url,
            tls=source.tls,
            proxy_url=source.proxy_url,
            headers=source.headers,
            credentials=source.credentials,
            bearer_token=source.bearer_token,
            username=source.username,
            password=source.password,
        )
        member = member_of(self._vault, self._records.made(asked, self._clock.now()), kind)
        if member.target is None:
            raise Invalid(member.problem or "There is no way to it.", details={"field": "source"})
        return member.target

    async def _added(self, principal: Principal, wanted: Import, one: Candidate) -> ImportOutcome:
        if one.problem is not None:
            return ImportOutcome(one.name, False, problem=one.problem)
        try:
            cluster = await self._membership.add(principal, _described(wanted, one))
        except Conflict:
            return ImportOutcome(one.name, False, problem="A cluster of this name is there already.")
        except Retriable:
            raise
        except AiopsError as error:
            return ImportOutcome(one.name, False, problem=error.message)
        return ImportOutcome(one.name, True, cluster.id)


def _chosen(found: Sequence[Candidate], names: Sequence[str] | None) -> list[Candidate]:
    if names is None:
        return [one for one in found if one.problem is None]
    by_name = {one.name: one for one in found}
    lost = [name for name in names if name not in by_name]
    if lost:
        raise Invalid(f"There is no cluster {', '.join(lost[:5])} at the source.", details={"field": "names"})
    return [by_name[name] for name in dict.fromkeys(names)]


def _described(wanted: Import, one: Candidate) -> NewCluster:
    source = wanted.source
    shared = source.url if source.kind is SourceKind.SHARED_PROMETHEUS else wanted.prometheus_url
    carved = shared is not None
    # What signs in at the source is for the source: never for the API servers of the clusters that it knows.
    return NewCluster(
        name=one.name,
        display_name=one.known_as,
        cluster_type=one.cluster_type,
        platform=one.platform or (Platform.STANDALONE if carved else Platform.KUBERNETES),
        environment=wanted.environment,
        region=one.region,
        labels={**one.labels, **wanted.labels},
        api_server_url=None if carved else one.api_server_url,
        prometheus_url=shared,
        selector=_selector(one) if carved else {},
        tls=_trust(wanted, one, carved=carved),
        proxy_url=source.proxy_url,
        headers=source.headers if carved else {},
        credentials=source.credentials if carved else None,
        bearer_token=source.bearer_token if carved else None,
        username=source.username if carved else None,
        password=source.password if carved else None,
    )


def _selector(one: Candidate) -> dict[str, str]:
    return one.selector or {"cluster": one.known_as}


def _trust(wanted: Import, one: Candidate, *, carved: bool) -> TlsSettings:
    if not carved:
        return TlsSettings(ca_bundle=one.tls.ca_bundle)
    return wanted.source.tls if wanted.source.kind is SourceKind.SHARED_PROMETHEUS else wanted.metrics_tls


def _shown(one: Candidate, taken: set[str]) -> FoundCluster:
    return FoundCluster(
        name=one.name,
        known_as=one.known_as,
        platform=one.platform,
        platform_version=one.platform_version,
        region=one.region,
        labels=one.labels,
        api_server_url=one.api_server_url,
        selector=one.selector,
        available=one.available,
        problem=one.problem,
        registered=one.name in taken,
    )
