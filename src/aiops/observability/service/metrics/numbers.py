"""Between matrices of numbers and the series of an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from aiops.kernel.errors import Invalid
from aiops.observability.ports import Floats, InstantSeries, Labels
from aiops.observability.promql import EvalResult
from aiops.observability.promql.fleet import Order
from aiops.observability.service.metrics.remote import (
    RemoteInstant,
    RemoteMatrix,
    ScalarResult,
    VectorResult,
)
from aiops.observability.service.metrics.text import Points, printed


class PrintedSeries(msgspec.Struct, frozen=True):
    """A `RangeSeries` whose values may be JSON already: an answer to a person is never read in between."""

    metric: Labels
    values: msgspec.Raw | list[tuple[float, str]]


def name_cluster(labels: Labels, cluster: str) -> None:
    """As `in_cluster`, for labels that nobody else holds: to copy a remote's answer cost more than to decode it."""
    own = labels.get("cluster")
    if own is not None and own != cluster:
        labels["exported_cluster"] = own
    labels["cluster"] = cluster


def in_cluster(labels: Labels, cluster: str) -> Labels:
    """The labels with the cluster's name; a `cluster` of the series' own becomes `exported_cluster`."""
    own = labels.get("cluster")
    if own is not None and own != cluster:
        return {**labels, "exported_cluster": own, "cluster": cluster}
    return {**labels, "cluster": cluster}


def range_series(result: EvalResult, start_ms: int, step_ms: int, cluster: str | None) -> list[PrintedSeries]:
    """`cluster` is put on every series, unless they span clusters (`None`)."""
    points = Points(start_ms, step_ms, result.values.shape[1])
    return [
        PrintedSeries(labels if cluster is None else in_cluster(labels, cluster), points.json(values, present))
        for labels, values, present in zip(result.labels, result.values, result.present, strict=True)
    ]


def instant_series(result: EvalResult, at_s: float, cluster: str | None = None) -> list[InstantSeries]:
    return [
        InstantSeries(labels if cluster is None else in_cluster(labels, cluster), (at_s, printed(float(values[0]))))
        for labels, values in zip(result.labels, result.values, strict=True)
    ]


def vector_of(data: RemoteInstant) -> list[InstantSeries]:
    """The series of a remote's instant answer. Raises `Invalid` where it is no vector and no scalar."""
    if isinstance(data, VectorResult):
        return data.result
    if isinstance(data, ScalarResult):
        return [InstantSeries({}, data.result)]
    raise Invalid("An instant query gives a vector or a scalar; this one gives neither.")


def sorted_as(order: Order | None, series: list[InstantSeries]) -> list[InstantSeries]:
    """An instant answer in the order that its query asks for; NaN comes last."""
    if order is None:
        return series

    def rank(one: InstantSeries) -> tuple[bool, float]:
        value = float(one.value[1])
        return math.isnan(value), 0.0 if math.isnan(value) else value if order is Order.RISING else -value

    return sorted(series, key=rank)


def result_of_vector(series: Sequence[InstantSeries]) -> EvalResult:
    values = np.array([[float(one.value[1])] for one in series], dtype=np.float64).reshape(len(series), 1)
    return EvalResult([one.metric for one in series], values, np.ones(values.shape, dtype=bool))


def result_of_matrix(series: Sequence[RemoteMatrix], times: Floats) -> EvalResult:
    """As `matrix_of`, with NaN told from nothing."""
    values = np.zeros((len(series), len(times)))
    present = np.zeros(values.shape, dtype=bool)
    start, step = times[0], times[1] - times[0] if len(times) > 1 else 1.0
    for row, one in enumerate(series):
        column = np.rint((np.array([at for at, _ in one.values]) - start) / step).astype(np.int64)
        values[row, column] = [float(text) for _, text in one.values]
        present[row, column] = True
    return EvalResult([one.metric for one in series], values, present)


def matrix_of(series: Sequence[RemoteMatrix], times: Floats) -> Floats:
    """Series × times, NaN where a series has no value."""
    matrix = np.full((len(series), len(times)), np.nan)
    if not len(times):
        return matrix
    start, step = times[0], times[1] - times[0] if len(times) > 1 else 1.0
    for row, one in enumerate(series):
        at = np.array([point[0] for point in one.values])
        column = np.rint((at - start) / step).astype(np.int64)
        inside = (column >= 0) & (column < len(times))
        matrix[row, column[inside]] = np.array([float(point[1]) for point in one.values])[inside]
    return matrix
