"""What an incident is: one episode that gathers the anomalies and alerts which belong together.

What joins which incident, and why, is decided by `domain.correlation`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.observability.ports import Labels, Severity

JOIN_WITHIN = timedelta(minutes=5)
"""Of the last change on the same cluster."""
EPISODE_LASTS = timedelta(minutes=15)
"""What only shares its cluster joins no incident that is older: two faults would never part."""
SAME_PLACE_WITHIN = timedelta(minutes=10)
SHARED_NEED_WITHIN = timedelta(minutes=3)
ACROSS_WITHIN = timedelta(minutes=2)
REOPEN_WITHIN = timedelta(minutes=15)
FOLLOWS_WITHIN = timedelta(days=7)
"""What comes back later opens an incident that is linked to the one before."""
LATE = timedelta(minutes=5)
"""An alert may be told long after it started: what it joins is what happens now."""
SETTLE = timedelta(seconds=60)


class Status(StrEnum):
    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    MITIGATED = "MITIGATED"
    RESOLVED = "RESOLVED"
    FALSE_POSITIVE = "FALSE_POSITIVE"


CLOSED = (Status.RESOLVED, Status.FALSE_POSITIVE)


class Origin(StrEnum):
    DETECTED = "DETECTED"
    MANUAL = "MANUAL"
    """People opened it; it resolves only by their hands."""
    FORECAST = "FORECAST"
    """What was foreseen came close."""


class Incident(msgspec.Struct, kw_only=True):
    """The part of an incident that is the same for every reader; `revision` grows with its members.

    `title` and `severity_rank` are what people gave it, in place of what its members say; the title may name what is on
    any of `title_clusters`. `merged_into` is where its members went. One that people opened or reopened is `held`: it
    is theirs to resolve.
    """

    id: UUID
    key: str
    status: Status
    detected_at: datetime
    last_activity_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    revision: int = 1
    title: str | None = None
    title_clusters: list[UUID] = []
    severity_rank: int | None = None
    origin: Origin = Origin.DETECTED
    owner: str | None = None
    team_id: UUID | None = None
    merged_into: UUID | None = None
    held: bool = False


class AlertMember(msgspec.Struct, frozen=True, kw_only=True):
    """`joined_by` names the decider by which it joined, and `reason` says why."""

    incident_id: UUID
    cluster_id: UUID
    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    started_at: datetime
    ended_at: datetime | None = None
    joined_by: str | None = None
    reason: str | None = None


class TimelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """What concerns one cluster is seen by those who see it; what people wrote, by those who see all of `seen_by`.
    Both are `None` only for a text that names nothing of any cluster."""

    id: UUID
    incident_id: UUID
    at: datetime
    kind: str
    text: str
    anomaly_id: UUID | None = None
    alert_fingerprint: str | None = None
    cluster_id: UUID | None = None
    seen_by: list[UUID] | None = None
    by: str | None = None


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """The thing that what an incident gathers depends on: `affected` of the `located` subjects that the topology knows.

    `told` is the alert of the thing itself, where there is one.
    """

    node_id: UUID
    kind: str
    name: str
    cluster_id: UUID | None
    affected: int
    located: int
    told: str | None = None


class IncidentLink(msgspec.Struct, frozen=True, kw_only=True):
    """`FOLLOWS` an earlier one of the same, is `RELATED`, `SPLIT_FROM` or `MERGED` into the other."""

    other_id: UUID
    key: str
    kind: str
    by: str
    at: datetime


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """An incident within a reader's scope. `workloads` counts those that its members name."""

    id: UUID
    key: str
    status: Status
    title: str
    severity: Severity
    clusters: list[UUID]
    detected_at: datetime
    last_activity_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    anomaly_count: int
    alert_count: int
    finding_count: int
    workloads: int
    origin: Origin
    owner: str | None
    team_id: UUID | None
    team: str | None
    merged_into: UUID | None
    suspect: Suspect | None


class Order(StrEnum):
    LATEST = "LATEST"
    IMPACT = "IMPACT"
    """The worst severity first, then most clusters, workloads and alerts; what is over comes last."""


class IncidentFilter(msgspec.Struct, frozen=True):
    """`open`: live or over. `owner` of "-" is nobody."""

    status: Status | None = None
    severity: Severity | None = None
    cluster_id: UUID | None = None
    open: bool | None = None
    owner: str | None = None
    team_id: UUID | None = None


LONGEST_TITLE = 300
LONGEST_COMMENT = 4000


class MemberChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which members are meant: alerts by cluster, fingerprint and start, anomalies and findings by their ids."""

    alerts: list[AlertKey] = []
    anomalies: list[UUID] = []
    findings: list[UUID] = []


class AlertKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cluster_id: UUID
    fingerprint: str
    started_at: datetime


class Named(msgspec.Struct, frozen=True):
    """The members of one name on one cluster: what a title needs of them."""

    phrase: str
    short: str
    members: int


def title_of(named: list[Named]) -> str:
    """`CPU of web-1 high, with Load and 2 more`: what started first, then the rest. `named` in the order of starts."""
    first, *others = named
    if not others:
        more = first.members - 1
        return f"{first.phrase}, and {more} more like it" if more > 0 else first.phrase
    rest = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f"{first.phrase}, with {others[0].short}{rest}"


_AREAS = {"SWITCH": "network", "ROUTER": "network", "STORAGE": "storage", "NODE": "machine", "HOST": "machine"}
_DOWN = re.compile(r"down|unreach|unavail|not.?ready|offline|dead|lost", re.IGNORECASE)


def title_by_suspect(suspect: Suspect, clusters: int, workloads: int, instead: str | None = None) -> str:
    """`network: switch-7 down, 4 clusters, 212 workloads`; without an alert of its own the thing is only suspected.

    `instead` is what is suspected rather than it: `database suspected, 1 cluster, 3 workloads`.
    """
    struck = [_count(clusters, "cluster")] + ([_count(workloads, "workload")] if workloads else [])
    if instead:
        return f"{instead} suspected, {', '.join(struck)}"
    area = _AREAS.get(suspect.kind, suspect.kind.lower())
    told = suspect.told
    state = "suspected" if told is None else "down" if _DOWN.search(told) else told
    return f"{area}: {suspect.name} {state}, {', '.join(struck)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
