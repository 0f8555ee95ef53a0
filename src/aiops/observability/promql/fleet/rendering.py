"""An expression as the text that one cluster is asked.

To a cluster its own name is no label: a matcher on `cluster` is decided here, and `cluster` falls out of label lists.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import promql_parser as grammar

from aiops.kernel.errors import Invalid
from aiops.observability.expressions import expression
from aiops.observability.promql.parsing import milliseconds

CLUSTER = "cluster"
EXPORTED = "exported_cluster"
"""Where the hub puts a `cluster` that a series has of its own: no cluster knows it under this name."""

_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_GROUPS = {"ManyToOne": "group_left", "OneToMany": "group_right"}
_NOTHING = '__name__="",__name__!=""'


def op_of(matcher: Any) -> str:
    """`=`, `!=`, `=~` or `!~`."""
    return _OPS[str(matcher.op).rpartition(".")[2]]


class Renderer:
    """Writes for the cluster named `cluster`; `matchers` are put on every selector (a share of a common endpoint).

    `asked` tells after a rendering whether any selector may find something in this cluster, `about_clusters` whether
    that depends on the cluster's name.
    """

    def __init__(self, cluster: str, matchers: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._matchers = dict(matchers)
        self.asked = False
        self.about_clusters = False

    def text(self, tree: Any) -> str:
        write = getattr(self, "_" + type(tree).__name__)
        written: str = write(tree)
        return written

    def _NumberLiteral(self, tree: Any) -> str:
        return _number(float(tree.val))

    def _StringLiteral(self, tree: Any) -> str:
        return _string(tree.val)

    def _ParenExpr(self, tree: Any) -> str:
        return f"({self.text(tree.expr)})"

    def _UnaryExpr(self, tree: Any) -> str:
        return f"-({self.text(tree.expr)})"

    def _VectorSelector(self, tree: Any) -> str:
        return self._selector(tree) + _when(tree)

    def _MatrixSelector(self, tree: Any) -> str:
        selector = tree.vector_selector
        return f"{self._selector(selector)}[{milliseconds(tree.range)}ms]{_when(selector)}"

    def _SubqueryExpr(self, tree: Any) -> str:
        step = "" if tree.step is None else f"{milliseconds(tree.step)}ms"
        return f"({self.text(tree.expr)})[{milliseconds(tree.range)}ms:{step}]{_when(tree)}"

    def _Call(self, tree: Any) -> str:
        return f"{tree.func.name}({', '.join(self.text(argument) for argument in tree.args)})"

    def _AggregateExpr(self, tree: Any) -> str:
        arguments = [tree.expr] if tree.param is None else [tree.param, tree.expr]
        return self.aggregate(str(tree.op), tree.modifier, *arguments)

    def aggregate(self, op: str, modifier: Any, *arguments: Any) -> str:
        """An aggregation with the modifier of another."""
        by = ""
        if modifier is not None:
            word = "without" if modifier.type == grammar.AggModifierType.Without else "by"
            by = f" {word} ({_names(modifier.labels)}) "
        return f"{op}{by}({', '.join(self.text(argument) for argument in arguments)})"

    def _BinaryExpr(self, tree: Any) -> str:
        return f"({self.text(tree.lhs)}) {tree.op}{_matching(tree.modifier)} ({self.text(tree.rhs)})"

    def _selector(self, tree: Any) -> str:
        matchers = [(one.name, op_of(one), one.value) for one in tree.matchers.matchers]
        if tree.name is not None:
            matchers.insert(0, ("__name__", "=", tree.name))
        about, others = [one for one in matchers if one[0] == CLUSTER], [one for one in matchers if one[0] != CLUSTER]
        self.about_clusters |= bool(about)
        if not all(_holds(op, value, self._cluster) for _, op, value in about):
            return f"{{{_NOTHING}}}"
        self.asked = True
        others += [(name, "=", value) for name, value in self._matchers.items()]
        return "{" + ",".join(f"{name}{op}{_string(value)}" for name, op, value in others or [_ANY]) + "}"


def selector_of(labels: Mapping[str, str]) -> str:
    """A selector of what has these labels."""
    return "{" + ",".join(f"{name}={_string(value)}" for name, value in labels.items()) + "}"


_ANY = ("__name__", "!=", "")


def _holds(op: str, wanted: str, cluster: str) -> bool:
    if op in {"=", "!="}:
        return (cluster == wanted) == (op == "=")
    return expression(wanted)(cluster) == (op == "=~")


def _names(labels: list[str] | None) -> str:
    return ", ".join(name for name in labels or () if name != CLUSTER)


def _matching(modifier: Any) -> str:
    if modifier is None:
        return ""
    fill = getattr(modifier, "fill_values", None)
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise Invalid("The modifier fill can't be asked of a cluster.")
    words = " bool" if modifier.return_bool else ""
    if modifier.matching is not None:
        kind = "on" if modifier.matching.type == grammar.LabelModifierType.Include else "ignoring"
        words += f" {kind} ({_names(modifier.matching.labels)})"
    group = _GROUPS.get(str(modifier.card).rpartition(".")[2])
    if group:
        words += f" {group} ({_names(modifier.group_labels)})"
    return words


def _when(tree: Any) -> str:
    words = ""
    if tree.at is not None:
        if tree.at.at is not None:
            words += f" @ {tree.at.at.timestamp():.3f}"
        else:
            words += " @ start()" if tree.at.type == grammar.AtModifierType.Start else " @ end()"
    if tree.offset is not None:
        offset = milliseconds(tree.offset)
        words += f" offset {'-' if offset < 0 else ''}{abs(offset)}ms"
    return words


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
