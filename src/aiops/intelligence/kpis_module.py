"""Wires KPIs; `module.py` takes this into the context."""

from __future__ import annotations

from dishka import Provider, Scope, provide

from aiops.intelligence.needs_incidents import TeamStore
from aiops.intelligence.needs_kpis import KpiStore
from aiops.intelligence.service.kpis import KpiReports
from aiops.intelligence.store.kpis import SqlKpis
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.registry.ports import Clusters, Uptimes


class KpiProvider(Provider):
    scope = Scope.APP

    @provide
    def kpi_store(self) -> KpiStore:
        return SqlKpis()

    @provide
    def kpi_reports(
        self, database: Database, clock: Clock, store: KpiStore, teams: TeamStore, clusters: Clusters, uptimes: Uptimes
    ) -> KpiReports:
        return KpiReports(database, clock, store, teams, clusters, uptimes)
