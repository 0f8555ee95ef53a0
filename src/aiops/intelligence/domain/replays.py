"""What a replay is: the pipeline over the past of some clusters, with nobody told of anything."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.intelligence.domain.causes import Cause
from aiops.intelligence.domain.correlation_rules import RuleDraft
from aiops.observability.ports import Severity


class ReplayStage(StrEnum):
    ALERTS = "ALERTS"
    METRICS = "METRICS"
    DETECTION = "DETECTION"
    CORRELATION = "CORRELATION"
    DONE = "DONE"
    FAILED = "FAILED"


class Progress(msgspec.Struct, frozen=True):
    """`done` of `total` steps; `what` is being looked at."""

    stage: ReplayStage
    done: int
    total: int
    what: str = ""


class ReplayedCluster(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at on one cluster. `problems` say what could not be."""

    id: UUID
    name: str
    alerts: int = 0
    watches: int = 0
    series: int = 0
    anomalies: int = 0
    problems: list[str] = []


class ReplayedMember(msgspec.Struct, frozen=True, kw_only=True):
    """An alert or anomaly of an incident, and why it belongs there."""

    at: datetime
    ended_at: datetime | None
    kind: str
    name: str
    subject: str
    cluster_id: UUID
    severity: Severity
    reason: str


class ReplayedIncident(msgspec.Struct, frozen=True, kw_only=True):
    """`members` are the first of them; the counts are of all. `note` says why nothing decides between the causes, or
    why there are none. `before`: in so many incidents the same would be without the change that is tried."""

    number: int
    title: str
    severity: Severity
    opened_at: datetime
    ended_at: datetime | None
    clusters: list[UUID]
    alerts: int
    anomalies: int
    subjects: int
    causes: list[Cause]
    note: str | None
    members: list[ReplayedMember]
    before: int | None = None


class NoisyAlert(msgspec.Struct, frozen=True, kw_only=True):
    """`incidents` is how many of the incidents had this alert in them."""

    name: str
    episodes: int
    incidents: int
    median_s: float


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """`incidents` are what people would have been told of, the worst first; `quiet` counts what only moved a single
    series and raised no alert. Where a change of the rules was tried, `before` counts the incidents without it."""

    start: datetime
    end: datetime
    step_s: float
    detector: str
    clusters: list[ReplayedCluster]
    alerts: int
    anomalies: int
    quiet: int
    incidents: list[ReplayedIncident]
    noisy: list[NoisyAlert]
    before: int | None = None

    @property
    def noise_reduction(self) -> float | None:
        """The share of alerts that would have been no item of their own; `None` without alerts."""
        return 1 - len(self.incidents) / self.alerts if self.alerts else None


class ReplayStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class Trial(msgspec.Struct, frozen=True):
    """A change of the rules of correlation: one that is not kept yet, and kept ones that are left out."""

    rule: RuleDraft | None = None
    without: list[UUID] = []


class ReplayRun(msgspec.Struct, frozen=True, kw_only=True):
    """A replay that somebody asked for. `clusters` are those that it looks at: who may not see all of them does not see
    it. `summary` is its result in a line; `error` why there is none."""

    id: UUID
    asked_by: str
    asked_at: datetime
    clusters: list[UUID]
    start: datetime
    end: datetime
    step_s: float
    status: ReplayStatus
    progress: Progress | None = None
    ended_at: datetime | None = None
    summary: str | None = None
    error: str | None = None
    trial: Trial | None = None
