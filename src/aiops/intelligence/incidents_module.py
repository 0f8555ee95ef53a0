"""Wires the gathering of incidents and what people do with them; `module.py` takes this into the context."""

from __future__ import annotations

from dishka import Provider, Scope, provide

from aiops.intelligence.cel_language import Cel
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_incidents import GatheringStore, TeamStore, TopologySource
from aiops.intelligence.needs_rules import RuleStore
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.service.hands import Hands
from aiops.intelligence.service.merging import Merging
from aiops.intelligence.service.rules import Rules
from aiops.intelligence.service.teams import Teams
from aiops.intelligence.store.gathering import SqlGathering
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.intelligence.store.rules import SqlRules
from aiops.intelligence.store.teams import SqlTeams
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.registry.ports import Clusters


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
        self,
        incidents: IncidentStore,
        store: GatheringStore,
        topology: TopologySource,
        rules: Rules,
        teams: TeamStore,
    ) -> Gathering:
        return Gathering(incidents, store, topology, rules, teams)

    @provide
    def rule_store(self) -> RuleStore:
        return SqlRules()

    @provide
    def rules(self, database: Database, clock: Clock, store: RuleStore, clusters: Clusters) -> Rules:
        return Rules(database, clock, store, clusters, Cel().compile)

    @provide
    def hands(
        self,
        database: Database,
        clock: Clock,
        incidents: IncidentStore,
        store: GatheringStore,
        teams: TeamStore,
        episodes: Episodes,
    ) -> Hands:
        return Hands(database, clock, incidents, store, teams, episodes)

    @provide
    def merging(
        self,
        database: Database,
        clock: Clock,
        incidents: IncidentStore,
        store: GatheringStore,
        gathering: Gathering,
        episodes: Episodes,
        hands: Hands,
    ) -> Merging:
        return Merging(database, clock, incidents, store, gathering, episodes, hands)

    @provide
    def teams(self, database: Database, clock: Clock, store: TeamStore) -> Teams:
        return Teams(database, clock, store)
