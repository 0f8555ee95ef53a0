"""A query over the fleet, computed from what each cluster gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from aiops.kernel.errors import Invalid
from aiops.observability.needs import StoredSeries
from aiops.observability.ports import InstantSeries
from aiops.observability.promql import EvalResult, evaluate
from aiops.observability.promql.fleet import FleetPlan, Push, Subquery
from aiops.observability.promql.nodes import Selector
from aiops.observability.promql.vectors import Vector
from aiops.observability.service.metrics import numbers
from aiops.observability.service.metrics.steps import MAX_STEPS, Steps

_NO_CLUSTER = UUID(int=0)


@dataclass(frozen=True)
class Ask:
    """What every cluster is asked, and at which moments."""

    push: Push
    steps: Steps


class Computation:
    """`asks` are to be answered by the clusters; `value` then gives the whole."""

    def __init__(self, plan: FleetPlan, steps: Steps) -> None:
        self._plan = plan
        self._steps = steps
        self._inner = [
            Computation(subquery.inner, _moments(subquery, selector, steps))
            for subquery, selector in zip(plan.subqueries, plan.plan.selectors, strict=True)
        ]
        self.asks: list[Ask] = [Ask(push, steps) for push in plan.pushes]
        for inner in self._inner:
            self.asks += inner.asks

    def value(self, found: Sequence[Vector]) -> EvalResult:
        """`found[i]` is the fleet's answer to `asks[i]`. Raises `Invalid` where the query makes no sense of it."""
        own, rest = found[: len(self._plan.pushes)], found[len(self._plan.pushes) :]
        data = []
        for inner in self._inner:
            data.append(_as_samples(inner.value(rest[: len(inner.asks)]), inner._steps))
            rest = rest[len(inner.asks) :]
        steps = self._steps
        return evaluate(self._plan.plan, data, steps.start_ms, steps.end_ms, steps.step_ms, own)


Found = EvalResult | list[InstantSeries] | None
"""What a cluster gave: numbers of several moments or of the hub's own, a remote's series of one moment, or nothing."""


def cells_of(found: Found) -> int:
    if found is None:
        return 0
    return len(found) if isinstance(found, list) else found.values.size


def united(parts: Sequence[tuple[str, Found]], steps: int) -> Vector:
    """The answers of clusters, by their names, as one vector whose series carry `cluster`."""
    instants = [(cluster, part) for cluster, part in parts if isinstance(part, list) and part]
    results = [(cluster, part) for cluster, part in parts if isinstance(part, EvalResult) and part.labels]
    if not instants and not results:
        return Vector.empty(steps)
    labels = [numbers.in_cluster(one.metric, cluster) for cluster, part in instants for one in part]
    labels += [numbers.in_cluster(one, cluster) for cluster, part in results for one in part.labels]
    # All clusters' values at once: an array for each costs more than what is in it.
    values = [np.array([[float(one.value[1])] for _, part in instants for one in part]).reshape(-1, steps)]
    present = [np.ones(values[0].shape, dtype=bool)]
    return Vector(
        labels,
        np.concatenate(values + [part.values for _, part in results]),
        np.concatenate(present + [part.present for _, part in results]),
    )


def _moments(subquery: Subquery, selector: Selector, steps: Steps) -> Steps:
    """Every multiple of the subquery's step that a window of the outer query may hold."""
    first, last = selector.bounds(steps.start_ms, steps.end_ms)
    moments = Steps(-(-first // subquery.step_ms) * subquery.step_ms, last, subquery.step_ms)
    if moments.count > MAX_STEPS:
        raise Invalid(
            f"A subquery across clusters would be evaluated at {moments.count:,} moments, more than {MAX_STEPS:,}: "
            "give it a longer step or a shorter range."
        )
    return moments


def _as_samples(result: EvalResult, steps: Steps) -> list[StoredSeries]:
    times = steps.start_ms + np.arange(steps.count, dtype=np.int64) * steps.step_ms
    return [
        StoredSeries(_NO_CLUSTER, labels, times[present], values[present])
        for labels, values, present in zip(result.labels, result.values, result.present, strict=True)
    ]
