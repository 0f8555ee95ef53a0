"""Walks a plan over samples, all steps at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod

import numpy as np

from aiops.kernel.errors import Invalid
from aiops.observability.needs import StoredSeries
from aiops.observability.ports import Floats, Labels
from aiops.observability.promql import nodes
from aiops.observability.promql.aggregation import aggregate
from aiops.observability.promql.coarse import notes_on
from aiops.observability.promql.functions import CALENDAR, ELEMENTWISE, clamped, rounded
from aiops.observability.promql.histograms import histogram_quantile
from aiops.observability.promql.operators import between_scalars, between_vectors, with_scalar
from aiops.observability.promql.relabelling import RELABELLING
from aiops.observability.promql.vectors import Vector, without_name
from aiops.observability.promql.windows import Ints, latest, over_range

MAX_CELLS = 10_000_000
"""Series times steps that one evaluation may span."""

_CELLS_AT_ONCE = 1_000_000

Value = Floats | Vector


def evaluate(
    plan: nodes.Plan,
    data: Sequence[Sequence[StoredSeries]],
    start_ms: int,
    end_ms: int,
    step_ms: int,
    fetched: Sequence[Vector] = (),
) -> nodes.EvalResult:
    """The plan's value at `start_ms`, `start_ms + step_ms`, … up to `end_ms`; a scalar is one series without labels.

    `data[i]` holds what `plan.selectors[i]` selects within its `bounds`, `fetched[i]` what `nodes.Fetched(i)` stands
    for, at the same steps. Pure and synchronous: run it in a thread
    where it is large. Raises `Invalid` where the query cannot be answered on these series, or costs too much.
    """
    steps = np.arange(start_ms, end_ms + 1, max(step_ms, 1), dtype=np.int64)
    widest = max((len(series) for series in (*data, *(one.labels for one in fetched))), default=0)
    if widest * len(steps) > MAX_CELLS:
        raise Invalid(
            f"This query spans {widest} series at {len(steps)} steps; the bound is {MAX_CELLS:,} values. "
            "Ask for fewer series, a shorter time or a longer step."
        )
    result = _Evaluation(plan, data, fetched, steps, end_ms).value(plan.root)
    notes = notes_on(data, [selector.range_ms for selector in plan.selectors])
    if isinstance(result, Vector):
        vector = result.pruned()
        return nodes.EvalResult(vector.labels, vector.values, vector.present, notes)
    return nodes.EvalResult([{}], result[None, :], np.ones((1, len(steps)), dtype=bool), notes, scalar=True)


class _Evaluation:
    def __init__(
        self,
        plan: nodes.Plan,
        data: Sequence[Sequence[StoredSeries]],
        fetched: Sequence[Vector],
        steps: Ints,
        end_ms: int,
    ) -> None:
        self._plan = plan
        self._data = data
        self._fetched = fetched
        self._steps = steps
        self._end_ms = end_ms

    def _scalar(self, node: nodes.Node) -> Floats:
        value = self.value(node)
        if isinstance(value, Vector):
            raise Invalid("A scalar is needed where the query has a vector.")
        return value

    def _vector(self, node: nodes.Node) -> Vector:
        value = self.value(node)
        if not isinstance(value, Vector):
            raise Invalid("A vector is needed where the query has a scalar.")
        return value

    @singledispatchmethod
    def value(self, node: nodes.Node) -> Value:
        raise TypeError(f"no rule for {type(node).__name__}")

    @value.register
    def _number(self, node: nodes.Number) -> Value:
        return np.full(len(self._steps), node.value)

    @value.register
    def _select(self, node: nodes.Select) -> Value:
        series = self._data[node.index]
        moments = self._plan.selectors[node.index].moments(self._steps, self._end_ms)
        parts = [latest(some, moments) for some in self._pieces(series)]
        return self._joined([one.labels for one in series], parts).pruned()

    @value.register
    def _over_range(self, node: nodes.OverRange) -> Value:
        series = self._data[node.index]
        selector = self._plan.selectors[node.index]
        assert selector.range_ms is not None
        moments = selector.moments(self._steps, self._end_ms)
        parameter = self._scalar(node.parameter) if node.parameter is not None else None
        parts = [
            over_range(node.function, some, moments, selector.range_ms, parameter) for some in self._pieces(series)
        ]
        vector = self._joined([one.labels for one in series], parts).pruned()
        return vector if node.function == "last_over_time" else without_name(vector, merge=False)

    def _pieces(self, series: Sequence[StoredSeries]) -> list[Sequence[StoredSeries]]:
        """Bounded in memory: windows of a million (series, step) at a time."""
        size = max(1, _CELLS_AT_ONCE // len(self._steps))
        return [series[begin : begin + size] for begin in range(0, len(series), size)]

    def _joined(self, labels: list[Labels], parts: list[tuple[Floats, nodes.Mask]]) -> Vector:
        if not parts:
            return Vector.empty(len(self._steps))
        if len(parts) == 1:
            return Vector(labels, *parts[0])
        return Vector(labels, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))

    @value.register
    def _fetch(self, node: nodes.Fetched) -> Value:
        return self._fetched[node.index]

    @value.register
    def _absent(self, node: nodes.Absent) -> Value:
        gone: nodes.Mask = ~np.any(self._vector(node.operand).present, axis=0).reshape(-1)
        return Vector([dict(node.labels)], np.ones((1, len(self._steps))), gone[None, :])

    @value.register
    def _negate(self, node: nodes.Negate) -> Value:
        value = self.value(node.operand)
        if isinstance(value, Vector):
            return without_name(Vector(value.labels, -value.values, value.present))
        return -value

    @value.register
    def _aggregate(self, node: nodes.Aggregate) -> Value:
        parameter = self._scalar(node.parameter) if node.parameter is not None else None
        return aggregate(node, self._vector(node.operand), parameter)

    @value.register
    def _binary(self, node: nodes.Binary) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, Vector):
            if isinstance(right, Vector):
                return between_vectors(node, left, right)
            return with_scalar(node, left, right, scalar_left=False)
        if isinstance(right, Vector):
            return with_scalar(node, right, left, scalar_left=True)
        return between_scalars(node.op, left, right)

    @value.register
    def _call(self, node: nodes.Call) -> Value:
        name = node.function
        if name == "time":
            return self._steps / 1000.0
        if name == "histogram_quantile":
            return histogram_quantile(self._scalar(node.args[0]), self._vector(node.args[1]))
        if name == "vector":
            return Vector([{}], self._scalar(node.args[0])[None, :], np.ones((1, len(self._steps)), dtype=bool))
        if name == "pi":
            return np.full(len(self._steps), np.pi)
        if name in CALENDAR:
            seconds = self._vector(node.args[0]) if node.args else self._now()
            with np.errstate(all="ignore"):
                return without_name(Vector(seconds.labels, CALENDAR[name](seconds.values), seconds.present))
        vector = self._vector(node.args[0])
        if name in RELABELLING:
            return RELABELLING[name](vector, node.texts)
        if name == "scalar":
            alone = vector.present.sum(axis=0) == 1
            only = np.where(vector.present, vector.values, 0.0).sum(axis=0)
            return np.where(alone, only, np.nan)
        if name in {"sort", "sort_desc"}:
            return vector
        return without_name(Vector(vector.labels, self._elementwise(node, vector.values), vector.present))

    def _now(self) -> Vector:
        return Vector([{}], self._steps[None, :] / 1000.0, np.ones((1, len(self._steps)), dtype=bool))

    def _elementwise(self, node: nodes.Call, values: Floats) -> Floats:
        scalars = [self._scalar(argument)[None, :] for argument in node.args[1:]]
        with np.errstate(all="ignore"):
            if node.function == "round":
                return rounded(values, scalars[0] if scalars else np.ones((1, 1)))
            if node.function in ELEMENTWISE:
                return ELEMENTWISE[node.function](values)
            return clamped(node.function, values, scalars)
