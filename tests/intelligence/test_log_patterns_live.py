"""Lines become patterns as they come; what is new, surges or vanishes is told once; a restart changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from aiops.intelligence.domain.log_patterns import (
    FailureClass,
    FindingFilter,
    FindingKind,
    LogFinding,
    LogPattern,
    PatternFilter,
    PatternLine,
)
from aiops.intelligence.service.log_patterns.following import PatternFollower
from aiops.intelligence.service.log_patterns.reading import LogPatternReading
from aiops.intelligence.store.log_findings import SqlLogFindings, SqlLogSources
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.errors import NotFound, Unavailable
from aiops.kernel.principal import Principal
from aiops.observability.log_sources.files import Files
from aiops.observability.ports import Severity
from aiops.observability.service.log_feed import LogReader
from aiops.registry.ports import Cluster
from tests.intelligence.test_incidents import Hub
from tests.lab.loki import LokiPeer
from tests.observability.clusters import Fleet
from tests.observability.signals import SYSTEM, asking_logs

_STORES = (SqlLogPatterns(), SqlLogFindings(), SqlLogSources())


class _Machine(Fleet):
    """This machine is one of the clusters."""

    async def local(self, principal: Principal) -> Cluster | None:
        return await self.get(SYSTEM, self.ids["here"])


class _Rig:
    """A machine with one log file, followed minute by minute."""

    def __init__(self, database: Database, clock: VirtualClock, fleet: _Machine, feed: LogReader, log: Path) -> None:
        self.database, self.clock, self.fleet, self.feed, self.log = database, clock, fleet, feed, log
        self.hub = Hub(database, clock)
        self.limits = (6_000, 3_000)
        self.restart()

    def restart(self) -> None:
        """As a new process does: nothing is known but what was kept."""
        lines, patterns = self.limits
        self.follower = PatternFollower(
            self.database,
            self.clock,
            self.feed,
            *_STORES,
            self.hub.findings,
            lines_per_minute=lines,
            patterns_limit=patterns,
        )

    @property
    def reading(self) -> LogPatternReading:
        return LogPatternReading(self.database, self.clock, *_STORES)

    async def minute(self, *lines: str) -> None:
        with self.log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        await self.clock.advance(60)
        await self.follower.round()

    async def minutes(self, count: int, *lines: str) -> None:
        for _ in range(count):
            await self.minute(*lines)

    async def buckets(self, count: int, *lines: str) -> None:
        """Minutes, five at a time."""
        for _ in range(count):
            await self.clock.advance(240)
            await self.minute(*lines * 5)

    async def patterns(self) -> dict[str, LogPattern]:
        found, _ = await self.reading.page(SYSTEM, PatternFilter(), 100, None)
        return {one.pattern.pattern: one.pattern for one in found}

    async def findings(self, **wanted: object) -> list[LogFinding]:
        found, _ = await self.reading.findings(SYSTEM, FindingFilter(**wanted), 100, None)  # type: ignore[arg-type]
        return found

    async def events(self) -> list[str]:
        async with self.database.begin() as tx:
            query = "SELECT event_type FROM kernel.outbox WHERE event_type LIKE 'LOG_%' ORDER BY event_id"
            rows = await tx.connection.execute(text(query))
            return [row.event_type for row in rows]


@pytest.fixture
async def rig(database: Database, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[_Rig]:
    log = tmp_path / "app.log"
    log.touch()
    fleet = _Machine({"here": None})
    files = Files(Files.Config(paths=[str(log)]))
    async with asking_logs(fleet, clock) as asking:
        yield _Rig(database, clock, fleet, LogReader(clock, fleet, asking.logs, asking.names, {"files": files}), log)


async def test_lines_are_counted_under_their_pattern_with_severity_and_class(rig: _Rig) -> None:
    await rig.minute("2026-01-01T00:00:00Z ERROR write to /dev/sda failed: No space left on device", "tick 1", "tick 2")
    await rig.minutes(9, "tick 3")
    found = await rig.patterns()
    assert {name: one.count for name, one in found.items()} == {
        "ERROR write to /dev/sda failed: No space left on device": 1,
        "tick <*>": 11,
    }
    bad = found["ERROR write to /dev/sda failed: No space left on device"]
    assert (bad.severity, bad.failure_class) == (Severity.HIGH, FailureClass.DISK)
    assert (found["tick <*>"].severity, found["tick <*>"].failure_class) == (Severity.INFO, None)
    counts = await rig.reading.timeline(SYSTEM, found["tick <*>"].id, None, None, 300)
    assert sum(counts.counts) == 11
    assert sum(one > 0 for one in counts.counts) == 3
    assert [one.line for one in await rig.reading.lines(SYSTEM, bad.id)] == [bad.example]


async def test_a_restart_loses_and_doubles_nothing(rig: _Rig) -> None:
    names = ["ann", "bob", "cid", "dan", "eve", "fay", "gus"]
    for name in names:
        await rig.minute(f"the tenant {name} pays late", "tick 1")
        rig.restart()
    found = await rig.patterns()
    assert {name: one.count for name, one in found.items()} == {"the tenant <*> pays late": 7, "tick <*>": 7}
    (source,) = await rig.reading.sources(SYSTEM)
    assert (source.lines, source.skipped_s, source.note) == (14, 0, None)


class _FailsOnce(SqlLogPatterns):
    """Its last write of a round fails, once."""

    failed = False

    async def keep_lines(self, tx: Transaction, lines: Sequence[PatternLine]) -> None:
        if lines and not self.failed:
            self.failed = True
            raise Unavailable("The database is away.")
        await super().keep_lines(tx, lines)


async def test_a_round_that_could_not_be_kept_is_read_again_whole(rig: _Rig) -> None:
    await rig.minute("tick 1", "user ann left")
    failing = _FailsOnce()
    rig.follower = PatternFollower(
        rig.database,
        rig.clock,
        rig.feed,
        failing,
        *_STORES[1:],
        rig.hub.findings,
        lines_per_minute=6_000,
        patterns_limit=3_000,
    )
    await rig.minute("tick 2", "user bob left")
    assert failing.failed
    (source,) = await rig.reading.sources(SYSTEM)
    assert (source.lines, source.note) == (2, "The database is away.")
    await rig.minute("tick 3", "user cid left")
    assert {name: one.count for name, one in (await rig.patterns()).items()} == {"tick <*>": 3, "user <*> left": 3}
    (source,) = await rig.reading.sources(SYSTEM)
    assert (source.lines, source.note) == (6, None)


async def test_nothing_is_new_while_all_is_and_then_what_is_new_is_told_once(rig: _Rig) -> None:
    await rig.buckets(13, "tick 1", "user ann left")
    assert await rig.findings() == []
    await rig.minute("tick 1", "disk sdb failed: I/O error", "hello once")
    rig.restart()
    await rig.minutes(3, "tick 1", "disk sdb failed: I/O error")
    (new,) = await rig.findings()
    assert (new.kind, new.pattern, new.severity) == (FindingKind.NEW, "disk sdb failed: I/O error", Severity.HIGH)
    assert new.failure_class is FailureClass.DISK
    assert await rig.events() == ["LOG_FINDING_OPENED"]
    await rig.buckets(13, "tick 1", "disk sdb failed: I/O error")
    assert [one.ended_at is None for one in await rig.findings()] == [False]
    assert await rig.events() == ["LOG_FINDING_OPENED", "LOG_FINDING_ENDED"]


async def test_a_surge_begins_with_many_lines_and_ends_when_they_are_ordinary_again(rig: _Rig) -> None:
    await rig.buckets(14, "tick 1", "retry of job 7")
    await rig.minute("tick 1", *["retry of job 8"] * 60)
    (surge,) = await rig.findings(active=True)
    assert (surge.kind, surge.pattern) == (FindingKind.SURGE, "retry of job <*>")
    assert surge.value >= 60
    assert "65 lines in 5 min, usually 5.0" in surge.explanation
    await rig.minutes(12, "tick 1", "retry of job 9")
    assert await rig.findings(active=True) == []
    assert [one.kind for one in await rig.findings()] == [FindingKind.SURGE]


async def test_what_always_came_and_comes_no_more_has_vanished_until_it_returns(rig: _Rig) -> None:
    await rig.buckets(40, "tick 1", "backup is healthy")
    await rig.minutes(12, "tick 1")
    assert await rig.findings(active=True) == []
    await rig.minutes(8, "tick 1")
    (gone,) = await rig.findings(active=True)
    assert (gone.kind, gone.pattern) == (FindingKind.VANISHED, "backup is healthy")
    await rig.minute("backup is healthy")
    assert await rig.findings(active=True) == []


async def test_a_log_that_falls_silent_as_a_whole_or_is_not_read_has_no_vanished_patterns(rig: _Rig) -> None:
    await rig.buckets(40, "tick 1", "backup is healthy")
    await rig.buckets(8)
    assert await rig.findings() == []
    await rig.minutes(10, "tick 1", "backup is healthy")
    rig.restart()
    await rig.clock.advance(3600)
    await rig.minutes(2, "tick 1")
    assert await rig.findings() == []


async def test_past_the_bound_of_patterns_lines_are_counted_apart(rig: _Rig) -> None:
    rig.limits = (6_000, 5)
    rig.restart()
    await rig.minute(*[f"{word} happened now" for word in ("alpha", "beta", "gamma", "delta", "eps", "zeta", "eta")])
    assert len(await rig.patterns()) == 5
    assert [one.full_lines for one in await rig.reading.sources(SYSTEM)] == [2]


async def test_who_may_not_see_the_cluster_sees_nothing_of_it(rig: _Rig) -> None:
    await rig.minute("tick 1")
    (pattern,) = (await rig.patterns()).values()
    stranger = rig.fleet.viewer()
    assert await rig.reading.page(stranger, PatternFilter(), 9, None) == ([], 0)
    assert await rig.reading.findings(stranger, FindingFilter(), 9, None) == ([], 0)
    assert await rig.reading.sources(stranger) == []
    for asked in (rig.reading.get, rig.reading.lines):
        with pytest.raises(NotFound):
            await asked(stranger, pattern.id)


async def test_lines_of_a_loki_become_patterns_of_its_cluster(database: Database, clock: VirtualClock) -> None:
    second = 1_000_000_000
    start = round(clock.now().timestamp()) * second
    with LokiPeer() as peer:
        fleet = Fleet({"east": peer.url, "west": "http://127.0.0.1:9"})
        async with asking_logs(fleet, clock) as asking:
            feed = LogReader(clock, fleet, asking.logs, asking.names, {})
            incidents = Hub(database, clock).findings
            follower = PatternFollower(
                database, clock, feed, *_STORES, incidents, lines_per_minute=6_000, patterns_limit=3_000
            )
            for number in range(30):
                peer.push({"app": "shop", "pod": f"p{number % 2}"}, f"order {number} failed", start + number * second)
            await clock.advance(60)
            await follower.round()
            await clock.advance(60)
            await follower.round()
    reading = LogPatternReading(database, clock, *_STORES)
    ((one,), total) = await reading.page(SYSTEM, PatternFilter(), 9, None)
    assert total == 1
    assert (one.pattern.pattern, one.pattern.count) == ("order <*> failed", 30)
    assert one.pattern.cluster_id == fleet.ids["east"]
    assert one.pattern.labels["app"] == "shop"
    assert "pod" not in one.pattern.labels
    assert one.pattern.last_seen - one.pattern.first_seen == timedelta(seconds=29)
    notes = {state.cluster_id: state.note for state in await reading.sources(SYSTEM)}
    assert notes[fleet.ids["east"]] is None
    assert notes[fleet.ids["west"]]


async def test_of_two_replicas_one_reads_and_the_other_follows(rig: _Rig) -> None:
    first = rig.follower
    await rig.minute("tick 1")
    rig.restart()
    second = rig.follower
    for number in range(6):
        rig.follower = first if number % 2 else second
        await rig.minute(f"tick {number}")
    assert {name: one.count for name, one in (await rig.patterns()).items()} == {"tick <*>": 7}
