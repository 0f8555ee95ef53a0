"""The facts that observability states."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from aiops.kernel.events import Event


class _AlertEvent(Event, frozen=True, kw_only=True):
    channel: ClassVar[str] = "alerts"
    cluster_id: UUID
    fingerprint: str
    name: str
    severity: str
    starts_at: datetime


class AlertFired(_AlertEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "ALERT_FIRED"


class AlertUpdated(_AlertEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "ALERT_UPDATED"


class AlertResolved(_AlertEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "ALERT_RESOLVED"


class MetricsEvaluated(Event, frozen=True, kw_only=True):
    """What is watched on a cluster was evaluated: so many watches, which gave so many series. The numbers are to be
    asked for."""

    event_type: ClassVar[str] = "METRIC_UPDATE"
    channel: ClassVar[str] = "metric"
    cluster_id: UUID
    evaluated_at: datetime
    watches: int
    series: int


class GpusEvaluated(Event, frozen=True, kw_only=True):
    """The GPUs of a cluster, so many, were looked at."""

    event_type: ClassVar[str] = "GPU_UPDATE"
    channel: ClassVar[str] = "gpu"
    cluster_id: UUID
    evaluated_at: datetime
    gpus: int


class WatchChanged(Event, frozen=True, kw_only=True):
    """A watch was made, changed or deleted. `begins_anew`: what was found by it and learned of it holds no longer."""

    event_type: ClassVar[str] = "WATCH_CHANGED"
    channel: ClassVar[str] = "metric"
    watch: str
    change: str
    by: str
    begins_anew: bool


EVENTS = (AlertFired, AlertUpdated, AlertResolved, MetricsEvaluated, GpusEvaluated, WatchChanged)
