"""A LogQL query as each cluster is asked for it.

As in PromQL across the fleet, `cluster` is the hub's own label: a matcher on it decides which clusters are asked, and
never leaves the hub. A share of a Loki that several clusters fill is put on every stream selector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiops.kernel.errors import Invalid
from aiops.observability.expressions import expression
from aiops.observability.logql.lexing import Token, closing, misread, tokens_of, unquoted

CLUSTER = "cluster"
_OPERATORS = frozenset({"=", "!=", "=~", "!~"})
_STAGES_OF_NAMES = frozenset(
    {
        "json",
        "logfmt",
        "regexp",
        "pattern",
        "unpack",
        "unwrap",
        "line_format",
        "label_format",
        "drop",
        "keep",
        "decolorize",
    }
)
NOTHING = '{service_name="-",service_name!="-"}'


@dataclass(frozen=True)
class Matcher:
    name: str
    op: str
    text: str
    """As the query has it, quoted."""
    value: str

    def holds(self, value: str) -> bool:
        if self.op in {"=", "!="}:
            return (value == self.value) == (self.op == "=")
        return expression(self.value)(value) == (self.op == "=~")


@dataclass(frozen=True)
class StreamSelector:
    """`first` and `last` are the places of its braces among the tokens."""

    first: int
    last: int
    matchers: tuple[Matcher, ...]

    @property
    def about_clusters(self) -> tuple[Matcher, ...]:
        return tuple(one for one in self.matchers if one.name == CLUSTER)

    def concerns(self, cluster: str) -> bool:
        return all(one.holds(cluster) for one in self.about_clusters)

    def text(self, cluster: str, share: Mapping[str, str]) -> str:
        if not self.concerns(cluster):
            return NOTHING
        own = [f"{one.name}{one.op}{one.text}" for one in self.matchers if one.name != CLUSTER]
        return "{" + ",".join([*own, *(f"{name}={quoted(value)}" for name, value in share.items())]) + "}"


class LogQuery:
    """A query that could be read; `of_lines` tells one that gives log lines from one that gives series."""

    def __init__(self, text: str) -> None:
        """Raises `Invalid` with the position of what is wrong with it."""
        self.text = text
        self.tokens = tokens_of(text)
        self.selectors = _selectors(text, self.tokens)
        if not self.selectors:
            raise Invalid('A query begins with a stream selector, as in {namespace="shop"} |= "error".')
        first = next(token for token in self.tokens if token.text != "(")
        self.of_lines = first.text == "{"
        _refuse_filters_of_cluster(text, self.tokens)
        for selector in self.selectors:
            if selector.about_clusters and len(selector.about_clusters) == len(selector.matchers):
                raise misread(
                    text,
                    self.tokens[selector.first].start,
                    'Loki wants one label besides `cluster`, as in {cluster="east", namespace=~".+"}',
                )

    def concerns(self, cluster: str) -> bool:
        return any(selector.concerns(cluster) for selector in self.selectors)

    def text_for(self, cluster: str, share: Mapping[str, str]) -> str:
        """The whole of it."""
        return self.rendered(0, len(self.tokens), cluster, share)

    def rendered(self, begin: int, end: int, cluster: str, share: Mapping[str, str]) -> str:
        """The tokens from `begin` up to `end`, each selector as this cluster is asked for it."""
        selectors = {one.first: one for one in self.selectors}
        written, place, behind = "", begin, self.tokens[begin].start
        while place < end:
            # What stands between tokens stays, so that the places of faults that a Loki names are the asker's own.
            written += self.text[behind : self.tokens[place].start]
            selector = selectors.get(place)
            last = place if selector is None else selector.last
            text = self.text[self.tokens[place].start : self.tokens[last].end]
            if selector is not None and (share or selector.about_clusters):
                text = selector.text(cluster, share)
            written += text
            place, behind = last + 1, self.tokens[last].end
        return written


def check_carved(text: str, share: Mapping[str, str]) -> None:
    """That every selector of what leaves the hub is narrowed to the cluster's share."""
    if not share:
        return
    for selector in LogQuery(text).selectors:
        named = {(one.name, one.value) for one in selector.matchers if one.op == "="}
        if selector.text("", {}) != NOTHING and not named.issuperset(share.items()):
            raise Invalid("This query can't be narrowed to the cluster's share of its Loki.")


def quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def selector_text(share: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{name}={quoted(value)}" for name, value in share.items()) + "}"


def _selectors(query: str, tokens: list[Token]) -> list[StreamSelector]:
    found, place = [], 0
    while place < len(tokens):
        token = tokens[place]
        if token.text == "}":
            raise misread(query, token.start, "nothing is open here")
        if token.text == "{":
            last = closing(tokens, place)
            if last is None:
                raise misread(query, token.start, "this is never closed")
            found.append(StreamSelector(place, last, _matchers(query, tokens[place + 1 : last])))
            place = last
        place += 1
    return found


def _matchers(query: str, tokens: Sequence[Token]) -> tuple[Matcher, ...]:
    found, rest = [], list(tokens)
    while rest:
        place = rest[0].start
        if len(rest) < 3 or rest[0].kind != "name" or rest[1].text not in _OPERATORS or rest[2].kind != "string":
            raise misread(query, place, 'a matcher looks like namespace="shop"')
        name, op, value, *rest = rest
        matcher = Matcher(name.text, op.text, value.text, unquoted(value))
        if "~" in op.text:
            expression(matcher.value)
        found.append(matcher)
        if rest and rest[0].text != ",":
            raise misread(query, rest[0].start, "a comma stands between two matchers")
        rest = rest[1:]
    return tuple(found)


def _refuse_filters_of_cluster(query: str, tokens: list[Token]) -> None:
    """`| cluster="east"` would ask each Loki for a label that only the hub knows, and find nothing."""
    stage, depth = "", 0
    for place, token in enumerate(tokens[:-1]):
        depth += (token.text == "{") - (token.text == "}")
        if depth:
            continue
        if token.text == "|":
            stage = tokens[place + 1].text
        elif token.text == CLUSTER and stage and stage not in _STAGES_OF_NAMES:
            if tokens[place + 1].text in _OPERATORS | {"==", ">", "<", ">=", "<="}:
                raise misread(query, token.start, "a filter on `cluster` belongs into the stream selector")
        elif token.kind == "range":
            stage = ""
