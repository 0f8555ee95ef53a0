"""`histogram_quantile` over classic buckets."""

from __future__ import annotations

import numpy as np

from aiops.observability.ports import Floats
from aiops.observability.promql.nodes import Mask
from aiops.observability.promql.vectors import Vector, group, grouper


def histogram_quantile(phi: Floats, vector: Vector) -> Vector:
    """The quantile `phi` (one a step) of each histogram, whose buckets differ only in `le`."""
    bounds = [_bound(labels.get("le")) for labels in vector.labels]
    usable = [row for row, bound in enumerate(bounds) if bound is not None]
    index, groups = group([vector.labels[row] for row in usable], grouper(("le",), keep=False))
    steps = vector.values.shape[1]
    values, present = np.full((len(groups), steps), np.nan), np.zeros((len(groups), steps), dtype=bool)
    uppers = np.array([bounds[row] for row in usable], dtype=np.float64)
    rows = np.array(usable, dtype=np.int64)
    order = np.lexsort((uppers, index))
    starts = np.searchsorted(index[order], np.arange(len(groups) + 1))
    with np.errstate(all="ignore"):
        for number in range(len(groups)):
            members = order[starts[number] : starts[number + 1]]
            there = vector.present[rows[members]]
            present[number] = there.any(axis=0)
            _each_shape(uppers[members], vector.values[rows[members]], there, phi, values[number])
    return Vector(groups, values, present)


def _bound(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _each_shape(uppers: Floats, counts: Floats, there: Mask, phi: Floats, out: Floats) -> None:
    """Steps at which the same buckets are there are computed together; nearly always that is all of them."""
    shapes, which = np.unique(there, axis=1, return_inverse=True)
    which = which.ravel()
    for number in range(shapes.shape[1]):
        buckets, steps = shapes[:, number], np.flatnonzero(which == number)
        if buckets.any():
            out[steps] = _quantile(uppers[buckets], counts[np.ix_(buckets, steps)], phi[steps])


def _quantile(uppers: Floats, counts: Floats, phi: Floats) -> Floats:
    if not np.isposinf(uppers[-1]):
        return _outside(phi, np.full(len(phi), np.nan))
    distinct, first = np.unique(uppers, return_index=True)
    if len(distinct) < len(uppers):
        counts = np.add.reduceat(counts, first, axis=0)
    if len(distinct) < 2:
        return _outside(phi, np.full(len(phi), np.nan))
    rising = np.fmax.accumulate(counts, axis=0)
    rising = np.where(np.isnan(counts), counts, rising)
    total = rising[-1]
    rank = phi * total
    reached = rising[:-1] >= rank[None, :]
    bucket = np.where(reached.any(axis=0), reached.argmax(axis=0), len(distinct) - 1)
    steps = np.arange(len(phi))
    below = np.where(bucket > 0, rising[np.maximum(bucket - 1, 0), steps], 0.0)
    start = np.where(bucket > 0, distinct[np.maximum(bucket - 1, 0)], 0.0)
    inside = start + (distinct[bucket] - start) * ((rank - below) / (rising[bucket, steps] - below))
    inside = np.where((bucket == 0) & (distinct[0] <= 0), distinct[0], inside)
    inside = np.where(bucket == len(distinct) - 1, distinct[-2], inside)
    return _outside(phi, np.where((total == 0) | np.isnan(total), np.nan, inside))


def _outside(phi: Floats, inside: Floats) -> Floats:
    result: Floats = np.where(phi < 0, -np.inf, np.where(phi > 1, np.inf, inside))
    return np.where(np.isnan(phi), np.nan, result)
