"""What is known of the incidents that something may join."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from aiops.intelligence.domain.correlation.arrivals import ON_ONE_CLUSTER, Trait, TraitKind
from aiops.intelligence.domain.incidents import CLOSED, Status


@dataclass(frozen=True)
class Sketch:
    """An incident, as far as deciding needs it."""

    id: UUID
    status: Status
    detected_at: datetime
    last_activity_at: datetime
    resolved_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.status not in CLOSED


@dataclass(frozen=True)
class Held:
    """That members of an incident on a cluster have a trait: so many of them, from when to when. `near` is the smallest
    distance."""

    incident_id: UUID
    cluster_id: UUID
    members: int
    near: int
    first_at: datetime
    last_at: datetime


class Scene:
    """Incidents, and which of their members have which traits, by trait."""

    def __init__(self) -> None:
        self.sketches: dict[UUID, Sketch] = {}
        self._held: dict[Trait, dict[tuple[UUID, UUID], Held]] = {}

    def know(self, sketch: Sketch) -> None:
        """Add an incident, or what changed of it."""
        self.sketches[sketch.id] = sketch

    def hold(self, trait: Trait, held: Held) -> None:
        """Add what is known of a trait, or replace it."""
        self._held.setdefault(trait, {})[held.incident_id, held.cluster_id] = held

    def holders(self, trait: Trait) -> Iterable[tuple[Sketch, Held]]:
        """The incidents with members of that trait, and how they have it."""
        for held in self._held.get(trait, {}).values():
            sketch = self.sketches.get(held.incident_id)
            if sketch is not None:
                yield sketch, held

    def has(self, trait: Trait, incident_id: UUID, cluster_id: UUID) -> bool:
        return (incident_id, cluster_id) in self._held.get(trait, {})

    def note(self, incident_id: UUID, cluster_id: UUID, traits: Mapping[Trait, int], at: datetime) -> int:
        """A member joined at that time. Gives 1, or 0 where the same subject was a member already: it counts once."""
        known = any(trait.kind is TraitKind.SUBJECT and self.has(trait, incident_id, cluster_id) for trait in traits)
        for trait, distance in traits.items():
            held = self._held.setdefault(trait, {}).get((incident_id, cluster_id))
            if held is None:
                held = Held(incident_id, cluster_id, 0, distance, at, at)
            self._held[trait][incident_id, cluster_id] = replace(
                held,
                members=held.members + (not known),
                near=min(held.near, distance),
                first_at=min(held.first_at, at),
                last_at=max(held.last_at, at),
            )
        sketch = self.sketches[incident_id]
        self.sketches[incident_id] = replace(sketch, last_activity_at=max(sketch.last_activity_at, at))
        return 0 if known else 1

    def forget(self, before: datetime) -> None:
        """Drop what no one will join any more: for who keeps one scene for long."""
        gone = {one.id for one in self.sketches.values() if not one.live and one.last_activity_at < before}
        for incident_id in gone:
            del self.sketches[incident_id]
        for trait, holders in list(self._held.items()):
            kept = {key: held for key, held in holders.items() if held.incident_id not in gone}
            if kept:
                self._held[trait] = kept
            else:
                del self._held[trait]


def scoped(trait: Trait) -> bool:
    """Whether the trait means something on its own cluster only."""
    return trait.kind in ON_ONE_CLUSTER
