"""The facts that observability states."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from aiops.kernel.events import Event


class _AlertEvent(Event, frozen=True, kw_only=True):
    """`flapping`: it comes and goes, which is told as one. `quiet`: nobody is to be woken, for it is snoozed."""

    channel: ClassVar[str] = "alerts"
    cluster_id: UUID
    fingerprint: str
    name: str
    severity: str
    starts_at: datetime
    flapping: bool = False
    quiet: bool = False


class AlertFired(_AlertEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "ALERT_FIRED"


class AlertUpdated(_AlertEvent, frozen=True, kw_only=True):
    """`by` is who did `did` (kinds of acts, such as `STATUS ASSIGNED`); `None` where the alert itself changed."""

    event_type: ClassVar[str] = "ALERT_UPDATED"
    by: str | None = None
    did: str | None = None
    status: str | None = None


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


class TracesReceived(Event, frozen=True, kw_only=True):
    """A search of a cluster found so many traces that the one before did not, `newest_at` the start of the last one.

    There may be more: a search has its limit. Made only while somebody reads this type live.
    """

    event_type: ClassVar[str] = "TRACE_RECEIVED"
    channel: ClassVar[str] = "trace"
    cluster_id: UUID
    traces: int
    newest_at: datetime


class MaintenanceChanged(Event, frozen=True, kw_only=True):
    """A maintenance window was CREATED, CHANGED or DELETED, or one of its occurrences STARTED or ENDED."""

    event_type: ClassVar[str] = "MAINTENANCE_CHANGED"
    channel: ClassVar[str] = "maintenance"
    window_id: UUID
    change: str


class SilenceReminded(Event, frozen=True, kw_only=True):
    """A silence ends soon (ENDS_SOON), or is old and still hides alerts that fire (FORGOTTEN)."""

    event_type: ClassVar[str] = "SILENCE_REMINDED"
    channel: ClassVar[str] = "maintenance"
    reminder_id: UUID
    cluster_id: UUID
    kind: str
    hides: int


EVENTS = (
    AlertFired,
    AlertUpdated,
    AlertResolved,
    MetricsEvaluated,
    GpusEvaluated,
    WatchChanged,
    TracesReceived,
    MaintenanceChanged,
    SilenceReminded,
)
