"""Wires the host source and the watches; `module.py` takes these into the context."""

from __future__ import annotations

import structlog
from dishka import AsyncContainer, Provider, Scope, provide

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import JobSpec
from aiops.kernel.plugins import Plugins, load_plugins
from aiops.observability.needs import InstantQueries, PolledSource, SampleStore, WatchStore
from aiops.observability.ports import SampleIntake, WatchFeed
from aiops.observability.service.arrivals import SampleArrivals
from aiops.observability.service.host import HostJob, SourcesJob
from aiops.observability.service.watches import ArrivalWatchJob, PrometheusWatchJob, WatchBook, Watches, WatchService
from aiops.observability.store.watches import PostgresWatchStore
from aiops.registry.ports import Clusters
from aiops.settings import Settings

_log = structlog.get_logger(__name__)


class WatchProvider(Provider):
    """Needs `InstantQueries`, which the metrics service gives."""

    scope = Scope.APP

    @provide
    def watch_store(self) -> WatchStore:
        return PostgresWatchStore()

    @provide
    def watch_book(self, database: Database, clock: Clock, store: WatchStore) -> WatchBook:
        return WatchBook(database, clock, store)

    @provide
    def watches(
        self,
        database: Database,
        clock: Clock,
        store: WatchStore,
        book: WatchBook,
        service: WatchService,
        clusters: Clusters,
    ) -> Watches:
        return Watches(database, clock, store, book, service, clusters)

    @provide
    def watch_service(
        self,
        queries: InstantQueries,
        clusters: Clusters,
        database: Database,
        store: SampleStore,
        clock: Clock,
        book: WatchBook,
        settings: Settings,
    ) -> WatchService:
        return WatchService(
            queries=queries,
            clusters=clusters,
            transactions=database,
            store=store,
            clock=clock,
            book=book,
            series_limit=settings.watch_series_limit,
        )

    @provide
    def watch_feed(self, service: WatchService) -> WatchFeed:
        return service

    @provide
    def polled_sources(self) -> Plugins[PolledSource]:
        return load_plugins("sources", package="aiops.observability.sources", contract=PolledSource)

    @provide
    def sources_job(
        self, sources: Plugins[PolledSource], intake: SampleIntake, clusters: Clusters, clock: Clock
    ) -> SourcesJob:
        jobs = []
        for plugin in sources:
            try:
                source = plugin.build()
            except Exception as error:
                _log.error("polled_source_left_out", source=plugin.name, origin=plugin.origin, error=str(error))
            else:
                jobs.append(HostJob(source=source, intake=intake, clusters=clusters, clock=clock, name=plugin.name))
        return SourcesJob(jobs)

    @provide
    def arrival_job(
        self, service: WatchService, clusters: Clusters, arrivals: SampleArrivals, clock: Clock
    ) -> ArrivalWatchJob:
        return ArrivalWatchJob(service=service, clusters=clusters, arrivals=arrivals, clock=clock)

    @provide
    def prometheus_job(self, service: WatchService, clusters: Clusters, clock: Clock) -> PrometheusWatchJob:
        return PrometheusWatchJob(service=service, clusters=clusters, clock=clock)


async def _sources(container: AsyncContainer) -> SourcesJob:
    return await container.get(SourcesJob)


async def _by_arrival(container: AsyncContainer) -> ArrivalWatchJob:
    return await container.get(ArrivalWatchJob)


async def _by_beat(container: AsyncContainer) -> PrometheusWatchJob:
    return await container.get(PrometheusWatchJob)


WATCH_JOBS = (
    JobSpec("observability.watches_by_arrival", _by_arrival),
    JobSpec("observability.watches_by_beat", _by_beat),
    JobSpec("observability.sources", _sources),
)
