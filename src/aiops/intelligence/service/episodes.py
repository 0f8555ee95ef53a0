"""Gathers anomalies and alerts into incidents, and lets an incident resolve once its members have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import UNSEEN, Anomaly, duration, phrase_of, worst
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
from aiops.observability.ports import Alert

_LATE = timedelta(minutes=5)


class _Joined(NamedTuple):
    incident: Incident
    opened: bool


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

    async def begin_anomalies(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> list[Anomaly]:
        """Those of one watch on one cluster, all at once; gives them with their incidents, in the same order."""
        await self._incidents.take_turn(tx)
        first = anomalies[0]
        found = await self._incidents_for(
            tx, first.cluster_id, first.watch, {anomaly.subject: anomaly.started_at for anomaly in anomalies}
        )
        placed = [msgspec.structs.replace(one, incident_id=found[one.subject].incident.id) for one in anomalies]
        placed = await self._anomalies.add(tx, placed)
        for anomaly in placed:
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
        await self._incidents.tell(tx, [self._row("ANOMALY", anomaly.explanation, anomaly) for anomaly in placed])
        for joined in {joined.incident.id: joined for joined in found.values()}.values():
            await self._after_join(tx, joined.incident, first.cluster_id, joined.opened)
        return placed

    async def worsen_anomalies(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> None:
        """Those of one cluster."""
        await self._incidents.take_turn(tx)
        await self._anomalies.worsen(tx, anomalies)
        rows = [self._row("WORSENED", f"Now {one.severity.value}: {one.explanation}", one) for one in anomalies]
        await self._incidents.tell(tx, rows)
        for incident_id in {row.incident_id for row in rows}:
            incident = await self._incidents.get(tx, incident_id)
            assert incident is not None
            await self._after_join(tx, incident, anomalies[0].cluster_id, opened=False)

    async def end_anomalies(
        self, tx: Transaction, reasons: Mapping[UUID, str], at: datetime, trend_changes: Sequence[UUID] = ()
    ) -> None:
        """`reasons` by the ids of the anomalies; one that has ended before stays as it is."""
        await self._incidents.take_turn(tx)
        ended = await self._anomalies.end(tx, reasons, at, trend_changes)
        for anomaly in ended:
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
        told = [self._row("ANOMALY_ENDED", f"{one.title} of {one.subject}: {reasons[one.id]}", one) for one in ended]
        await self._members_ended(tx, told)

    async def alert_fired(self, tx: Transaction, alert: Alert) -> None:
        """Idempotent: an alert that is a member already stays where it is."""
        await self._incidents.take_turn(tx)
        if await self._incidents.alert_member(tx, alert.cluster_id, alert.fingerprint, alert.starts_at):
            return
        found = await self._incidents_for(tx, alert.cluster_id, alert.name, {alert.fingerprint: alert.starts_at})
        joined = found[alert.fingerprint]
        member = AlertMember(
            incident_id=joined.incident.id,
            cluster_id=alert.cluster_id,
            fingerprint=alert.fingerprint,
            name=alert.name,
            severity=alert.severity,
            labels=alert.labels,
            started_at=alert.starts_at,
        )
        await self._incidents.add_alert(tx, member)
        await self._incidents.tell(tx, [self._row("ALERT", f"Alert {alert.name} fired", member)])
        await self._after_join(tx, joined.incident, alert.cluster_id, joined.opened)

    async def alert_resolved(self, tx: Transaction, cluster_id: UUID, fingerprint: str, at: datetime) -> None:
        await self._incidents.take_turn(tx)
        ended = await self._incidents.end_alert(tx, cluster_id, fingerprint, at)
        await self._members_ended(
            tx, [self._row("ALERT_RESOLVED", f"Alert {member.name} resolved", member) for member in ended]
        )

    async def cluster_left(self, tx: Transaction, cluster_id: UUID) -> None:
        """End all that is open on a cluster that is no longer part of the fleet, and forget what was learned."""
        now = self._clock.now()
        active = await self._anomalies.active(tx, cluster_id)
        await self.end_anomalies(tx, {anomaly.id: "the cluster was removed" for anomaly in active}, now)
        for member in await self._incidents.open_alerts(tx, cluster_id):
            await self.alert_resolved(tx, cluster_id, member.fingerprint, now)
        await self._tracks.forget(tx, cluster_id)

    async def watch_changed(self, tx: Transaction, watch: str, reason: str) -> None:
        """End all that is open of a watch, everywhere, and forget what was learned of it."""
        active = await self._anomalies.active_of_watch(tx, watch)
        if active:
            await self.end_anomalies(tx, {anomaly.id: reason for anomaly in active}, self._clock.now())
        await self._tracks.forget_watch(tx, watch)

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
                await self._say(tx, incident, "RESOLVED", "Resolved: all that belonged to it has ended")
                await self.publish(tx, incident, IncidentResolved)
            if ended:
                await tx.commit()
        return len(ended)

    async def give_up_unseen(self) -> int:
        """End the anomalies whose cluster has told nothing for half an hour: nobody knows whether they go on."""
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            unseen = await self._anomalies.unseen(tx, now - UNSEEN)
            if unseen:
                reason = f"no values for {duration(UNSEEN.total_seconds())}, so its end was not seen"
                await self.end_anomalies(tx, dict.fromkeys(unseen, reason), now)
                await tx.commit()
        return len(unseen)

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

    async def _incidents_for(
        self, tx: Transaction, cluster_id: UUID, name: str, subjects: Mapping[str, datetime]
    ) -> dict[str, _Joined]:
        """Where each new member belongs, by the time of its start; told and kept, but for the members themselves."""
        now = self._clock.now()
        # An alert may be told long after it started: what it joins is what happens now.
        near = {subject: max(started_at, now - _LATE) for subject, started_at in subjects.items()}
        returning = await self._incidents.returning(tx, cluster_id, name, list(subjects), now)
        groups: dict[UUID, list[str]] = {}
        for subject, incident_id in returning.items():
            groups.setdefault(incident_id, []).append(subject)
        found: dict[str, _Joined] = {}
        for incident_id, group in groups.items():
            known = await self._incidents.get(tx, incident_id, lock=True)
            assert known is not None
            found |= dict.fromkeys(group, await self._joined(tx, known, now))
        # What moved at once on one cluster belongs together: the first one's incident is the newest that is active.
        others = sorted((subject for subject in subjects if subject not in found), key=near.__getitem__)
        if others:
            known = await self._incidents.find(tx, cluster_id, name, near[others[0]])
            found |= dict.fromkeys(others, await self._joined(tx, known, now))
        for joined in {joined.incident.id: joined for joined in found.values()}.values():
            mine = {subject: near[subject] for subject in found if found[subject] is joined}
            await self._incidents.join(tx, joined.incident.id, cluster_id, name, mine)
        return found

    async def _joined(self, tx: Transaction, incident: Incident | None, now: datetime) -> _Joined:
        if incident is None:
            key = await self._incidents.next_key(tx, now)
            incident = Incident(id=new_id(), key=key, status=Status.OPEN, detected_at=now, last_activity_at=now)
            await self._incidents.add(tx, incident)
            await self._say(tx, incident, "OPENED", "Opened")
            return _Joined(incident, True)
        if incident.status in CLOSED:
            incident.status = Status.OPEN
            incident.resolved_at = None
            await self._say(tx, incident, "REOPENED", "Reopened: it came back")
        incident.last_activity_at = max(incident.last_activity_at, now)
        incident.revision += 1
        await self._incidents.save(tx, incident)
        return _Joined(incident, False)

    async def _after_join(self, tx: Transaction, incident: Incident, cluster_id: UUID, opened: bool) -> None:
        anomalies = await self._anomalies.of_incident(tx, incident.id, [cluster_id])
        alerts = await self._incidents.alerts(tx, incident.id, [cluster_id])
        members = [
            Member(
                phrase=phrase_of(a),
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

    async def _members_ended(self, tx: Transaction, told: Sequence[TimelineRow]) -> None:
        """Keep the rows that tell of it, and let their incidents know."""
        if not told:
            return
        await self._incidents.tell(tx, told)
        for incident_id in {row.incident_id for row in told}:
            incident = await self._incidents.get(tx, incident_id, lock=True)
            if incident is None:
                continue
            if incident.status not in CLOSED:
                incident.last_activity_at = max(incident.last_activity_at, self._clock.now())
                await self._incidents.save(tx, incident)
            await self.publish(tx, incident, IncidentUpdated)

    def _row(self, kind: str, text: str, member: Anomaly | AlertMember) -> TimelineRow:
        """What the timeline of its incident says of a member."""
        assert member.incident_id is not None
        return TimelineRow(
            id=new_id(),
            incident_id=member.incident_id,
            at=self._clock.now(),
            kind=kind,
            text=text,
            anomaly_id=member.id if isinstance(member, Anomaly) else None,
            alert_fingerprint=member.fingerprint if isinstance(member, AlertMember) else None,
            cluster_id=member.cluster_id,
        )

    async def _say(self, tx: Transaction, incident: Incident, kind: str, text: str) -> None:
        """What is no single cluster's affair, and names nothing of any."""
        row = TimelineRow(id=new_id(), incident_id=incident.id, at=self._clock.now(), kind=kind, text=text)
        await self._incidents.tell(tx, [row])
