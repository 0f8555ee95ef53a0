"""What log patterns, their findings and the sources of their lines are."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels, Severity

BUCKET = timedelta(minutes=5)
"""Lines are counted in stretches of this length."""
MOST_LINES_KEPT = 20
LONGEST_KEPT_LINE = 2_000
LONGEST_PATTERN = 4_000


class FailureClass(StrEnum):
    """What a pattern is about, where its words tell."""

    DISK = "DISK"
    MEMORY = "MEMORY"
    NETWORK = "NETWORK"
    POWER = "POWER"
    HARDWARE = "HARDWARE"
    AUTH = "AUTH"
    CERTIFICATE = "CERTIFICATE"
    TIMEOUT = "TIMEOUT"
    CRASH = "CRASH"
    OVERLOAD = "OVERLOAD"
    CONFIGURATION = "CONFIGURATION"


class FindingKind(StrEnum):
    NEW = "NEW"
    SURGE = "SURGE"
    VANISHED = "VANISHED"


class Rhythm(msgspec.Struct):
    """How often a pattern comes: lines per `BUCKET`, learned from whole ones.

    `buckets` were learned from; `mean` and `variance` forget with a half-life of about a day, `present` (the share of
    buckets with lines) of about two hours. `at` is the start (Unix seconds) of the bucket that is being counted,
    `count` its lines; `last` are the lines of the whole bucket just before, `silent` how many whole buckets without
    lines came just before.
    """

    mean: float = 0.0
    variance: float = 0.0
    present: float = 0.0
    buckets: int = 0
    at: float = 0.0
    count: int = 0
    last: int = 0
    silent: int = 0


class LogPattern(msgspec.Struct, kw_only=True):
    """A pattern of one cluster's log lines; `key` and `shown` are the miner's words, `labels` those that all its lines
    have. `failure_class` is `None` where its words tell nothing. `changed_at`: when its text, severity or class last
    changed."""

    id: UUID
    cluster_id: UUID
    pattern: str
    key: tuple[str, ...]
    shown: tuple[str, ...]
    severity: Severity
    failure_class: FailureClass | None
    first_seen: datetime
    last_seen: datetime
    count: int
    labels: Labels
    example: str
    source: str
    rhythm: Rhythm
    changed_at: datetime


class PatternLine(msgspec.Struct, frozen=True, kw_only=True):
    """One of the latest lines of a pattern, kept to be shown."""

    id: UUID
    pattern_id: UUID
    at: datetime
    line: str
    labels: Labels
    level: str | None


class PatternCount(msgspec.Struct, frozen=True):
    """How many lines of a pattern came in the bucket that begins at `at`."""

    pattern_id: UUID
    at: datetime
    count: int


class LogFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that is new, surges or has vanished; `value` and `expected` are lines per bucket."""

    id: UUID
    cluster_id: UUID
    pattern_id: UUID
    kind: FindingKind
    pattern: str
    severity: Severity
    failure_class: FailureClass | None
    explanation: str
    value: float
    expected: float | None
    started_at: datetime
    ended_at: datetime | None = None


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a cluster's source was read. `skipped_s`: seconds of its log that were not looked at, since there was too
    much; `full_lines`: lines that came when there was no room for more patterns; `note`: what is wrong now."""

    cluster_id: UUID
    source: str
    position: str
    revision: int
    since: datetime
    read_at: datetime
    lines: int = 0
    skipped_s: float = 0.0
    full_lines: int = 0
    note: str | None = None


class PatternSort(StrEnum):
    """Latest, most frequent, newest first; always with the greatest first."""

    LAST_SEEN = "last_seen"
    COUNT = "count"
    FIRST_SEEN = "first_seen"


class PatternFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is looked for in the pattern's text; `finding`: only those with an open finding of this kind."""

    cluster_id: UUID | None = None
    text: str | None = None
    severity: Severity | None = None
    failure_class: FailureClass | None = None
    finding: FindingKind | None = None
    start: datetime | None = None
    sort: PatternSort = PatternSort.LAST_SEEN


class FindingFilter(msgspec.Struct, frozen=True, kw_only=True):
    cluster_id: UUID | None = None
    kind: FindingKind | None = None
    active: bool | None = None
    pattern_id: UUID | None = None
