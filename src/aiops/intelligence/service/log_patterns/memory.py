"""What is known of one cluster's log patterns while its lines are followed: a miner, and a row for each pattern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from aiops.intelligence.domain import log_rhythm
from aiops.intelligence.domain.log_classes import class_of, level_of, severity_of
from aiops.intelligence.domain.log_patterns import (
    LONGEST_KEPT_LINE,
    LONGEST_PATTERN,
    MOST_LINES_KEPT,
    LogPattern,
    PatternCount,
    PatternLine,
    Rhythm,
)
from aiops.intelligence.patterns.lines import said_in
from aiops.intelligence.patterns.mining import Mined, Miner
from aiops.kernel.ids import new_id
from aiops.observability.ports import Labels
from aiops.observability.ports_signals import LogRecord

_LINES_A_READ = 3


@dataclass
class _Group:
    """Lines of one pattern out of one read."""

    first: datetime
    last: datetime
    count: int = 0
    levels: set[str] = field(default_factory=set)
    labels: Labels | None = None
    records: list[LogRecord] = field(default_factory=list)
    buckets: dict[float, int] = field(default_factory=dict)

    def add(self, record: LogRecord, level: str | None, bucket: float) -> None:
        self.first, self.last = min(self.first, record.at), max(self.last, record.at)
        self.count += 1
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        if level is not None:
            self.levels.add(level)
        self.labels = dict(record.labels) if self.labels is None else common(self.labels, record.labels)
        self.records.append(record)
        del self.records[:-_LINES_A_READ]

    def take(self, other: _Group) -> None:
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.count += other.count
        self.levels |= other.levels
        self.labels = common(self.labels or {}, other.labels or {})
        self.records = sorted([*self.records, *other.records], key=lambda one: one.at)[-_LINES_A_READ:]
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count


@dataclass
class Learned:
    """What one read changed: to be kept in one transaction. `merged` are patterns that became another."""

    changed: dict[UUID, LogPattern] = field(default_factory=dict)
    fresh: list[LogPattern] = field(default_factory=list)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    counts: list[PatternCount] = field(default_factory=list)
    lines: list[PatternLine] = field(default_factory=list)
    without_room: int = 0


class ClusterMemory:
    """Of one cluster; one reader at a time. Where keeping fails it is to be dropped and loaded anew."""

    def __init__(self, cluster_id: UUID, patterns: Sequence[LogPattern], limit: int) -> None:
        self.cluster_id = cluster_id
        self._miner = Miner(limit=limit)
        # The pattern of the miner's number; only numbers that are still a pattern of their own.
        self._of: dict[int, LogPattern] = {}
        self._merges = 0
        self.closed = 0.0
        for one in patterns:
            self._of[self._miner.know(one.key, one.shown)] = one

    @property
    def patterns(self) -> Iterable[LogPattern]:
        return self._of.values()

    @property
    def is_full(self) -> bool:
        return self._miner.others is not None

    def take(self, records: Sequence[LogRecord], source: str, now: datetime) -> Learned:
        """Learn from lines. Changes what is known at once."""
        groups = self._grouped(records)
        learned = Learned()
        if self._miner.others is not None and (left := groups.pop(self._miner.others, None)) is not None:
            learned.without_room = left.count
        self._follow_merges(learned)
        for number, group in groups.items():
            mined = self._miner.of(number)
            pattern = self._of.get(mined.number)
            if pattern is None:
                pattern = self._of[mined.number] = self._new(mined, group, source, now)
                learned.fresh.append(pattern)
            self._update(pattern, mined, group, now)
            learned.changed[pattern.id] = pattern
            self._keep(pattern, group, learned)
        return learned

    def close(self, until: float) -> list[LogPattern]:
        """Learn from all buckets before `until`; gives what changed, nothing where that was done."""
        if until <= self.closed:
            return []
        self.closed = until
        changed = [one for one in self._of.values() if one.rhythm.at < until]
        for one in changed:
            log_rhythm.close(one.rhythm, until)
        return changed

    def pass_over(self, until: float) -> list[LogPattern]:
        """Of the buckets before `until` nothing is known, or not all: nothing is learned from them."""
        if until <= self.closed:
            return []
        self.closed = until
        changed = [one for one in self._of.values() if one.rhythm.at < until]
        for one in changed:
            log_rhythm.pass_over(one.rhythm, until)
        return changed

    def _grouped(self, records: Sequence[LogRecord]) -> dict[int, _Group]:
        found: dict[int, _Group] = {}
        for record in records:
            line = record.line
            message = said_in(line.replace("\0", "\ufffd") if "\0" in line else line)
            if not message.strip():
                continue
            number = self._miner.add(message)
            group = found.get(number)
            if group is None:
                group = found[number] = _Group(record.at, record.at)
            level = record.level if record.level and record.level != "unknown" else level_of(line)
            group.add(record, level, log_rhythm.bucket_of(record.at.timestamp()))
        # What became one on the way is one group.
        united: dict[int, _Group] = {}
        for number, group in found.items():
            now = self._miner.of(number).number
            if now in united:
                united[now].take(group)
            else:
                united[now] = group
        return united

    def _follow_merges(self, learned: Learned) -> None:
        if self._miner.merged == self._merges:
            return
        self._merges = self._miner.merged
        for number in list(self._of):
            into = self._miner.of(number).number
            if into == number:
                continue
            lost = self._of.pop(number)
            kept = self._of.get(into)
            if kept is None:
                # The elder of them was never kept: this row goes on as its own.
                self._of[into] = lost
                learned.changed[lost.id] = lost
                continue
            _unite(kept, lost)
            learned.merged[lost.id] = kept.id
            learned.changed[kept.id] = kept
            learned.changed.pop(lost.id, None)
        self._describe_all(learned)

    def _describe_all(self, learned: Learned) -> None:
        changed = {id(one) for one in learned.changed.values()}
        for number, one in self._of.items():
            if id(one) in changed:
                self._describe(one, self._miner.of(number), (), one.changed_at)

    def _new(self, mined: Mined, group: _Group, source: str, now: datetime) -> LogPattern:
        text = mined.text[:LONGEST_PATTERN]
        severity = severity_of(text, group.levels)
        return LogPattern(
            id=new_id(),
            cluster_id=self.cluster_id,
            pattern=text,
            key=mined.key,
            shown=tuple(mined.shown),
            severity=severity,
            failure_class=class_of(text, severity),
            first_seen=group.first,
            last_seen=group.last,
            count=0,
            labels=group.labels or {},
            example=group.records[-1].line[:LONGEST_KEPT_LINE].replace("\0", "\ufffd"),
            source=source,
            rhythm=Rhythm(at=log_rhythm.bucket_of(group.first.timestamp())),
            changed_at=now,
        )

    def _update(self, pattern: LogPattern, mined: Mined, group: _Group, now: datetime) -> None:
        self._describe(pattern, mined, group.levels, now)
        pattern.first_seen = min(pattern.first_seen, group.first)
        pattern.last_seen = max(pattern.last_seen, group.last)
        pattern.count += group.count
        pattern.labels = common(pattern.labels, group.labels or {})
        for bucket in sorted(group.buckets):
            log_rhythm.count(pattern.rhythm, bucket, group.buckets[bucket])

    @staticmethod
    def _describe(pattern: LogPattern, mined: Mined, levels: Iterable[str], now: datetime) -> None:
        text = mined.text[:LONGEST_PATTERN]
        known = _LEVEL_OF.get(pattern.severity.value, "info")
        severity = severity_of(text, {*levels, known}) if levels else pattern.severity
        failure_class = class_of(text, severity)
        if (text, severity, failure_class) != (pattern.pattern, pattern.severity, pattern.failure_class):
            pattern.pattern, pattern.severity, pattern.failure_class = text, severity, failure_class
            pattern.changed_at = now
        pattern.key, pattern.shown = mined.key, tuple(mined.shown)

    @staticmethod
    def _keep(pattern: LogPattern, group: _Group, learned: Learned) -> None:
        for bucket, count in group.buckets.items():
            learned.counts.append(PatternCount(pattern.id, datetime.fromtimestamp(bucket, UTC), count))
        learned.lines += [
            PatternLine(
                id=new_id(),
                pattern_id=pattern.id,
                at=one.at,
                line=one.line[:LONGEST_KEPT_LINE].replace("\0", "\ufffd"),
                labels=one.labels,
                level=one.level,
            )
            for one in group.records[-MOST_LINES_KEPT:]
        ]


# A severity as a level that gives it again, to be compared with levels of new lines.
_LEVEL_OF = {"CRITICAL": "critical", "HIGH": "error", "MEDIUM": "warning", "LOW": "info", "INFO": "info"}


def common(ours: Labels, theirs: Labels) -> Labels:
    """The labels that both have."""
    if ours == theirs:
        return ours
    return {name: value for name, value in ours.items() if theirs.get(name) == value}


def _unite(kept: LogPattern, lost: LogPattern) -> None:
    kept.first_seen = min(kept.first_seen, lost.first_seen)
    kept.last_seen = max(kept.last_seen, lost.last_seen)
    kept.count += lost.count
    kept.labels = common(kept.labels, lost.labels)
    ours, theirs = kept.rhythm, lost.rhythm
    ours.mean += theirs.mean
    ours.variance += theirs.variance
    ours.present = max(ours.present, theirs.present)
    ours.silent = min(ours.silent, theirs.silent)
    ours.buckets = max(ours.buckets, theirs.buckets)
    if theirs.at == ours.at:
        ours.count += theirs.count
    elif theirs.at > ours.at:
        ours.at, ours.count = theirs.at, theirs.count
