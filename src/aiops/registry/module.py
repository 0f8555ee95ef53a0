"""Wires the registry into one `Context`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import Context, JobSpec, Runnable
from aiops.kernel.retention import Keep
from aiops.registry.endpoints import UrlRules
from aiops.registry.events import EVENTS
from aiops.registry.http.clusters import ClustersController
from aiops.registry.http.credentials import CredentialsController, reveal
from aiops.registry.http.fleet import FleetController
from aiops.registry.http.imports import ImportsController
from aiops.registry.needs import Discovery, Finder, ObjectReader, Prober, Store, TokenIssuer
from aiops.registry.ports import Clusters, Uptimes
from aiops.registry.ports_objects import Objects
from aiops.registry.service import Fleet, Membership, ProbeJob, Probing
from aiops.registry.service.applying import Applying
from aiops.registry.service.connection_tests import ConnectionTests
from aiops.registry.service.exploring import Exploring, UpkeepJob
from aiops.registry.service.importing import Importing
from aiops.registry.service.objects import ObjectsOfClusters
from aiops.registry.service.probing import OFFERED_URL
from aiops.registry.service.records import Records
from aiops.registry.service.sign_ins import SignIns
from aiops.registry.service.uptimes import UptimeRecords
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from aiops.settings import Settings, key_ring


@dataclass(frozen=True)
class _Outside:
    """Those who ask over one pool of connections."""

    prober: Prober
    discovery: Discovery
    finder: Finder
    objects: ObjectReader
    issuer: TokenIssuer


class _Registry(Provider):
    scope = Scope.APP

    @provide
    def vault(self, settings: Settings) -> Vault:
        return Vault.of(key_ring(settings))

    @provide
    def store(self) -> Store:
        return SqlClusterStore()

    @provide
    def rules(self, settings: Settings) -> UrlRules:
        return UrlRules(settings.allow_local_targets, _offered_ports(settings))

    @provide
    async def outside(self, settings: Settings, clock: Clock) -> AsyncIterator[_Outside]:
        # aiohttp takes long to import.
        from aiops.kernel.outbound import Outbound
        from aiops.registry.discovery.adapter import KubernetesDiscovery, OwnCluster
        from aiops.registry.oidc import OidcIssuer
        from aiops.registry.probes.endpoints import EndpointProber

        outbound = Outbound(
            allow_loopback=settings.allow_local_targets, loopback_ports=_offered_ports(settings), per_host=8
        )
        try:
            discovery = KubernetesDiscovery(outbound, clock, OwnCluster.told_by(os.environ))
            yield _Outside(
                EndpointProber(outbound, clock), discovery, discovery, discovery, OidcIssuer(outbound, clock)
            )
        finally:
            await outbound.close()

    @provide
    def prober(self, outside: _Outside) -> Prober:
        return outside.prober

    @provide
    def discovery(self, outside: _Outside) -> Discovery:
        return outside.discovery

    @provide
    def issuer(self, outside: _Outside) -> TokenIssuer:
        return outside.issuer

    @provide
    def fleet(self, database: Database, clock: Clock, store: Store, vault: Vault) -> Fleet:
        return Fleet(database, clock, store, vault)

    @provide
    def clusters(self, fleet: Fleet) -> Clusters:
        return fleet

    @provide
    def uptimes(self, database: Database, store: Store) -> Uptimes:
        return UptimeRecords(database, store)

    @provide
    def objects(self, clusters: Clusters, outside: _Outside) -> Objects:
        return ObjectsOfClusters(clusters, outside.objects)

    @provide
    def records(self, vault: Vault, rules: UrlRules) -> Records:
        return Records(vault, rules)

    @provide
    def importing(
        self,
        database: Database,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        records: Records,
        membership: Membership,
        outside: _Outside,
    ) -> Importing:
        return Importing(database, clock, store, vault, records=records, membership=membership, finder=outside.finder)

    @provide
    def membership(self, database: Database, clock: Clock, store: Store, records: Records) -> Membership:
        return Membership(database, clock, store, records)

    @provide
    def applying(
        self, database: Database, clock: Clock, store: Store, vault: Vault, *, records: Records, rules: UrlRules
    ) -> Applying:
        return Applying(database, clock, store, vault, records=records, rules=rules)

    @provide
    def sign_ins(
        self,
        database: Database,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        outside: _Outside,
        rules: UrlRules,
    ) -> SignIns:
        prober, discovery, issuer = outside.prober, outside.discovery, outside.issuer
        return SignIns(database, clock, store, vault, prober=prober, discovery=discovery, issuer=issuer, rules=rules)

    @provide
    def connection_tests(self, clock: Clock, outside: _Outside, rules: UrlRules) -> ConnectionTests:
        return ConnectionTests(clock, outside.prober, outside.discovery, outside.issuer, rules)

    @provide
    def exploring(
        self,
        database: Database,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        outside: _Outside,
        rules: UrlRules,
    ) -> Exploring:
        discovery, prober = outside.discovery, outside.prober
        return Exploring(database, clock, store, vault, discovery=discovery, prober=prober, rules=rules)

    @provide
    def upkeep(
        self, database: Database, clock: Clock, store: Store, sign_ins: SignIns, exploring: Exploring
    ) -> UpkeepJob:
        return UpkeepJob(database, clock, store, sign_ins, exploring)

    @provide
    def probing(
        self, database: Database, clock: Clock, store: Store, vault: Vault, *, prober: Prober, settings: Settings
    ) -> Probing:
        offered_url = OFFERED_URL if settings.offer_local_prometheus else None
        return Probing(database, clock, store, vault, prober, offered_url=offered_url)

    @provide
    def job(
        self,
        database: Database,
        clock: Clock,
        store: Store,
        *,
        probing: Probing,
        membership: Membership,
        settings: Settings,
    ) -> ProbeJob:
        return ProbeJob(
            database,
            clock,
            store,
            probing,
            membership,
            watch_host=settings.watch_host,
            keep_days=settings.health_retention_days,
        )


def _offered_ports(settings: Settings) -> frozenset[int]:
    """What the hub offers on this machine may be registered, whatever else it may not reach here."""
    port = urlsplit(OFFERED_URL).port
    return frozenset({port}) if settings.offer_local_prometheus and port else frozenset()


async def _upkeep(container: AsyncContainer) -> Runnable:
    return await container.get(UpkeepJob)


async def _job(container: AsyncContainer) -> Runnable:
    return await container.get(ProbeJob)


async def _keep_uptime(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    store: Store = await container.get(Store)
    return Keep("uptime", settings.alerts_retention_days, store.forget_uptime)


def context() -> Context:
    return Context(
        name="registry",
        provider=_Registry(),
        routes=(ClustersController, CredentialsController, FleetController, ImportsController, reveal),
        events=EVENTS,
        jobs=(JobSpec("registry.prober", _job), JobSpec("registry.upkeep", _upkeep)),
        keeps=(_keep_uptime,),
    )
