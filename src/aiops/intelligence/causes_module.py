"""Wires the ranking of causes; `module.py` takes this into the context."""

from __future__ import annotations

from dishka import Provider, Scope, provide

from aiops.intelligence.http.analysis import AnalysisController
from aiops.intelligence.http.runbooks import RunbooksController
from aiops.intelligence.needs import AnomalyStore, IncidentStore
from aiops.intelligence.needs_analysis import AnalysisStore, RunbookStore
from aiops.intelligence.needs_changes import RecentChanges
from aiops.intelligence.needs_patterns import LogFindingStore, LogPatternStore
from aiops.intelligence.needs_topology import CurrentTopology
from aiops.intelligence.service.analysis import AnalysisService
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.ranking import Ranking
from aiops.intelligence.service.reading import Reading
from aiops.intelligence.service.runbooks import Runbooks
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.service.watcher import Watcher
from aiops.intelligence.store.analysis import SqlAnalysis
from aiops.intelligence.store.runbooks import SqlRunbooks
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.observability.ports import Alerts, Metrics
from aiops.observability.ports_signals import Traces

CAUSE_ROUTES = (AnalysisController, RunbooksController)


class CauseProvider(Provider):
    scope = Scope.APP

    @provide
    def structure(
        self,
        database: Database,
        findings: LogFindingStore,
        patterns: LogPatternStore,
        changes: RecentChanges,
        traces: Traces,
        topology: CurrentTopology,
    ) -> StructureReader:
        return StructureReader(database, findings, patterns, topology=topology, changes=changes, traces=traces)

    @provide
    def ranking(
        self,
        database: Database,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        episodes: Episodes,
        watcher: Watcher,
        structure: StructureReader,
    ) -> Ranking:
        return Ranking(database, clock, incidents, anomalies, episodes, watcher, structure)

    @provide
    def runbook_store(self) -> RunbookStore:
        return SqlRunbooks()

    @provide
    def runbooks(self, database: Database, clock: Clock, store: RunbookStore) -> Runbooks:
        return Runbooks(database, clock, store)

    @provide
    def analysis_store(self) -> AnalysisStore:
        return SqlAnalysis()

    @provide
    def analysis(
        self,
        database: Database,
        clock: Clock,
        store: AnalysisStore,
        runbooks: RunbookStore,
        incidents: IncidentStore,
        reading: Reading,
        watcher: Watcher,
        structure: StructureReader,
        alerts: Alerts,
        metrics: Metrics,
    ) -> AnalysisService:
        return AnalysisService(
            database, clock, store, runbooks, incidents, reading, watcher, structure, alerts, metrics
        )
