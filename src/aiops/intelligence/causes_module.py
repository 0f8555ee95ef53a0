"""Wires the ranking of causes; `module.py` takes this into the context."""

from __future__ import annotations

from dishka import Provider, Scope, provide

from aiops.intelligence.needs import AnomalyStore, IncidentStore
from aiops.intelligence.needs_changes import RecentChanges
from aiops.intelligence.needs_patterns import LogFindingStore, LogPatternStore
from aiops.intelligence.needs_topology import CurrentTopology
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.ranking import Ranking
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.observability.ports_signals import Traces


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
