"""Which part of a query each cluster answers by itself, and what the hub computes from their answers.

Think of all series of the fleet in one place, each with its `cluster`. An expression is *local* where its value there
is what each cluster gives alone, with the cluster's name put on: selectors, functions of them, aggregations that keep
`cluster`, operators that match within a cluster. Local expressions are pushed down whole. An aggregation across
clusters is pushed down in parts where its value can be put together from parts (sum, min, max, count, group, avg, topk,
bottomk, count_values); all else is computed at the hub from what the local expressions below it give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Any

import promql_parser as grammar

from aiops.observability.promql import nodes
from aiops.observability.promql.fleet.rendering import CLUSTER, EXPORTED, Renderer
from aiops.observability.promql.functions import INSTANT_FUNCTIONS, SCALAR_FUNCTIONS
from aiops.observability.promql.parsing import AGGREGATIONS, PARAMETRISED, Builder, checked, is_text, milliseconds
from aiops.observability.promql.windows import PARAMETER_FIRST, RANGE_FUNCTIONS

DEFAULT_STEP_MS = 60_000
_MERGED_BY = {
    "sum": "sum",
    "min": "min",
    "max": "max",
    "group": "group",
    "count": "sum",
    "topk": "topk",
    "bottomk": "bottomk",
}
_RELABELLING = {"label_replace": (1, 3), "label_join": (1, None)}
_ORDERING = frozenset({"sort_by_label", "sort_by_label_desc"})
_OF_NO_CLUSTER = frozenset({"vector", "scalar", "absent", "absent_over_time"})


class Order(Enum):
    """How the series of an instant answer lie."""

    RISING = 1
    FALLING = 2


_ORDERS = {"sort": Order.RISING, "sort_desc": Order.FALLING, "topk": Order.FALLING, "bottomk": Order.RISING}


class Push:
    """A local expression; `text` gives what a cluster is asked, `None` where it can have nothing to say."""

    def __init__(self, write: Callable[[Renderer], str]) -> None:
        self._write = write
        self._common: str | None = None

    def text(self, cluster: str, matchers: Mapping[str, str]) -> str | None:
        if self._common is not None and not matchers:
            return self._common
        renderer = Renderer(cluster, matchers)
        written = self._write(renderer)
        if not renderer.about_clusters and not matchers:
            self._common = written
        return written if renderer.asked else None


@dataclass(frozen=True)
class FleetPlan:
    """`pushes[i]` is what `nodes.Fetched(i)` in `plan` stands for; `subqueries[i]` gives the samples of
    `plan.selectors[i]`. `local`: the whole query is the one push, and needs no computing at the hub."""

    plan: nodes.Plan
    pushes: tuple[Push, ...]
    subqueries: tuple[Subquery, ...]
    order: Order | None = None

    @property
    def local(self) -> bool:
        return isinstance(self.plan.root, nodes.Fetched)

    @property
    def all_pushes(self) -> tuple[Push, ...]:
        """Its own, then those of its subqueries."""
        return self.pushes + tuple(push for subquery in self.subqueries for push in subquery.inner.all_pushes)


@dataclass(frozen=True)
class Subquery:
    """An expression across clusters that is looked at over a range: at every multiple of `step_ms`."""

    inner: FleetPlan
    step_ms: int


def plan_for_fleet(query: str) -> FleetPlan:
    """Raises `Invalid` with the position of what is wrong, or the name of what can't be computed across clusters."""
    tree, planner = checked(query), _Planner(query)
    plan = planner.finished(planner.piece(tree))
    while isinstance(tree, grammar.ParenExpr):
        tree = tree.expr
    name = tree.func.name if isinstance(tree, grammar.Call) else str(getattr(tree, "op", ""))
    return replace(plan, order=_ORDERS.get(name))


def text_alone(query: str, cluster: str, matchers: Mapping[str, str]) -> str:
    """What a cluster is asked where no other matters."""
    return Renderer(cluster, matchers).text(checked(query))


class _Kind(Enum):
    CONSTANT = 1
    LOCAL = 2
    GLOBAL = 3


@dataclass(frozen=True)
class _Piece:
    """What is known of an expression: its text where it is local or constant, its node where it is not local."""

    kind: _Kind
    tree: Any
    node: nodes.Node | None = None


