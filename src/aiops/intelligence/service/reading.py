"""What people see and say of anomalies, incidents and expectations, within their scope."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.intelligence.domain.causes import Cause
from aiops.intelligence.domain.feedback import Feedback, Widening, key_of
from aiops.intelligence.domain.incident_findings import IncidentFinding
from aiops.intelligence.domain.incidents import (
    AlertMember,
    IncidentFilter,
    IncidentLink,
    IncidentView,
    Order,
    TimelineRow,
)
from aiops.intelligence.needs import AnomalyStore, FeedbackStore, IncidentStore, Scores
from aiops.intelligence.needs_findings import IncidentFindingStore
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Labels


class Learning(msgspec.Struct, frozen=True):
    seen: int
    needed: int


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What one watched series is and was expected to be; no band while it is learned. `learning_days`: of so many days
    the detector knows what is usual at which time, and heeds it once there are enough."""

    cluster_id: UUID
    watch: str
    title: str
    unit: str
    labels: Labels
    at: datetime
    value: float
    expected: float | None
    lower: float | None
    upper: float | None
    learning: Learning | None
    learning_days: Learning | None
    anomaly_id: UUID | None
    dropped: int
    widened: Widening | None


class IncidentDetail(msgspec.Struct, frozen=True):
    view: IncidentView
    causes: list[Cause]
    causes_note: str | None
    timeline: list[TimelineRow]
    anomalies: list[Anomaly]
    said: dict[UUID, Feedback]
    alerts: list[AlertMember]
    findings: list[IncidentFinding]
    links: list[IncidentLink]


class Reading:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        feedback: FeedbackStore,
        findings: IncidentFindingStore,
        watcher: Watcher,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._anomalies = anomalies
        self._feedback = feedback
        self._findings = findings
        self._watcher = watcher

    async def expectations(self, principal: Principal, cluster_id: UUID | None = None) -> list[Expected]:
        principal.require(Role.VIEWER)
        found = []
        for track in self._watcher.tracks():
            if not principal.sees(track.cluster_id) or (cluster_id and cluster_id != track.cluster_id):
                continue
            scores, active = track.scores, track.active
            if scores is None:
                continue
            for row in range(len(track.values)):
                value = float(track.values[row])
                if not math.isfinite(value):
                    continue
                widening = track.widened.get(key_of(track.series[row]))
                learns = track.watch.learned and not math.isfinite(scores.expected[row])
                found.append(
                    Expected(
                        cluster_id=track.cluster_id,
                        watch=track.watch.name,
                        title=track.watch.title,
                        unit=track.watch.unit,
                        labels=track.series[row],
                        at=datetime.fromtimestamp(track.watermark, UTC),
                        value=value,
                        expected=_finite(scores.expected[row]),
                        lower=_finite(scores.lower[row]),
                        upper=_finite(scores.upper[row]),
                        learning=Learning(int(scores.seen[row]), scores.needed) if learns else None,
                        learning_days=_days(scores, row) if track.watch.learned else None,
                        anomaly_id=active[row].id if row in active else None,
                        dropped=track.dropped,
                        widened=widening if widening and widening.until > self._clock.now() else None,
                    )
                )
        return found

    async def anomaly(self, principal: Principal, anomaly_id: UUID) -> Anomaly:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._anomalies.get(tx, anomaly_id, _scope(principal))
        if found is None:
            raise NotFound("There is no such anomaly.")
        return found

    async def anomalies(
        self, principal: Principal, wanted: AnomalyFilter, limit: int, after: UUID | None
    ) -> tuple[list[Anomaly], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._anomalies.page(tx, wanted, _scope(principal), limit, after)

    async def said_of(self, principal: Principal, anomalies: Sequence[Anomaly]) -> dict[UUID, Feedback]:
        """What was said of anomalies that the reader has got already."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._feedback.of(tx, [one.id for one in anomalies])

    async def incidents(
        self,
        principal: Principal,
        wanted: IncidentFilter,
        limit: int,
        after: UUID | None,
        order: Order = Order.LATEST,
    ) -> tuple[list[IncidentView], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._incidents.page(tx, wanted, _scope(principal), limit, after, order)

    async def incident(self, principal: Principal, incident_id: UUID) -> IncidentDetail:
        """The part of an incident that lies within the reader's scope."""
        principal.require(Role.VIEWER)
        scope = _scope(principal)
        async with self._transactions.begin() as tx:
            view = await self._incidents.view(tx, incident_id, scope)
            if view is None:
                raise NotFound("There is no such incident.")
            causes, note = await self._incidents.causes(tx, incident_id)
            anomalies = await self._anomalies.of_incident(tx, incident_id, scope)
            return IncidentDetail(
                view,
                within(principal, causes),
                note,
                await self._incidents.timeline(tx, incident_id, scope),
                anomalies,
                await self._feedback.of(tx, [one.id for one in anomalies]),
                await self._incidents.alerts(tx, incident_id, scope),
                await self._findings.findings_of(tx, incident_id, scope),
                await self._incidents.links(tx, incident_id, scope),
            )


def within(principal: Principal, causes: Sequence[Cause]) -> list[Cause]:
    """The causes that the reader may see; of what clusters share, only the evidence of clusters in scope."""
    return [
        msgspec.structs.replace(
            cause, evidence=[one for one in cause.evidence if one.cluster_id is None or principal.sees(one.cluster_id)]
        )
        for cause in causes
        if cause.cluster_id is None or principal.sees(cause.cluster_id)
    ]


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)


def _days(scores: Scores, row: int) -> Learning | None:
    if scores.days is None or scores.days[row] >= scores.days_needed:
        return None
    return Learning(int(scores.days[row]), scores.days_needed)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
