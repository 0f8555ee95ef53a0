"""Which model forecasts a series best, by what each would have said at past moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aiops.intelligence.forecasting.candidates import NAIVE, Floats, Integers, Model, Past, candidates

_MOST_ORIGINS = 240
_MOST_STEPS = 48
_COMBINED = 3


@dataclass(frozen=True)
class BackTest:
    """What was tried and how it did.

    `models` are those whose mean is the forecast (one, or the best three); `errors[i, j]` is what came less what it
    said, from origin i for `steps[j]`, NaN where that lies past the end. `loss` and `naive_loss` are mean absolute
    errors over the same origins and steps, `tried` every candidate's.
    """

    models: tuple[str, ...]
    steps: Integers
    errors: Floats
    loss: float
    naive_loss: float
    tried: dict[str, float]

    @property
    def origins(self) -> int:
        return len(self.errors)


def back_test(values: Floats, horizon: int, periods: tuple[int, ...]) -> BackTest:
    """Ask every candidate at up to 240 past moments, and take what erred least; naive stays where nothing beats it."""
    past = _past(values, horizon)
    came = _came(values, past)
    weights = _weights(past, len(values))
    said = {name: model(past) for name, model in candidates(int(past.origins[0]), periods).items()}
    tried = {name: _loss(came - one, weights) for name, one in said.items()}
    best = sorted(tried, key=lambda name: tried[name])[:_COMBINED]
    mixed = np.mean([said[name] for name in best], axis=0)
    chosen: tuple[str, ...]
    chosen, loss, errors = (best[0],), tried[best[0]], came - said[best[0]]
    if (together := _loss(came - mixed, weights)) < loss:
        chosen, loss, errors = tuple(best), together, came - mixed
    if not loss < tried[NAIVE]:
        chosen, loss, errors = (NAIVE,), tried[NAIVE], came - said[NAIVE]
    return BackTest(chosen, past.steps, errors, loss, tried[NAIVE], tried)


def ahead(values: Floats, horizon: int, models: tuple[str, ...], periods: tuple[int, ...]) -> Floats:
    """What the mean of these models says now, for each step of the horizon."""
    past = Past(values, np.array([len(values) - 1]), np.arange(1, horizon + 1))
    known: dict[str, Model] = candidates(len(values), periods)
    return np.asarray(np.mean([known[name](past)[0] for name in models], axis=0))


def _past(values: Floats, horizon: int) -> Past:
    """From a third of the history on, evenly; steps that no origin reaches are left out, many are thinned."""
    length = len(values)
    first = max(length // 3, 6)
    furthest = min(horizon, max((length - 1 - first) * 2 // 3, 1))
    steps = np.arange(1, furthest + 1)
    if furthest > _MOST_STEPS:
        steps = np.unique(np.geomspace(1, furthest, _MOST_STEPS).round().astype(np.int64))
    count = min(_MOST_ORIGINS, length - 1 - first)
    return Past(values, np.unique(np.linspace(first, length - 2, count).astype(np.int64)), steps)


def _came(values: Floats, past: Past) -> Floats:
    wanted = past.origins[:, None] + past.steps
    return np.where(wanted < len(values), values[np.minimum(wanted, len(values) - 1)], np.nan)


def _weights(past: Past, length: int) -> Floats:
    """What was lately counts more: half as much for each half of the history."""
    return np.asarray(0.5 ** ((length - 1 - past.origins) / (length / 2)))


def _loss(errors: Floats, weights: Floats) -> float:
    known = np.isfinite(errors)
    by_origin = np.where(known, np.abs(errors), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return float(np.sum(by_origin * weights) / np.sum(weights))
