"""Following the logs of many clusters: nothing lost unsaid, nothing twice, and upstream ends with its reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from aiohttp import web

from aiops.kernel.errors import Invalid, NotFound, RateLimited
from aiops.observability.ports_signals import LogLine, TailCluster, TailLines, TailLost, TailNews, TailState
from aiops.observability.service.logs_tail import MOST_A_USER, Waiting
from tests.lab.loki import LokiPeer
from tests.observability.clusters import Fleet, Way
from tests.observability.signals import SYSTEM, asking_logs


class Reading:
    """What came until now of a tail."""

    def __init__(self, news: AsyncIterator[TailNews]) -> None:
        self._news = news
        self.lines: list[LogLine] = []
        self.states: list[tuple[str, TailState]] = []
        self.lost: list[TailLost] = []

    async def until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not there():
                one = await anext(self._news)
                if isinstance(one, TailLines):
                    self.lines += one.lines
                elif isinstance(one, TailCluster):
                    self.states.append((one.cluster, one.state))
                else:
                    self.lost.append(one)


async def _ended(peer: LokiPeer) -> None:
    async with asyncio.timeout(10):
        while peer.tails_ended < peer.tails:
            await asyncio.sleep(0.01)


async def test_lines_of_all_clusters_come_as_they_are_written_and_upstream_ends_with_the_reader() -> None:
    with LokiPeer() as east, LokiPeer() as west:
        async with asking_logs(Fleet({"east": east.url, "west": west.url, "bare": None})) as asking:
            async with asking.tail.follow(SYSTEM, '{app="shop"} |= "x"') as news:
                reading = Reading(news)
                await reading.until(lambda: len(reading.states) == 2)
                east.push({"app": "shop"}, "x of east")
                east.push({"app": "shop"}, "not this")
                west.push({"app": "shop"}, "x of west")
                east.drop(3)
                await reading.until(lambda: len(reading.lines) == 2 and bool(reading.lost))
            await _ended(east)
            await _ended(west)
    assert {(one.cluster, one.line) for one in reading.lines} == {("east", "x of east"), ("west", "x of west")}
    assert reading.lost == [TailLost(3, "loki", "east")]


async def test_a_stream_that_ends_is_taken_up_again_where_it_ended() -> None:
    with LokiPeer() as peer:
        async with asking_logs(Fleet({"east": peer.url})) as asking, asking.tail.follow(SYSTEM, '{app="shop"}') as news:
            reading = Reading(news)
            await reading.until(lambda: bool(reading.states))
            peer.push({"app": "shop"}, "before")
            await reading.until(lambda: len(reading.lines) == 1)
            peer.hang_up()
            await reading.until(lambda: ("east", TailState.LOST) in reading.states)
            peer.push({"app": "shop"}, "meanwhile")
            await reading.until(lambda: len(reading.lines) == 2)
            peer.push({"app": "shop"}, "after")
            await reading.until(lambda: len(reading.lines) == 3)
    assert [one.line for one in reading.lines] == ["before", "meanwhile", "after"]
    assert [state for _, state in reading.states] == [TailState.FOLLOWING, TailState.LOST, TailState.FOLLOWING]


async def test_who_is_refused_says_why_and_who_is_away_is_tried_again() -> None:
    async def full(_: web.Request) -> web.Response:
        return web.Response(status=400, text="max concurrent tail requests limit exceeded\n")

    with LokiPeer() as peer:
        peer.fault = full
        fleet = Fleet({"east": peer.url, "away": "http://127.0.0.1:9"})
        async with asking_logs(fleet) as asking, asking.tail.follow(SYSTEM, '{app="shop"}') as news:
            told: dict[str, str | None] = {}
            async with asyncio.timeout(10):
                while len(told) < 2:
                    one = await anext(news)
                    assert isinstance(one, TailCluster)
                    assert one.state is TailState.LOST
                    told[one.cluster] = one.error
    assert told["east"] == "Its Loki refused the query: max concurrent tail requests limit exceeded"
    assert "refused the connection" in str(told["away"])


def _line(text: str) -> LogLine:
    return LogLine("2026-01-01T00:00:00.000000000Z", uuid4(), "east", text, {}, {}, {}, None, None)


async def test_a_slow_reader_misses_the_oldest_lines_and_is_told_how_many() -> None:
    waiting = Waiting(lines=10, characters=100)
    waiting.add([_line(str(number)) for number in range(25)])
    first, second = await waiting.next(), await waiting.next()
    assert first == TailLost(15, "reader")
    assert isinstance(second, TailLines)
    assert [one.line for one in second.lines] == [str(number) for number in range(15, 25)]
    waiting.add([_line("x" * 60), _line("y" * 60)])
    assert await waiting.next() == TailLost(1, "reader")


async def test_scope_and_share_hold_while_following() -> None:
    with LokiPeer() as shared:
        fleet = Fleet({name: Way(shared.url, {"k8s": name}) for name in ("east", "west")})
        async with asking_logs(fleet) as asking:
            with pytest.raises(NotFound):
                async with asking.tail.follow(fleet.viewer("east"), '{app="a"}', cluster_ids=[fleet.ids["west"]]):
                    pass
            with pytest.raises(Invalid, match="numbers"):
                async with asking.tail.follow(SYSTEM, 'rate({app="a"}[1m])'):
                    pass
            async with asking.tail.follow(fleet.viewer("east"), '{app="a"}') as news:
                reading = Reading(news)
                await reading.until(lambda: bool(reading.states))
                shared.push({"app": "a", "k8s": "west"}, "of west")
                shared.push({"app": "a", "k8s": "east"}, "of east")
                await reading.until(lambda: bool(reading.lines))
    assert [one.line for one in reading.lines] == ["of east"]


async def test_one_user_follows_only_so_many_times_at_once() -> None:
    with LokiPeer() as peer:
        async with asking_logs(Fleet({"east": peer.url})) as asking:
            held = [asking.tail.follow(SYSTEM, '{app="a"}') for _ in range(MOST_A_USER)]
            for one in held:
                await one.__aenter__()
            with pytest.raises(RateLimited):
                async with asking.tail.follow(SYSTEM, '{app="a"}'):
                    pass
            for one in held:
                await one.__aexit__(None, None, None)
            async with asking.tail.follow(SYSTEM, '{app="a"}'):
                pass
