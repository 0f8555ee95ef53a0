"""LogQL's numbers over many clusters as over one Loki that holds the lines of all.

Above its range aggregations LogQL is PromQL, so these are cut out, and PromQL's planner decides on the rest which part
each cluster answers by itself and what the hub makes of it. Where it can't, each cluster answers for itself, and
`apart` says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiops.kernel.errors import Invalid
from aiops.observability.logql.lexing import closing
from aiops.observability.logql.query import CLUSTER, LogQuery, Matcher, check_carved, quoted
from aiops.observability.promql.fleet import FleetPlan, Push, plan_for_fleet

_RANGE_AGGREGATIONS = frozenset(
    {
        "rate",
        "rate_counter",
        "count_over_time",
        "bytes_rate",
        "bytes_over_time",
        "avg_over_time",
        "sum_over_time",
        "min_over_time",
        "max_over_time",
        "stdvar_over_time",
        "stddev_over_time",
        "quantile_over_time",
        "first_over_time",
        "last_over_time",
        "absent_over_time",
    }
)
_KNOWN = frozenset(
    {
        *("sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc"),
        *("by", "without", "on", "ignoring", "group_left", "group_right", "bool", "and", "or", "unless"),
        *("vector", "label_replace"),
    }
)
_GROUPED_BY_ITSELF = {"min_over_time": "min", "max_over_time": "max"}
_HOLDER = re.compile(r'\{__name__="logql_(\d+)"(?:,\w+(?:=~|!~|!=|=)"(?:\\.|[^"\\])*")*\}')
_NOTHING_ASKED = '{__name__="",__name__!=""}'
_NOTHING = 'count_over_time({service_name="-",service_name!="-"}[1s])'
_WHOLE = re.compile(r"\b((?:top|bottom)k[^(]*(?:\([^()]*\)\s*)?\()(\d+)\.0\b")
_APART = "what stands outside is computed for each cluster by itself, and not across them"


@dataclass(frozen=True)
class _Cut:
    """A range aggregation: its tokens, and what it is called in the text that the planner reads."""

    begin: int
    end: int
    grouping: tuple[str, list[str]] | None
    absent: bool


@dataclass(frozen=True)
class NumbersPlan:
    """`plan` is `None` where every cluster answers the whole query by itself; `apart` says what that means then."""

    query: LogQuery
    plan: FleetPlan | None
    apart: str | None = None
    cuts: list[_Cut] = field(default_factory=list)

    @property
    def local(self) -> bool:
        """Whether every cluster's series are only put side by side."""
        return self.plan is None or self.plan.local

    def text(self, push: Push | None, cluster: str, share: Mapping[str, str]) -> str | None:
        """What a cluster is asked; `None` where it can have nothing to say."""
        if push is None or (self.local and not share and not self._about_clusters):
            written: str | None = self.query.text_for(cluster, share) if self.query.concerns(cluster) else None
        else:
            written = push.text(cluster, {})
            written = None if written is None else self._filled(written, cluster, share)
        if written is not None:
            check_carved(written, share)
        return written

    @property
    def _about_clusters(self) -> bool:
        return any(token.text == CLUSTER for token in self.query.tokens)

    def _filled(self, skeleton: str, cluster: str, share: Mapping[str, str]) -> str:
        text = _WHOLE.sub(r"\1\2", skeleton.replace(_NOTHING_ASKED, _NOTHING))
        if any(cut.absent for cut in self.cuts):
            # LogQL has no `group`; here it only serves to see whether anything is there.
            text = re.sub(r"\bgroup\(", "sum(", text)
        return _HOLDER.sub(lambda found: self._cut_text(self.cuts[int(found.group(1))], cluster, share), text)

    def _cut_text(self, cut: _Cut, cluster: str, share: Mapping[str, str]) -> str:
        text = self.query.rendered(cut.begin, cut.end, cluster, share)
        if cut.absent:
            text = "count_over_time" + text.removeprefix(self.query.tokens[cut.begin].text)
        if cut.grouping is None:
            return text
        word, names = cut.grouping
        return f"{text} {word} ({', '.join(name for name in names if name != CLUSTER)})"


def plan_numbers(query: LogQuery) -> NumbersPlan:
    """Raises nothing: what can't be planned is left to each cluster, and to its Loki to judge."""
    try:
        return _Cutter(query).plan()
    except Invalid as reason:
        return NumbersPlan(query, None, f"{reason.message.rstrip('.')}: {_APART}.")


class _Cutter:
    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self._tokens = query.tokens
        self._cuts: list[_Cut] = []
        self._written: list[str] = []

    def plan(self) -> NumbersPlan:
        place = 0
        while place < len(self._tokens):
            token = self._tokens[place]
            if token.text.lower() in _RANGE_AGGREGATIONS and self._opens(place + 1):
                place = self._cut(place)
                continue
            if token.text in {"{", "}"} or token.kind == "range":
                raise Invalid("A selector outside of a range aggregation")
            if token.kind == "name" and self._opens(place + 1) and token.text.lower() not in _KNOWN:
                raise Invalid(f"{token.text} is not known here")
            if token.text == "exported_cluster":
                raise Invalid("The label exported_cluster is the hub's")
            self._written.append(token.text)
            place += 1
        return NumbersPlan(self._query, plan_for_fleet(" ".join(self._written)), None, self._cuts)

    def _opens(self, place: int) -> bool:
        return place < len(self._tokens) and self._tokens[place].text == "("

    def _cut(self, place: int) -> int:
        """Cut the range aggregation at `place` out; gives the place behind it."""
        name, last = self._tokens[place].text.lower(), closing(self._tokens, place + 1)
        if last is None:
            raise Invalid("A bracket is never closed")
        selectors = [one for one in self._query.selectors if place < one.first < last]
        if len(selectors) != 1:
            raise Invalid(f"{name} has not one selector")
        end, grouping = self._grouping(last + 1)
        holder = f"logql_{len(self._cuts)}{_holder_matchers(selectors[0].about_clusters)}"
        if name == "absent_over_time":
            same = [one for one in selectors[0].matchers if one.op == "=" or one.name == CLUSTER]
            holder = f"absent(logql_{len(self._cuts)}{_holder_matchers(same)})"
        elif grouping is not None and not _keeps_cluster(*grouping):
            if name not in _GROUPED_BY_ITSELF:
                raise Invalid(f"{name} grouped over clusters can't be put together from theirs")
            holder = f"{_GROUPED_BY_ITSELF[name]} {grouping[0]} ({', '.join(grouping[1])}) ({holder})"
        self._written.append(holder)
        self._cuts.append(_Cut(place, last + 1, grouping, name == "absent_over_time"))
        return end

    def _grouping(self, place: int) -> tuple[int, tuple[str, list[str]] | None]:
        if not self._opens(place + 1) or self._tokens[place].text.lower() not in {"by", "without"}:
            return place, None
        last = closing(self._tokens, place + 1)
        if last is None:
            raise Invalid("A bracket is never closed")
        names = [token.text for token in self._tokens[place + 2 : last] if token.text != ","]
        return last + 1, (self._tokens[place].text.lower(), names)


def _keeps_cluster(word: str, names: list[str]) -> bool:
    return (CLUSTER in names) == (word == "by")


def _holder_matchers(matchers: tuple[Matcher, ...] | list[Matcher]) -> str:
    return "{" + ",".join(f"{one.name}{one.op}{quoted(one.value)}" for one in matchers) + "}" if matchers else ""
