"""What is no PromQL, or not supported, is refused by name and place."""

from __future__ import annotations

import time
from uuid import UUID

import numpy as np
import pytest

from aiops.kernel.errors import Invalid
from aiops.observability.needs import StoredSeries
from aiops.observability.promql import evaluate, parse
from aiops.observability.promql.parsing import metric_names
from aiops.observability.service.metrics.text import printed


@pytest.mark.parametrize(
    ("query", "position"),
    [("sum(foo", 8), ("foo bar", 5), ("foo{a=b}", 8), ("sum(a) +* b", 8), ("", 1), ("nosuch(a)", 9)],
)
def test_a_syntax_error_names_its_position(query: str, position: int) -> None:
    with pytest.raises(Invalid, match=f"at position {position}") as refused:
        parse(query)
    assert refused.value.details is not None
    assert refused.value.details["position"] == position


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("1 + predict_linear(x[5m], 3)", r"predict_linear is not supported .*position 5"),
        ("max_over_time(rate(x[5m])[1h:1m])", "A subquery is not supported"),
        ("a atan2 b", "operator atan2 is not supported"),
        ("x @ -10.5", "before 1970 after @ is not supported"),
        ("x[5m]", "range selector outside of a function is not supported"),
    ],
)
def test_what_is_missing_is_refused_by_name(query: str, name: str) -> None:
    with pytest.raises(Invalid, match=name):
        parse(query)


@pytest.mark.parametrize(
    "query",
    [
        "(" * 1000 + "1" + ")" * 1000,
        "(" * 19_000,
        "-" * 19_000 + "1",
        "+".join(["1"] * 9000),
        "sum(" * 3000 + "up" + ")" * 3000,
        "{" + ",".join(['a="b"'] * 3000) + ",)}",
    ],
)
def test_a_query_that_would_keep_the_parser_busy_is_refused_at_once(query: str) -> None:
    began = time.monotonic()
    with pytest.raises(Invalid):
        metric_names(query)
    assert time.monotonic() - began < 2


def test_series_that_match_several_are_refused() -> None:
    series = [
        StoredSeries(UUID(int=1), {"__name__": "x", "a": a}, np.array([0], dtype=np.int64), np.array([1.0]))
        for a in ("1", "2")
    ]
    with pytest.raises(Invalid, match="many-to-many"):
        evaluate(parse("x / on () x"), [series, series], 0, 0, 1)


def test_too_many_values_are_refused_with_the_bound() -> None:
    one = StoredSeries(UUID(int=1), {"__name__": "x"}, np.array([0], dtype=np.int64), np.array([1.0]))
    with pytest.raises(Invalid, match="the bound is 10,000,000 values"):
        evaluate(parse("x"), [[one] * 1001], 0, 9_999, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001"), (float("-inf"), "-Inf")],
)
def test_numbers_are_printed_as_prometheus_prints_them(value: float, text: str) -> None:
    assert printed(value) == text
