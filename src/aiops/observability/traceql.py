"""TraceQL as a cluster is asked for it: every spanset filter narrowed to the cluster's share of a Tempo that it shares.

A label of a share is an attribute of the resource: `cluster="east"` becomes `resource.cluster = "east"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from aiops.kernel.errors import Invalid
from aiops.observability.logql.lexing import closing, misread, tokens_of

_DURATION = re.compile(r"\d+(\.\d+)?(ns|us|µs|ms|s|m|h)")
_ATTRIBUTE = re.compile(r"(?:(?:span|resource|event|link)\.)?[A-Za-z_][\w.\-/]*")


def narrowed(query: str, share: Mapping[str, str]) -> str:
    """Raises `Invalid` with the position of what can't be read; its meaning is for Tempo to judge."""
    tokens = tokens_of(query, ranges=False)
    if not any(token.text == "{" for token in tokens):
        raise Invalid(
            'A query has a set of spans in braces, as in { resource.service.name = "shop" && status = error }.'
        )
    condition = " && ".join(f"resource.{name} = {_quoted(value)}" for name, value in share.items())
    written, behind, place = "", 0, 0
    while place < len(tokens):
        token = tokens[place]
        if token.text == "}":
            raise misread(query, token.start, "nothing is open here")
        if token.text == "{":
            last = closing(tokens, place)
            if last is None:
                raise misread(query, token.start, "this is never closed")
            inside = query[token.end : tokens[last].start]
            if any(one.text == "{" for one in tokens[place + 1 : last]):
                raise misread(query, token.start, "a set of spans holds no other")
            if condition:
                both = f"({inside}) && {condition}" if last > place + 1 else condition
                written, behind = f"{written}{query[behind : token.end]} {both} ", tokens[last].start
            place = last
        place += 1
    return written + query[behind:]


def sets_of_spans(query: str) -> int:
    """How many sets of spans a query relates to each other."""
    return sum(token.text == "{" for token in tokens_of(query, ranges=False))


def composed(
    *,
    service: str | None = None,
    operation: str | None = None,
    tags: Sequence[str] = (),
    min_duration: str | None = None,
    max_duration: str | None = None,
    errors_only: bool = False,
) -> str:
    """The query that these fields stand for."""
    conditions = []
    if service is not None:
        conditions.append(f"resource.service.name = {_quoted(service)}")
    if operation is not None:
        conditions.append(f"name = {_quoted(operation)}")
    for tag in tags:
        name, equals, value = tag.partition("=")
        if not equals or not _ATTRIBUTE.fullmatch(name):
            raise Invalid(f"{tag[:64]!r} is no tag: write it as http.method=GET.")
        scoped = name if name.split(".")[0] in {"span", "resource", "event", "link"} else f".{name}"
        conditions.append(f"{scoped} = {_quoted(value)}")
    for op, duration in ((">=", min_duration), ("<=", max_duration)):
        if duration is not None:
            if not _DURATION.fullmatch(duration):
                raise Invalid(f"{duration[:32]!r} is no duration: write it as 250ms or 1.5s.")
            conditions.append(f"traceDuration {op} {duration}")
    if errors_only:
        conditions.append("status = error")
    return "{ " + " && ".join(conditions) + " }" if conditions else "{ }"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
