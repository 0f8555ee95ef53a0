"""Vectors over all steps, and what keeps their series apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aiops.kernel.errors import Invalid
from aiops.observability.ports import Floats, Labels
from aiops.observability.promql.nodes import Mask

Key = tuple[tuple[str, str], ...]
Indices = npt.NDArray[np.int64]


@dataclass
class Vector:
    """`values[i, j]` belongs to `labels[i]` at step `j` where `present[i, j]`."""

    labels: list[Labels]
    values: Floats
    present: Mask

    @staticmethod
    def empty(steps: int) -> Vector:
        return Vector([], np.zeros((0, steps)), np.zeros((0, steps), dtype=bool))

    def pruned(self) -> Vector:
        """Without the series that are there at no step."""
        kept: Mask = np.any(self.present, axis=1).reshape(-1)
        if kept.all():
            return self
        return Vector(
            [one for one, keep in zip(self.labels, kept, strict=True) if keep], self.values[kept], self.present[kept]
        )


def key_of(labels: Labels) -> Key:
    return tuple(sorted(labels.items()))


def nameless(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != "__name__"}


def grouper(names: Iterable[str], *, keep: bool) -> Callable[[Labels], Labels]:
    """Cuts labels down to `names`, or (`keep=False`) to all others; a name is dropped with the others."""
    chosen = frozenset(names)
    if keep:
        return lambda labels: {name: value for name, value in labels.items() if name in chosen}
    dropped = chosen | {"__name__"}
    return lambda labels: {name: value for name, value in labels.items() if name not in dropped}


def group(labels: list[Labels], cut: Callable[[Labels], Labels]) -> tuple[Indices, list[Labels]]:
    """The group of each series, and the labels of each group."""
    known: dict[Key, int] = {}
    groups: list[Labels] = []
    index = np.empty(len(labels), dtype=np.int64)
    for row, one in enumerate(labels):
        shortened = cut(one)
        key = key_of(shortened)
        number = known.get(key)
        if number is None:
            number = known[key] = len(groups)
            groups.append(shortened)
        index[row] = number
    return index, groups


def without_name(vector: Vector, *, merge: bool = True) -> Vector:
    """The vector with its metric names dropped.

    Series that become one are merged where no step has both (`merge`); otherwise the query is refused.
    """
    index, groups = group(vector.labels, nameless)
    if len(groups) == len(vector.labels):
        return Vector(groups, vector.values, vector.present)
    if not merge:
        raise Invalid("The query's result has two series with the same labels, once the metric name is dropped.")
    return merged(Vector(vector.labels, vector.values, vector.present), index, groups)


def merged(vector: Vector, index: Indices, groups: list[Labels]) -> Vector:
    """Rows of the same group as one row. Raises `Invalid` where two of them are there at the same step."""
    steps = vector.values.shape[1]
    values, present = np.zeros((len(groups), steps)), np.zeros((len(groups), steps), dtype=bool)
    for row, number in enumerate(index):
        there = vector.present[row]
        if (present[number] & there).any():
            raise Invalid("The query's result has two series with the same labels at the same time.")
        values[number][there] = vector.values[row][there]
        present[number] |= there
    return Vector(groups, values, present)
