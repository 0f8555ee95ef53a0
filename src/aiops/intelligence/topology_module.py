"""Wires the topology; `module.py` takes these into the context."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.http.incident_topology import incident_topology
from aiops.intelligence.http.topology import TopologyController
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_incidents import TopologySource
from aiops.intelligence.needs_topology import CurrentTopology, TopologyStore
from aiops.intelligence.service.topology.applying import TopologyFiles
from aiops.intelligence.service.topology.book import TopologyBook
from aiops.intelligence.service.topology.discovering import TopologyDiscovery
from aiops.intelligence.service.topology.of_incident import IncidentTopology
from aiops.intelligence.service.topology.reading import TopologyReading
from aiops.intelligence.store.topology import SqlTopology
from aiops.intelligence.topology_sources import SHIPPED
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.module import HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle
from aiops.observability.ports import Metrics
from aiops.observability.ports_signals import Traces
from aiops.registry.events import ClusterDeleted
from aiops.registry.ports import Clusters
from aiops.settings import Settings


class TopologyProvider(Provider):
    scope = Scope.APP

    @provide
    def topology_store(self) -> TopologyStore:
        return SqlTopology()

    @provide
    def topology_book(self, database: Database, clock: Clock, store: TopologyStore) -> TopologyBook:
        return TopologyBook(database, clock, store)

    @provide
    def current_topology(self, book: TopologyBook) -> CurrentTopology:
        return book

    @provide
    def surroundings(self, book: TopologyBook) -> TopologySource:
        return book

    @provide
    def topology_files(
        self, database: Database, clock: Clock, store: TopologyStore, clusters: Clusters, book: TopologyBook
    ) -> TopologyFiles:
        return TopologyFiles(database, clock, store, clusters, book)

    @provide
    def topology_reading(
        self, database: Database, clock: Clock, store: TopologyStore, clusters: Clusters, book: TopologyBook
    ) -> TopologyReading:
        return TopologyReading(database, clock, store, clusters, book)

    @provide
    def incident_topology(
        self, database: Database, incidents: IncidentStore, book: TopologyBook, reading: TopologyReading
    ) -> IncidentTopology:
        return IncidentTopology(database, incidents, book, reading)

    @provide
    def topology_discovery(
        self,
        database: Database,
        clock: Clock,
        store: TopologyStore,
        clusters: Clusters,
        metrics: Metrics,
        traces: Traces,
        book: TopologyBook,
        settings: Settings,
    ) -> TopologyDiscovery:
        every_s, at_most = settings.topology_every_minutes * 60.0, settings.topology_nodes_limit
        return TopologyDiscovery(database, clock, store, clusters, metrics, traces, book, SHIPPED, every_s, at_most)


async def _discovery(container: AsyncContainer) -> TopologyDiscovery:
    return await container.get(TopologyDiscovery)


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    store: TopologyStore = await container.get(TopologyStore)

    async def forget(tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            await store.drop_cluster(tx, event.cluster_id)

    return forget


TOPOLOGY_JOBS = (JobSpec("intelligence.topology", _discovery),)
TOPOLOGY_ROUTES = (TopologyController, incident_topology)
TOPOLOGY_HANDLERS = (HandlerSpec("intelligence.topology_of_deleted", (ClusterDeleted,), _on_cluster_deleted),)
