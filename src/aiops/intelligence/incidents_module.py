"""Wires the gathering of incidents and what people do with them; `module.py` takes this into the context."""

from __future__ import annotations

from collections.abc import Iterator

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.cel.judge import CelJudge
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_findings import IncidentFindingStore
from aiops.intelligence.needs_incidents import GatheringStore, TeamStore, TopologySource
from aiops.intelligence.needs_rules import RuleStore
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.findings import Findings
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.service.hands import Hands
from aiops.intelligence.service.merging import Merging
from aiops.intelligence.service.rules import Rules
from aiops.intelligence.service.teams import Teams
from aiops.intelligence.store.gathering import SqlGathering
from aiops.intelligence.store.incident_findings import SqlIncidentFindings
from aiops.intelligence.store.incidents import SqlIncidents
from aiops.intelligence.store.rules import SqlRules
from aiops.intelligence.store.teams import SqlTeams
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.module import HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle
from aiops.observability.ports_maintenance import Maintained
from aiops.registry.events import ClusterDeleted
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
    def rules(self, database: Database, clock: Clock, store: RuleStore, clusters: Clusters) -> Iterator[Rules]:
        live, trying = CelJudge(), CelJudge()
        yield Rules(database, clock, store, clusters, live, trying)
        live.close()
        trying.close()

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
    def finding_store(self) -> IncidentFindingStore:
        return SqlIncidentFindings()

    @provide
    def findings(
        self,
        database: Database,
        clock: Clock,
        incidents: IncidentStore,
        store: IncidentFindingStore,
        gathering: Gathering,
        episodes: Episodes,
        maintenance: Maintained,
    ) -> Findings:
        return Findings(database, clock, incidents, store, gathering, episodes, maintenance)

    @provide
    def teams(self, database: Database, clock: Clock, store: TeamStore) -> Teams:
        return Teams(database, clock, store)


async def _findings(container: AsyncContainer) -> Findings:
    return await container.get(Findings)


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    findings = await container.get(Findings)

    async def end(tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            await findings.cluster_left(tx, event.cluster_id)

    return end


FINDING_HANDLERS = (HandlerSpec("intelligence.findings_of_deleted", (ClusterDeleted,), _on_cluster_deleted),)
FINDING_JOBS = (JobSpec("intelligence.findings", _findings),)
