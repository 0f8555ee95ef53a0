"""Wires what is foreseen; `module.py` takes these into the context."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.needs_predictions import PredictionStore
from aiops.intelligence.service.findings import Findings
from aiops.intelligence.service.forecasts import Forecasts
from aiops.intelligence.service.predicting import Predicting
from aiops.intelligence.service.watcher import Watcher
from aiops.intelligence.store.predictions import SqlPredictions
from aiops.intelligence.targets import SHIPPED
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.module import HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle
from aiops.kernel.retention import Keep
from aiops.observability.ports import Metrics, WatchFeed
from aiops.registry.events import ClusterDeleted
from aiops.registry.ports import Clusters
from aiops.settings import Settings


class PredictionProvider(Provider):
    scope = Scope.APP

    @provide
    def predictions(self) -> PredictionStore:
        return SqlPredictions()

    @provide
    def forecasts(self, database: Database, clock: Clock, metrics: Metrics, store: PredictionStore) -> Forecasts:
        return Forecasts(database, clock, metrics, store)

    @provide
    def predicting(
        self,
        database: Database,
        clock: Clock,
        feed: WatchFeed,
        watcher: Watcher,
        clusters: Clusters,
        store: PredictionStore,
        settings: Settings,
        findings: Findings,
    ) -> Predicting:
        every_s = settings.forecast_every_minutes * 60.0
        return Predicting(database, clock, feed, watcher, clusters, store, SHIPPED, every_s, findings)


async def _predicting(container: AsyncContainer) -> Predicting:
    return await container.get(Predicting)


async def keep_checks(container: AsyncContainer) -> Keep:
    """What is known of former forecasts' errors goes with the events."""
    settings: Settings = await container.get(Settings)
    store: PredictionStore = await container.get(PredictionStore)
    return Keep("forecast checks", settings.events_retention_days, store.forget)


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    store: PredictionStore = await container.get(PredictionStore)

    async def forget(tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            await store.forget_target(tx, event.cluster_id, None)

    return forget


PREDICTION_HANDLERS = (HandlerSpec("intelligence.predictions_of_deleted", (ClusterDeleted,), _on_cluster_deleted),)
PREDICTION_JOBS = (JobSpec("intelligence.predictions", _predicting),)
