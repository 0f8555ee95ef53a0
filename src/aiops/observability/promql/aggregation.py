"""Aggregations of a vector by groups of its labels."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import cast

import numpy as np

from aiops.observability.ports import Floats, Labels
from aiops.observability.promql.nodes import Aggregate, Mask
from aiops.observability.promql.vectors import Indices, Key, Vector, group, grouper, key_of
from aiops.observability.promql.windows import ranked


def aggregate(node: Aggregate, vector: Vector, parameter: Floats | None) -> Vector:
    """`parameter` is the scalar argument at each step, of those aggregations that take one."""
    if not vector.labels:
        return vector
    if node.label is not None:
        return _counted(node, vector, node.label)
    index, groups = group(vector.labels, grouper(node.labels, keep=not node.without))
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(len(groups)))
    values, present = vector.values[order], vector.present[order]
    if node.op in {"topk", "bottomk"}:
        assert parameter is not None
        return _extremes(node.op, Vector([vector.labels[row] for row in order], values, present), starts, parameter)
    count = np.add.reduceat(present, starts, axis=0, dtype=np.int64)
    with np.errstate(all="ignore"):
        if node.op == "quantile":
            assert parameter is not None
            result = _quantile(values, present, starts, count, parameter)
        else:
            result = _reduced(node.op, values, present, starts, count)
    return Vector(groups, result, count > 0)


def _reduced(op: str, values: Floats, present: Mask, starts: Indices, count: Indices) -> Floats:
    if op == "count":
        return count.astype(np.float64)
    if op == "group":
        return np.ones(count.shape)
    if op in {"min", "max"}:
        extreme = np.fmin if op == "min" else np.fmax
        return cast("Floats", extreme.reduceat(np.where(present, values, np.nan), starts, axis=0))
    total = np.add.reduceat(np.where(present, values, 0.0), starts, axis=0)
    if op == "sum":
        return cast("Floats", total)
    mean = total / count
    if op == "avg":
        return mean
    sizes = np.diff(np.append(starts, len(values)))
    spread = np.where(present, values - np.repeat(mean, sizes, axis=0), 0.0)
    variance = np.add.reduceat(spread * spread, starts, axis=0) / count
    return cast("Floats", np.sqrt(variance) if op == "stddev" else variance)


def _counted(node: Aggregate, vector: Vector, label: str) -> Vector:
    """How often each value is there, the value as a label."""
    cut = grouper(node.labels, keep=not node.without)
    counts: dict[Key, tuple[Labels, Floats]] = {}
    for labels, values, present in zip(vector.labels, vector.values, vector.present, strict=True):
        for value in np.unique(values[present]).tolist():
            at = present & ((values == value) | (np.isnan(values) & math.isnan(value)))
            group_labels = {**cut(labels), label: shortest(value)}
            _, count = counts.setdefault(key_of(group_labels), (group_labels, np.zeros(values.shape)))
            count += at
    if not counts:
        return Vector.empty(vector.values.shape[1])
    totals = np.array([count for _, count in counts.values()])
    return Vector([labels for labels, _ in counts.values()], totals, totals > 0)


def shortest(value: float) -> str:
    """A number as PromQL writes it into a label."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    return format(Decimal(text), "f").removesuffix(".0") if "e" in text else text.removesuffix(".0")


def _quantile(values: Floats, present: Mask, starts: Indices, count: Indices, phi: Floats) -> Floats:
    result = np.empty(count.shape)
    ends = np.append(starts[1:], len(values))
    steps = values.shape[1]
    for number, (begin, end) in enumerate(zip(starts, ends, strict=True)):
        rows, there = values[begin:end], present[begin:end]
        # NaN first, then numbers, then what is absent.
        place = np.where(there, np.where(np.isnan(rows), 0, 1), 2)
        order = np.lexsort((np.where(np.isnan(rows), 0.0, rows), place), axis=0)
        ordered = np.take_along_axis(rows, order, axis=0).T.ravel()
        begins = np.arange(steps, dtype=np.int64) * (end - begin)
        result[number] = ranked(ordered, begins, count[number], phi)
    return result


def _extremes(op: str, vector: Vector, starts: Indices, parameter: Floats) -> Vector:
    """The k largest or smallest of each group at each step, with their own labels; NaN comes last."""
    kept = np.zeros(vector.present.shape, dtype=bool)
    ends = np.append(starts[1:], len(vector.labels))
    wanted = np.where(np.isnan(parameter), 0, np.trunc(np.clip(parameter, 0, len(vector.labels))))
    for begin, end in zip(starts, ends, strict=True):
        rows, there = vector.values[begin:end], vector.present[begin:end]
        missing = np.isnan(rows)
        key = np.where(missing, 0.0, rows if op == "bottomk" else -rows)
        order = np.lexsort((key, np.where(there, missing.astype(np.int64), 2)), axis=0)
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(end - begin)[:, None], axis=0)
        kept[begin:end] = there & (rank < wanted[None, :])
    return Vector(vector.labels, vector.values, kept).pruned()
