"""The facts that intelligence states."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from aiops.kernel.events import Event


class AnomalyDetected(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "ANOMALY_DETECTED"
    channel: ClassVar[str] = "anomaly"
    anomaly_id: UUID
    cluster_id: UUID
    watch: str
    severity: str
    kind: str


class AnomalyEnded(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "ANOMALY_ENDED"
    channel: ClassVar[str] = "anomaly"
    anomaly_id: UUID
    cluster_id: UUID
    watch: str


class _IncidentEvent(Event, frozen=True, kw_only=True):
    channel: ClassVar[str] = "incidents"
    incident_id: UUID
    key: str
    title: str
    severity: str
    status: str


class IncidentOpened(_IncidentEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "INCIDENT_OPENED"


class IncidentUpdated(_IncidentEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "INCIDENT_UPDATED"


class IncidentResolved(_IncidentEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "INCIDENT_RESOLVED"


class RootCauseRanked(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "RCA_COMPLETE"
    channel: ClassVar[str] = "incidents"
    incident_id: UUID
    key: str
    top_cause: str | None
    confidence: float | None


class _LogFindingEvent(Event, frozen=True, kw_only=True):
    channel: ClassVar[str] = "anomaly"
    finding_id: UUID
    cluster_id: UUID
    pattern_id: UUID
    kind: str
    severity: str


class LogFindingOpened(_LogFindingEvent, frozen=True, kw_only=True):
    """A log pattern is new, surges or has vanished."""

    event_type: ClassVar[str] = "LOG_FINDING_OPENED"


class LogFindingEnded(_LogFindingEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "LOG_FINDING_ENDED"


class PredictionMade(Event, frozen=True, kw_only=True):
    """A series is foreseen to pass its threshold soon; it was not before."""

    event_type: ClassVar[str] = "PREDICTION_MADE"
    channel: ClassVar[str] = "predictions"
    prediction_id: UUID
    cluster_id: UUID
    target: str
    crosses_at: datetime


class PredictionCleared(Event, frozen=True, kw_only=True):
    """What PREDICTION_MADE told of is not foreseen any more, or not soon."""

    event_type: ClassVar[str] = "PREDICTION_CLEARED"
    channel: ClassVar[str] = "predictions"
    prediction_id: UUID
    cluster_id: UUID
    target: str


class ChangeRecorded(Event, frozen=True, kw_only=True):
    """Something was deployed, configured or scaled, or its sender told more of it."""

    event_type: ClassVar[str] = "CHANGE_RECORDED"
    channel: ClassVar[str] = "changes"
    change_id: UUID
    kind: str
    at: datetime


EVENTS = (
    AnomalyDetected,
    AnomalyEnded,
    IncidentOpened,
    IncidentUpdated,
    IncidentResolved,
    RootCauseRanked,
    LogFindingOpened,
    LogFindingEnded,
    PredictionMade,
    PredictionCleared,
    ChangeRecorded,
)