@dataclass
class _Planner:
    query: str
    pushes: list[Push] = field(default_factory=list)
    selectors: list[nodes.Selector] = field(default_factory=list)
    subqueries: list[Subquery] = field(default_factory=list)
    at_ends: bool = False
    """Something in it looks at the start or the end of the query."""

    def __post_init__(self) -> None:
        self._builder = Builder(self.query, "can't be computed across clusters")

    def finished(self, piece: _Piece) -> FleetPlan:
        root = self.node(piece)
        return FleetPlan(
            nodes.Plan(self.query, root, tuple(self.selectors)), tuple(self.pushes), tuple(self.subqueries)
        )

    def push(self, write: Callable[[Renderer], str]) -> nodes.Fetched:
        self.pushes.append(Push(write))
        return nodes.Fetched(len(self.pushes) - 1)

    def node(self, piece: _Piece) -> nodes.Node:
        """A local expression is fetched from here on."""
        if piece.kind is _Kind.LOCAL:
            return self.push(lambda renderer: renderer.text(piece.tree))
        if piece.node is None:
            raise self._builder.refuse("A string as an expression")
        return piece.node

    def piece(self, tree: Any) -> _Piece:
        build = getattr(self, "_" + type(tree).__name__, None)
        if build is None:
            raise self._builder.refuse(f"The expression {type(tree).__name__}")
        built: _Piece = build(tree)
        return built

    def _NumberLiteral(self, tree: Any) -> _Piece:
        return _Piece(_Kind.CONSTANT, tree, nodes.Number(float(tree.val)))

    def _StringLiteral(self, tree: Any) -> _Piece:
        return _Piece(_Kind.CONSTANT, tree)

    def _ParenExpr(self, tree: Any) -> _Piece:
        inner = self.piece(tree.expr)
        return _Piece(inner.kind, tree, inner.node)

    def _UnaryExpr(self, tree: Any) -> _Piece:
        inner = self.piece(tree.expr)
        if inner.kind is _Kind.LOCAL:
            return _Piece(_Kind.LOCAL, tree)
        return _Piece(inner.kind, tree, nodes.Negate(self.node(inner)))

    def _VectorSelector(self, tree: Any) -> _Piece:
        self._selects(tree, None)
        return _Piece(_Kind.LOCAL, tree)

    def _MatrixSelector(self, tree: Any) -> _Piece:
        self._selects(tree.vector_selector, tree.range)
        return _Piece(_Kind.LOCAL, tree)

    def _selects(self, tree: Any, reach: timedelta | None) -> None:
        if any(one.name == EXPORTED for one in tree.matchers.matchers):
            raise self._builder.refuse(f"A matcher on {EXPORTED}, the hub's own name for a label of theirs,", EXPORTED)
        self._builder.selector(tree, reach)
        self._note_ends(tree)

    def _note_ends(self, tree: Any) -> None:
        self.at_ends |= isinstance(self._builder.anchor(tree), nodes.Anchor)

    def _SubqueryExpr(self, tree: Any) -> _Piece:
        inside = _Planner(self.query)
        inner = inside.piece(tree.expr)
        self._note_ends(tree)
        if inner.kind is _Kind.LOCAL:
            self.at_ends |= inside.at_ends
            return _Piece(_Kind.LOCAL, tree)
        if inside.at_ends:
            # A cluster is asked for the moments of the subquery, and would take their ends for those of the query.
            raise self._builder.refuse("@ start() or @ end() within a subquery of what spans clusters")
        step_ms = DEFAULT_STEP_MS if tree.step is None else milliseconds(tree.step)
        self.subqueries.append(Subquery(inside.finished(inner), step_ms))
        offset_ms = 0 if tree.offset is None else milliseconds(tree.offset)
        self.selectors.append(nodes.Selector((), milliseconds(tree.range), offset_ms, self._builder.anchor(tree)))
        return _Piece(_Kind.GLOBAL, tree, nodes.Select(len(self.selectors) - 1))

    def _Call(self, tree: Any) -> _Piece:
        name = tree.func.name
        if name in {"absent", "absent_over_time"}:
            return self._absent(name, tree)
        if name in _ORDERING:
            raise self._builder.refuse(f"The order of {name}", name)
        pieces = [self.piece(argument) for argument in tree.args]
        kinds = {piece.kind for piece in pieces}
        if _Kind.LOCAL in kinds and _Kind.GLOBAL not in kinds and self._stays_local(name, tree.args):
            return _Piece(_Kind.LOCAL, tree)
        if name in RANGE_FUNCTIONS:
            return _Piece(_Kind.GLOBAL, tree, self._over_range(name, pieces))
        if name not in INSTANT_FUNCTIONS:
            raise self._builder.refuse(f"The function {name} of what spans clusters", name)
        arguments = tuple(self.node(piece) for piece in pieces if not is_text(piece.tree))
        kind = _Kind.CONSTANT if name in SCALAR_FUNCTIONS else _Kind.GLOBAL
        return _Piece(kind, tree, self._builder.call(name, tree, arguments))

    def _stays_local(self, name: str, trees: list[Any]) -> bool:
        """A function that reads or writes the label `cluster` needs the answers of all."""
        if name in _OF_NO_CLUSTER:
            return False
        if name in _RELABELLING:
            first, last = _RELABELLING[name]
            touched = trees[first:] if last is None else [trees[first], trees[last]]
            return not any(getattr(one, "val", None) in {CLUSTER, EXPORTED} for one in touched)
        return True

    def _over_range(self, name: str, pieces: list[_Piece]) -> nodes.Node:
        arguments = list(pieces)
        matrix = arguments.pop(1 if name in PARAMETER_FIRST else 0)
        if not isinstance(matrix.node, nodes.Select):
            raise self._builder.refuse(f"{name} with an argument that spans clusters", name)
        return nodes.OverRange(name, matrix.node.index, self.node(arguments[0]) if arguments else None)

    def _absent(self, name: str, tree: Any) -> _Piece:
        (argument,) = tree.args
        piece = self.piece(argument)
        if piece.kind is _Kind.LOCAL:
            # One series a cluster is enough to know that something is there.
            form = "group(present_over_time({}))" if name == "absent_over_time" else "group({})"
            found: nodes.Node = self.push(lambda renderer: form.format(renderer.text(argument)))
        elif name == "absent":
            found = self.node(piece)
        else:
            raise self._builder.refuse("absent_over_time of what spans clusters", name)
        return _Piece(_Kind.GLOBAL, tree, nodes.Absent(found, self._builder.exact_labels(argument)))

    def _AggregateExpr(self, tree: Any) -> _Piece:
        op = str(tree.op)
        inner = self.piece(tree.expr)
        parameter = self.piece(tree.param) if tree.param is not None else None
        given = parameter is None or parameter.kind is _Kind.CONSTANT
        if inner.kind is _Kind.LOCAL and given and not _names_exported(tree):
            if _keeps_cluster(tree):
                return _Piece(_Kind.LOCAL, tree)
            merged = self._merged(op, tree, parameter)
            if merged is not None:
                return _Piece(_Kind.GLOBAL, tree, merged)
        if op not in AGGREGATIONS:
            raise self._builder.refuse(f"The aggregation {op}", op)
        scalar = self.node(parameter) if parameter is not None and op in PARAMETRISED else None
        return _Piece(_Kind.GLOBAL, tree, self._builder.aggregate(op, tree, self.node(inner), scalar))

    def _merged(self, op: str, tree: Any, parameter: _Piece | None) -> nodes.Node | None:
        """The aggregation put together from each cluster's own, where that gives the same."""
        arguments = [tree.expr] if parameter is None else [tree.param, tree.expr]

        def part(of: str) -> nodes.Node:
            return self.push(lambda renderer: renderer.aggregate(of, tree.modifier, *arguments))

        if op == "avg":
            total, count = (self._builder.aggregate("sum", tree, part(of), None) for of in ("sum", "count"))
            return nodes.Binary("/", total, count, False, nodes.Matching())
        if op == "count_values":
            label = str(tree.param.val)
            return (
                None if label == CLUSTER else _with_label(self._builder.aggregate("sum", tree, part(op), None), label)
            )
        if op in _MERGED_BY:
            scalar = self.node(parameter) if parameter is not None else None
            return self._builder.aggregate(_MERGED_BY[op], tree, part(op), scalar)
        return None

    def _BinaryExpr(self, tree: Any) -> _Piece:
        left, right = self.piece(tree.lhs), self.piece(tree.rhs)
        kinds = {left.kind, right.kind}
        if kinds == {_Kind.LOCAL, _Kind.CONSTANT} or (kinds == {_Kind.LOCAL} and _within_clusters(tree.modifier)):
            return _Piece(_Kind.LOCAL, tree)
        node = self._builder.binary(tree, self.node(left), self.node(right))
        return _Piece(_Kind.CONSTANT if kinds == {_Kind.CONSTANT} else _Kind.GLOBAL, tree, node)


def _with_label(aggregate: nodes.Aggregate, label: str) -> nodes.Aggregate:
    """The groups of an aggregation, told apart by one more label."""
    others = tuple(name for name in aggregate.labels if name != label)
    return replace(aggregate, labels=others if aggregate.without else (*others, label))


def _keeps_cluster(tree: Any) -> bool:
    modifier = tree.modifier
    if modifier is None:
        return False
    named = CLUSTER in modifier.labels
    if str(tree.op) == "count_values" and tree.param.val == CLUSTER:
        return False
    return named != bool(modifier.type == grammar.AggModifierType.Without)


def _names_exported(tree: Any) -> bool:
    """Whether an aggregation groups by, or writes, what only the hub gives its name."""
    names = list(tree.modifier.labels) if tree.modifier is not None else []
    return EXPORTED in (*names, getattr(tree.param, "val", None))


def _within_clusters(modifier: Any) -> bool:
    """Whether two series of different clusters never match, by labels that each cluster knows."""
    if modifier is None or modifier.matching is None:
        return True
    if EXPORTED in (*modifier.matching.labels, *(modifier.group_labels or ())):
        return False
    named = CLUSTER in modifier.matching.labels
    return named == bool(modifier.matching.type == grammar.LabelModifierType.Include)
