"""Wires the gathering of incidents and what people do with them; `module.py` takes this into the context."""

from __future__ import annotations

from dishka import Provider, Scope, provide

from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_incidents import GatheringStore, TeamStore, TopologySource
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.store.gathering import SqlGathering
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.intelligence.store.teams import SqlTeams


class IncidentProvider(Provider):
    scope = Scope.APP

    @provide
    def incidents(self) -> IncidentStore:
        return SqlIncidents()

    @provide
    def gathering_store(self) -> GatheringStore:
        return SqlGathering()

    @provide
    def team_store(self) -> TeamStore:
        return SqlTeams()

    @provide
    def gathering(
        self, incidents: IncidentStore, store: GatheringStore, topology: TopologySource, teams: TeamStore
    ) -> Gathering:
        return Gathering(incidents, store, topology=topology, teams=teams)
