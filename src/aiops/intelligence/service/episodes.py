"""Gathers anomalies and alerts into incidents, and lets an incident resolve once its members have ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Anomaly, worst
from aiops.intelligence.domain.incidents import (
    CLOSED,
    SETTLE,
    AlertMember,
    ClusterPart,
    Incident,
    Member,
    Status,
    TimelineRow,
    title_of,
)
from aiops.intelligence.events import (
    AnomalyDetected,
    AnomalyEnded,
    IncidentOpened,
    IncidentResolved,
    IncidentUpdated,
)
from aiops.intelligence.needs import AnomalyStore, IncidentStore, TrackStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.ids import new_id
from aiops.observability.ports import Alert, Severity

_LATE = timedelta(minutes=5)


class Episodes:
    """Works inside the caller's transaction; the caller commits."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        tracks: TrackStore,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._anomalies = anomalies
        self._tracks = tracks

    async def begin_anomaly(self, tx: Transaction, anomaly: Anomaly) -> Anomaly:
        await self._incidents.take_turn(tx)
        incident, opened = await self._incident_for(
            tx, anomaly.cluster_id, anomaly.watch, anomaly.subject, anomaly.started_at, anomaly.severity
        )
        anomaly = msgspec.structs.replace(anomaly, incident_id=incident.id)
        await self._anomalies.add(tx, anomaly)
        tx.publish(
            AnomalyDetected(
                event_id=new_id(),
                occurred_at=self._clock.now(),
                cluster_ids=(anomaly.cluster_id,),
                anomaly_id=anomaly.id,
                cluster_id=anomaly.cluster_id,
                watch=anomaly.watch,
                severity=anomaly.severity.value,
                kind=anomaly.kind,
            )
        )
        await self._tell(tx, incident, "ANOMALY", anomaly.explanation, anomaly.cluster_id, anomaly_id=anomaly.id)
        await self._after_join(tx, incident, anomaly.cluster_id, opened)
        return anomaly

    async def worsen_anomaly(self, tx: Transaction, anomaly: Anomaly) -> None:
        await self._incidents.take_turn(tx)
        await self._anomalies.worsen(tx, anomaly)
        incident = await self._incidents.get(tx, anomaly.incident_id) if anomaly.incident_id else None
        if incident:
            text = f"Now {anomaly.severity.value}: {anomaly.explanation}"
            await self._tell(tx, incident, "WORSENED", text, anomaly.cluster_id, anomaly_id=anomaly.id)
            await self._after_join(tx, incident, anomaly.cluster_id, opened=False)

    async def end_anomaly(self, tx: Transaction, anomaly_id: UUID, at: datetime, reason: str) -> None:
        await self._incidents.take_turn(tx)
        anomaly = await self._anomalies.end(tx, anomaly_id, at, reason)
        if anomaly is None:
            return
        tx.publish(
            AnomalyEnded(
                event_id=new_id(),
                occurred_at=self._clock.now(),
                cluster_ids=(anomaly.cluster_id,),
                anomaly_id=anomaly.id,
                cluster_id=anomaly.cluster_id,
                watch=anomaly.watch,
            )
        )
        text = f"{anomaly.title} of {anomaly.subject}: {reason}"
        await self._member_ended(tx, anomaly.incident_id, "ANOMALY_ENDED", text, anomaly.cluster_id, anomaly_id)

    async def alert_fired(self, tx: Transaction, alert: Alert) -> None:
        """Idempotent: an alert that is a member already stays where it is."""
        await self._incidents.take_turn(tx)
        if await self._incidents.alert_member(tx, alert.cluster_id, alert.fingerprint, alert.starts_at):
            return
        incident, opened = await self._incident_for(
            tx, alert.cluster_id, alert.name, alert.fingerprint, alert.starts_at, alert.severity
        )
        await self._incidents.add_alert(
            tx,
            AlertMember(
                incident_id=incident.id,
                cluster_id=alert.cluster_id,
                fingerprint=alert.fingerprint,
                name=alert.name,
                severity=alert.severity,
                labels=alert.labels,
                started_at=alert.starts_at,
            ),
        )
        await self._tell(
            tx, incident, "ALERT", f"Alert {alert.name} fired", alert.cluster_id, fingerprint=alert.fingerprint
        )
        await self._after_join(tx, incident, alert.cluster_id, opened)

    async def alert_resolved(self, tx: Transaction, cluster_id: UUID, fingerprint: str, at: datetime) -> None:
        await self._incidents.take_turn(tx)
        for member in await self._incidents.end_alert(tx, cluster_id, fingerprint, at):
            text = f"Alert {member.name} resolved"
            await self._member_ended(tx, member.incident_id, "ALERT_RESOLVED", text, cluster_id, None, fingerprint)

    async def cluster_left(self, tx: Transaction, cluster_id: UUID) -> None:
        """End all that is open on a cluster that is no longer part of the fleet, and forget what was learned."""
        now = self._clock.now()
        for anomaly in await self._anomalies.active(tx, cluster_id):
            await self.end_anomaly(tx, anomaly.id, now, "the cluster was removed")
        for member in await self._incidents.open_alerts(tx, cluster_id):
            await self.alert_resolved(tx, cluster_id, member.fingerprint, now)
        await self._tracks.forget(tx, cluster_id)

    async def settle(self) -> int:
        """Resolve the incidents whose members ended a settle time ago; gives how many."""
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            await self._incidents.take_turn(tx)
            ended = await self._incidents.settled(tx, now - SETTLE)
            for incident_id in ended:
                incident = await self._incidents.get(tx, incident_id, lock=True)
                assert incident is not None
                incident.status = Status.RESOLVED
                incident.resolved_at = now
                await self._incidents.save(tx, incident)
                await self._tell(tx, incident, "RESOLVED", "Resolved: all that belonged to it has ended", None)
                await self.publish(tx, incident, IncidentResolved)
            if ended:
                await tx.commit()
        return len(ended)

    async def publish(
        self, tx: Transaction, incident: Incident, kind: type[IncidentOpened | IncidentUpdated | IncidentResolved]
    ) -> None:
        """State the fact. What spans clusters carries no title: its readers fetch it within their scope."""
        view = await self._incidents.view(tx, incident.id, None)
        assert view is not None
        tx.publish(
            kind(
                event_id=new_id(),
                occurred_at=self._clock.now(),
                cluster_ids=tuple(view.clusters),
                incident_id=incident.id,
                key=incident.key,
                title=view.title if len(view.clusters) == 1 else incident.key,
                severity=view.severity.value,
                status=incident.status.value,
            )
        )

    async def _incident_for(
        self, tx: Transaction, cluster_id: UUID, name: str, subject: str, started_at: datetime, severity: Severity
    ) -> tuple[Incident, bool]:
        now = self._clock.now()
        # An alert may be told long after it started: what it joins is what happens now.
        near = max(started_at, now - _LATE)
        incident = await self._incidents.find(tx, cluster_id, name, subject, near, now)
        opened = incident is None
        if incident is None:
            key = await self._incidents.next_key(tx, now)
            incident = Incident(id=new_id(), key=key, status=Status.OPEN, detected_at=now, last_activity_at=now)
            await self._incidents.add(tx, incident)
            await self._tell(tx, incident, "OPENED", "Opened", None)
        elif incident.status in CLOSED:
            incident.status = Status.OPEN
            incident.resolved_at = None
            await self._tell(tx, incident, "REOPENED", "Reopened: it came back", None)
        if not opened:
            incident.last_activity_at = max(incident.last_activity_at, now)
            incident.revision += 1
            await self._incidents.save(tx, incident)
        await self._incidents.join(tx, incident.id, cluster_id, name, subject, near)
        return incident, opened

    async def _after_join(self, tx: Transaction, incident: Incident, cluster_id: UUID, opened: bool) -> None:
        anomalies = await self._anomalies.of_incident(tx, incident.id, [cluster_id])
        alerts = await self._incidents.alerts(tx, incident.id, [cluster_id])
        members = [
            Member(
                phrase=f"{a.title} of {a.subject} {'low' if a.kind == 'DROP' else 'high'}",
                short=a.title,
                severity=a.severity,
                started_at=a.started_at,
            )
            for a in anomalies
        ] + [
            Member(phrase=f"Alert {a.name}", short=a.name, severity=a.severity, started_at=a.started_at) for a in alerts
        ]
        part = ClusterPart(
            incident_id=incident.id,
            cluster_id=cluster_id,
            title=title_of(members),
            severity=worst([member.severity for member in members]),
        )
        await self._incidents.put_part(tx, part)
        await self.publish(tx, incident, IncidentOpened if opened else IncidentUpdated)

    async def _member_ended(
        self,
        tx: Transaction,
        incident_id: UUID | None,
        kind: str,
        text: str,
        cluster_id: UUID,
        anomaly_id: UUID | None = None,
        fingerprint: str | None = None,
    ) -> None:
        incident = await self._incidents.get(tx, incident_id, lock=True) if incident_id else None
        if incident is None:
            return
        await self._tell(tx, incident, kind, text, cluster_id, anomaly_id=anomaly_id, fingerprint=fingerprint)
        if incident.status not in CLOSED:
            incident.last_activity_at = max(incident.last_activity_at, self._clock.now())
            await self._incidents.save(tx, incident)
        await self.publish(tx, incident, IncidentUpdated)

    async def _tell(
        self,
        tx: Transaction,
        incident: Incident,
        kind: str,
        text: str,
        cluster_id: UUID | None,
        *,
        anomaly_id: UUID | None = None,
        fingerprint: str | None = None,
    ) -> None:
        row = TimelineRow(
            id=new_id(),
            incident_id=incident.id,
            at=self._clock.now(),
            kind=kind,
            text=text,
            anomaly_id=anomaly_id,
            alert_fingerprint=fingerprint,
            cluster_id=cluster_id,
        )
        await self._incidents.tell(tx, row)
