"""Traces of many clusters: found in all, put together from the parts of each, nothing of what is out of scope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from aiops.kernel.errors import Invalid, NotFound, Unavailable
from aiops.observability.ports import QueryStatus
from aiops.observability.service.traces_tree import span_id_of
from aiops.observability.traceql import composed, narrowed
from tests.lab.tempo import Made, TempoPeer
from tests.observability.clusters import Fleet, Way
from tests.observability.signals import SYSTEM, asking_traces

MS = 1_000_000
T0 = 1_700_000_000_000 * MS
START = datetime.fromtimestamp(1_700_000_000, UTC) - timedelta(minutes=1)
END = START + timedelta(minutes=10)
ID = "00" + "ab" * 15


def _span(number: int, parent: int | None, name: str, service: str, at_ms: int, took_ms: int, **more: object) -> Made:
    up = None if parent is None else f"{parent:016x}"
    made = Made(ID, f"{number:016x}", up, name, service, T0 + at_ms * MS, took_ms * MS)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def _halves() -> tuple[list[Made], list[Made]]:
    """A trace that begins east and goes on west."""
    east = [
        _span(1, None, "GET /cart", "shop", 0, 500),
        _span(2, 1, "call bank", "shop", 100, 300, attributes={"peer": "bank"}),
        _span(5, 1, "render", "shop", 420, 50),
    ]
    west = [
        _span(3, 2, "POST /pay", "bank", 120, 250, error=True),
        _span(4, 3, "SELECT", "pg", 150, 100),
    ]
    return east, west


@pytest.fixture
def peers() -> Iterator[tuple[TempoPeer, TempoPeer]]:
    with ExitStack() as stack:
        east, west = stack.enter_context(TempoPeer()), stack.enter_context(TempoPeer(older=True))
        one, other = _halves()
        east.add(*one)
        west.add(*other)
        yield east, west


def _fleet(peers: tuple[TempoPeer, TempoPeer]) -> Fleet:
    return Fleet({"east": peers[0].url, "west": peers[1].url, "bare": None})


async def test_the_parts_that_clusters_hold_become_one_tree(peers: tuple[TempoPeer, TempoPeer]) -> None:
    async with asking_traces(_fleet(peers)) as traces:
        found = await traces.get(SYSTEM, ID.lstrip("0"))
    assert [(one.name, one.depth, one.cluster) for one in found.spans] == [
        ("GET /cart", 0, "east"),
        ("call bank", 1, "east"),
        ("POST /pay", 2, "west"),
        ("SELECT", 3, "west"),
        ("render", 1, "east"),
    ]
    assert found.trace_id == ID
    assert (found.duration_ms, found.spans[2].offset_ms, found.spans[2].duration_ms) == (500.0, 120.0, 250.0)
    assert found.spans[2].parent_id == f"{2:016x}"
    pay = found.spans[2]
    assert (pay.status, pay.status_message, pay.kind, pay.service) == ("ERROR", "boom", "SERVER", "bank")
    assert [(one.name, one.offset_ms, one.attributes) for one in pay.events] == [
        ("exception", 245.0, {"exception.message": "boom"})
    ]
    assert [(one.service, one.spans, one.errors) for one in found.services] == [
        ("shop", 3, 0),
        ("bank", 1, 1),
        ("pg", 1, 0),
    ]
    assert all(one.status is QueryStatus.SUCCESS for one in found.clusters)
    assert found.without == ["bare"]


async def test_a_span_whose_parent_is_missing_stands_at_the_top_and_circles_end(
    peers: tuple[TempoPeer, TempoPeer],
) -> None:
    east, _ = peers
    fleet = _fleet(peers)
    async with asking_traces(fleet) as traces:
        part = await traces.get(SYSTEM, ID, cluster_ids=[fleet.ids["west"]])
        east.add(_span(8, 9, "a", "loop", 10, 1), _span(9, 8, "b", "loop", 11, 1), _span(7, 7, "own", "loop", 12, 1))
        circle = await traces.get(SYSTEM, ID, cluster_ids=[fleet.ids["east"]])
    assert [(one.name, one.depth, one.orphan) for one in part.spans] == [("POST /pay", 0, True), ("SELECT", 1, False)]
    assert sorted(one.name for one in circle.spans) == ["GET /cart", "a", "b", "call bank", "own", "render"]


async def test_a_trace_that_nobody_has_is_not_found_and_unknown_where_some_did_not_answer(
    peers: tuple[TempoPeer, TempoPeer],
) -> None:
    async with asking_traces(_fleet(peers)) as traces:
        with pytest.raises(NotFound) as missing:
            await traces.get(SYSTEM, "beef")
        with pytest.raises(Invalid, match="hexadecimal"):
            await traces.get(SYSTEM, "not-an-id")

        async def ill(_: web.Request) -> web.Response:
            return web.Response(status=503)

        peers[1].fault = ill
        with pytest.raises(Unavailable, match="did not answer: west"):
            await traces.get(SYSTEM, "beef")
        half = await traces.get(SYSTEM, ID)
    assert missing.value.code == "TRACE_NOT_FOUND"
    assert [(one.cluster, one.status) for one in half.clusters] == [
        ("east", QueryStatus.SUCCESS),
        ("west", QueryStatus.ERROR),
    ]
    assert len(half.spans) == 3


async def test_once_one_cluster_has_the_trace_the_others_are_waited_for_only_a_little(
    peers: tuple[TempoPeer, TempoPeer],
) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    peers[1].fault = hang
    async with asking_traces(_fleet(peers), settle_s=0.2) as traces:
        began = time.monotonic()
        found = await traces.get(SYSTEM, ID, timeout_s=20)
        took = time.monotonic() - began
    assert took < 5
    assert [one.status for one in found.clusters] == [QueryStatus.SUCCESS, QueryStatus.TIMEOUT]


async def test_a_remote_that_gives_a_part_makes_the_answer_partial(peers: tuple[TempoPeer, TempoPeer]) -> None:
    peers[0].partial = True
    async with asking_traces(_fleet(peers)) as traces:
        found = await traces.get(SYSTEM, ID)
    assert (found.clusters[0].status, found.clusters[0].error) == (QueryStatus.PARTIAL, "the trace is too large")


async def test_a_search_names_a_trace_once_with_all_its_clusters_and_its_root(
    peers: tuple[TempoPeer, TempoPeer],
) -> None:
    async with asking_traces(_fleet(peers)) as traces:
        every = await traces.search(SYSTEM, "{ }", start=START, end=END)
        failed = await traces.search(SYSTEM, composed(errors_only=True), start=START, end=END)
        none = await traces.search(SYSTEM, composed(min_duration="2s"), start=START, end=END)
        with pytest.raises(Invalid, match="Tempo refused the query: invalid TraceQL"):
            await traces.search(SYSTEM, "{ foo }", start=START, end=END)
        with pytest.raises(Invalid, match="position 1"):
            await traces.search(SYSTEM, "{ .a = 1", start=START, end=END)
    (one,) = every.traces
    assert (one.trace_id, one.root_service, one.root_name, one.clusters) == (ID, "shop", "GET /cart", ["east", "west"])
    assert (one.duration_ms, one.matched) == (500.0, 5)
    assert [(share.service, share.errors) for share in one.services] == [("bank", 1), ("pg", 0), ("shop", 0)]
    assert [(one.root_name, one.clusters) for one in failed.traces] == [(None, ["west"])]
    assert none.traces == []


async def test_the_newest_traces_come_first_and_the_limit_holds_over_all_clusters(
    peers: tuple[TempoPeer, TempoPeer],
) -> None:
    for number in range(12):
        made = _span(number + 100, None, f"n{number}", "shop", number * 1000, 5)
        made.trace_id = f"{number + 1:032x}"
        peers[number % 2].add(made)
    async with asking_traces(_fleet(peers)) as traces:
        found = await traces.search(SYSTEM, "{ }", start=START, end=END, limit=12)
        few = await traces.search(SYSTEM, "{ }", start=START, end=END, limit=3)
    assert [one.root_name for one in found.traces[:3]] == ["n11", "n10", "n9"]
    assert len(few.traces) == 3
    assert few.more
    assert max(int(query["limit"]) for _, query in peers[0].requests) == 12


async def test_services_and_operations_are_those_of_all_clusters(peers: tuple[TempoPeer, TempoPeer]) -> None:
    async with asking_traces(_fleet(peers)) as traces:
        services = await traces.services(SYSTEM, start=START, end=END)
        operations = await traces.operations(SYSTEM, "bank", start=START, end=END)
        kept = await traces.services(SYSTEM, start=START, end=END)
    assert services.values == kept.values == ["bank", "pg", "shop"]
    assert operations.values == ["POST /pay"]
    assert sum("/values" in path for path, _ in peers[0].requests) == 2


async def test_of_a_shared_tempo_a_cluster_has_only_its_own_spans() -> None:
    with TempoPeer() as shared:
        for name, spans in zip(("east", "west"), _halves(), strict=True):
            for span in spans:
                span.resource = {"k8s": name}
            shared.add(*spans)
        fleet = Fleet({name: Way(shared.url, {"k8s": name}) for name in ("east", "west")})
        west = fleet.viewer("west")
        async with asking_traces(fleet) as traces:
            half, whole = await traces.get(west, ID), await traces.get(SYSTEM, ID)
            found = await traces.search(west, '{ name = "SELECT" }', start=START, end=END)
            both = await traces.search(SYSTEM, "{ }", start=START, end=END)
            nothing = await traces.search(west, '{ name = "render" }', start=START, end=END)
            services = await traces.services(west, start=START, end=END)
            operations = await traces.operations(west, start=START, end=END)
            with pytest.raises(NotFound):
                await traces.get(west, ID, cluster_ids=[fleet.ids["east"]])
    assert [one.name for one in half.spans] == ["POST /pay", "SELECT"]
    assert len(whole.spans) == 5
    assert [(one.trace_id, one.root_name, one.services) for one in found.traces] == [(ID, None, [])]
    assert [(share.service, share.spans) for share in both.traces[0].services] == [("bank", 1), ("pg", 1), ("shop", 3)]
    assert nothing.traces == []
    assert services.values == ["bank", "pg"]
    assert "west" in services.notes[0]
    assert operations.values == ["POST /pay", "SELECT"]


def test_every_set_of_spans_of_a_query_is_narrowed() -> None:
    share = {"cluster": 'a"b'}
    assert narrowed("{ }", share) == '{ resource.cluster = "a\\"b" }'
    assert narrowed('{ .a = "}" || .b = 1 } >> { status = error } | count() > 2', share) == (
        '{ ( .a = "}" || .b = 1 ) && resource.cluster = "a\\"b" }'
        ' >> { ( status = error ) && resource.cluster = "a\\"b" }'
        " | count() > 2"
    )
    for bad in ("status = error", "{ } } {", "{ { } }", "{ .a = 'x' }", "{ } // {", '{ .a = "x }'):
        with pytest.raises(Invalid):
            narrowed(bad, share)


def test_a_value_that_is_given_cannot_leave_its_quotes() -> None:
    query = composed(service='a" || .b = "c', tags=["http.method=GET"], max_duration="1.5s")
    assert query == ('{ resource.service.name = "a\\" || .b = \\"c" && .http.method = "GET" && traceDuration <= 1.5s }')
    for bad in ({"tags": ["x} || {=1"]}, {"min_duration": "1s } || {"}, {"tags": ["novalue"]}):
        with pytest.raises(Invalid):
            composed(**bad)


def test_span_ids_are_read_both_ways_they_come() -> None:
    assert span_id_of("AAAAAAAAAMk=") == "00000000000000c9"
    assert span_id_of("00000000000000C9") == "00000000000000c9"
    assert (span_id_of(""), span_id_of("AAAAAAAAAAA=")) == ("", "")
