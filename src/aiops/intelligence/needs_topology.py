"""What the topology requires: a store, and sources that find things out. The rest of `needs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.topology import Edge, Node, Topology
from aiops.kernel.database import Transaction
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels, Severity
from aiops.observability.ports_signals import Span

Revision = tuple[int, int]
"""Equal where nothing changed."""


class TopologyCounts(msgspec.Struct, frozen=True):
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


class TopologyChange(msgspec.Struct, frozen=True):
    """`action` is ADD, CHANGE or REMOVE."""

    action: str
    what: str


class Written(msgspec.Struct, frozen=True):
    """What a file or a look changed; of single changes the first 200 are told."""

    nodes: TopologyCounts
    edges: TopologyCounts
    changes: list[TopologyChange] = []


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who tells of a part of the topology. `cluster_id` is where it looks; `None` for a file.

    `left_out` counts things past the bound; `notes` say what the cluster lacks. Where `error` is set, the last look
    failed, and what was known before stands.
    """

    origin: str
    cluster_id: UUID | None
    looked_at: datetime | None
    nodes: int
    edges: int
    left_out: int
    notes: list[str]
    error: str | None
    changed_by: str | None = None


class OpenAlert(msgspec.Struct, frozen=True):
    """An alert or anomaly of an incident that has not ended."""

    cluster_id: UUID
    labels: Labels
    severity: Severity
    name: str
    incident_id: UUID


class TopologyStore(Protocol):
    """`clusters` is the reader's scope, `None` for all. In a scope are the nodes of its clusters, and those of no
    cluster that these are connected to, directly or by what such nodes need in turn."""

    async def revision(self, tx: Transaction) -> Revision: ...

    async def load(self, tx: Transaction, clusters: Sequence[UUID] | None) -> tuple[list[Node], list[Edge]]:
        """All in scope: a node that several origins tell of comes once, and what a file says of it first."""

    async def origins(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Origin]: ...

    async def seen(self, tx: Transaction, node: UUID) -> list[tuple[str, datetime, datetime | None]]:
        """Which origins tell of a node, since when, and when they last saw it."""

    async def claim(self, tx: Transaction, origin: str, cluster_id: UUID, now: datetime, until: datetime) -> bool:
        """Whether its look is due and nobody else makes it; then nobody else will until that moment."""

    async def due(self, tx: Transaction, origin: str, cluster_id: UUID, at: datetime) -> None:
        """The next look there may be made from then on."""

    async def put(
        self,
        tx: Transaction,
        origin: str,
        cluster_id: UUID | None,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        now: datetime,
    ) -> Written:
        """Add and change; what the origin said before and does not say now stays as it is."""

    async def not_seen(
        self,
        tx: Transaction,
        origin: str,
        cluster_id: UUID | None,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        forget: datetime | None,
    ) -> Written:
        """What the origin once told of and is not among these: it was last seen at the look before, and goes where that
        is before `forget`; all of it goes at once where that is `None`."""

    async def looked(self, tx: Transaction, origin: Origin, *, changed: bool) -> None:
        """Keep how a look went; where it failed, only that."""

    async def drop_origin(self, tx: Transaction, origin: str) -> bool: ...

    async def drop_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...

    async def open_alerts(self, tx: Transaction, clusters: Sequence[UUID] | None, at_most: int) -> list[OpenAlert]:
        """Worst first."""


class Asking(Protocol):
    """How a finder asks one cluster; raises `Retriable` where it does not answer, `Rejected` where it refuses."""

    async def metrics(self, query: str) -> list[tuple[Labels, float]]:
        """An instant query, without the label `cluster`; empty where the cluster has no such metric."""

    async def traces(self, query: str, limit: int) -> list[list[Span]]:
        """The spans of each of the latest traces of the last hour; none where the cluster keeps no traces."""


class Found(msgspec.Struct, frozen=True):
    """What a look gives. `notes` say what the cluster lacks; `left_out` counts what was past the bound."""

    nodes: list[Node]
    edges: list[Edge]
    notes: list[str] = []
    left_out: int = 0


class TopologyFinder(Protocol):
    """Finds things and what they need on one cluster; holds nothing between looks."""

    name: ClassVar[str]
    """The origin of what it finds."""
    keep_s: ClassVar[float]
    """For how long what is not seen any more is kept."""

    async def look(self, asking: Asking, cluster_id: UUID, at_most: int) -> Found:
        """At most so many nodes, all of that cluster. Raises as `Asking` does."""


class CurrentTopology(Protocol):
    """What depends on what, as it is known now."""

    async def whole(self) -> Topology:
        """All of it, for jobs of the hub: cheap where nothing changed."""

    async def of(self, principal: Principal) -> Topology:
        """What the principal may see."""
