"""What is kept of log patterns: rows, counts, lines, findings, and how far sources were read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.domain.log_patterns import (
    MOST_LINES_KEPT,
    FailureClass,
    FindingFilter,
    FindingKind,
    LogFinding,
    LogPattern,
    PatternCount,
    PatternFilter,
    PatternLine,
    PatternSort,
    Rhythm,
    SourceState,
)
from aiops.intelligence.service.log_patterns.judging import Judge
from aiops.intelligence.store.log_findings import SqlLogFindings, SqlLogSources
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.database import Database
from aiops.kernel.ids import new_id
from aiops.observability.ports import Severity

_NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
_EAST, _WEST = new_id(), new_id()
_STORE, _FINDINGS, _SOURCES = SqlLogPatterns(), SqlLogFindings(), SqlLogSources()


def a_pattern(text: str, cluster_id: UUID = _EAST, *, count: int = 1, minutes: int = 0) -> LogPattern:
    return LogPattern(
        id=new_id(),
        cluster_id=cluster_id,
        pattern=text,
        key=tuple(text.replace("<*>", "\x1a").split()),
        shown=tuple(text.split()),
        severity=Severity.HIGH,
        failure_class=FailureClass.DISK,
        first_seen=_NOW,
        last_seen=_NOW + timedelta(minutes=minutes),
        count=count,
        labels={"app": "shop"},
        example=text.replace("<*>", "1"),
        source="loki",
        rhythm=Rhythm(mean=2.5, buckets=3),
        changed_at=_NOW + timedelta(minutes=minutes),
    )


def a_finding(pattern: LogPattern, kind: FindingKind) -> LogFinding:
    return LogFinding(
        id=new_id(),
        cluster_id=pattern.cluster_id,
        pattern_id=pattern.id,
        kind=kind,
        pattern=pattern.pattern,
        severity=pattern.severity,
        failure_class=pattern.failure_class,
        explanation="12 lines, usually 2",
        value=12.0,
        expected=2.0,
        started_at=_NOW,
    )


async def test_patterns_come_back_as_they_were_kept(database: Database) -> None:
    pattern = a_pattern("disk <*> full")
    async with database.begin() as tx:
        await _STORE.save(tx, [pattern])
        changed = msgspec.structs.replace(pattern, count=7, severity=Severity.CRITICAL)
        await _STORE.save(tx, [changed])
        assert await _STORE.load(tx, _EAST) == [changed]
        assert await _STORE.load(tx, _WEST) == []


async def test_pages_hold_what_is_wanted_and_in_scope_and_nothing_twice(database: Database) -> None:
    patterns = [a_pattern(f"disk <*> full {n}", count=n % 3, minutes=n) for n in range(7)]
    other = a_pattern("100% of disk", _WEST, minutes=99)
    async with database.begin() as tx:
        await _STORE.save(tx, [*patterns, other])
        for sort in PatternSort:
            seen: list[LogPattern] = []
            while True:
                after = seen[-1].id if seen else None
                page, total = await _STORE.page(tx, PatternFilter(text="DISK", sort=sort), [_EAST], 3, after)
                assert total == 7
                seen += page
                if len(page) < 3:
                    break
            assert {one.id for one in seen} == {one.id for one in patterns}
            assert len(seen) == 7
            values = [getattr(one, sort.value) for one in seen]
            assert values == sorted(values, reverse=True)
        assert await _STORE.page(tx, PatternFilter(text="100%"), None, 9, None) == ([other], 1)
        assert (await _STORE.page(tx, PatternFilter(text="1%_"), None, 9, None))[1] == 0
        assert await _STORE.get(tx, other.id, [_EAST]) is None
        assert await _STORE.get(tx, other.id, [_WEST]) == other


async def test_changes_are_handed_out_in_their_order(database: Database) -> None:
    patterns = [a_pattern(f"word {n}", minutes=n // 2) for n in range(5)]
    async with database.begin() as tx:
        await _STORE.save(tx, patterns)
        first = await _STORE.changed(tx, None, None, 3)
        rest = await _STORE.changed(tx, first[-1].changed_at, first[-1].id, 3)
    assert [one.id for one in [*first, *rest]] == [one.id for one in patterns]


async def test_what_became_one_has_the_counts_and_lines_of_both(database: Database) -> None:
    kept, lost = a_pattern("user <*> left"), a_pattern("user ann left")
    line = PatternLine(id=new_id(), pattern_id=lost.id, at=_NOW, line="user ann left", labels={}, level=None)
    async with database.begin() as tx:
        await _STORE.save(tx, [kept, lost])
        later = _NOW + timedelta(minutes=5)
        counts = [PatternCount(kept.id, _NOW, 2), PatternCount(lost.id, _NOW, 3), PatternCount(lost.id, later, 4)]
        await _STORE.add_counts(tx, counts)
        await _STORE.keep_lines(tx, [line])
        await _FINDINGS.add(tx, [a_finding(lost, FindingKind.NEW)])
        await _STORE.merge(tx, {lost.id: kept.id})
        assert [one.id for one in await _STORE.load(tx, _EAST)] == [kept.id]
        hour = timedelta(hours=1)
        assert await _STORE.counts(tx, [kept.id], _NOW, _NOW + hour, hour) == {kept.id: {_NOW: 9}}
        assert [one.line for one in await _STORE.lines(tx, kept.id)] == ["user ann left"]
        assert await _FINDINGS.open(tx, _EAST) == []


def test_a_finding_of_what_became_another_pattern_ends_as_others_do() -> None:
    kept, lost = a_pattern("user <*> left"), a_pattern("user ann left")
    judge = Judge(_EAST, [a_finding(lost, FindingKind.NEW), a_finding(kept, FindingKind.NEW)])
    assert judge.new({lost.id: kept.id}, _NOW).over == [(lost.id, FindingKind.NEW)]
    assert judge.new({}, _NOW).over == []


async def test_of_lines_the_latest_stay(database: Database) -> None:
    pattern = a_pattern("tick <*>")
    lines = [
        PatternLine(
            id=new_id(), pattern_id=pattern.id, at=_NOW + timedelta(seconds=n), line=f"{n}", labels={}, level="x"
        )
        for n in range(MOST_LINES_KEPT + 5)
    ]
    async with database.begin() as tx:
        await _STORE.save(tx, [pattern])
        await _STORE.keep_lines(tx, lines)
        assert await _STORE.lines(tx, pattern.id) == lines[: -MOST_LINES_KEPT - 1 : -1]


async def test_a_finding_is_open_once_and_ends_once(database: Database) -> None:
    pattern = a_pattern("disk <*> full")
    surge = a_finding(pattern, FindingKind.SURGE)
    async with database.begin() as tx:
        await _FINDINGS.add(tx, [surge])
        await _FINDINGS.add(tx, [a_finding(pattern, FindingKind.SURGE)])
        assert await _FINDINGS.open(tx, _EAST) == [surge]
        assert await _FINDINGS.page(tx, FindingFilter(), [_WEST], 9, None) == ([], 0)
        over = msgspec.structs.replace(surge, ended_at=_NOW)
        assert await _FINDINGS.end(tx, [(pattern.id, FindingKind.SURGE)], _NOW) == [over]
        assert await _FINDINGS.end(tx, [(pattern.id, FindingKind.SURGE)], _NOW) == []
        assert await _FINDINGS.page(tx, FindingFilter(active=False), [_EAST], 9, None) == ([over], 1)


async def test_of_two_that_read_on_from_one_place_one_is_refused(database: Database) -> None:
    first = SourceState(cluster_id=_EAST, source="loki", position="7", revision=1, since=_NOW, read_at=_NOW)
    async with database.begin() as tx:
        assert await _SOURCES.save(tx, first)
        assert not await _SOURCES.save(tx, first)
        second = msgspec.structs.replace(first, revision=2, position="8", lines=3)
        assert await _SOURCES.save(tx, second)
        assert not await _SOURCES.save(tx, second)
        assert await _SOURCES.all(tx, [_EAST]) == [second]
        assert await _SOURCES.all(tx, [_WEST]) == []


async def test_what_was_not_seen_for_long_is_forgotten_with_all_that_hangs_on_it(database: Database) -> None:
    old, fresh = a_pattern("old <*>"), a_pattern("fresh <*>", minutes=60)
    async with database.begin() as tx:
        await _STORE.save(tx, [old, fresh])
        await _STORE.add_counts(tx, [PatternCount(old.id, _NOW, 1), PatternCount(fresh.id, _NOW, 1)])
        await _FINDINGS.add(tx, [a_finding(old, FindingKind.VANISHED)])
        assert await _STORE.forget(tx, _NOW + timedelta(minutes=30)) == 3
        assert await _STORE.load(tx, _EAST) == [fresh]
        assert [one.pattern_id for one in await _FINDINGS.end_lost(tx, _NOW)] == [old.id]
        assert await _FINDINGS.end_lost(tx, _NOW) == await _FINDINGS.open(tx, _EAST) == []
        await _STORE.forget_cluster(tx, _EAST)
        assert await _STORE.load(tx, _EAST) == []
