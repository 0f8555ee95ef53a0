"""LogQL over many clusters: one sequence of lines, one set of numbers, and nothing of a cluster out of scope."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from aiohttp import web

from aiops.kernel.clock import VirtualClock
from aiops.kernel.errors import Invalid, NotFound, PermissionDenied
from aiops.kernel.principal import Principal, PrincipalKind
from aiops.observability.ports import QueryStatus
from aiops.observability.ports_signals import Direction, LogsResult
from aiops.observability.service.logs import LogsService
from aiops.observability.service.logs_lines import MAX_LINE_CHARACTERS
from tests.lab.loki import LokiPeer
from tests.observability.clusters import Fleet, Way
from tests.observability.signals import SYSTEM, asking_logs

S = 1_000_000_000
T0 = 1_700_000_040 * S


@pytest.fixture
def peers() -> Iterator[tuple[LokiPeer, LokiPeer]]:
    with ExitStack() as stack:
        yield stack.enter_context(LokiPeer()), stack.enter_context(LokiPeer())


def _fill(east: LokiPeer, west: LokiPeer) -> None:
    """Lines 0, 2, 4, … lie east, 1, 3, 5, … west, a second apart."""
    for number in range(20):
        peer = east if number % 2 == 0 else west
        peer.push({"app": "shop", "pod": f"p{number % 3}"}, f"line {number}", T0 + number * S, {"user": "ann"})


async def _lines(logs: LogsService, query: str = '{app="shop"}', *, limit: int = 100, back: bool = True) -> LogsResult:
    direction = Direction.BACKWARD if back else Direction.FORWARD
    return await logs.query_range(
        SYSTEM, query, start_ns=T0, end_ns=T0 + 60 * S, limit=limit, direction=direction, timeout_s=10
    )


async def test_lines_of_all_clusters_lie_in_one_order_and_the_limit_holds_over_all(
    peers: tuple[LokiPeer, LokiPeer],
) -> None:
    east, west = peers
    _fill(east, west)
    async with asking_logs(Fleet({"east": east.url, "west": west.url})) as asking:
        newest = await _lines(asking.logs, limit=7)
        oldest = await _lines(asking.logs, limit=7, back=False)
        every = await _lines(asking.logs)
    assert [one.line for one in newest.lines] == [f"line {number}" for number in range(19, 12, -1)]
    assert [one.line for one in oldest.lines] == [f"line {number}" for number in range(7)]
    assert (newest.more, oldest.more, every.more) == (True, True, False)
    assert len(every.lines) == 20
    assert {one.cluster for one in every.lines[:2]} == {"east", "west"}
    assert all(form["limit"] in {"7", "100"} for _, form in east.requests)
    assert max(east.returned, west.returned) == 7 + 7 + 10


async def test_a_line_keeps_its_nanoseconds_its_labels_and_what_came_with_it(peers: tuple[LokiPeer, LokiPeer]) -> None:
    east, _ = peers
    east.push({"app": "shop", "cluster": "its-own"}, "an ERROR", T0 + 123_456_789, {"trace_id": "abc"})
    async with asking_logs(Fleet({"east": east.url})) as asking:
        (line,) = (await _lines(asking.logs)).lines
    assert line.timestamp == "2023-11-14T22:14:00.123456789Z"
    assert line.labels == {"app": "shop", "cluster": "east", "exported_cluster": "its-own"}
    assert line.metadata == {"trace_id": "abc", "detected_level": "error"}
    assert line.level == "error"


async def test_a_cluster_that_does_not_answer_is_named_and_the_rest_comes(peers: tuple[LokiPeer, LokiPeer]) -> None:
    east, west = peers
    _fill(east, west)

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    west.fault = hang
    fleet = Fleet({"east": east.url, "west": west.url, "down": "http://127.0.0.1:9", "bare": None})
    async with asking_logs(fleet) as asking:
        found = await asking.logs.query_range(SYSTEM, '{app="shop"}', start_ns=T0, end_ns=T0 + 60 * S, timeout_s=0.7)
    assert len(found.lines) == 10
    assert [(one.cluster, one.status) for one in found.clusters] == [
        ("east", QueryStatus.SUCCESS),
        ("west", QueryStatus.TIMEOUT),
        ("down", QueryStatus.ERROR),
    ]
    assert found.without == ["bare"]


async def test_what_loki_says_in_plain_text_is_told_and_a_query_that_all_refuse_is_refused(
    peers: tuple[LokiPeer, LokiPeer],
) -> None:
    east, west = peers
    async with asking_logs(Fleet({"east": east.url, "west": west.url})) as asking:
        with pytest.raises(Invalid, match="parse error at line 1"):
            await _lines(asking.logs, '{app="shop"} | jsonn')

        async def ill(_: web.Request) -> web.Response:
            return web.Response(status=500, text="too many unhealthy instances in the ring\n")

        west.fault = ill
        found = await _lines(asking.logs)
    assert found.clusters[1].error == "It answered with HTTP 500: too many unhealthy instances in the ring."


async def test_garbage_and_too_much_are_errors_of_that_cluster_alone(peers: tuple[LokiPeer, LokiPeer]) -> None:
    east, west = peers
    _fill(east, west)

    async def garbage(_: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    west.fault = garbage
    async with asking_logs(Fleet({"east": east.url, "west": west.url})) as asking:
        found = await _lines(asking.logs)
        for number in range(30):
            east.push({"app": "shop"}, "x" * 50_000, T0 + number)
        too_much = await _lines(asking.logs)
        cut = await _lines(asking.logs, limit=1, back=False)
    assert "did not answer as a Loki does" in str(found.clusters[1].error)
    assert len(found.lines) == 10
    assert "larger than 1 MB: ask for fewer lines" in str(too_much.clusters[0].error)
    assert (len(cut.lines[0].line), cut.lines[0].cut_from) in {(MAX_LINE_CHARACTERS, 50_000), (len("line 0"), None)}


async def test_a_shared_loki_is_narrowed_to_the_clusters_own_share_in_every_question() -> None:
    with LokiPeer() as shared:
        for name in ("east", "west"):
            shared.push({"app": "shop", "k8s": name, f"only_{name}": "1"}, f"of {name}", T0)
        fleet = Fleet({name: Way(shared.url, {"k8s": name}) for name in ("east", "west")})
        async with asking_logs(fleet) as asking:
            both = await _lines(asking.logs)
            east_alone = await asking.logs.query_range(
                fleet.viewer("east"), '{app="shop"}', start_ns=T0, end_ns=T0 + 60 * S
            )
            names = await asking.names.labels(fleet.viewer("east"))
            values = await asking.names.label_values(fleet.viewer("east"), "k8s")
            numbers = await asking.logs.query(
                fleet.viewer("east"), 'sum(count_over_time({app="shop"}[1m]))', at_ns=T0 + S
            )
            with pytest.raises(Invalid, match="position"):
                await _lines(asking.logs, '{app="shop"} |= `a` // `} or {app=~".+"}')
    assert sorted((one.cluster, one.line) for one in both.lines) == [("east", "of east"), ("west", "of west")]
    assert [one.line for one in east_alone.lines] == ["of east"]
    assert names.labels == ["app", "cluster", "k8s", "only_east"]
    assert values.values == ["east"]
    assert numbers.series[0].values[0][1] == "1"
    assert all('k8s="' in str(form) for _, form in shared.requests)


async def test_a_matcher_on_cluster_decides_who_is_asked_and_never_leaves_the_hub(
    peers: tuple[LokiPeer, LokiPeer],
) -> None:
    east, west = peers
    _fill(east, west)
    async with asking_logs(Fleet({"east": east.url, "west": west.url})) as asking:
        found = await _lines(asking.logs, '{app="shop", cluster=~"e.*"}')
        with pytest.raises(Invalid, match="belongs into the stream selector"):
            await _lines(asking.logs, '{app="shop"} | cluster="east"')
        with pytest.raises(Invalid, match="besides"):
            await _lines(asking.logs, '{cluster="east"}')
    assert {one.cluster for one in found.lines} == {"east"}
    assert [one.cluster for one in found.clusters] == ["east"]
    assert not west.requests
    assert east.requests[0][1]["query"] == '{app="shop"}'


async def test_numbers_are_put_together_across_clusters(peers: tuple[LokiPeer, LokiPeer]) -> None:
    east, west = peers
    _fill(east, west)
    east.push({"app": "shop", "pod": "p0"}, "one more", T0 + 21 * S)
    async with asking_logs(Fleet({"east": east.url, "west": west.url})) as asking:

        async def at_once(query: str) -> dict[str, str]:
            found = await asking.logs.query(SYSTEM, query, at_ns=T0 + 30 * S)
            assert all(one.status is QueryStatus.SUCCESS for one in found.clusters), found.clusters
            assert not found.notes
            return {
                ",".join(f"{name}={text}" for name, text in sorted(one.metric.items())): one.values[0][1]
                for one in found.series
            }

        count = 'count_over_time({app="shop"}[1m])'
        assert await at_once(f"sum({count})") == {"": "21"}
        assert await at_once(f"sum by (pod) ({count})") == {"pod=p0": "8", "pod=p1": "7", "pod=p2": "6"}
        assert await at_once(f"sum by (cluster) ({count})") == {"cluster=east": "11", "cluster=west": "10"}
        assert await at_once(f"count({count})") == {"": "6"}
        assert await at_once(f"avg({count})") == {"": "3.5"}
        assert await at_once(f"sum({count}) / count({count})") == {"": "3.5"}
        over = await asking.logs.query_range(
            SYSTEM, f"sum({count})", start_ns=T0, end_ns=T0 + 60 * S, step_s=30, timeout_s=10
        )
    assert [(at % 60, value) for at, value in over.series[0].values] == [(0, "1"), (30, "21"), (0, "20")]


async def test_numbers_of_more_series_than_are_taken_are_refused_for_that_cluster_and_never_cut(
    peers: tuple[LokiPeer, LokiPeer],
) -> None:
    east, west = peers
    _fill(east, west)
    west.push({"app": "shop", "pod": "p3"}, "one more", T0 + S)
    async with asking_logs(Fleet({"east": east.url, "west": west.url}), max_series=3) as asking:
        for query in ('count_over_time({app="shop"}[1m])', 'stddev(count_over_time({app="shop"}[1m]))'):
            at_once = await asking.logs.query(SYSTEM, query, at_ns=T0 + 30 * S)
            over = await asking.logs.query_range(SYSTEM, query, start_ns=T0, end_ns=T0 + 60 * S, step_s=30)
            for found in (at_once, over):
                assert [one.status for one in found.clusters] == [QueryStatus.SUCCESS, QueryStatus.ERROR]
                assert "more than 3 series: ask for fewer" in str(found.clusters[1].error)
                assert all(one.metric.get("cluster", "east") == "east" for one in found.series)
                assert found.series


async def test_what_cannot_be_put_together_stays_per_cluster_and_says_so(peers: tuple[LokiPeer, LokiPeer]) -> None:
    east, west = peers

    async def answer(_: web.Request) -> web.Response:
        series = [{"metric": {"pod": "a"}, "value": [1, "2"]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": series}})

    east.fault = west.fault = answer
    query = 'quantile_over_time(0.9, {app="shop"} | unwrap ms [1m]) by (pod)'
    async with asking_logs(Fleet({"east": east.url, "west": west.url})) as asking:
        both = await asking.logs.query(SYSTEM, query, at_ns=T0)
        alone = await asking.logs.query(SYSTEM, query, at_ns=T0, cluster_ids=[both.clusters[0].cluster_id])
    assert [one.metric["cluster"] for one in both.series] == ["east", "west"]
    assert "each cluster by itself" in both.notes[0]
    assert not alone.notes


async def test_labels_are_looked_up_once_in_five_minutes_and_say_how_old_they_are(
    peers: tuple[LokiPeer, LokiPeer],
) -> None:
    east, _ = peers
    clock = VirtualClock()
    fleet = Fleet({"east": east.url})
    east.push({"app": "shop"}, "a", T0)
    async with asking_logs(fleet, clock) as asking:
        first = await asking.names.label_values(SYSTEM, "app")
        await clock.advance(100)
        east.push({"app": "bank"}, "a", T0)
        kept = await asking.names.label_values(SYSTEM, "app")
        await clock.advance(201)
        anew = await asking.names.label_values(SYSTEM, "app")
        empty = await asking.names.label_values(SYSTEM, "nothing")
        clusters = await asking.names.label_values(SYSTEM, "cluster")
    assert (first.values, kept.values, anew.values) == (["shop"], ["shop"], ["bank", "shop"])
    assert kept.clusters[0].age_s == 100
    assert empty.values == []
    assert clusters.values == ["east"]


async def test_who_may_not_see_a_cluster_may_not_ask_its_logs(peers: tuple[LokiPeer, LokiPeer]) -> None:
    east, west = peers
    _fill(east, west)
    fleet = Fleet({"east": east.url, "west": west.url})
    async with asking_logs(fleet) as asking:
        found = await asking.logs.query(fleet.viewer("west"), '{app="shop"}', at_ns=T0 + 30 * S)
        with pytest.raises(NotFound):
            await asking.logs.query(fleet.viewer("west"), '{app="shop"}', cluster_ids=[fleet.ids["east"]])
        nobody = Principal(PrincipalKind.SERVICE, "s", "s", None, frozenset())
        with pytest.raises(PermissionDenied):
            await asking.logs.query(nobody, '{app="shop"}')
    assert {one.cluster for one in found.lines} == {"west"}
    assert not east.requests
