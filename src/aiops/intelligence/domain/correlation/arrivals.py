"""What asks where it belongs, and what it may have in common with others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.groups import PlaceKind, place_of
from aiops.observability.ports import Labels, Severity

NEEDS_DEPTH = 5
"""How many edges away a dependency may be to relate two things; what lies farther is common to too much."""
_LONGEST_KEY = 300


class ArrivalKind(StrEnum):
    ALERT = "ALERT"
    ANOMALY = "ANOMALY"
    FORECAST = "FORECAST"
    """What is foreseen; it comes when the past was looked at, so its time relates it to nothing."""
    LOG_PATTERN = "LOG_PATTERN"


FINDINGS = (ArrivalKind.FORECAST, ArrivalKind.LOG_PATTERN)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fired, an anomaly that began, or a finding.

    `name` is the alert's or the watch's, `subject` tells those of one name on one cluster apart. `phrase` and `short`
    are what a title says of it. `patterns` are the log patterns told of its place at that time. What does not `open`
    joins an incident or none.
    """

    kind: ArrivalKind
    cluster_id: UUID
    name: str
    subject: str
    phrase: str
    short: str
    severity: Severity
    labels: Labels
    started_at: datetime
    patterns: tuple[str, ...] = ()
    opens: bool = True

    @property
    def mark(self) -> tuple[UUID, str, str]:
        """The same whenever it comes again."""
        return (self.cluster_id, self.name, self.subject)


class TraitKind(StrEnum):
    """What two that belong together may have in common. `ON_ONE_CLUSTER` are told apart by cluster."""

    SUBJECT = "SUBJECT"
    """The very same alert or series."""
    RULE = "RULE"
    """A rule that people wrote, with what it groups by."""
    IS = "IS"
    """A node of the topology that it names."""
    NEEDS = "NEEDS"
    """A node of the topology that what it names depends on."""
    LOCATED = "LOCATED"
    """That the topology knows it at all."""
    PLACE = "PLACE"
    """A workload or a node that its labels name."""
    CLUSTER = "CLUSTER"
    NAME = "NAME"
    PATTERN = "PATTERN"
    """A log pattern that was told of its place."""


ON_ONE_CLUSTER = frozenset({TraitKind.SUBJECT, TraitKind.PLACE, TraitKind.CLUSTER})


class Trait(NamedTuple):
    """`cluster_id` is `None` for what may be common to clusters."""

    kind: TraitKind
    key: str
    cluster_id: UUID | None

    def twins(self) -> tuple[Trait, ...]:
        """What of another kind relates to it: what a thing is, others may need."""
        if self.kind is TraitKind.IS:
            return (self._replace(kind=TraitKind.NEEDS),)
        return (self._replace(kind=TraitKind.IS),) if self.kind is TraitKind.NEEDS else ()


class Thing(Protocol):
    """What a node of the topology says of itself."""

    @property
    def kind(self) -> StrEnum: ...

    @property
    def name(self) -> str: ...

    @property
    def cluster_id(self) -> UUID | None: ...


class Surroundings(Protocol):
    """What correlation asks of a topology; `domain.topology.Topology` answers it."""

    def locate(self, cluster_id: UUID | None, labels: Mapping[str, str]) -> list[UUID]: ...

    def depends_on(self, node: UUID, depth: int = NEEDS_DEPTH) -> dict[UUID, int]: ...

    def node(self, node: UUID) -> Thing | None: ...


def own_traits(arrival: Arrival) -> dict[Trait, int]:
    """What the arrival's own words tell, each with its distance, which is 0."""
    cluster = arrival.cluster_id
    found = {
        Trait(TraitKind.SUBJECT, key_of(f"{arrival.name}\x1f{arrival.subject}"), cluster): 0,
        Trait(TraitKind.NAME, key_of(_named(arrival)), None): 0,
    }
    place = place_of(arrival.labels, arrival.subject)
    # What is weak and known to be elsewhere has nothing to do with it, though it comes at the same time.
    if arrival.kind is not ArrivalKind.FORECAST and (arrival.opens or place.kind is PlaceKind.SERIES):
        found[Trait(TraitKind.CLUSTER, "", cluster)] = 0
    if place.kind is not PlaceKind.SERIES:
        found[Trait(TraitKind.PLACE, key_of(f"{place.kind.value}\x1f{place.name}"), cluster)] = 0
    node = place_of({name: arrival.labels[name] for name in _OF_NODES if name in arrival.labels}, "")
    if node.kind is PlaceKind.NODE:
        found[Trait(TraitKind.PLACE, key_of(f"NODE\x1f{node.name}"), cluster)] = 0
    for pattern in arrival.patterns:
        found[Trait(TraitKind.PATTERN, key_of(pattern), None)] = 0
    return found


def _named(arrival: Arrival) -> str:
    """A finding's name is no alert's: told apart by its kind."""
    return f"{arrival.kind.value}\x1f{arrival.name}" if arrival.kind in FINDINGS else arrival.name


_OF_NODES = ("node", "nodename", "Hostname", "host", "hostname", "instance")


def structural_traits(arrival: Arrival, surroundings: Surroundings) -> dict[Trait, int]:
    """The nodes that it names, and what these depend on with how many edges away that is."""
    named = surroundings.locate(arrival.cluster_id, arrival.labels)[:3]
    found = {Trait(TraitKind.IS, str(node), None): 0 for node in named}
    if arrival.kind is ArrivalKind.FORECAST:
        # That two will run out has no common cause in what both need.
        return found
    for node in named:
        for needed, distance in surroundings.depends_on(node, NEEDS_DEPTH).items():
            if needed in named:
                continue
            trait = Trait(TraitKind.NEEDS, str(needed), None)
            found[trait] = min(distance, found.get(trait, distance))
    if found:
        found[Trait(TraitKind.LOCATED, "", None)] = 0
    return found


def key_of(text: str) -> str:
    """The text, where it is long its beginning and a digest: it is a key of an index."""
    if len(text) <= _LONGEST_KEY:
        return text
    return f"{text[:200]}…{hashlib.sha256(text.encode()).hexdigest()}"
