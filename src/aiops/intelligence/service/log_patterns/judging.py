"""What a cluster's log patterns show now: what is new, surges, has vanished, and what of that is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiops.intelligence.domain import log_rhythm
from aiops.intelligence.domain.log_patterns import BUCKET, FindingKind, LogFinding, LogPattern
from aiops.kernel.ids import new_id
from aiops.observability.ports import Severity

_NEW_AN_HOUR = 30
_ORDINARY_NEEDS = 3
_MINUTES = int(BUCKET.total_seconds() // 60)


@dataclass
class Judged:
    begun: list[LogFinding] = field(default_factory=list)
    over: list[tuple[UUID, FindingKind]] = field(default_factory=list)
    untold: int = 0


class Judge:
    """Of one cluster. `open` are the findings that it has told and not ended."""

    def __init__(self, cluster_id: UUID, open_findings: Iterable[LogFinding]) -> None:
        self._cluster_id = cluster_id
        self._open = {(one.pattern_id, one.kind): one.started_at for one in open_findings}
        self._fresh: dict[UUID, LogPattern] = {}
        self._told: deque[datetime] = deque()

    def watch(self, fresh: Sequence[LogPattern], learns_until: datetime) -> None:
        """Patterns met for the first time; while all is new, nothing is."""
        for one in fresh:
            if one.first_seen >= learns_until:
                self._fresh[one.id] = one

    def new(self, merged: Iterable[UUID], now: datetime) -> Judged:
        """What is still a pattern of its own after a while, and what is no longer new."""
        judged = Judged()
        for lost in merged:
            self._fresh.pop(lost, None)
            for kind in FindingKind:
                if (lost, kind) in self._open:
                    self._end(judged, lost, kind)
        for one in list(self._fresh.values()):
            if now - one.first_seen < log_rhythm.CONFIRMED_AFTER:
                continue
            # An ordinary line that came once or twice is not worth a word; something bad is, each time.
            if one.severity is Severity.INFO and one.count < _ORDINARY_NEEDS:
                if now - one.first_seen > log_rhythm.NEW_FOR:
                    del self._fresh[one.id]
                continue
            del self._fresh[one.id]
            if self._may_tell(now):
                self._begin(judged, one, FindingKind.NEW, one.first_seen, float(one.count), None)
            else:
                judged.untold += 1
        for (pattern_id, kind), started in list(self._open.items()):
            if kind is FindingKind.NEW and now - started > log_rhythm.NEW_FOR:
                self._end(judged, pattern_id, kind)
        return judged

    def rates(self, patterns: Iterable[LogPattern], closed: Iterable[LogPattern]) -> Judged:
        """`patterns` got lines just now; `closed` have a whole bucket more."""
        judged = Judged()
        for one in patterns:
            if (one.id, FindingKind.VANISHED) in self._open:
                self._end(judged, one.id, FindingKind.VANISHED)
            limit = log_rhythm.surge_above(one.rhythm)
            if limit is not None and one.rhythm.count > limit and (one.id, FindingKind.SURGE) not in self._open:
                began = datetime.fromtimestamp(one.rhythm.at, UTC)
                self._begin(judged, one, FindingKind.SURGE, began, float(one.rhythm.count), one.rhythm.mean)
        for one in closed:
            if (one.id, FindingKind.VANISHED) not in self._open and log_rhythm.has_vanished(one.rhythm):
                self._begin(judged, one, FindingKind.VANISHED, one.last_seen, 0.0, one.rhythm.mean)
        return judged

    def calm(self, patterns: Mapping[UUID, LogPattern], now: datetime) -> Judged:
        """A surge ends with the first whole bucket that is ordinary again; one that lasts is how it is now."""
        judged = Judged()
        for (pattern_id, kind), started in list(self._open.items()):
            if kind is not FindingKind.SURGE:
                continue
            one = patterns.get(pattern_id)
            if one is None:
                self._end(judged, pattern_id, kind)
            elif now - started > log_rhythm.SURGE_AT_MOST:
                log_rhythm.accept(one.rhythm)
                self._end(judged, pattern_id, kind)
            elif one.rhythm.at > log_rhythm.bucket_of(started.timestamp()) and self._is_calm(one):
                self._end(judged, pattern_id, kind)
        return judged

    @staticmethod
    def _is_calm(one: LogPattern) -> bool:
        limit = log_rhythm.surge_above(one.rhythm)
        return log_rhythm.is_calm(one.rhythm, one.rhythm.last) and (limit is None or one.rhythm.count <= limit)

    @property
    def surges(self) -> bool:
        """Whether any surge is open."""
        return any(kind is FindingKind.SURGE for _, kind in self._open)

    def _may_tell(self, now: datetime) -> bool:
        while self._told and now - self._told[0] > timedelta(hours=1):
            self._told.popleft()
        if len(self._told) >= _NEW_AN_HOUR:
            return False
        self._told.append(now)
        return True

    def _begin(
        self,
        judged: Judged,
        one: LogPattern,
        kind: FindingKind,
        at: datetime,
        value: float,
        expected: float | None,
    ) -> None:
        self._open[one.id, kind] = at
        judged.begun.append(
            LogFinding(
                id=new_id(),
                cluster_id=self._cluster_id,
                pattern_id=one.id,
                kind=kind,
                pattern=one.pattern,
                severity=one.severity,
                failure_class=one.failure_class,
                explanation=_explained(one, kind, value, expected),
                value=value,
                expected=expected,
                started_at=at,
            )
        )

    def _end(self, judged: Judged, pattern_id: UUID, kind: FindingKind) -> None:
        del self._open[pattern_id, kind]
        judged.over.append((pattern_id, kind))


def _explained(one: LogPattern, kind: FindingKind, value: float, expected: float | None) -> str:
    rhythm = one.rhythm
    if kind is FindingKind.NEW:
        times = "once" if value == 1 else f"{value:.0f} times"
        return f"First seen at {one.first_seen:%H:%M:%S} UTC, {times} since; this cluster's logs never had it before."
    learned = _span(rhythm.buckets)
    if kind is FindingKind.SURGE:
        limit = log_rhythm.surge_above(rhythm) or 0.0
        return (
            f"{value:.0f} lines in {_MINUTES} min, usually {expected or 0.0:.1f}; more than {limit:.0f} is a surge "
            f"(learned from {learned})."
        )
    usual = expected or 0.0
    return (
        f"No line for {rhythm.silent * _MINUTES} min, since {one.last_seen:%H:%M:%S} UTC; usually {usual:.1f} in "
        f"{_MINUTES} min (learned from {learned}), so about {rhythm.silent * usual:.0f} are missing."
    )


def _span(buckets: int) -> str:
    minutes = buckets * _MINUTES
    return (
        f"{minutes} min"
        if minutes < 120
        else f"{minutes / 60:.0f} h"
        if minutes < 2880
        else f"{minutes / 1440:.0f} days"
    )
