"""Binary operators between scalars and vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aiops.kernel.errors import Invalid
from aiops.observability.ports import Floats, Labels
from aiops.observability.promql.nodes import Binary, Mask, Matching
from aiops.observability.promql.vectors import (
    Indices,
    Key,
    Vector,
    group,
    grouper,
    key_of,
    merged,
    nameless,
    without_name,
)

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}
COMPARISON: dict[str, Callable[[Floats, Floats], Mask]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def between_scalars(op: str, left: Floats, right: Floats) -> Floats:
    with np.errstate(all="ignore"):
        if op in ARITHMETIC:
            return ARITHMETIC[op](left, right)
        return COMPARISON[op](left, right).astype(np.float64)


def with_scalar(node: Binary, vector: Vector, scalar: Floats, *, scalar_left: bool) -> Vector:
    """A comparison keeps the vector's values where it holds; with `bool` it gives 0 or 1."""
    left, right = (scalar[None, :], vector.values) if scalar_left else (vector.values, scalar[None, :])
    with np.errstate(all="ignore"):
        if node.op in ARITHMETIC:
            return without_name(Vector(vector.labels, ARITHMETIC[node.op](left, right), vector.present))
        holds = COMPARISON[node.op](left, right)
    if node.returns_bool:
        return without_name(Vector(vector.labels, holds.astype(np.float64), vector.present))
    return Vector(vector.labels, vector.values, vector.present & holds).pruned()


def between_vectors(node: Binary, left: Vector, right: Vector) -> Vector:
    if node.op in {"and", "or", "unless"}:
        return _set_operation(node, left, right)
    if node.matching.many == "right":
        return _matched(node, right, left, swapped=True)
    return _matched(node, left, right, swapped=False)


def _common_groups(matching: Matching, left: Vector, right: Vector) -> tuple[Indices, Indices, list[Labels]]:
    index, groups = group(left.labels + right.labels, grouper(matching.labels, keep=matching.on))
    return index[: len(left.labels)], index[len(left.labels) :], groups


def _set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    left_index, right_index, groups = _common_groups(node.matching, left, right)
    steps = left.values.shape[1]
    if node.op == "or":
        there = np.zeros((len(groups), steps), dtype=bool)
        np.logical_or.at(there, left_index, left.present)
        rest = Vector(right.labels, right.values, right.present & ~there[right_index]).pruned()
        both = Vector(
            left.labels + rest.labels,
            np.concatenate((left.values, rest.values)),
            np.concatenate((left.present, rest.present)),
        )
        index, distinct = group(both.labels, dict)
        return both if len(distinct) == len(both.labels) else merged(both, index, distinct)
    there = np.zeros((len(groups), steps), dtype=bool)
    np.logical_or.at(there, right_index, right.present)
    wanted = there[left_index] if node.op == "and" else ~there[left_index]
    return Vector(left.labels, left.values, left.present & wanted).pruned()


def _matched(node: Binary, many: Vector, one: Vector, *, swapped: bool) -> Vector:
    """`many` may repeat only with group_left or group_right; `one` never within a match group and step."""
    steps = many.values.shape[1]
    many_index, one_index, groups = _common_groups(node.matching, many, one)
    rows_of_one = _rows_by_group(one_index, one, groups)
    pairs = [(row, other) for row, number in enumerate(many_index) for other in rows_of_one.get(int(number), ())]
    if not pairs:
        return Vector.empty(steps)
    rows, others = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    left_values, right_values = many.values[rows], one.values[others]
    if swapped:
        left_values, right_values = right_values, left_values
    present = many.present[rows] & one.present[others]
    with np.errstate(all="ignore"):
        if node.op in ARITHMETIC:
            values = ARITHMETIC[node.op](left_values, right_values)
        else:
            holds = COMPARISON[node.op](left_values, right_values)
            values = holds.astype(np.float64) if node.returns_bool else left_values
            present = present if node.returns_bool else present & holds
    if node.matching.many is None:
        _refuse_repeats(many_index[rows], present, len(groups))
    labels = [_result_labels(node, many.labels[row], one.labels[other]) for row, other in pairs]
    return _distinct(Vector(labels, values, present))


def _rows_by_group(index: Indices, vector: Vector, groups: list[Labels]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, number in enumerate(index):
        rows.setdefault(int(number), []).append(row)
    for number, members in rows.items():
        if len(members) > 1 and (vector.present[members].sum(axis=0) > 1).any():
            raise Invalid(
                f"Several series on one side match the group {groups[number]}: "
                "matching labels must be unique on that side (many-to-many matching is not allowed)."
            )
    return rows


def _refuse_repeats(index: Indices, present: Mask, count: int) -> None:
    if len(np.unique(index)) == len(index):
        return
    seen = np.zeros((count, present.shape[1]), dtype=np.int64)
    np.add.at(seen, index, present)
    if (seen > 1).any():
        raise Invalid("Several series match one: many-to-one matching must be explicit (group_left or group_right).")


def _result_labels(node: Binary, many: Labels, one: Labels) -> Labels:
    matching = node.matching
    labels = dict(many)
    if node.op in ARITHMETIC or node.returns_bool:
        labels.pop("__name__", None)
    if matching.many is None:
        if matching.on:
            labels = {name: value for name, value in labels.items() if name in matching.labels}
        else:
            labels = {name: value for name, value in labels.items() if name not in matching.labels}
    for name in matching.include:
        value = one.get(name, "")
        if value:
            labels[name] = value
        else:
            labels.pop(name, None)
    return nameless(labels) if node.returns_bool else labels


def _distinct(vector: Vector) -> Vector:
    keys: set[Key] = {key_of(labels) for labels in vector.labels}
    if len(keys) == len(vector.labels):
        return vector.pruned()
    index, groups = group(vector.labels, dict)
    return merged(vector, index, groups).pruned()
