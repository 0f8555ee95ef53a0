"""Places arrivals, one after the other, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from aiops.intelligence.domain.correlation.arrivals import (
    Arrival,
    Surroundings,
    Trait,
    TraitKind,
    own_traits,
    structural_traits,
)
from aiops.intelligence.domain.correlation.deciders import DECIDERS, Decider, Joining, Question, alone
from aiops.intelligence.domain.correlation.scene import Scene, Sketch
from aiops.intelligence.domain.incidents import FOLLOWS_WITHIN, LATE, Status

RulesOf = Callable[[Arrival], "Ruling"]


@dataclass(frozen=True)
class Ruling:
    """What people's rules say of an arrival: `keys` are of rules that gather it; `apart` names the one that keeps it
    alone."""

    keys: tuple[str, ...] = ()
    apart: str | None = None


@dataclass(frozen=True)
class Placement:
    """Where an arrival belongs. `by` names the decider; `opened` and `reopened` hold for the first of an incident's.

    `fresh` is 0 where the same subject was a member already. `follows` is an incident that had it before and is over
    for long.
    """

    arrival: Arrival
    incident_id: UUID
    by: str
    reason: str
    at: datetime
    opened: bool
    reopened: bool
    fresh: int
    traits: Mapping[Trait, int]
    follows: UUID | None = None


def traits_of(arrival: Arrival, surroundings: Surroundings | None, ruling: Ruling) -> dict[Trait, int]:
    """All that may relate the arrival to others."""
    found = own_traits(arrival)
    if surroundings is not None:
        found |= structural_traits(arrival, surroundings)
    return found | {Trait(TraitKind.RULE, key, None): 0 for key in ruling.keys}


def place(
    arrivals: Sequence[Arrival],
    scene: Scene,
    now: datetime,
    *,
    new_id: Callable[[], UUID],
    surroundings: Surroundings | None = None,
    rulings: Mapping[tuple[UUID, str, str], Ruling] | None = None,
    deciders: Sequence[Decider] = DECIDERS,
) -> list[Placement]:
    """Where each belongs, in the order of their starts; the scene holds them afterwards. What opens nothing and joins
    nothing is left out.

    `rulings` are what people's rules say, by `Arrival.mark`.
    """
    ruled = rulings or {}
    placements = (
        _place(one, scene, now, new_id, surroundings, ruled.get(one.mark, Ruling()), deciders)
        for one in sorted(arrivals, key=lambda arrival: arrival.started_at)
    )
    return [one for one in placements if one is not None]


def _place(
    arrival: Arrival,
    scene: Scene,
    now: datetime,
    new_id: Callable[[], UUID],
    surroundings: Surroundings | None,
    ruling: Ruling,
    deciders: Sequence[Decider],
) -> Placement | None:
    traits = traits_of(arrival, surroundings, ruling)
    ask = Question(arrival, traits, scene, max(arrival.started_at, now - LATE), now, surroundings)
    by, joining = _decided(ask, ruling, deciders)
    follows = None
    if joining is None and not arrival.opens:
        return None
    if joining is None:
        sketch = Sketch(new_id(), Status.OPEN, now, now)
        follows = _before(ask)
        why = f"The rule “{ruling.apart}” keeps it apart" if ruling.apart else alone(ask)
        joining = Joining(sketch.id, why)
        scene.know(sketch)
        opened, reopened = True, False
    else:
        sketch = scene.sketches[joining.incident_id]
        opened, reopened = False, not sketch.live
        if reopened:
            scene.know(replace(sketch, status=Status.OPEN, resolved_at=None))
    fresh = scene.note(joining.incident_id, arrival.cluster_id, traits, ask.at)
    return Placement(arrival, joining.incident_id, by, joining.reason, ask.at, opened, reopened, fresh, traits, follows)


def _decided(ask: Question, ruling: Ruling, deciders: Sequence[Decider]) -> tuple[str, Joining | None]:
    for decider in deciders:
        if ruling.apart and decider.name != "returning":
            continue
        joining = decider.decide(ask)
        if joining is not None:
            return decider.name, Joining(joining.incident_id, f"It joined because {joining.reason}")
    return ("rule" if ruling.apart else "alone"), None


def _before(ask: Question) -> UUID | None:
    """The incident that had the same before and is over for too long to be reopened."""
    found = [
        sketch
        for trait in ask.of(TraitKind.SUBJECT)
        for sketch, _ in ask.scene.holders(trait)
        if sketch.status is Status.RESOLVED
        and sketch.resolved_at is not None
        and sketch.resolved_at >= ask.now - FOLLOWS_WITHIN
    ]
    return max(found, key=lambda sketch: sketch.id).id if found else None


LOOKS_BACK = timedelta(hours=1)
"""No decider but `returning` looks further back than this."""
