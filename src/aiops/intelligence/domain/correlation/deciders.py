"""The reasons why one thing belongs to another, each a small decider; the first that knows decides.

A reason is shown to whoever sees the arrival's cluster: it names nothing of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from aiops.intelligence.domain.correlation.arrivals import (
    FINDINGS,
    Arrival,
    ArrivalKind,
    Surroundings,
    Trait,
    TraitKind,
)
from aiops.intelligence.domain.correlation.scene import Held, Scene, Sketch
from aiops.intelligence.domain.incidents import (
    ACROSS_WITHIN,
    EPISODE_LASTS,
    JOIN_WITHIN,
    REOPEN_WITHIN,
    SAME_PLACE_WITHIN,
    SHARED_NEED_WITHIN,
)


class Joining(NamedTuple):
    incident_id: UUID
    reason: str


@dataclass(frozen=True)
class Question:
    """`at` is when it began, or, where that was told late, `now` less what is late."""

    arrival: Arrival
    traits: Mapping[Trait, int]
    scene: Scene
    at: datetime
    now: datetime
    surroundings: Surroundings | None

    def of(self, kind: TraitKind) -> dict[Trait, int]:
        return {trait: near for trait, near in self.traits.items() if trait.kind is kind}

    def live(self, trait: Trait, within: timedelta) -> list[tuple[Sketch, Held]]:
        """The live incidents whose members had that trait so lately."""
        return [
            (sketch, held)
            for sketch, held in self.scene.holders(trait)
            if sketch.live and held.last_at >= self.at - within and held.first_at <= self.at + within
        ]


Decide = Callable[[Question], Joining | None]


class Decider(NamedTuple):
    """`name` is kept with the member: by which of them it joined."""

    name: str
    decide: Decide


def returning(ask: Question) -> Joining | None:
    """The same alert or series was in an incident that is live, or over since less than `REOPEN_WITHIN`."""
    found = [
        sketch
        for trait in ask.of(TraitKind.SUBJECT)
        for sketch, _ in ask.scene.holders(trait)
        if sketch.live or (sketch.resolved_at is not None and sketch.resolved_at >= ask.now - REOPEN_WITHIN)
    ]
    if not found:
        return None
    # A live one before one that is over, the latest of them.
    best = max(found, key=lambda sketch: (sketch.live, sketch.id))
    if best.live:
        return Joining(best.id, "it is part of this incident already and began again")
    assert best.resolved_at is not None
    ago = minutes(ask.now - best.resolved_at)
    return Joining(best.id, f"it came back {ago} after this incident had resolved, which reopened it")


def ruled(ask: Question) -> Joining | None:
    """A rule that people wrote gathers both."""
    for trait in ask.of(TraitKind.RULE):
        _, name, seconds, group = trait.key.split("\x1f", 3)
        best = _latest(ask.live(trait, timedelta(seconds=float(seconds))))
        if best is not None:
            same = f" with {group}" if group else ""
            return Joining(best.id, f"the rule “{name}” gathers it{same}")
    return None


def structural(ask: Question) -> Joining | None:
    """The topology relates them: the same thing, one that needs the other, or both need the same."""
    kinds = (
        (TraitKind.IS, TraitKind.IS, SAME_PLACE_WITHIN),
        (TraitKind.NEEDS, TraitKind.IS, SAME_PLACE_WITHIN),
        (TraitKind.IS, TraitKind.NEEDS, SAME_PLACE_WITHIN),
        (TraitKind.NEEDS, TraitKind.NEEDS, SHARED_NEED_WITHIN),
    )
    for mine, theirs, within in kinds:
        found: list[tuple[int, int, UUID, Trait]] = []
        for trait, near in ask.of(mine).items():
            for sketch, held in ask.live(Trait(theirs, trait.key, None), within):
                found.append((near + held.near, -held.members, sketch.id, trait))
        if found:
            _, _, incident_id, trait = min(found, key=lambda one: (one[0], one[1], one[2].bytes))
            return Joining(incident_id, _structural_words(ask, mine, theirs, UUID(trait.key)))
    return None


def same_place(ask: Question) -> Joining | None:
    """The same workload or node on the same cluster."""
    for trait in ask.of(TraitKind.PLACE):
        best = _latest(ask.live(trait, SAME_PLACE_WITHIN))
        if best is not None:
            kind, _, name = trait.key.partition("\x1f")
            return Joining(best.id, f"it concerns the same {kind.lower()}, {name}")
    return None


def same_patterns(ask: Question) -> Joining | None:
    """The logs of both places say the same that they did not say before."""
    for trait in ask.of(TraitKind.PATTERN):
        best = _latest(ask.live(trait, JOIN_WITHIN))
        if best is not None:
            return Joining(best.id, f"the logs of its place say the same: {trait.key[:120]}")
    return None


def same_time(ask: Question) -> Joining | None:
    """Something moved on the same cluster just before, in an episode that is still young."""
    found = [
        (sketch, held)
        for trait in ask.of(TraitKind.CLUSTER)
        for sketch, held in ask.scene.holders(trait)
        if sketch.live
        and max(held.last_at, sketch.last_activity_at) >= ask.at - JOIN_WITHIN
        and ask.at - sketch.detected_at <= EPISODE_LASTS
    ]
    best = _latest(found)
    if best is None:
        return None
    return Joining(
        best.id, f"it began on the same cluster, {minutes(JOIN_WITHIN)} or less after this incident’s last change"
    )


def same_elsewhere(ask: Question) -> Joining | None:
    """The same alert or watch moved on another cluster at the same time."""
    if ask.arrival.kind in FINDINGS:
        return None
    (trait,) = ask.of(TraitKind.NAME)
    best = _latest(ask.live(trait, ACROSS_WITHIN))
    if best is None:
        return None
    what = f"{ask.arrival.short} moved on another cluster too"
    return Joining(best.id, f"{what} within {minutes(ACROSS_WITHIN)}")


DECIDERS = (
    Decider("returning", returning),
    Decider("rule", ruled),
    Decider("topology", structural),
    Decider("place", same_place),
    Decider("log patterns", same_patterns),
    Decider("time", same_time),
    Decider("across clusters", same_elsewhere),
)


def alone(ask: Question) -> str:
    """Why it opened an incident of its own."""
    if ask.arrival.kind is ArrivalKind.FORECAST:
        return (
            "It opened this incident: its time came close, and nothing that is open concerns the same workload or node"
        )
    said = [
        f"nothing else had moved on its cluster in the {minutes(JOIN_WITHIN)} before"
        if not any(sketch.live for trait in ask.of(TraitKind.CLUSTER) for sketch, _ in ask.scene.holders(trait))
        else f"what is open on its cluster concerns other places and began more than {minutes(EPISODE_LASTS)} before",
        f"{ask.arrival.short} had moved nowhere else in the {minutes(ACROSS_WITHIN)} before",
    ]
    if ask.surroundings is None:
        said.append("no topology is known")
    elif not ask.of(TraitKind.IS):
        said.append("its labels name nothing of the topology")
    else:
        said.append("nothing that the topology relates to it is affected")
    return "It opened this incident: " + "; ".join(said)


def minutes(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _latest(found: list[tuple[Sketch, Held]]) -> Sketch | None:
    return max(found, key=lambda one: (one[1].last_at, one[0].id))[0] if found else None


def _structural_words(ask: Question, mine: TraitKind, theirs: TraitKind, node: UUID) -> str:
    thing = ask.surroundings.node(node) if ask.surroundings is not None else None
    # A node of another cluster is not named to those who may see only this one.
    if thing is None or thing.cluster_id not in (None, ask.arrival.cluster_id):
        name = "something on another cluster"
    else:
        name = f"the {thing.kind.value.lower()} {thing.name}"
    if (mine, theirs) == (TraitKind.IS, TraitKind.IS):
        return f"it concerns {name}, as others of this incident do"
    if theirs is TraitKind.IS:
        return f"it depends on {name}, which this incident is about"
    if mine is TraitKind.IS:
        return f"others of this incident depend on {name}"
    return f"it depends on {name}, as others of this incident do"
