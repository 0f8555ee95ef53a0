"""From text to a `Plan`; what the evaluator cannot do is refused here, by name and place."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import promql_parser as grammar

from aiops.kernel.errors import Invalid
from aiops.observability.expressions import expression
from aiops.observability.needs import Matcher
from aiops.observability.promql import nodes
from aiops.observability.promql.functions import INSTANT_FUNCTIONS
from aiops.observability.promql.windows import PARAMETER_FIRST, RANGE_FUNCTIONS

MAX_QUERY_CHARACTERS = 20_000
MAX_DEPTH = 64
"""Of brackets in brackets. The parser copies what lies below a node whenever it is looked at."""
MAX_OPERATORS = 256

AGGREGATIONS = frozenset(
    {"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"}
)
PARAMETRISED = frozenset({"topk", "bottomk", "quantile"})
SET_OPERATORS = frozenset({"and", "or", "unless"})
OPERATORS = frozenset({"+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="}) | SET_OPERATORS

_TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|[A-Za-z_:][\w:.]*|[\d.]\w*(?:[eE][+-]?\d+)?|\s+|[=!<>]=|=~|!~|.',
    re.S,
)
_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def parse(query: str) -> nodes.Plan:
    """The plan of a query. Raises `Invalid` with the position where it is wrong or asks for what is not supported."""
    tree = checked(query)
    builder = Builder(query)
    root = builder.node(tree)
    return nodes.Plan(query, root, tuple(builder.selectors))


def metric_names(query: str) -> list[str | None]:
    """What each selector names (`None`: no name). Raises `Invalid` for what is no PromQL at all, and only then."""
    return [_name(selector) for selector in _selectors(checked(query))]


def check_vector(query: str) -> None:
    """Raises `Invalid` for what is no PromQL, or gives no series at a moment, whoever answers it."""
    tree = checked(query)
    if isinstance(tree, grammar.MatrixSelector):
        raise Invalid("The query gives a range of samples, not a value: wrap it, as in rate(…).")
    if isinstance(tree, grammar.StringLiteral) or not any(True for _ in _selectors(tree)):
        raise Invalid("The query reads no series.")


def _selectors(tree: Any) -> Iterator[Any]:
    # The parser's own walk takes minutes for a thousand brackets.
    if isinstance(tree, grammar.VectorSelector):
        yield tree
    elif isinstance(tree, grammar.MatrixSelector):
        yield tree.vector_selector
    elif isinstance(tree, grammar.BinaryExpr):
        yield from _selectors(tree.lhs)
        yield from _selectors(tree.rhs)
    elif isinstance(tree, grammar.Call):
        for argument in tree.args:
            yield from _selectors(argument)
    elif isinstance(tree, grammar.AggregateExpr):
        yield from _selectors(tree.expr)
        yield from _selectors(tree.param)
    elif tree is not None:
        yield from _selectors(getattr(tree, "expr", None))


def _name(selector: Any) -> str | None:
    if selector.name is not None:
        return str(selector.name)
    named = (m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == grammar.MatchOp.Equal)
    return next(named, None)


def checked(query: str) -> Any:
    """The parser's tree. Raises `Invalid` with the position where the query is wrong."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise Invalid(f"The query is longer than {MAX_QUERY_CHARACTERS} characters.")
    _bound(query)
    tree, error = _tree(query)
    if error is not None:
        position = _position(query, error)
        raise Invalid(
            f"The query is not valid PromQL, at position {position}: {error}.",
            details={"position": position, "query": query},
        )
    return tree


def _bound(query: str) -> None:
    """Refuse what would keep the parser busy, or end the process: it goes as deep as a query is nested."""
    depth = operators = 0
    for token in _TOKEN.finditer(query):
        word = token.group()
        if word in "([{":
            depth += 1
        elif word in ")]}":
            depth -= 1
        elif word in OPERATORS or word == "atan2":
            operators += 1
        if depth > MAX_DEPTH:
            raise Invalid(f"The query is nested deeper than {MAX_DEPTH} brackets.")
        if operators > MAX_OPERATORS:
            raise Invalid(f"The query has more than {MAX_OPERATORS} operators: split it.")


