"""What each cluster is asked of a LogQL query, and what is refused before it leaves."""

from __future__ import annotations

import pytest

from aiops.kernel.errors import Invalid
from aiops.observability.logql import LogQuery, check_carved, plan_numbers

SHARE = {"k8s": "e"}


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ('{app="x"} |= "err{" | json', '{app="x",k8s="e"} |= "err{" | json'),
        ('( {app="x", cluster=~"e.*"} )', '( {app="x",k8s="e"} )'),
        ('{app="x"} # "{\n|~ `}{`', '{app="x",k8s="e"} # "{\n|~ `}{`'),
    ],
)
def test_the_selector_of_lines_is_narrowed_and_all_else_stays(query: str, asked: str) -> None:
    assert LogQuery(query).text_for("east", SHARE) == asked


def test_without_a_share_a_query_leaves_as_it_was_written() -> None:
    query = 'sum  (  rate( { app = "x" }[5m] ) )'
    assert LogQuery(query).text_for("east", {}) == query


@pytest.mark.parametrize(
    ("query", "asked", "local"),
    [
        ('sum by (cluster, app) (rate({a="b"}[5m]))', ['sum by (app) (rate({a="b",k8s="e"}[5m]))'], True),
        ('sum(rate({a="b"} |= "}" [5m]))', ['sum(rate({a="b",k8s="e"} |= "}" [5m]))'], False),
        ('topk(2, rate({a="b"}[5m]))', ['topk(2, rate({a="b",k8s="e"}[5m]))'], False),
        (
            'avg(rate({a="b"}[5m]))',
            ['sum(rate({a="b",k8s="e"}[5m]))', 'count(rate({a="b",k8s="e"}[5m]))'],
            False,
        ),
        (
            'max_over_time({a="b"} | unwrap x [5m]) by (h)',
            ['max by (h) (max_over_time({a="b",k8s="e"} | unwrap x [5m]) by (h))'],
            False,
        ),
        ('absent_over_time({a="b"}[5m])', ['sum(count_over_time({a="b",k8s="e"}[5m]))'], False),
    ],
)
def test_of_numbers_each_cluster_gives_its_part(query: str, asked: list[str], local: bool) -> None:
    plan = plan_numbers(LogQuery(query))
    assert plan.plan is not None
    assert plan.local is local
    assert [plan.text(push, "east", SHARE) for push in plan.plan.all_pushes] == asked


@pytest.mark.parametrize(
    "query",
    [
        'quantile_over_time(0.9, {a="b"} | unwrap x [5m]) by (h)',
        'approx_topk(3, rate({a="b"}[1m]))',
        'sum({a="b"})',
        'sum by (exported_cluster) (rate({a="b"}[1m]))',
    ],
)
def test_what_cannot_be_planned_is_asked_whole_of_each_and_said(query: str) -> None:
    plan = plan_numbers(LogQuery(query))
    assert plan.apart is not None
    assert 'k8s="e"' in str(plan.text(None, "east", SHARE))


def test_a_cluster_that_the_selectors_leave_out_is_asked_for_nothing() -> None:
    plan = plan_numbers(LogQuery('sum(rate({cluster="west", a="b"}[1m])) + sum(rate({cluster="east", a="b"}[1m]))'))
    assert plan.plan is not None
    west, east = plan.plan.all_pushes
    assert plan.text(west, "east", {}) is None
    assert plan.text(east, "east", {}) == 'sum(rate({a="b"}[1m]))'


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ('{a="b"} // {c="d"}', "position 9"),
        ('{a="b"} /* {c="d"} */', "position 9"),
        ("{a='b'}", "position 4"),
        ('{a="b"', "never closed"),
        ('{a="b"} |= "x\n"', "never ends"),
        ("{a=b}", "a matcher looks like"),
        ('{a=~"("}', "regular expression"),
        ('{a="b"}}', "nothing is open"),
        ('{cluster="x"}', "besides"),
        ('{a="b"} | json | cluster="x"', "belongs into the stream selector"),
        ("sum(1)", "begins with a stream selector"),
        ("{" + "a" * 20_001, "20,000 characters"),
    ],
)
def test_what_two_readers_might_see_differently_is_refused_with_its_place(query: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        LogQuery(query)


def test_nothing_leaves_that_is_not_narrowed() -> None:
    check_carved('sum(rate({a="b",k8s="e"}[1m]))', SHARE)
    with pytest.raises(Invalid, match="can't be narrowed"):
        check_carved('rate({a="b",k8s="e"}[1m]) + rate({a="b"}[1m])', SHARE)
    with pytest.raises(Invalid, match="can't be narrowed"):
        check_carved('{a="b",k8s=~"e"}', SHARE)
