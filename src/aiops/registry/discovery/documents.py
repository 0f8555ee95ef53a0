"""Reads a YAML document that somebody else wrote: bounded, with no way to run anything or to swell in memory."""

from __future__ import annotations

import re
from typing import Any

import yaml

from aiops.kernel.errors import Invalid

_MOST_BYTES = 8 * 1024 * 1024
_DEEPEST = 50
# Room for a thousand clusters; more would hold the hub up.
_MOST_PARTS = 50_000
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Every plain word is text, but for null: a token of digits stays a token, and `no` is no boolean."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012
        first: [pair for pair in pairs if pair[0] == "tag:yaml.org,2002:null"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands there twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def mapping_of(content: str | bytes, what: str) -> dict[Any, Any]:
    """The one document in `content`; raises `Invalid` naming `what` and the line of the fault.

    Values are text, lists, mappings and `None`; convert them with msgspec's `strict=False`.
    """
    if len(content) > _MOST_BYTES:
        raise Invalid(f"The {what} has more than {_MOST_BYTES // 1024 // 1024} MiB.")
    try:
        text = content.decode() if isinstance(content, bytes) else content
        _check_shape(text, what)
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is built on the safe loader
    except UnicodeDecodeError:
        raise Invalid(f"The {what} is not text in UTF-8.") from None
    except yaml.YAMLError as error:
        raise Invalid(f"The {what} is not valid YAML: {_reason(error)}") from None
    if not isinstance(found, dict):
        raise Invalid(f"The {what} is empty, or not a mapping of names to values.")
    return found


def _check_shape(text: str, what: str) -> None:
    """Refuse what would swell or recurse, before anything is built from it."""
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Base)):
        if number > _MOST_PARTS:
            raise Invalid(f"The {what} has more than {_MOST_PARTS:,} parts: split it.")
        if isinstance(event, yaml.AliasEvent):
            raise Invalid(f"The {what} repeats a part by reference (line {_line(event)}): write it out.")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Invalid(f"The {what} holds more than one document (line {_line(event)}): give one at a time.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise Invalid(f"The {what} is nested more than {_DEEPEST} levels deep (line {_line(event)}).")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _reason(error: yaml.YAMLError) -> str:
    # Never the text around the fault: a kubeconfig holds secrets.
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        return f"{error.problem or 'it breaks off'}{where}"
    return "it has a character that YAML does not allow"