def _tree(query: str) -> tuple[Any, str | None]:
    try:
        return grammar.parse(query), None
    except ValueError as error:
        return None, str(error)


def _position(query: str, error: str) -> int:
    """The 1-based character at which the parser first knew: it tells what is wrong, but not where.

    A prefix fails in the same way as the whole as soon as it holds the wrong token, and not before.
    """
    if re.search("unexpected end|unclosed|no expression", error):
        return len(query) + 1
    tokens = [token for token in _TOKEN.finditer(query) if not token.group().isspace()]
    first = bisect_left(tokens, True, key=lambda token: _tree(query[: token.end()])[1] == error)
    return tokens[first].start() + 1 if first < len(tokens) else len(query) + 1


class Builder:
    """Builds nodes from the parser's tree; `cannot` ends the sentence by which it refuses."""

    def __init__(self, query: str, cannot: str = "is not supported by the hub's own store") -> None:
        self._query = query
        self._cannot = cannot
        self._before_1970 = _looks_before_1970(query)
        self.selectors: list[nodes.Selector] = []

    def refuse(self, what: str, word: str | None = None) -> Invalid:
        found = re.search(rf"(?<![\w:]){re.escape(word)}(?![\w:])", self._query) if word else None
        details: dict[str, Any] = {"query": self._query}
        place = ""
        if found is not None:
            details["position"] = found.start() + 1
            place = f" (position {found.start() + 1})"
        return Invalid(f"{what} {self._cannot}{place}.", details=details)

    def node(self, tree: Any) -> nodes.Node:
        build = getattr(self, "_" + type(tree).__name__, None)
        if build is None:
            raise self.refuse(f"The expression {type(tree).__name__}")
        built: nodes.Node = build(tree)
        return built

    def _NumberLiteral(self, tree: Any) -> nodes.Node:
        return nodes.Number(float(tree.val))

    def _ParenExpr(self, tree: Any) -> nodes.Node:
        return self.node(tree.expr)

    def _UnaryExpr(self, tree: Any) -> nodes.Node:
        return nodes.Negate(self.node(tree.expr))

    def _StringLiteral(self, tree: Any) -> nodes.Node:
        raise self.refuse("A string as an expression")

    def _SubqueryExpr(self, tree: Any) -> nodes.Node:
        raise self.refuse("A subquery")

    def _MatrixSelector(self, tree: Any) -> nodes.Node:
        raise self.refuse("A range selector outside of a function")

    def _VectorSelector(self, tree: Any) -> nodes.Node:
        return nodes.Select(self.selector(tree, None))

    def _Call(self, tree: Any) -> nodes.Node:
        name = tree.func.name
        if name in RANGE_FUNCTIONS:
            return self._over_range(name, tree)
        if name in INSTANT_FUNCTIONS:
            return self.call(name, tree, tuple(self.node(one) for one in tree.args if not is_text(one)))
        if name == "absent":
            (argument,) = tree.args
            return nodes.Absent(self.node(argument), self.exact_labels(argument))
        raise self.refuse(f"The function {name}", name)

    def call(self, name: str, tree: Any, arguments: tuple[nodes.Node, ...]) -> nodes.Call:
        """With the strings among its arguments."""
        return nodes.Call(name, arguments, tuple(str(one.val) for one in tree.args if is_text(one)))

    def exact_labels(self, tree: Any) -> tuple[tuple[str, str], ...]:
        """The labels that a selector asks for exactly and once; of any other expression none."""
        while isinstance(tree, grammar.ParenExpr):
            tree = tree.expr
        tree = getattr(tree, "vector_selector", tree)
        if not isinstance(tree, grammar.VectorSelector):
            return ()
        matchers = [one for one in tree.matchers.matchers if one.name != "__name__"]
        names = [one.name for one in matchers]
        return tuple(
            (one.name, one.value)
            for one in matchers
            if one.op == grammar.MatchOp.Equal and one.value and names.count(one.name) == 1
        )

    def _over_range(self, name: str, tree: Any) -> nodes.Node:
        arguments = list(tree.args)
        matrix = arguments.pop(1 if name in PARAMETER_FIRST else 0)
        if type(matrix).__name__ != "MatrixSelector":
            raise self.refuse("A subquery")
        index = self.selector(matrix.vector_selector, matrix.range)
        return nodes.OverRange(name, index, self.node(arguments[0]) if arguments else None)

    def _AggregateExpr(self, tree: Any) -> nodes.Node:
        op = str(tree.op)
        if op not in AGGREGATIONS:
            raise self.refuse(f"The aggregation {op}", op)
        return self.aggregate(op, tree, self.node(tree.expr), self.node(tree.param) if op in PARAMETRISED else None)

    def aggregate(self, op: str, tree: Any, operand: nodes.Node, parameter: nodes.Node | None) -> nodes.Aggregate:
        """`op` by the groups of `tree`."""
        modifier = tree.modifier
        without = modifier is not None and modifier.type == grammar.AggModifierType.Without
        labels = tuple(modifier.labels) if modifier is not None else ()
        label = str(tree.param.val) if op == "count_values" else None
        return nodes.Aggregate(op, operand, without, labels, parameter, label)

    def _BinaryExpr(self, tree: Any) -> nodes.Node:
        return self.binary(tree, self.node(tree.lhs), self.node(tree.rhs))

    def binary(self, tree: Any, left: nodes.Node, right: nodes.Node) -> nodes.Binary:
        """The operator of `tree` between these."""
        op, modifier = str(tree.op), tree.modifier
        if op not in OPERATORS:
            raise self.refuse(f"The operator {op}", op)
        if modifier is None:
            return nodes.Binary(op, left, right, False, nodes.Matching())
        fill = getattr(modifier, "fill_values", None)
        if fill is not None and (fill.lhs is not None or fill.rhs is not None):
            raise self.refuse("The modifier fill", "fill")
        matching = modifier.matching
        sides = {"ManyToOne": "left", "OneToMany": "right"}
        return nodes.Binary(
            op,
            left,
            right,
            bool(modifier.return_bool),
            nodes.Matching(
                on=matching is not None and matching.type == grammar.LabelModifierType.Include,
                labels=tuple(matching.labels) if matching is not None else (),
                many=sides.get(str(modifier.card).rpartition(".")[2]),
                include=tuple(modifier.group_labels or ()),
            ),
        )

    def selector(self, tree: Any, reach: timedelta | None) -> int:
        if tree.matchers.or_matchers:
            raise self.refuse("A selector with `or` between matchers", "or")
        matchers = [self._matcher(matcher) for matcher in tree.matchers.matchers]
        if tree.name is not None:
            matchers.insert(0, Matcher("__name__", "=", tree.name))
        selector = nodes.Selector(
            tuple(matchers),
            None if reach is None else milliseconds(reach),
            milliseconds(tree.offset) if tree.offset is not None else 0,
            self.anchor(tree),
        )
        self.selectors.append(selector)
        return len(self.selectors) - 1

    def _matcher(self, matcher: Any) -> Matcher:
        op = _OPS[str(matcher.op).rpartition(".")[2]]
        if op in {"=~", "!~"}:
            try:
                expression(matcher.value)
            except Invalid as error:
                raise self.refuse(f"The regular expression {matcher.value!r}") from error
        return Matcher(matcher.name, op, matcher.value)

    def anchor(self, tree: Any) -> int | nodes.Anchor | None:
        if self._before_1970:  # the parser panics on reading such a moment
            raise self.refuse("A moment before 1970 after @")
        modifier = tree.at
        try:
            moment: datetime | None = modifier.at if modifier is not None else None
        except (ValueError, OverflowError):
            raise self.refuse("A moment past the calendar after @") from None
        if modifier is None:
            return None
        if moment is not None:
            return round(moment.timestamp() * 1000)
        return nodes.Anchor.START if modifier.type == grammar.AtModifierType.Start else nodes.Anchor.END


def _looks_before_1970(query: str) -> bool:
    tokens = [token.group() for token in _TOKEN.finditer(query) if not token.group().isspace()]
    return any(pair == ("@", "-") for pair in pairwise(tokens))


def is_text(tree: Any) -> bool:
    return isinstance(tree, grammar.StringLiteral)


def milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
