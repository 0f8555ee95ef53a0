"""`label_replace` and `label_join`."""

from __future__ import annotations

import re
from collections.abc import Callable

import re2

from aiops.kernel.errors import Invalid
from aiops.observability.ports import Labels
from aiops.observability.promql.vectors import Vector, key_of

_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _replaced(vector: Vector, texts: tuple[str, ...]) -> Vector:
    target, replacement, source, pattern = texts
    _check(target)
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        matches = re2.compile(f"^(?:{pattern})$", options)
    except re2.error:
        raise Invalid(f"The regular expression {pattern!r} of label_replace is wrong.") from None

    def change(labels: Labels) -> str | None:
        found = matches.fullmatch(labels.get(source, ""))
        return None if found is None else _REFERENCE.sub(lambda one: _group(found, one), replacement)

    return _written(vector, target, change)


def _group(found: object, reference: re.Match[str]) -> str:
    name = reference.group(1) or reference.group(2)
    if name is None:
        return "$"
    try:
        return found.group(int(name) if name.isdigit() else name) or ""  # type: ignore[attr-defined]
    except (IndexError, KeyError, re2.error):
        return ""


def _joined(vector: Vector, texts: tuple[str, ...]) -> Vector:
    target, separator, *sources = texts
    _check(target)
    return _written(vector, target, lambda labels: separator.join(labels.get(name, "") for name in sources))


def _check(target: str) -> None:
    if not _LABEL.fullmatch(target):
        raise Invalid(f"{target!r} is not the name of a label.")


def _written(vector: Vector, target: str, change: Callable[[Labels], str | None]) -> Vector:
    """An empty text drops the label, `None` leaves it. Raises `Invalid` where two series become one."""
    result = []
    for labels in vector.labels:
        text = change(labels)
        others = {name: value for name, value in labels.items() if name != target}
        result.append(labels if text is None else {**others, target: text} if text else others)
    if len({key_of(labels) for labels in result}) < len(result):
        raise Invalid("The query's result has two series with the same labels, once they are relabelled.")
    return Vector(result, vector.values, vector.present)


RELABELLING: dict[str, Callable[[Vector, tuple[str, ...]], Vector]] = {
    "label_replace": _replaced,
    "label_join": _joined,
}
