"""YAML whose parts know their lines, so that a fault in what it says can be pointed at. Bounded; runs nothing."""

from __future__ import annotations

from typing import Any

import yaml

from aiops.kernel.errors import Invalid

_MOST_PARTS = 2_000_000
_DEEPEST = 20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Word(str):
    """A scalar: every one is text, as it stands there."""

    __slots__ = ("line",)
    line: int


class Items(list[Any]):
    line: int


class Mapping(dict[str, Any]):
    """`lines` are those of its keys."""

    line: int
    lines: dict[str, int]


def read_marked(content: str, what: str, most_parts: int = _MOST_PARTS) -> Any:
    """The one document as `Word`, `Items`, `Mapping` and `None`; raises `Invalid` naming `what` and the line."""
    try:
        loader = _Loader(content)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise Invalid(f"{what}: {where}it is not valid YAML: {error.problem or 'it breaks off'}.") from None
    except (yaml.YAMLError, RecursionError):
        raise Invalid(f"{what}: it is not valid YAML, or nested too deeply.") from None
    return None if node is None else _Reader(what, most_parts).read(node, 0)


class _Reader:
    def __init__(self, what: str, most_parts: int) -> None:
        self._what = what
        self._most_parts = most_parts
        # A part that is repeated by reference counts each time: nothing swells in memory.
        self._parts = 0

    def read(self, node: Any, depth: int) -> Any:
        line = node.start_mark.line + 1
        self._parts += 1
        if self._parts > self._most_parts or depth > _DEEPEST:
            raise Invalid(f"{self._what}: line {line}: it has too many parts, or is nested too deeply: split it.")
        if isinstance(node, yaml.ScalarNode):
            if node.tag == "tag:yaml.org,2002:null":
                return None
            word = Word(node.value)
            word.line = line
            return word
        if isinstance(node, yaml.SequenceNode):
            items = Items(self.read(one, depth + 1) for one in node.value)
            items.line = line
            return items
        return self._mapping(node, line, depth)

    def _mapping(self, node: Any, line: int, depth: int) -> Mapping:
        mapping = Mapping()
        mapping.line, mapping.lines = line, {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise Invalid(f"{self._what}: line {at}: a key must be a word.")
            if key.value in mapping:
                raise Invalid(f"{self._what}: line {at}: {key.value} stands there twice.")
            mapping[key.value] = self.read(value, depth + 1)
            mapping.lines[key.value] = at
        return mapping
