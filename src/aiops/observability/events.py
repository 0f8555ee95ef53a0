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


EVENTS = (AlertFired, AlertUpdated, AlertResolved)
