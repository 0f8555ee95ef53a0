"""Causes among the columns of a table, best first, from what moved, how far, when, and what kind of metric it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aiops.intelligence.ranking.moves import Flags, Floats, Moves, moves_of
from aiops.intelligence.ranking.names import Column, Kind, columns_of


@dataclass(frozen=True)
class Weights:
    """The rules' weights; each comment says what switches its rule off."""

    # Share of a move that counts by the metric's kind, upwards and downwards; off: 1.0 everywhere.
    up: tuple[tuple[Kind, float], ...] = (
        (Kind.RESOURCE, 1.0),
        (Kind.LATENCY, 0.8),
        (Kind.ERRORS, 0.8),
        (Kind.LOAD, 0.6),
        (Kind.OTHER, 0.8),
    )
    down: tuple[tuple[Kind, float], ...] = (
        (Kind.RESOURCE, 0.6),
        (Kind.LATENCY, 0.4),
        (Kind.ERRORS, 0.4),
        (Kind.LOAD, 0.5),
        (Kind.OTHER, 0.6),
    )
    # How much a move by its own former level counts beside one by its own spread; off: 0.
    ratio: float = 0.5
    # How much is gained by the first to move; off: 0.
    first: float = 0.15
    # How much the other metrics of a service add to its best; off: 0.
    support: float = 0.1
    # How much of a symptom is taken off where a callee moved as far; off: 0.
    graph: float = 0.5
    # Spreads below which nothing moved.
    moved: float = 3.0
    # Scores are shares as exp(score / temperature).
    temperature: float = 1.0


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
    scores = _less_explained(columns, scores, edges, weights)
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


def _scores(columns: list[Column], moves: Moves, moved: Flags, weights: Weights) -> Floats:
    up, down = dict(weights.up), dict(weights.down)
    kind = np.array([(up if side > 0 else down)[c.kind] for c, side in zip(columns, moves.side, strict=True)])
    far = np.log1p(moves.spreads) + weights.ratio * np.log1p(moves.ratio)
    onset = np.where(moved, moves.onset, np.nan)
    late = np.nan_to_num(onset - np.nanmin(onset), nan=1.0) if np.isfinite(onset).any() else np.zeros(len(columns))
    early = 1 + weights.first * np.exp(-late / _FIRST_WITHIN)
    return np.where(moved, kind * far * early, 0.0)


def _less_explained(
    columns: list[Column], scores: Floats, edges: Sequence[tuple[str, str]], weights: Weights
) -> Floats:
    """A caller is slow because what it calls is: its symptoms count less by how far a callee moved itself."""
    if not edges:
        return scores
    best: dict[str, float] = {}
    for column, score in zip(columns, scores, strict=True):
        best[column.service] = max(best.get(column.service, 0.0), float(score))
    callees: dict[str, float] = {}
    for caller, callee in edges:
        if caller != callee:
            callees[caller] = max(callees.get(caller, 0.0), best.get(callee, 0.0))
    found = scores.copy()
    for place, column in enumerate(columns):
        if column.kind is not Kind.RESOURCE and scores[place] > 0:
            explained = min(1.0, callees.get(column.service, 0.0) / float(scores[place]))
            found[place] *= 1 - weights.graph * explained
    return found


def _by_service(columns: list[Column], scores: Floats, weights: Weights) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for column, score in zip(columns, scores, strict=True):
        found.setdefault(column.service, []).append(float(score))
    summed = {}
    for service, own in found.items():
        own.sort(reverse=True)
        summed[service] = own[0] + weights.support * (own[1] if len(own) > 1 else 0.0)
    return summed


def _alike(services: dict[str, float], moved: Flags) -> bool:
    found = np.array(list(services.values()))
    if len(found) < 3 or moved.mean() < 0.8:
        return False
    return bool((found.max() - np.median(found)) < _ALIKE * found.max())


def _shares(services: dict[str, float], weights: Weights) -> dict[str, float]:
    found = np.array(list(services.values()))
    odds = np.exp((found - found.max()) / weights.temperature)
    return dict(zip(services, (odds / odds.sum()).tolist(), strict=True))
