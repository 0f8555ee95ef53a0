"""Wires observability into one `Context`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dishka import AsyncContainer, Scope, provide

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import Context, HandlerSpec, JobSpec, Runnable
from aiops.kernel.outbox import Handle
from aiops.kernel.retention import Keep
from aiops.observability.alerts_module import ALERT_JOBS, AlertsProvider
from aiops.observability.events import EVENTS
from aiops.observability.handlers import ForgetCluster
from aiops.observability.http.alerts import AlertController, alert_formats
from aiops.observability.http.cnf import CnfController
from aiops.observability.http.dashboards import DashboardController
from aiops.observability.http.gpu import GpuController
from aiops.observability.http.ingest import push_metrics
from aiops.observability.http.intake_rules import IntakeRuleController
from aiops.observability.http.logs import LogsController
from aiops.observability.http.metrics import MetricsController
from aiops.observability.http.prometheus import PrometheusController
from aiops.observability.http.saved_filters import SavedFilterController
from aiops.observability.http.silences import SilenceController
from aiops.observability.http.sources import SourceController
from aiops.observability.http.traces import TracesController
from aiops.observability.http.watches import WatchController
from aiops.observability.maintenance_module import (
    MAINTENANCE_HANDLERS,
    MAINTENANCE_JOBS,
    MAINTENANCE_ROUTES,
    MaintenanceProvider,
    keep_windows,
)
from aiops.observability.needs import (
    DashboardStore,
    InstantQueries,
    PullStore,
    SampleStore,
    SourceStore,
    WatchStore,
)
from aiops.observability.needs_alerts import AlertStore, IntakeRuleStore
from aiops.observability.ports import Metrics, SampleIntake, SourceTokens
from aiops.observability.ports_past import Past
from aiops.observability.service.arrivals import SampleArrivals
from aiops.observability.service.dashboards import Dashboards
from aiops.observability.service.intake import Intake
from aiops.observability.service.metrics.names import SeriesNames
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.remote import RemoteMetrics
from aiops.observability.service.metrics.reuse import ReusedMetrics
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.past import PastService
from aiops.observability.service.reuse import Answers
from aiops.observability.service.sources import Sources
from aiops.observability.signals_module import SIGNAL_JOBS, SignalsProvider
from aiops.observability.store.dashboards import PostgresDashboardStore
from aiops.observability.store.partitions import RAW, Keeping
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob
from aiops.observability.store.sources import PostgresSourceStore
from aiops.observability.watch_module import WATCH_JOBS, WatchProvider
from aiops.registry.events import ClusterDeleted
from aiops.registry.ports import Clusters
from aiops.settings import Settings

_OFFERED_PORT = 9090
"""Of a Prometheus on this machine, which may be registered whatever else may not be reached here."""


class _Observability(WatchProvider, SignalsProvider, AlertsProvider, MaintenanceProvider):
    scope = Scope.APP

    @provide
    def samples(self) -> PostgresSampleStore:
        return PostgresSampleStore()

    @provide
    def sample_store(self, samples: PostgresSampleStore) -> SampleStore:
        return samples

    @provide
    def arrivals(self) -> SampleArrivals:
        return SampleArrivals()

    @provide
    def intake(
        self,
        database: Database,
        clock: Clock,
        store: SampleStore,
        clusters: Clusters,
        arrivals: SampleArrivals,
        settings: Settings,
    ) -> Intake:
        return Intake(database, clock, store, clusters, arrivals, retention_days=_keeping(settings).days()[RAW])

    @provide
    def sample_intake(self, intake: Intake) -> SampleIntake:
        return intake

    @provide
    def source_store(self) -> SourceStore:
        return PostgresSourceStore()

    @provide
    def sources(self, database: Database, clock: Clock, store: SourceStore, clusters: Clusters) -> Sources:
        return Sources(database, clock, store, clusters)

    @provide
    def source_tokens(self, sources: Sources) -> SourceTokens:
        return sources

    @provide
    def dashboard_store(self) -> DashboardStore:
        return PostgresDashboardStore()

    @provide
    def dashboards(self, database: Database, clock: Clock, store: DashboardStore) -> Dashboards:
        return Dashboards(database, clock, store)

    @provide
    async def remote_metrics(self, settings: Settings, clock: Clock) -> AsyncIterator[RemoteMetrics]:
        # aiohttp takes long to import.
        from aiops.kernel.outbound import Outbound
        from aiops.observability.backends.prometheus import PrometheusBackend

        offered = (_OFFERED_PORT,) if settings.offer_local_prometheus else ()
        outbound = Outbound(allow_loopback=settings.allow_local_targets, loopback_ports=offered, timeout_s=None)
        try:
            yield PrometheusBackend(
                outbound,
                clock,
                max_series=settings.cluster_series_limit,
                at_once=settings.cluster_queries_at_once,
            )
        finally:
            await outbound.close()

    @provide
    def reused_metrics(self, remote: RemoteMetrics, clock: Clock) -> ReusedMetrics:
        return ReusedMetrics(remote, Answers(clock))

    @provide
    def own_samples(self, database: Database, store: SampleStore) -> OwnSamples:
        return OwnSamples(database, store)

    @provide
    def metrics_service(
        self, clock: Clock, clusters: Clusters, remote: ReusedMetrics, own: OwnSamples
    ) -> MetricsService:
        return MetricsService(clock, clusters, remote, own)

    @provide
    def series_names(
        self, database: Database, clock: Clock, store: SampleStore, clusters: Clusters, remote: ReusedMetrics
    ) -> SeriesNames:
        return SeriesNames(database, clock, store, clusters, remote)

    @provide
    def instant_queries(self, clusters: Clusters, remote: RemoteMetrics, own: OwnSamples) -> InstantQueries:
        return ClusterNumbers(clusters, remote, own)

    @provide
    def past(self, queries: InstantQueries, clusters: Clusters, clock: Clock, settings: Settings) -> Past:
        return PastService(queries=queries, clusters=clusters, clock=clock, series_limit=settings.watch_series_limit)

    @provide
    def metrics(self, service: MetricsService) -> Metrics:
        return service


def _keeping(settings: Settings) -> Keeping:
    return Keeping(
        raw=settings.metrics_raw_retention_days,
        minute=settings.metrics_1m_retention_days,
        five_minutes=settings.metrics_5m_retention_days,
        total=settings.metrics_retention_days,
    )


async def _sealing(container: AsyncContainer) -> Runnable:
    settings = await container.get(Settings)
    return SealingJob(await container.get(Database), await container.get(Clock), _keeping(settings))


async def _forget_cluster(container: AsyncContainer) -> Handle:
    return ForgetCluster(
        await container.get(SampleStore),
        await container.get(AlertStore),
        await container.get(SourceStore),
        await container.get(Sources),
        await container.get(PullStore),
        await container.get(WatchStore),
        await container.get(IntakeRuleStore),
    ).handle


async def _keep_alerts(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    store: AlertStore = await container.get(AlertStore)
    return Keep("alerts", settings.alerts_retention_days, store.forget)


def context() -> Context:
    return Context(
        name="observability",
        provider=_Observability(),
        routes=(
            push_metrics,
            AlertController,
            alert_formats,
            IntakeRuleController,
            SavedFilterController,
            SilenceController,
            GpuController,
            CnfController,
            DashboardController,
            SourceController,
            MetricsController,
            LogsController,
            TracesController,
            PrometheusController,
            WatchController,
            *MAINTENANCE_ROUTES,
        ),
        events=EVENTS,
        handlers=(
            HandlerSpec("observability.forget_cluster", (ClusterDeleted,), _forget_cluster),
            *MAINTENANCE_HANDLERS,
        ),
        jobs=(JobSpec("observability.sealing", _sealing), *WATCH_JOBS, *ALERT_JOBS, *SIGNAL_JOBS, *MAINTENANCE_JOBS),
        keeps=(_keep_alerts, keep_windows),
    )
