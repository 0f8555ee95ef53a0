"""Which incident an alert or an anomaly belongs to, and why. Pure: no database, no clock.

`place` takes arrivals and a `Scene`, which is what is known of incidents, and gives for each arrival its incident and
the reason. The scene learns by it, so that the next arrivals may follow. The hub fills a scene from the database for
each batch; a replay keeps one in memory for all of its past. What relates is a `Trait` that two have in common; the
`DECIDERS` are asked in their order and the first that knows decides.
"""

from aiops.intelligence.domain.correlation.arrivals import (
    FINDINGS,
    Arrival,
    ArrivalKind,
    Surroundings,
    Trait,
    TraitKind,
)
from aiops.intelligence.domain.correlation.deciders import DECIDERS, Decider, Joining
from aiops.intelligence.domain.correlation.placing import Placement, place, traits_of
from aiops.intelligence.domain.correlation.scene import Scene, Sketch

__all__ = [
    "DECIDERS",
    "FINDINGS",
    "Arrival",
    "ArrivalKind",
    "Decider",
    "Joining",
    "Placement",
    "Scene",
    "Sketch",
    "Surroundings",
    "Trait",
    "TraitKind",
    "place",
    "traits_of",
]
