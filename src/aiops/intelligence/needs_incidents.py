"""What the gathering of incidents requires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.correlation import Arrival, Placement, Scene, Surroundings, Trait
from aiops.intelligence.domain.correlation.placing import Ruling
from aiops.intelligence.domain.incident_findings import IncidentFinding
from aiops.intelligence.domain.incidents import AlertMember, Suspect
from aiops.intelligence.domain.teams import Team
from aiops.intelligence.needs_findings import IncidentFindingStore
from aiops.kernel.database import Transaction
from aiops.observability.ports import Labels, Severity


class Affecting(NamedTuple):
    """A node that `affected` subjects of an incident are or need, `needing` of them need it, and the nearest is `near`
    edges away. `told` is the alert of the node itself, where there is one."""

    node_id: UUID
    affected: int
    needing: int
    near: int
    told: str | None


class Move(NamedTuple):
    """Members of one incident go to another; only those on `clusters` (`None`: on all), and why."""

    source_id: UUID
    target_id: UUID
    clusters: Sequence[UUID] | None
    reason: str


class TopologySource(Protocol):
    async def surroundings(self) -> Surroundings | None:
        """The topology as it is known now; `None` where nothing is."""


class Rulings(Protocol):
    async def of(self, tx: Transaction, arrivals: Sequence[Arrival]) -> dict[tuple[UUID, str, str], Ruling]:
        """What people's rules say of them, by `Arrival.mark`; one that no rule speaks of is left out."""


class TeamStore(Protocol):
    async def owning(self, tx: Transaction, labels: Sequence[Labels]) -> UUID | None:
        """The team that owns most of what these labels name; `None` where none does."""

    async def all(self, tx: Transaction) -> list[Team]: ...

    async def put(self, tx: Transaction, team: Team) -> bool:
        """Add or replace; false where another team has its name."""

    async def get(self, tx: Transaction, team_id: UUID) -> Team | None: ...

    async def delete(self, tx: Transaction, team_id: UUID) -> bool: ...


class GatheringStore(IncidentFindingStore, Protocol):
    """Who writes holds the turn of `IncidentStore.take_turn`."""

    async def scene(self, tx: Transaction, traits: Sequence[Trait], since: datetime, follows_since: datetime) -> Scene:
        """Who has any of these traits: live incidents since `since`; of the very same subjects those that are over
        since `follows_since` too."""

    async def put_traits(self, tx: Transaction, placements: Sequence[Placement]) -> None:
        """Count the traits of new members in."""

    async def drop_traits(self, tx: Transaction, incident_id: UUID) -> None:
        """Its parts stay, and count nothing."""

    async def drop_empty_parts(self, tx: Transaction, incident_id: UUID) -> None: ...

    async def everything(
        self, tx: Transaction, incident_id: UUID
    ) -> tuple[list[AlertMember], list[Anomaly], list[IncidentFinding]]: ...

    async def move_alerts(
        self,
        tx: Transaction,
        move: Move,
        alerts: Sequence[tuple[UUID, str, datetime]] | None,
    ) -> int:
        """Those by cluster, fingerprint and start, or all; gives how many there were to move."""

    async def move_anomalies(self, tx: Transaction, move: Move, anomalies: Sequence[UUID] | None) -> int: ...

    async def move_findings(self, tx: Transaction, move: Move, findings: Sequence[UUID] | None) -> int: ...

    async def move_timeline(self, tx: Transaction, source_id: UUID, target_id: UUID) -> None: ...

    async def unlink(self, tx: Transaction, incident_id: UUID, other_id: UUID) -> bool:
        """In either direction; false where there was none."""

    async def put_part(self, tx: Transaction, incident_id: UUID, cluster_id: UUID, title: str) -> None:
        """Name a cluster that an incident concerns though nothing of it is a member."""

    async def renew_parts(
        self,
        tx: Transaction,
        incident_id: UUID,
        worst: Mapping[UUID, Severity],
        alerts: Mapping[UUID, int],
        anomalies: Mapping[UUID, int],
        findings: Mapping[UUID, int],
    ) -> None:
        """Bring what an incident is called on clusters up to date: the worst of its new members, by cluster, and how
        many alerts, anomalies and findings these were."""

    async def put_suspect(self, tx: Transaction, incident_id: UUID, suspect: Suspect | None) -> None: ...

    async def structure(self, tx: Transaction, incident_id: UUID) -> tuple[int, list[Affecting]]:
        """How many subjects the topology knows, and the nodes that most of them are or need."""

    async def log_patterns(self, tx: Transaction, clusters: Sequence[UUID]) -> dict[tuple[UUID, str], list[str]]:
        """The patterns that are told of in the logs of these clusters now, by cluster and place."""

    async def link(
        self, tx: Transaction, incident_id: UUID, other_id: UUID, kind: str, by: str, at: datetime
    ) -> None: ...
