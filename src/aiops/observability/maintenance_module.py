"""Wires maintenance windows and reminders; `module.py` takes these in."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.module import HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle
from aiops.kernel.retention import Keep
from aiops.observability.http.maintenance import MaintenanceController, SilenceReminderController
from aiops.observability.needs_maintenance import HiddenAlerts, PushedStore, ReminderStore, WindowStore
from aiops.observability.ports_maintenance import Maintained
from aiops.observability.service.alerts import AlertService
from aiops.observability.service.maintenance.hiding import Hiding, MaintainedNow
from aiops.observability.service.maintenance.job import MaintenanceJob
from aiops.observability.service.maintenance.preview import Previews
from aiops.observability.service.maintenance.pushing import Pushing
from aiops.observability.service.maintenance.reminders import Reminders
from aiops.observability.service.maintenance.windows import MaintenanceWindows
from aiops.observability.service.silences import Silences
from aiops.observability.store.maintenance import (
    PostgresHiddenAlerts,
    PostgresPushedStore,
    PostgresReminderStore,
    PostgresWindowStore,
)
from aiops.registry.events import ClusterDeleted
from aiops.registry.ports import Clusters
from aiops.settings import Settings


class MaintenanceProvider(Provider):
    scope = Scope.APP

    @provide
    def window_store(self) -> WindowStore:
        return PostgresWindowStore()

    @provide
    def hidden_alerts(self) -> HiddenAlerts:
        return PostgresHiddenAlerts()

    @provide
    def pushed_store(self) -> PushedStore:
        return PostgresPushedStore()

    @provide
    def reminder_store(self) -> ReminderStore:
        return PostgresReminderStore()

    @provide
    def hiding(self, store: WindowStore) -> Hiding:
        return Hiding(store)

    @provide
    def maintained(self, hiding: Hiding, clock: Clock) -> Maintained:
        return MaintainedNow(hiding, clock)

    @provide
    def maintenance_job(
        self,
        database: Database,
        clock: Clock,
        windows: WindowStore,
        hidden: HiddenAlerts,
        hiding: Hiding,
        alerts: AlertService,
    ) -> MaintenanceJob:
        return MaintenanceJob(database, clock, windows, hidden, hiding, alerts)

    @provide
    def maintenance_windows(
        self,
        database: Database,
        clock: Clock,
        clusters: Clusters,
        store: WindowStore,
        hidden: HiddenAlerts,
        pushed: PushedStore,
        job: MaintenanceJob,
    ) -> MaintenanceWindows:
        return MaintenanceWindows(database, clock, clusters, store, hidden, pushed, job.tick)

    @provide
    def previews(self, database: Database, clock: Clock, clusters: Clusters, hidden: HiddenAlerts) -> Previews:
        return Previews(database, clock, clusters, hidden)

    @provide
    def reminders(
        self, database: Database, clock: Clock, silences: Silences, hidden: HiddenAlerts, store: ReminderStore
    ) -> Reminders:
        return Reminders(database, clock, silences, hidden, store)

    @provide
    def pushing(
        self,
        database: Database,
        clock: Clock,
        clusters: Clusters,
        windows: WindowStore,
        store: PushedStore,
        silences: Silences,
    ) -> Pushing:
        return Pushing(database, clock, clusters, windows, store, silences)


async def _reminders(container: AsyncContainer) -> Reminders:
    return await container.get(Reminders)


async def _pushing(container: AsyncContainer) -> Pushing:
    return await container.get(Pushing)


async def _job(container: AsyncContainer) -> MaintenanceJob:
    return await container.get(MaintenanceJob)


async def keep_windows(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    store: WindowStore = await container.get(WindowStore)
    return Keep("maintenance windows", settings.alerts_retention_days, store.forget)


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    windows: WindowStore = await container.get(WindowStore)
    pushed: PushedStore = await container.get(PushedStore)
    reminders: ReminderStore = await container.get(ReminderStore)

    async def forget(tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            await windows.forget_cluster(tx, event.cluster_id)
            await pushed.delete_cluster(tx, event.cluster_id)
            await reminders.delete_cluster(tx, event.cluster_id)

    return forget


MAINTENANCE_ROUTES = (MaintenanceController, SilenceReminderController)
MAINTENANCE_HANDLERS = (HandlerSpec("observability.maintenance_of_deleted", (ClusterDeleted,), _on_cluster_deleted),)
MAINTENANCE_JOBS = (
    JobSpec("observability.maintenance", _job),
    JobSpec("observability.maintenance_silences", _pushing),
    JobSpec("observability.silence_reminders", _reminders),
)
