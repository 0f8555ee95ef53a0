"""Wires the registry into one `Context`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import Context, JobSpec, Runnable
from aiops.registry.endpoints import UrlRules
from aiops.registry.events import EVENTS
from aiops.registry.http import ClustersController, fleet_summary
from aiops.registry.needs import Prober, Store
from aiops.registry.ports import Clusters
from aiops.registry.service import Fleet, Membership, ProbeJob, Probing
from aiops.registry.service.probing import OFFERED_URL
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from aiops.settings import Settings, key_ring


class _Registry(Provider):
    scope = Scope.APP

    @provide
    def vault(self, settings: Settings) -> Vault:
        return Vault.of(key_ring(settings))

    @provide
    def store(self) -> Store:
        return SqlClusterStore()

    @provide
    async def prober(self, settings: Settings, clock: Clock) -> AsyncIterator[Prober]:
        # aiohttp takes long to import.
        from aiops.kernel.outbound import Outbound
        from aiops.registry.probes.prometheus import PrometheusProber

        outbound = Outbound(
            allow_loopback=settings.allow_local_targets, loopback_ports=_offered_ports(settings), per_host=4
        )
        try:
            yield PrometheusProber(outbound, clock)
        finally:
            await outbound.close()

    @provide
    def fleet(self, database: Database, clock: Clock, store: Store, vault: Vault) -> Fleet:
        return Fleet(database, clock, store, vault)

    @provide
    def clusters(self, fleet: Fleet) -> Clusters:
        return fleet

    @provide
    def membership(
        self, database: Database, clock: Clock, store: Store, vault: Vault, settings: Settings
    ) -> Membership:
        return Membership(
            database, clock, store, vault, UrlRules(settings.allow_local_targets, _offered_ports(settings))
        )

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


async def _job(container: AsyncContainer) -> Runnable:
    return await container.get(ProbeJob)


def context() -> Context:
    return Context(
        name="registry",
        provider=_Registry(),
        routes=(ClustersController, fleet_summary),
        events=EVENTS,
        jobs=(JobSpec("registry.prober", _job),),
    )
