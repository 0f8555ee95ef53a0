"""Causes among the columns of a table, best first, from what moved, how far, when, and what kind of metric it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aiops.intelligence.ranking.moves import Flags, Floats, Moves, moves_of
from aiops.intelligence.ranking.names import RESOURCES, Column, Kind, columns_of


@dataclass(frozen=True)
class Weights:
    """The rules' weights; each comment says what switches its rule off."""

    # Share of a move that counts, upwards and downwards: a resource's, a symptom's, the load's, others'; off: all 1.
    up: tuple[float, float, float, float] = (1.0, 0.9, 0.7, 0.8)
    down: tuple[float, float, float, float] = (0.6, 0.5, 0.5, 0.5)
    # How much a move by its own former level counts beside one by its own spread; off: 0.
    ratio: float = 1.0
    # How much of a move is taken off that the same metric made in most services; off: 0.
    common: float = 0.5
    # More spreads than these are no more evidence; off: infinity.
    most: float = 30.0
    # How much is gained by the first to move; off: 0.
    first: float = 0.05
    # How much the best metric of another kind adds to a service's best; off: 0.
    support: float = 0.5
    # How much of a symptom is taken off where a callee has all of it; off: 0.
    graph: float = 0.75
    # Spreads below which nothing moved.
    moved: float = 2.5
    # Scores become shares as exp(score / temperature): fitted to made systems (`bench/made_systems.py`).
    temperature: float = 0.8


class Ranked(NamedTuple):
    metric: str
    service: str
    confidence: float


class Ranking(NamedTuple):
    """`rows`, best first, or none and the `reason` why the data decides nothing."""

    rows: list[Ranked]
    reason: str | None


DEFAULT = Weights()
_FIRST_WITHIN = 0.15
_ALIKE = 0.05
_ENOUGH_ALIKE = 4
# However clear a table is, the cause may be where no column looks.
_ELSEWHERE = 0.02


def rank_columns(
    names: Sequence[str],
    before: Floats,
    after: Floats,
    edges: Sequence[tuple[str, str]] = (),
    weights: Weights = DEFAULT,
) -> Ranking:
    """Rank the columns of two tables, rows × `names`, NaN where a value is missing; `edges` are (caller, callee)."""
    columns = columns_of(names)
    moves = moves_of(before, after)
    moved = moves.spreads >= weights.moved
    if not moved.any():
        farthest = float(moves.spreads.max(initial=0.0))
        return Ranking([], f"none of {len(names)} metrics left its own past; the farthest went {farthest:.1f} spreads")
    scores = _scores(columns, moves, moved, weights)
    scores = _less_explained(columns, scores, moves, edges, weights)
    services = _by_service(columns, scores, weights)
    if _alike(services, moved):
        return Ranking([], f"all {len(services)} services moved alike")
    shares = _shares(services, weights)
    best: dict[str, float] = {}
    for column, score in zip(columns, scores, strict=True):
        best[column.service] = max(best.get(column.service, 0.0), float(score))
    rows = [
        Ranked(c.name, c.service, shares[c.service] * float(np.exp(score - best[c.service])))
        for c, score, yes in zip(columns, scores, moved, strict=True)
        if yes
    ]
    rows.sort(key=lambda row: (-row.confidence, row.metric))
    return Ranking(rows, None)


def _role(kind: Kind) -> int:
    if kind in RESOURCES:
        return 0
    return {Kind.LATENCY: 1, Kind.ERRORS: 1, Kind.LOAD: 2}.get(kind, 3)


def _scores(columns: list[Column], moves: Moves, moved: Flags, weights: Weights) -> Floats:
    up, down = weights.up, weights.down
    kind = np.array([(up if side > 0 else down)[_role(c.kind)] for c, side in zip(columns, moves.side, strict=True)])
    far = np.log1p(np.minimum(moves.spreads, weights.most)) + weights.ratio * np.log1p(moves.ratio)
    far = np.maximum(0.0, far - weights.common * _common(columns, np.where(moved, far, 0.0)))
    onset = np.where(moved, moves.onset, np.nan)
    late = np.nan_to_num(onset - np.nanmin(onset), nan=1.0) if np.isfinite(onset).any() else np.zeros(len(columns))
    early = 1 + weights.first * np.exp(-late / _FIRST_WITHIN)
    return np.where(moved, kind * far * early, 0.0)


def _common(columns: list[Column], far: Floats) -> Floats:
    """What the metric of each column did in the middle one of the services that have it."""
    alike: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        alike.setdefault(column.metric, []).append(place)
    found = np.zeros(len(columns))
    for places in alike.values():
        if len(places) >= _ENOUGH_ALIKE:
            found[places] = np.median(far[places])
    return found


def _less_explained(
    columns: list[Column], scores: Floats, moves: Moves, edges: Sequence[tuple[str, str]], weights: Weights
) -> Floats:
    """A caller is slow and fails because what it calls does: its symptom counts less by the callee's part of it.

    What a callee adds to a caller's symptom is its own in the same metric: the seconds that it takes longer, the errors
    that it answers with.
    """
    if not edges:
        return scores
    place_of = {(column.service, column.metric): place for place, column in enumerate(columns)}
    callees: dict[str, set[str]] = {}
    for caller, callee in edges:
        if caller != callee:
            callees.setdefault(caller, set()).add(callee)
    found = scores.copy()
    for place, column in enumerate(columns):
        if column.kind not in (Kind.LATENCY, Kind.ERRORS) or moves.shift[place] <= 0:
            continue
        below = [place_of.get((callee, column.metric)) for callee in callees.get(column.service, ())]
        theirs = max((float(moves.shift[other]) for other in below if other is not None), default=0.0)
        found[place] *= 1 - weights.graph * min(1.0, max(0.0, theirs / float(moves.shift[place])))
    return found


def _by_service(columns: list[Column], scores: Floats, weights: Weights) -> dict[str, float]:
    found: dict[str, dict[Kind, float]] = {}
    for column, score in zip(columns, scores, strict=True):
        own = found.setdefault(column.service, {})
        own[column.kind] = max(own.get(column.kind, 0.0), float(score))
    summed = {}
    for service, kinds in found.items():
        best, second, *_ = [*sorted(kinds.values(), reverse=True), 0.0]
        summed[service] = best + weights.support * second
    return summed


def _alike(services: dict[str, float], moved: Flags) -> bool:
    found = np.array(list(services.values()))
    if len(found) < 3 or moved.mean() < 0.8:
        return False
    return bool((found.max() - np.median(found)) < _ALIKE * found.max())


def _shares(services: dict[str, float], weights: Weights) -> dict[str, float]:
    found = np.array(list(services.values()))
    odds = np.exp((found - found.max()) / weights.temperature)
    return dict(zip(services, ((1 - _ELSEWHERE) * odds / odds.sum()).tolist(), strict=True))
