"""Wires the reading of alerts, silences, GPUs, network functions and live updates; `module.py` takes these in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import JobSpec
from aiops.observability.alert_formats import installed as installed_formats
from aiops.observability.needs import PullStore, SourceStore
from aiops.observability.needs_alerts import AlertDesk, AlertLists, AlertStore, IntakeRuleStore
from aiops.observability.ports import AlertOrigin, Alerts, Metrics, WatchFeed
from aiops.observability.service.alert_handling import AlertHandling, AlertWakingJob
from aiops.observability.service.alert_pull import AlertPulling, AlertPullJob
from aiops.observability.service.alert_pull_remote import RemoteAlerts, RemoteRules
from aiops.observability.service.alert_rules import AlertRules
from aiops.observability.service.alert_webhooks import AlertWebhooks
from aiops.observability.service.alertmanager_pair import AlertmanagerPair
from aiops.observability.service.alerts import AlertService
from aiops.observability.service.cnf import CnfService
from aiops.observability.service.device_metrics import DeviceMetrics
from aiops.observability.service.gpu import GpuService
from aiops.observability.service.intake_rules import IntakeRules
from aiops.observability.service.live_updates import LiveUpdatesJob
from aiops.observability.service.maintenance.hiding import Hiding
from aiops.observability.service.saved_filters import SavedFilters
from aiops.observability.service.silences import Silences
from aiops.observability.service.silences_remote import RemoteSilences
from aiops.observability.store.alert_desk import PostgresAlertDesk
from aiops.observability.store.alert_lists import PostgresAlertLists
from aiops.observability.store.alert_pulls import PostgresPullStore
from aiops.observability.store.alerts import PostgresAlertStore
from aiops.observability.store.intake_rules import PostgresIntakeRuleStore
from aiops.observability.store.saved_filters import PostgresSavedFilterStore
from aiops.registry.ports import Clusters
from aiops.settings import Settings

_OFFERED_PORT = 9090
"""Of a Prometheus on this machine, which may be registered whatever else may not be reached here."""


class AlertRemotes(NamedTuple):
    """One set of connections for all that is asked about alerts."""

    alerts: dict[AlertOrigin, RemoteAlerts]
    rules: RemoteRules
    silences: RemoteSilences


class AlertsProvider(Provider):
    """Needs `Metrics`, which the metrics service gives, and `WatchFeed`."""

    scope = Scope.APP

    @provide
    def alert_store(self) -> AlertStore:
        return PostgresAlertStore()

    @provide
    def alert_lists(self) -> AlertLists:
        return PostgresAlertLists()

    @provide
    def alert_desk(self) -> AlertDesk:
        return PostgresAlertDesk()

    @provide
    def pull_store(self) -> PullStore:
        return PostgresPullStore()

    @provide
    def intake_rule_store(self) -> IntakeRuleStore:
        return PostgresIntakeRuleStore()

    @provide
    def intake_rules(self, database: Database, clock: Clock, store: IntakeRuleStore) -> IntakeRules:
        return IntakeRules(database, clock, store)

    @provide
    def saved_filters(self, database: Database, clock: Clock) -> SavedFilters:
        return SavedFilters(database, clock, PostgresSavedFilterStore())

    @provide
    def alert_service(
        self,
        database: Database,
        clock: Clock,
        store: AlertStore,
        lists: AlertLists,
        rules: IntakeRules,
        hiding: Hiding,
    ) -> AlertService:
        return AlertService(database, clock, store, lists, rules, hiding)

    @provide
    def alert_webhooks(
        self, database: Database, clock: Clock, sources: SourceStore, alerts: AlertService
    ) -> AlertWebhooks:
        return AlertWebhooks(database, clock, sources, alerts, installed_formats())

    @provide
    def alert_handling(self, database: Database, clock: Clock, desk: AlertDesk) -> AlertHandling:
        return AlertHandling(database, clock, desk)

    @provide
    def alerts(self, service: AlertService) -> Alerts:
        return service

    @provide
    async def alert_remotes(self, settings: Settings, clock: Clock) -> AsyncIterator[AlertRemotes]:
        # aiohttp takes long to import.
        from aiops.kernel.outbound import Outbound
        from aiops.observability.backends.alertmanager import AlertmanagerBackend
        from aiops.observability.backends.prometheus_rules import PrometheusRules

        offered = (_OFFERED_PORT,) if settings.offer_local_prometheus else ()
        outbound = Outbound(allow_loopback=settings.allow_local_targets, loopback_ports=offered, timeout_s=None)
        at_once = settings.cluster_queries_at_once
        manager = AlertmanagerPair(AlertmanagerBackend(outbound, clock, at_once=at_once))
        rules = PrometheusRules(outbound, clock, at_once=at_once)
        try:
            yield AlertRemotes({AlertOrigin.ALERTMANAGER: manager, AlertOrigin.PROMETHEUS: rules}, rules, manager)
        finally:
            await outbound.close()

    @provide
    def alert_pulling(
        self,
        database: Database,
        clock: Clock,
        clusters: Clusters,
        alerts: AlertService,
        pulls: PullStore,
        remotes: AlertRemotes,
    ) -> AlertPulling:
        return AlertPulling(database, clock, clusters, alerts, pulls, remotes.alerts)

    @provide
    def alert_pull_job(
        self, database: Database, clock: Clock, clusters: Clusters, pulls: PullStore, pulling: AlertPulling
    ) -> AlertPullJob:
        return AlertPullJob(database, clock, clusters, pulls, pulling)

    @provide
    def alert_rules(
        self,
        clock: Clock,
        clusters: Clusters,
        remotes: AlertRemotes,
    ) -> AlertRules:
        return AlertRules(clock, clusters, remotes.rules)

    @provide
    def silences(
        self,
        clock: Clock,
        clusters: Clusters,
        remotes: AlertRemotes,
        pulling: AlertPulling,
    ) -> Silences:
        return Silences(clock, clusters, remotes.silences, pulling.changed)

    @provide
    def device_metrics(self, clock: Clock, metrics: Metrics) -> DeviceMetrics:
        return DeviceMetrics(clock, metrics)

    @provide
    def gpu_service(self, clusters: Clusters, devices: DeviceMetrics) -> GpuService:
        return GpuService(clusters, devices)

    @provide
    def cnf_service(self, devices: DeviceMetrics) -> CnfService:
        return CnfService(devices)

    @provide
    def live_updates(self, feed: WatchFeed, bus: Bus, clock: Clock) -> LiveUpdatesJob:
        return LiveUpdatesJob(feed, bus, clock)


async def _pulling(container: AsyncContainer) -> AlertPullJob:
    return await container.get(AlertPullJob)


async def _live_updates(container: AsyncContainer) -> LiveUpdatesJob:
    return await container.get(LiveUpdatesJob)


async def _waking(container: AsyncContainer) -> AlertWakingJob:
    return AlertWakingJob(await container.get(AlertHandling), await container.get(Clock))


ALERT_JOBS = (
    JobSpec("observability.alert_waking", _waking),
    JobSpec("observability.alert_pull", _pulling),
    JobSpec("observability.live_updates", _live_updates),
)
