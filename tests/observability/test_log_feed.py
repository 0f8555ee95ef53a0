"""The hub's own jobs read each cluster's lines once, in order, no more than they may, and say what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.errors import Unavailable
from aiops.kernel.principal import Principal
from aiops.observability.fakes import FakeLogFeed
from aiops.observability.log_sources.files import Files
from aiops.observability.ports_signals import LogFeed, LogOrigin, LogRecord
from aiops.observability.service.log_feed import LogReader
from aiops.registry.ports import Cluster
from tests.lab.loki import LokiPeer
from tests.observability.clusters import Fleet
from tests.observability.signals import SYSTEM, asking_logs

S = 1_000_000_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
T0 = round(_START.timestamp()) * S


@pytest.fixture
def peer() -> Iterator[LokiPeer]:
    with LokiPeer() as started:
        yield started


def _origin(fleet: Fleet, name: str = "east") -> LogOrigin:
    return LogOrigin(fleet.ids[name], name, "loki")


@pytest.mark.parametrize("kind", ["fake", "loki"])
async def test_who_reads_on_gets_each_line_once_and_no_more_than_asked_for(kind: str, peer: LokiPeer) -> None:
    clock = VirtualClock(_START)
    fleet = Fleet({"east": peer.url})
    origin = _origin(fleet)
    for number in range(7):
        peer.push({"app": "shop"}, f"{number}", T0 + number * S)
    given = [LogRecord(_START + timedelta(seconds=number), f"{number}", {"app": "shop"}) for number in range(7)]
    async with asking_logs(fleet, clock) as asking:
        real = LogReader(clock, fleet, asking.logs, asking.names, {})
        feed: LogFeed = FakeLogFeed({origin: given}) if kind == "fake" else real
        await clock.advance(60)
        assert await feed.origins(SYSTEM) == [origin]
        assert await feed.origins(fleet.viewer()) == []
        seen: list[LogRecord] = []
        position = None
        for _ in range(5):
            read = await feed.read(SYSTEM, origin, position, 3)
            assert len(read.records) <= 3
            seen += read.records
            position = read.position
        assert [(one.line, one.at) for one in seen] == [(one.line, one.at) for one in given]
        assert (await feed.read(SYSTEM, origin, position, 3)).records == []


async def test_lines_come_once_in_order_and_the_bound_holds(peer: LokiPeer) -> None:
    clock = VirtualClock(_START)
    for number in range(50):
        labels = {"namespace": "shop"} if number % 2 else {"job": "node"}
        # Three are written at the same moment.
        peer.push(labels, f"line {number}", T0 + (number // 3) * S)
    fleet = Fleet({"east": peer.url})
    async with asking_logs(fleet, clock) as asking:
        feed = LogReader(clock, fleet, asking.logs, asking.names, {})
        await clock.advance(60)
        seen, position = [], str(T0 - S)
        for _ in range(12):
            read = await feed.read(SYSTEM, _origin(fleet), position, 10)
            assert len(read.records) <= 10
            seen += [one.line for one in read.records]
            position = read.position
    assert sorted(seen) == sorted(f"line {number}" for number in range(50))
    assert [int(line.split()[1]) // 3 for line in seen] == sorted(number // 3 for number in range(50))
    assert read.until == _START + timedelta(seconds=50)


async def test_a_reader_who_is_far_behind_goes_on_near_now_and_says_what_was_left_out(peer: LokiPeer) -> None:
    clock = VirtualClock(_START)
    peer.push({"app": "shop"}, "early", T0)
    peer.push({"app": "shop"}, "late", T0 + 3580 * S)
    fleet = Fleet({"east": peer.url})
    async with asking_logs(fleet, clock) as asking:
        feed = LogReader(clock, fleet, asking.logs, asking.names, {})
        await clock.advance(3600)
        read = await feed.read(SYSTEM, _origin(fleet), str(T0 - 10 * S), 10)
    assert [one.line for one in read.records] == ["late"]
    assert read.skipped_s == 3570


async def test_a_loki_that_does_not_answer_is_said_and_nothing_is_lost() -> None:
    clock = VirtualClock(_START)
    fleet = Fleet({"east": "http://127.0.0.1:9", "west": None})
    async with asking_logs(fleet, clock) as asking:
        feed = LogReader(clock, fleet, asking.logs, asking.names, {})
        assert await feed.origins(SYSTEM) == [_origin(fleet)]
        await clock.advance(60)
        with pytest.raises(Unavailable):
            await feed.read(SYSTEM, _origin(fleet), str(T0), 10)


class _WithThisMachine(Fleet):
    async def local(self, principal: Principal) -> Cluster | None:
        return await self.get(SYSTEM, self.ids["here"])


async def test_files_of_this_machine_are_an_origin_of_its_own_cluster(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("hello\n")
    clock = VirtualClock(_START)
    fleet = _WithThisMachine({"here": None})
    files = Files(Files.Config(paths=[f"{tmp_path}/*.log"]))
    none = Files(Files.Config(paths=[f"{tmp_path}/*.none"]))
    async with asking_logs(fleet, clock) as asking:
        feed = LogReader(clock, fleet, asking.logs, asking.names, {"files": files, "others": none})
        (origin,) = await feed.origins(SYSTEM)
        assert (origin.cluster, origin.source) == ("here", "files")
        assert [one.line for one in (await feed.read(SYSTEM, origin, None, 10)).records] == ["hello"]
