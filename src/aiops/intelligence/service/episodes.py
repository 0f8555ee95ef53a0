"""Gathers anomalies and alerts into incidents, and lets an incident resolve once its members have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import UNSEEN, Anomaly, duration, worst
from aiops.intelligence.domain.correlation import ArrivalKind, Placement
from aiops.intelligence.domain.incidents import (
    CLOSED,
    SETTLE,
    AlertMember,
    Incident,
    Status,
    TimelineRow,
)
from aiops.intelligence.events import (
    AnomalyDetected,
    AnomalyEnded,
    IncidentOpened,
    IncidentResolved,
    IncidentUpdated,
)
from aiops.intelligence.needs import AnomalyStore, IncidentStore, TrackStore
from aiops.intelligence.service.gathering import Gathering, of_alert, of_anomaly
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.ids import new_id
from aiops.observability.ports import Alert, Severity
from aiops.observability.ports_maintenance import Maintained

_TOLD_ONE_BY_ONE = 3


class Episodes:
    """Works inside the caller's transaction; the caller commits."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        tracks: TrackStore,
        gathering: Gathering,
        maintenance: Maintained | None = None,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._anomalies = anomalies
        self._tracks = tracks
        self._gathering = gathering
        self._maintenance = maintenance

    async def begin_anomalies(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> list[Anomaly]:
        """Those of one watch on one cluster, all at once; gives them with their incidents, in the same order. What a
        maintenance window hides is kept without one."""
        await self._incidents.take_turn(tx)
        marked = await self._marked(tx, anomalies)
        placed, placements = await self._gathered(tx, [one for one in marked if not one.maintained_by])
        by_id = {one.id: one for one in placed}
        placed = await self._anomalies.add(tx, [by_id.get(one.id, one) for one in marked])
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
        await self._tell_rows(tx, [self._row("ANOMALY", one.explanation, one) for one in placed if one.incident_id])
        await self.tell_of(tx, placements)
        return placed

    async def heard_again(self) -> int:
        """Gather what maintenance windows hid and that goes on behind their end; gives how much."""
        async with self._transactions.begin() as tx:
            if self._maintenance is None or not await self._anomalies.maintained(tx):
                return 0
            await self._incidents.take_turn(tx)
            heard = [
                one for one in await self._marked(tx, await self._anomalies.maintained(tx)) if not one.maintained_by
            ]
            if not heard:
                return 0
            placed, placements = await self._gathered(tx, heard)
            await self._anomalies.join(tx, placed)
            rows = [self._row("ANOMALY", f"Goes on after maintenance: {one.explanation}", one) for one in placed]
            await self._tell_rows(tx, rows)
            await self.tell_of(tx, placements)
            await tx.commit()
        return len(heard)

    async def _marked(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> list[Anomaly]:
        """With the windows that hide them now."""
        if self._maintenance is None:
            return list(anomalies)
        things = [(one.cluster_id, {"watch": one.watch, **one.labels}) for one in anomalies]
        by = await self._maintenance.hidden_by(tx, things)
        return [msgspec.structs.replace(one, maintained_by=each) for one, each in zip(anomalies, by, strict=True)]

    async def _gathered(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> tuple[list[Anomaly], list[Placement]]:
        if not anomalies:
            return [], []
        placements = await self._gathering.gather(tx, [of_anomaly(one) for one in anomalies], self._clock.now())
        found: dict[tuple[UUID, str, str], Placement] = {}
        for one in placements:
            if one.arrival.kind is ArrivalKind.ANOMALY:
                found.setdefault((one.arrival.cluster_id, one.arrival.name, one.arrival.subject), one)
        placed = []
        for anomaly in anomalies:
            its = found[anomaly.cluster_id, anomaly.watch, anomaly.subject]
            placed.append(
                msgspec.structs.replace(anomaly, incident_id=its.incident_id, joined_by=its.by, reason=its.reason)
            )
        return placed, placements

    async def _tell_rows(self, tx: Transaction, rows: Sequence[TimelineRow]) -> None:
        if rows:
            await self._incidents.tell(tx, rows)

    async def worsen_anomalies(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> None:
        """Those of one cluster."""
        await self._incidents.take_turn(tx)
        await self._anomalies.worsen(tx, anomalies)
        # Where they are may have changed since they began: people move them, and maintenance ends.
        now_in = {one.id: one.incident_id for one in await self._anomalies.active(tx, anomalies[0].cluster_id)}
        anomalies = [
            msgspec.structs.replace(one, incident_id=incident_id)
            for one in anomalies
            if (incident_id := now_in.get(one.id)) is not None
        ]
        rows = [self._row("WORSENED", f"Now {one.severity.value}: {one.explanation}", one) for one in anomalies]
        await self._tell_rows(tx, rows)
        severities: dict[UUID, list[Severity]] = {}
        for one in anomalies:
            assert one.incident_id is not None
            severities.setdefault(one.incident_id, []).append(one.severity)
        for incident_id, found in severities.items():
            incident = await self._incidents.get(tx, incident_id)
            assert incident is not None
            await self._gathering.worsened(tx, incident_id, anomalies[0].cluster_id, worst(found))
            await self.publish(tx, incident, IncidentUpdated)

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
        told = [
            self._row("ANOMALY_ENDED", f"{one.title} of {one.subject}: {reasons[one.id]}", one)
            for one in ended
            if one.incident_id is not None
        ]
        await self.members_ended(tx, told)

    async def alerts_fired(self, tx: Transaction, alerts: Sequence[Alert]) -> None:
        """Idempotent: an alert that is a member already stays where it is. One with an end has ended since."""
        await self._incidents.take_turn(tx)
        wanted = {(one.cluster_id, one.fingerprint, one.starts_at): one for one in alerts}
        known = await self._incidents.known_alerts(tx, list(wanted))
        fresh = {key: one for key, one in wanted.items() if key not in known}
        if not fresh:
            return
        placements = await self._gathering.gather(tx, [of_alert(one) for one in fresh.values()], self._clock.now())
        found = {
            (one.arrival.cluster_id, one.arrival.subject, one.arrival.started_at): one
            for one in placements
            if one.arrival.kind is ArrivalKind.ALERT
        }
        members = [
            AlertMember(
                incident_id=found[key].incident_id,
                cluster_id=alert.cluster_id,
                fingerprint=alert.fingerprint,
                name=alert.name,
                severity=alert.severity,
                labels=alert.labels,
                started_at=alert.starts_at,
                ended_at=alert.ends_at,
                joined_by=found[key].by,
                reason=found[key].reason,
            )
            for key, alert in fresh.items()
        ]
        await self._incidents.add_alerts(tx, members)
        await self._incidents.tell(tx, self._alert_rows("ALERT", "fired", members))
        await self.tell_of(tx, placements)

    async def alerts_resolved(self, tx: Transaction, ends: Mapping[tuple[UUID, str], datetime]) -> None:
        """By cluster and fingerprint; one that has ended before stays as it is."""
        await self._incidents.take_turn(tx)
        ended = await self._incidents.end_alerts(tx, ends)
        await self.members_ended(tx, self._alert_rows("ALERT_RESOLVED", "resolved", ended))

    async def cluster_left(self, tx: Transaction, cluster_id: UUID) -> None:
        """End all that is open on a cluster that is no longer part of the fleet, and forget what was learned."""
        now = self._clock.now()
        active = await self._anomalies.active(tx, cluster_id)
        await self.end_anomalies(tx, {anomaly.id: "the cluster was removed" for anomaly in active}, now)
        open_alerts = await self._incidents.open_alerts(tx, cluster_id)
        await self.alerts_resolved(tx, {(cluster_id, member.fingerprint): now for member in open_alerts})
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

    async def tell_of(self, tx: Transaction, placements: Sequence[Placement]) -> None:
        """State once what happened to each incident."""
        opened = {one.incident_id: False for one in placements} | {
            one.incident_id: True for one in placements if one.opened
        }
        for incident_id, is_new in opened.items():
            incident = await self._incidents.get(tx, incident_id)
            assert incident is not None
            await self.publish(tx, incident, IncidentOpened if is_new else IncidentUpdated)

    def _alert_rows(self, kind: str, what: str, members: Sequence[AlertMember]) -> list[TimelineRow]:
        """One for each, or one for all of a name on a cluster where these are many."""
        together: dict[tuple[UUID, UUID, str], list[AlertMember]] = {}
        for one in members:
            together.setdefault((one.incident_id, one.cluster_id, one.name), []).append(one)
        rows = []
        for group in together.values():
            if len(group) <= _TOLD_ONE_BY_ONE:
                rows += [self._row(kind, f"Alert {one.name} {what}", one) for one in group]
            else:
                row = self._row(kind, f"Alert {group[0].name} {what} {len(group)} times", group[0])
                rows.append(msgspec.structs.replace(row, alert_fingerprint=None))
        return rows

    async def members_ended(self, tx: Transaction, told: Sequence[TimelineRow]) -> None:
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
