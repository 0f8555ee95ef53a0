"""Wires intelligence into one `Context`."""

from __future__ import annotations

from dishka import AsyncContainer, Scope, provide

from aiops.intelligence.causes_module import CAUSE_ROUTES, CauseProvider
from aiops.intelligence.changes_module import CHANGE_HANDLERS, CHANGE_JOBS, CHANGE_ROUTES, ChangeProvider, keep_changes
from aiops.intelligence.detectors import installed
from aiops.intelligence.events import EVENTS
from aiops.intelligence.handlers import Reactions
from aiops.intelligence.http.alert_places import AlertPlacesController
from aiops.intelligence.http.anomalies import AnomaliesController
from aiops.intelligence.http.backtests import backtest
from aiops.intelligence.http.forecasts import ForecastsController
from aiops.intelligence.http.hands import HANDS_ROUTES
from aiops.intelligence.http.incidents import IncidentsController, expectations
from aiops.intelligence.http.insight import GroupsController, explained
from aiops.intelligence.http.kpis import kpis
from aiops.intelligence.http.log_patterns import PATTERN_ROUTES
from aiops.intelligence.http.replays import ReplaysController
from aiops.intelligence.http.rules import RULE_ROUTES
from aiops.intelligence.incidents_module import FINDING_HANDLERS, FINDING_JOBS, IncidentProvider
from aiops.intelligence.kpis_module import KpiProvider
from aiops.intelligence.meaning.module import MEANING_JOBS, MEANING_ROUTES, MeaningProvider
from aiops.intelligence.needs import AnomalyStore, Detector, FeedbackStore, GroupStore, IncidentStore, TrackStore
from aiops.intelligence.needs_findings import IncidentFindingStore
from aiops.intelligence.patterns_module import PATTERN_HANDLERS, PATTERN_JOBS, LogPatternProvider, keep_log_patterns
from aiops.intelligence.predictions_module import (
    PREDICTION_HANDLERS,
    PREDICTION_JOBS,
    PredictionProvider,
    keep_checks,
)
from aiops.intelligence.replays_module import REPLAY_JOBS, ReplayProvider, keep_replays
from aiops.intelligence.service.alert_places import AlertPlaces
from aiops.intelligence.service.backtests import Backtests
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.feedbacks import Feedbacks
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.service.insight import Insight
from aiops.intelligence.service.ranking import Ranking
from aiops.intelligence.service.reading import Reading
from aiops.intelligence.service.watcher import Watcher
from aiops.intelligence.store.alert_places import SqlAlertPlaces
from aiops.intelligence.store.feedback import SqlFeedback
from aiops.intelligence.store.findings import SqlAnomalies, SqlTracks
from aiops.intelligence.store.groups import SqlGroups
from aiops.intelligence.store.incident_views import IncidentViews
from aiops.intelligence.topology_module import TOPOLOGY_HANDLERS, TOPOLOGY_JOBS, TOPOLOGY_ROUTES, TopologyProvider
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid
from aiops.kernel.module import Context, HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle, HandleTogether
from aiops.kernel.retention import Keep
from aiops.observability.events import AlertFired, AlertResolved, WatchChanged
from aiops.observability.ports import Alerts, Metrics, WatchFeed
from aiops.observability.ports_maintenance import Maintained
from aiops.registry.events import ClusterDeleted
from aiops.settings import Settings


