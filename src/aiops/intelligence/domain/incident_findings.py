"""What belongs to incidents beside alerts and anomalies: what is foreseen, and what the logs show."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import rank_of
from aiops.intelligence.domain.correlation import Arrival, ArrivalKind
from aiops.intelligence.domain.log_patterns import FindingKind, LogFinding
from aiops.intelligence.domain.predictions import Prediction
from aiops.observability.ports import Labels, Severity

WAITS = timedelta(minutes=10)
"""What joined nothing joins what comes within this time after it was told."""
VANISHED_FOR = timedelta(hours=1)
"""A pattern that stays away for longer is how the logs are now: it keeps no incident open."""

_URGENT, _SOON = timedelta(hours=4), timedelta(days=2)
_LONGEST_SHOWN = 160
_IN_LOGS = {
    FindingKind.NEW: ("New in the logs", "a new log pattern", "it is new no longer"),
    FindingKind.SURGE: ("Surging in the logs", "a surging log pattern", "it is as frequent as usual"),
    FindingKind.VANISHED: ("Gone from the logs", "a vanished log pattern", "it came again, or is missed no longer"),
}


class IncidentFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast or a log finding, from its beginning to its end. `source_id` is the prediction's or the pattern's.

    `phrase` and `short` are what a title says of it, `explanation` is the whole sentence. What opens no incident joins
    one, or waits for one; until then it has none. So has one that maintenance windows hide: `maintained_by`.
    """

    id: UUID
    kind: ArrivalKind
    source_id: UUID
    cluster_id: UUID
    name: str
    subject: str
    phrase: str
    short: str
    explanation: str
    severity: Severity
    labels: Labels
    opens: bool
    started_at: datetime
    detected_at: datetime
    ended_at: datetime | None = None
    incident_id: UUID | None = None
    joined_by: str | None = None
    reason: str | None = None
    maintained_by: tuple[str, ...] = ()

    @property
    def mark(self) -> Mark:
        return Mark(self.kind, self.source_id, self.subject if self.kind is ArrivalKind.LOG_PATTERN else "")


class Mark(NamedTuple):
    """Which finding is meant, of those that are open. `variant` tells the findings on one log pattern apart."""

    kind: ArrivalKind
    source_id: UUID
    variant: str = ""


def of_prediction(finding_id: UUID, one: Prediction, now: datetime) -> IncidentFinding:
    """Of a prediction that people are told of."""
    return IncidentFinding(
        id=finding_id,
        kind=ArrivalKind.FORECAST,
        source_id=one.id,
        cluster_id=one.cluster_id,
        name=one.target,
        subject=one.subject,
        phrase=f"Foreseen: {one.title} of {one.subject} {one.happens}",
        short=f"{one.title} foreseen",
        explanation=one.sentence,
        severity=urgency(one.crosses_at, now),
        labels=one.labels,
        opens=True,
        started_at=one.warned_at or now,
        detected_at=now,
    )


def urgency(crosses_at: datetime | None, now: datetime) -> Severity:
    """HIGH where it comes within 4 hours, MEDIUM within 2 days: nothing has failed yet."""
    if crosses_at is None or crosses_at - now > _SOON:
        return Severity.LOW
    return Severity.HIGH if crosses_at - now <= _URGENT else Severity.MEDIUM


def of_log_finding(finding_id: UUID, one: LogFinding, labels: Labels, now: datetime) -> IncidentFinding | None:
    """`None` where its severity is less than MEDIUM. It opens an incident where it is HIGH or worse, its words tell
    what fails, and it is there: that an error stopped may explain, but strikes nobody."""
    if rank_of(one.severity) > rank_of(Severity.MEDIUM):
        return None
    severe = rank_of(one.severity) <= rank_of(Severity.HIGH) and one.failure_class is not None
    said, short, _ = _IN_LOGS[one.kind]
    about = f"{one.failure_class.value.lower()}: " if one.failure_class else ""
    return IncidentFinding(
        id=finding_id,
        kind=ArrivalKind.LOG_PATTERN,
        source_id=one.pattern_id,
        cluster_id=one.cluster_id,
        name=one.pattern,
        subject=one.kind.value,
        phrase=f"{said}: {about}{_shortened(one.pattern)}",
        short=short,
        explanation=one.explanation,
        severity=one.severity,
        labels=labels,
        opens=severe and one.kind is not FindingKind.VANISHED,
        started_at=one.started_at,
        detected_at=now,
    )


def arrival_of(one: IncidentFinding) -> Arrival:
    return Arrival(
        kind=one.kind,
        cluster_id=one.cluster_id,
        name=one.name,
        subject=one.subject,
        phrase=one.phrase,
        short=one.short,
        severity=one.severity,
        labels=one.labels,
        started_at=one.started_at,
        patterns=(one.name,) if one.kind is ArrivalKind.LOG_PATTERN else (),
        opens=one.opens,
    )


def said_of(one: IncidentFinding) -> str:
    """What its incident's timeline says of the beginning."""
    return one.explanation if one.kind is ArrivalKind.FORECAST else f"{one.phrase}. {one.explanation}"


def why_ended(one: IncidentFinding) -> str:
    """What its incident's timeline says of the end."""
    if one.kind is ArrivalKind.FORECAST:
        return "it is not foreseen any more, or not soon"
    return _IN_LOGS[FindingKind(one.subject)][2]


def _shortened(pattern: str) -> str:
    line = " ".join(pattern.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"
