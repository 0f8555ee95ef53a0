"""Wires replays; `module.py` takes these into the context."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.needs import Detector
from aiops.intelligence.needs_incidents import TopologySource
from aiops.intelligence.needs_replays import ReplayStore
from aiops.intelligence.service.replays.running import Replays
from aiops.intelligence.service.rules import Rules
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.store.replays import SqlReplays
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import JobSpec
from aiops.kernel.retention import Keep
from aiops.observability.ports_past import Past
from aiops.registry.ports import Clusters
from aiops.settings import Settings


class ReplayProvider(Provider):
    scope = Scope.APP

    @provide
    def replay_store(self) -> ReplayStore:
        return SqlReplays()

    @provide
    def replays(
        self,
        database: Database,
        clock: Clock,
        store: ReplayStore,
        clusters: Clusters,
        past: Past,
        detector: Detector,
        topology: TopologySource,
        structure: StructureReader,
        rules: Rules,
    ) -> Replays:
        return Replays(database, clock, store, clusters, past, detector, topology, structure, rules)


async def _replays(container: AsyncContainer) -> Replays:
    return await container.get(Replays)


async def keep_replays(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    store: ReplayStore = await container.get(ReplayStore)
    return Keep("replays", settings.alerts_retention_days, store.forget)


REPLAY_JOBS = (JobSpec("intelligence.replays", _replays),)