class _Intelligence(
    MeaningProvider,
    LogPatternProvider,
    PredictionProvider,
    ChangeProvider,
    IncidentProvider,
    ReplayProvider,
    TopologyProvider,
    KpiProvider,
    CauseProvider,
):
    scope = Scope.APP

    @provide
    def detector(self, settings: Settings) -> Detector:
        found = installed().usable
        if settings.detector not in found:
            there_are = ", ".join(sorted(found))
            raise Invalid(f"AIOPS_DETECTOR: there is no usable detector {settings.detector}; there are: {there_are}.")
        return found[settings.detector].build()

    @provide
    def alert_places(self, database: Database) -> AlertPlaces:
        return AlertPlaces(database, SqlAlertPlaces(), IncidentViews())

    @provide
    def tracks(self) -> TrackStore:
        return SqlTracks()

    @provide
    def anomalies(self) -> AnomalyStore:
        return SqlAnomalies()

    @provide
    def feedback(self) -> FeedbackStore:
        return SqlFeedback()

    @provide
    def episodes(
        self,
        database: Database,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        tracks: TrackStore,
        gathering: Gathering,
        maintenance: Maintained,
    ) -> Episodes:
        return Episodes(database, clock, incidents, anomalies, tracks, gathering, maintenance)

    @provide
    def watcher(
        self,
        database: Database,
        clock: Clock,
        feed: WatchFeed,
        detector: Detector,
        tracks: TrackStore,
        anomalies: AnomalyStore,
        feedback: FeedbackStore,
        episodes: Episodes,
    ) -> Watcher:
        return Watcher(database, clock, feed, detector, tracks, anomalies, feedback, episodes)

    @provide
    def reading(
        self,
        database: Database,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        feedback: FeedbackStore,
        findings: IncidentFindingStore,
        watcher: Watcher,
    ) -> Reading:
        return Reading(database, clock, incidents, anomalies, feedback, findings, watcher)

    @provide
    def feedbacks(
        self,
        database: Database,
        clock: Clock,
        feedback: FeedbackStore,
        anomalies: AnomalyStore,
        incidents: IncidentStore,
        episodes: Episodes,
        watcher: Watcher,
    ) -> Feedbacks:
        return Feedbacks(database, clock, feedback, anomalies, incidents, episodes, watcher)

    @provide
    def groups(self) -> GroupStore:
        return SqlGroups()

    @provide
    def insight(self, database: Database, groups: GroupStore, metrics: Metrics, watcher: Watcher) -> Insight:
        return Insight(database, groups, metrics, watcher)

    @provide
    def backtests(
        self, database: Database, clock: Clock, feed: WatchFeed, detector: Detector, incidents: IncidentStore
    ) -> Backtests:
        return Backtests(database, clock, feed, detector, incidents)

    @provide
    def reactions(self, episodes: Episodes, alerts: Alerts, watcher: Watcher) -> Reactions:
        return Reactions(episodes, alerts, watcher)


async def _watcher(container: AsyncContainer) -> Watcher:
    return await container.get(Watcher)


async def _ranking(container: AsyncContainer) -> Ranking:
    return await container.get(Ranking)


async def _on_alert(container: AsyncContainer) -> Handle:
    return (await container.get(Reactions)).on_alert


async def _on_alerts(container: AsyncContainer) -> HandleTogether:
    return (await container.get(Reactions)).on_alerts


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    return (await container.get(Reactions)).on_cluster_deleted


async def _on_watch_changed(container: AsyncContainer) -> Handle:
    return (await container.get(Reactions)).on_watch_changed


async def _keep_incidents(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    store: IncidentStore = await container.get(IncidentStore)
    return Keep("incidents", settings.alerts_retention_days, store.forget)


def context() -> Context:
    return Context(
        name="intelligence",
        provider=_Intelligence(),
        routes=(
            AnomaliesController,
            AlertPlacesController,
            IncidentsController,
            *CAUSE_ROUTES,
            ForecastsController,
            GroupsController,
            ReplaysController,
            backtest,
            kpis,
            explained,
            expectations,
            *HANDS_ROUTES,
            *RULE_ROUTES,
            *PATTERN_ROUTES,
            *MEANING_ROUTES,
            *CHANGE_ROUTES,
            *TOPOLOGY_ROUTES,
        ),
        events=EVENTS,
        handlers=(
            HandlerSpec("intelligence.alerts", (AlertFired, AlertResolved), _on_alert, _on_alerts),
            HandlerSpec("intelligence.cluster_deleted", (ClusterDeleted,), _on_cluster_deleted),
            HandlerSpec("intelligence.watch_changed", (WatchChanged,), _on_watch_changed),
            *PATTERN_HANDLERS,
            *PREDICTION_HANDLERS,
            *FINDING_HANDLERS,
            *CHANGE_HANDLERS,
            *TOPOLOGY_HANDLERS,
        ),
        jobs=(
            JobSpec("intelligence.watcher", _watcher),
            JobSpec("intelligence.ranking", _ranking),
            *PATTERN_JOBS,
            *MEANING_JOBS,
            *PREDICTION_JOBS,
            *FINDING_JOBS,
            *TOPOLOGY_JOBS,
            *CHANGE_JOBS,
            *REPLAY_JOBS,
        ),
        keeps=(_keep_incidents, keep_log_patterns, keep_checks, keep_changes, keep_replays),
    )
