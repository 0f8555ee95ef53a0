"""What an incident is: one episode that gathers the anomalies and alerts which belong together.

A member joins, in this order: the incident that had the same subject within the last 15 minutes (a resolved one is
reopened); an open one of the same cluster that was active within 5 minutes of the member's start; an open one, also of
another cluster, where the same watch or alert moved within 2 minutes. Otherwise it opens a new incident.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels, Severity

JOIN_WITHIN = timedelta(minutes=5)
ACROSS_WITHIN = timedelta(minutes=2)
REOPEN_WITHIN = timedelta(minutes=15)
SETTLE = timedelta(seconds=60)


class Status(StrEnum):
    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    MITIGATED = "MITIGATED"
    RESOLVED = "RESOLVED"
    FALSE_POSITIVE = "FALSE_POSITIVE"


CLOSED = (Status.RESOLVED, Status.FALSE_POSITIVE)


class Incident(msgspec.Struct, kw_only=True):
    """The part of an incident that is the same for every reader; `revision` grows with its members."""

    id: UUID
    key: str
    status: Status
    detected_at: datetime
    last_activity_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    revision: int = 1


class ClusterPart(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident is called on one cluster; a reader sees only the parts of the clusters in scope."""

    incident_id: UUID
    cluster_id: UUID
    title: str
    severity: Severity


class AlertMember(msgspec.Struct, frozen=True, kw_only=True):
    incident_id: UUID
    cluster_id: UUID
    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    started_at: datetime
    ended_at: datetime | None = None


class TimelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """`cluster_id` is `None` only for a text that names nothing of any cluster."""

    id: UUID
    incident_id: UUID
    at: datetime
    kind: str
    text: str
    anomaly_id: UUID | None = None
    alert_fingerprint: str | None = None
    cluster_id: UUID | None = None


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """An incident within a reader's scope."""

    id: UUID
    key: str
    status: Status
    title: str
    severity: Severity
    clusters: list[UUID]
    detected_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    anomaly_count: int
    alert_count: int


class IncidentFilter(msgspec.Struct, frozen=True):
    status: Status | None = None
    severity: Severity | None = None
    cluster_id: UUID | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What a title needs of an anomaly or alert."""

    phrase: str
    short: str
    severity: Severity
    started_at: datetime


def title_of(members: list[Member]) -> str:
    """`CPU of web-1 high, with Load and 2 more`: what started first, then the rest."""
    ordered = sorted(members, key=lambda member: member.started_at)
    first, others = ordered[0], list(dict.fromkeys(m.short for m in ordered[1:] if m.short != ordered[0].short))
    if not others:
        more = len({member.phrase for member in ordered}) - 1
        return f"{first.phrase}, and {more} more like it" if more else first.phrase
    rest = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f"{first.phrase}, with {others[0]}{rest}"
