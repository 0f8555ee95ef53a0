"""Wires changes; `module.py` takes these into the context."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.http.changes import CHANGE_ROUTES
from aiops.intelligence.needs_changes import ChangeSourceStore, ChangeStore, ClusterLookStore, RecentChanges
from aiops.intelligence.service.change_sources import ChangeSources, box_of
from aiops.intelligence.service.changes import Changes
from aiops.intelligence.service.kubernetes_changes import ClusterChanges
from aiops.intelligence.store.changes import SqlChanges, SqlChangeSources
from aiops.intelligence.store.kubernetes_changes import SqlClusterLooks
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.module import HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle
from aiops.kernel.retention import Keep
from aiops.registry.events import ClusterDeleted
from aiops.registry.ports import Clusters
from aiops.registry.ports_objects import Objects
from aiops.settings import Settings, key_ring

__all__ = ("CHANGE_HANDLERS", "CHANGE_JOBS", "CHANGE_ROUTES", "ChangeProvider", "keep_changes")


class ChangeProvider(Provider):
    scope = Scope.APP

    @provide
    def change_store(self) -> ChangeStore:
        return SqlChanges()

    @provide
    def change_source_store(self) -> ChangeSourceStore:
        return SqlChangeSources()

    @provide
    def changes(self, database: Database, clock: Clock, store: ChangeStore, clusters: Clusters) -> Changes:
        return Changes(database, clock, store, clusters)

    @provide
    def recent_changes(self, changes: Changes) -> RecentChanges:
        return changes

    @provide
    def change_sources(
        self,
        database: Database,
        clock: Clock,
        store: ChangeSourceStore,
        clusters: Clusters,
        changes: Changes,
        settings: Settings,
    ) -> ChangeSources:
        return ChangeSources(database, clock, store, clusters, changes, box_of(key_ring(settings)))

    @provide
    def cluster_looks(self) -> ClusterLookStore:
        return SqlClusterLooks()

    @provide
    def cluster_changes(
        self,
        database: Database,
        clock: Clock,
        store: ClusterLookStore,
        clusters: Clusters,
        objects: Objects,
        changes: Changes,
        settings: Settings,
    ) -> ClusterChanges:
        return ClusterChanges(database, clock, store, clusters, objects, changes, float(settings.changes_every_s))


async def keep_changes(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    store: ChangeStore = await container.get(ChangeStore)
    return Keep("changes", settings.alerts_retention_days, store.forget)


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    store: ChangeStore = await container.get(ChangeStore)
    sources: ChangeSourceStore = await container.get(ChangeSourceStore)
    looks: ClusterLookStore = await container.get(ClusterLookStore)

    async def forget(tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            await store.delete_cluster(tx, event.cluster_id)
            await sources.forget_cluster(tx, event.cluster_id)
            await looks.delete_cluster(tx, event.cluster_id)

    return forget


async def _cluster_changes(container: AsyncContainer) -> ClusterChanges:
    return await container.get(ClusterChanges)


CHANGE_JOBS = (JobSpec("intelligence.cluster_changes", _cluster_changes),)
CHANGE_HANDLERS = (HandlerSpec("intelligence.changes_of_deleted", (ClusterDeleted,), _on_cluster_deleted),)
