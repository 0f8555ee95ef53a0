"""Who may follow from whom where no topology says so, who has nothing to do with it, and what nobody watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np

from aiops.intelligence.domain.causes import Signal, TopologyView
from aiops.intelligence.domain.things import NodeKind
from aiops.intelligence.ranking.departures import Departure
from aiops.intelligence.ranking.names import RESOURCES, Kind
from aiops.intelligence.ranking.subjects import Key, Subjects
from aiops.intelligence.ranking.weighing import Weighed, suffers

TOGETHER = 0.6
_NEAR_S = 300.0
_AFTER = 1.0
_HIDDEN = 1.0
_MOST = 0.5
_UNWATCHED = frozenset(
    {NodeKind.SERVICE, NodeKind.NODE, NodeKind.HOST, NodeKind.SWITCH, NodeKind.ROUTER, NodeKind.STORAGE}
)
_SYMPTOMS = frozenset({Kind.LATENCY, Kind.ERRORS})


class HiddenNeed(NamedTuple):
    """Something that what suffers needs, of which no series is watched."""

    name: str
    points: float


def correlation(one: Signal, other: Signal, start: float) -> float | None:
    """Pearson's, since `start`; `None` where too little of both is there."""
    grid = one.times[one.times >= start]
    if len(grid) < 6 or len(other.times) < 6:
        return None
    a = one.values[one.times >= start]
    at = np.clip(np.searchsorted(other.times, grid + 1e-6, side="right") - 1, 0, None)
    b = other.values[at]
    both = np.isfinite(a) & np.isfinite(b) & (grid - other.times[at] <= 30)
    if both.sum() < 6 or a[both].std() < 1e-12 or b[both].std() < 1e-12:
        return None
    return float(np.corrcoef(a[both], b[both])[0, 1])


def without_topology(weighed: Mapping[Key, Weighed], onset: float) -> None:
    """A symptom comes after what may explain it: no resource gets busy because a service is slow.

    A small resource and a large symptom leave their bands in either order, and sampling blurs it further; so what
    moved with it and at most two samples later may still be the explanation.
    """
    for one in weighed.values():
        if one.lead is None or one.lead.kind not in _SYMPTOMS:
            continue
        explaining = [other for other in weighed.values() if other is not one and _may_explain(other, one, onset)]
        if explaining:
            best = max(explaining, key=lambda other: other.points)
            one.explained, one.explained_by = 1.0, best.subject.key
            one.points = min(one.points, best.points - _AFTER)


def _may_explain(other: Weighed, one: Weighed, onset: float) -> bool:
    symptom = one.lead
    assert symptom is not None
    return any(_leads(moved, symptom, onset) for moved in other.subject.moved)


def _leads(moved: Departure, symptom: Departure, onset: float) -> bool:
    if moved.signal.cluster_id != symptom.signal.cluster_id or moved.signal.symptom:
        return False
    if moved.kind not in RESOURCES and not moved.stopped:
        return False
    slack = 2 * max(moved.signal.interval_s, symptom.signal.interval_s)
    if moved.at > symptom.at + slack:
        return False
    found = correlation(moved.signal, symptom.signal, onset - _NEAR_S)
    return moved.stopped or (found is not None and abs(found) >= TOGETHER)


def hidden_need(
    candidates: Sequence[Weighed], subjects: Subjects, signals: Sequence[Signal], topology: TopologyView | None
) -> HiddenNeed | None:
    """The nearest need of the first candidate that nobody watches, where the candidate itself shows symptoms alone."""
    first = candidates[0]
    if topology is None or not first.subject.nodes or _has_own_reason(first):
        return None
    watched: set[UUID] = set()
    names: set[str] = set()
    for signal in signals:
        key, nodes = subjects.key_of(signal.cluster_id, signal.labels, signal.title)
        watched.update(nodes)
        names.add(key.name)
    for one in candidates:
        watched.update(one.subject.nodes)
        names.add(one.subject.key.name)
    suffering = [one for one in candidates if suffers(one) and one.subject.nodes]
    hurt = {node for one in suffering for node in one.subject.nodes}
    best: HiddenNeed | None = None
    for node in first.subject.nodes:
        for needed in topology.depends_on(node):
            found = topology.node(needed)
            if found is None or found.kind not in _UNWATCHED or needed in watched or found.name in names:
                continue
            whose = watched & set(topology.dependants(needed, 1))
            # Where most of what needs it is well, it is not what fails.
            if not whose or len(whose & hurt) < _MOST * len(whose):
                continue
            share = np.mean([bool(one.subject.nodes & whose) for one in suffering])
            points = first.points + _HIDDEN * float(np.nan_to_num(share))
            if best is None or points > best.points:
                best = HiddenNeed(found.name, points)
    return best


def _has_own_reason(one: Weighed) -> bool:
    own = any(moved.stopped or (moved.kind in RESOURCES and moved.side > 0) for moved in one.subject.moved)
    return own or one.change is not None or one.alert >= 2.0 or one.trace >= 0.5
