"""What a backtest tells: what would have been found, how often, and what would have been missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.incidents import IncidentView

EARLY = timedelta(minutes=15)
WEEK_S = 7 * 86_400.0


class PastIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that was. `lead_s`: so long before it was detected the first finding of its time would have begun;
    negative afterwards, `None` where it would have been missed."""

    id: UUID
    key: str
    title: str
    severity: str
    detected_at: datetime
    resolved_at: datetime | None
    caught: bool
    lead_s: float | None


def against(findings: Sequence[Anomaly], incidents: Sequence[IncidentView], until: datetime) -> list[PastIncident]:
    """Each incident with whether a finding is of its time: one that begins at most 15 min before, or goes on in it."""
    told = []
    for incident in incidents:
        end = incident.resolved_at or until
        near = [
            one for one in findings if one.started_at <= end and (one.ended_at or until) >= incident.detected_at - EARLY
        ]
        first = min((one.detected_at for one in near), default=None)
        told.append(
            PastIncident(
                id=incident.id,
                key=incident.key,
                title=incident.title,
                severity=incident.severity.value,
                detected_at=incident.detected_at,
                resolved_at=incident.resolved_at,
                caught=first is not None,
                lead_s=None if first is None else (incident.detected_at - first).total_seconds(),
            )
        )
    return told


def beside(findings: Sequence[Anomaly], incidents: Sequence[IncidentView], until: datetime) -> int:
    """How many findings are of the time of no incident."""
    return sum(1 for one in findings if not any(incident.caught for incident in against([one], incidents, until)))
