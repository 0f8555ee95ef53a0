"""Gathers what arrives into incidents, a batch at a time, and keeps what relates them."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Anomaly, phrase_of, worst
from aiops.intelligence.domain.correlation import (
    FINDINGS,
    Arrival,
    ArrivalKind,
    Placement,
    Surroundings,
    place,
    traits_of,
)
from aiops.intelligence.domain.correlation.placing import LOOKS_BACK, Ruling
from aiops.intelligence.domain.groups import place_of
from aiops.intelligence.domain.incident_findings import WAITS, IncidentFinding, arrival_of, said_of
from aiops.intelligence.domain.incidents import (
    CLOSED,
    FOLLOWS_WITHIN,
    AlertMember,
    Incident,
    Origin,
    Status,
    Suspect,
    TimelineRow,
)
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_incidents import GatheringStore, Rulings, TeamStore, TopologySource
from aiops.kernel.database import Transaction
from aiops.kernel.ids import new_id
from aiops.observability.ports import Alert, Severity

_SHARE = 0.8
"""So large a part of what the topology knows must depend on a thing for it to be suspected."""
_FEWEST = 5
_MACHINERY = frozenset({"SWITCH", "ROUTER", "STORAGE", "NODE", "HOST", "DEVICE"})
"""What can take others down at once; that a service does is for the ranking to say."""


class Gathering:
    """Works inside the caller's transaction, which holds the turn; the caller keeps the members and commits."""

    def __init__(
        self,
        incidents: IncidentStore,
        store: GatheringStore,
        topology: TopologySource | None = None,
        rulings: Rulings | None = None,
        teams: TeamStore | None = None,
    ) -> None:
        self._incidents = incidents
        self._store = store
        self._topology = topology
        self._rulings = rulings
        self._teams = teams

    async def gather(self, tx: Transaction, arrivals: Sequence[Arrival], now: datetime) -> list[Placement]:
        """Where each belongs, in the order of their starts; incidents are opened, reopened and renewed for it.

        Findings that waited for what comes now join it: where they belong is given too.
        """
        surroundings = await self._surroundings()
        clusters = sorted({one.cluster_id for one in arrivals})
        waiting = await self._store.waiting_findings(tx, clusters, now - WAITS)
        asking = await self._with_patterns(tx, [*arrivals, *map(arrival_of, waiting)])
        rulings = await self._rulings.of(tx, asking) if self._rulings else {}
        traits = {
            trait: None for one in asking for trait in traits_of(one, surroundings, rulings.get(one.mark, Ruling()))
        }
        # What depends on a thing is looked for under both of its kinds.
        lookups = list(dict.fromkeys([*traits, *(twin for trait in traits for twin in trait.twins())]))
        scene = await self._store.scene(tx, lookups, now - LOOKS_BACK, now - FOLLOWS_WITHIN)
        came, waited = asking[: len(arrivals)], asking[len(arrivals) :]
        placements = place(came, scene, now, new_id=new_id, surroundings=surroundings, rulings=rulings)
        if not placements:
            return []
        late = place(waited, scene, now, new_id=new_id, surroundings=surroundings, rulings=rulings)
        await self._keep(tx, [*placements, *late], now, surroundings)
        await self._have_joined(tx, waiting, late, now)
        return [*placements, *late]

    async def again(self, tx: Transaction, incident_id: UUID) -> int:
        """Tell anew what relates an incident, from all of its members; gives how many these are."""
        alerts, anomalies, findings = await self._store.everything(tx, incident_id)
        members = [(of_alert(one), one.joined_by or "", one.reason or "") for one in alerts]
        members += [(of_anomaly(one), one.joined_by or "", one.reason or "") for one in anomalies]
        members += [(arrival_of(one), one.joined_by or "", one.reason or "") for one in findings]
        await self._store.drop_traits(tx, incident_id)
        if not members:
            return 0
        surroundings = await self._surroundings()
        arrivals = [one for one, _, _ in members]
        rulings = await self._rulings.of(tx, arrivals) if self._rulings else {}
        # Of a storm's incident this takes a second or two, in which the hub has to answer others.
        placements = await asyncio.to_thread(_anew, incident_id, members, surroundings, rulings)
        await self._store.put_traits(tx, placements)
        await self._renew(tx, incident_id, placements, surroundings)
        await self._store.drop_empty_parts(tx, incident_id)
        return len(members)

    async def _surroundings(self) -> Surroundings | None:
        return await self._topology.surroundings() if self._topology else None

    async def worsened(self, tx: Transaction, incident_id: UUID, cluster_id: UUID, severity: Severity) -> None:
        """A member on that cluster has become so severe."""
        await self._store.renew_parts(tx, incident_id, {cluster_id: severity}, {}, {}, {})

    async def _have_joined(
        self, tx: Transaction, waiting: Sequence[IncidentFinding], late: Sequence[Placement], now: datetime
    ) -> None:
        placed = {one.arrival.mark: one for one in late}
        joined = {one.id: placed[of.mark] for one in waiting if (of := arrival_of(one)).mark in placed}
        if not joined:
            return
        await self._store.join_findings(tx, joined)
        told = [
            msgspec.structs.replace(one, incident_id=joined[one.id].incident_id) for one in waiting if one.id in joined
        ]
        rows = [finding_row(one, now, one.kind.value, said_of(one)) for one in told]
        await self._incidents.tell(tx, rows)

    async def _with_patterns(self, tx: Transaction, arrivals: Sequence[Arrival]) -> list[Arrival]:
        told = await self._store.log_patterns(tx, sorted({one.cluster_id for one in arrivals}))
        if not told:
            return list(arrivals)
        return [
            msgspec.structs.replace(
                one,
                patterns=tuple(
                    dict.fromkeys(
                        [*one.patterns, *told.get((one.cluster_id, place_of(one.labels, one.subject).name), ())]
                    )
                ),
            )
            for one in arrivals
        ]

    async def _keep(
        self, tx: Transaction, placements: Sequence[Placement], now: datetime, surroundings: Surroundings | None
    ) -> None:
        by_incident: dict[UUID, list[Placement]] = defaultdict(list)
        for one in placements:
            by_incident[one.incident_id].append(one)
        for incident_id, members in by_incident.items():
            await self._opened_or_joined(tx, incident_id, members, now)
        await self._store.put_traits(tx, placements)
        for incident_id, members in by_incident.items():
            await self._renew(tx, incident_id, members, surroundings)
            for follows in {one.follows for one in members if one.follows and one.follows != incident_id}:
                await self._store.link(tx, incident_id, follows, "FOLLOWS", "correlation", now)

    async def _opened_or_joined(
        self, tx: Transaction, incident_id: UUID, members: Sequence[Placement], now: datetime
    ) -> None:
        told: list[TimelineRow] = []
        if any(one.opened for one in members):
            key = await self._incidents.next_key(tx, now)
            first = next(one.arrival.kind for one in members if one.opened)
            incident = Incident(
                id=incident_id,
                key=key,
                status=Status.OPEN,
                detected_at=now,
                last_activity_at=now,
                origin=Origin.FORECAST if first is ArrivalKind.FORECAST else Origin.DETECTED,
            )
            await self._incidents.add(tx, incident)
            told.append(TimelineRow(id=new_id(), incident_id=incident_id, at=now, kind="OPENED", text="Opened"))
        else:
            found = await self._incidents.get(tx, incident_id, lock=True)
            assert found is not None
            incident = found
            if incident.status in CLOSED:
                incident.status, incident.resolved_at = Status.OPEN, None
                text = "Reopened: it came back"
                told.append(TimelineRow(id=new_id(), incident_id=incident_id, at=now, kind="REOPENED", text=text))
            incident.last_activity_at = max(incident.last_activity_at, now)
            incident.revision += 1
        if incident.team_id is None and self._teams is not None:
            incident.team_id = await self._teams.owning(tx, [one.arrival.labels for one in members])
        await self._incidents.save(tx, incident)
        if told:
            await self._incidents.tell(tx, told)

    async def _renew(
        self,
        tx: Transaction,
        incident_id: UUID,
        members: Sequence[Placement],
        surroundings: Surroundings | None,
    ) -> None:
        severities: dict[UUID, list[Severity]] = defaultdict(list)
        counts: dict[ArrivalKind, Counter[UUID]] = {kind: Counter() for kind in ArrivalKind}
        for one in members:
            severities[one.arrival.cluster_id].append(one.arrival.severity)
            counts[one.arrival.kind][one.arrival.cluster_id] += 1
        await self._store.renew_parts(
            tx,
            incident_id,
            {cluster_id: worst(found) for cluster_id, found in severities.items()},
            counts[ArrivalKind.ALERT],
            counts[ArrivalKind.ANOMALY],
            sum((counts[kind] for kind in FINDINGS), Counter()),
        )
        if surroundings is not None:
            await self._store.put_suspect(tx, incident_id, await self._suspect(tx, incident_id, surroundings))

    async def _suspect(self, tx: Transaction, incident_id: UUID, surroundings: Surroundings) -> Suspect | None:
        """What most of the members depend on, the nearest of them; none where few are affected."""
        located, nodes = await self._store.structure(tx, incident_id)
        enough = max(_FEWEST, _SHARE * located)
        # One whose own alert is there explains the rest, also where a few more depend on what lies behind it.
        for one in sorted(nodes, key=lambda node: (node.told is None, -node.affected, node.near)):
            thing = surroundings.node(one.node_id)
            if one.affected >= enough and one.needing >= _FEWEST and thing and thing.kind.value in _MACHINERY:
                return Suspect(
                    node_id=one.node_id,
                    kind=thing.kind.value,
                    name=thing.name,
                    cluster_id=thing.cluster_id,
                    affected=one.affected,
                    located=located,
                    told=one.told,
                )
        return None


def _anew(
    incident_id: UUID,
    members: Sequence[tuple[Arrival, str, str]],
    surroundings: Surroundings | None,
    rulings: Mapping[tuple[UUID, str, str], Ruling],
) -> list[Placement]:
    """Each member, with by what and why it joined, where it is already."""
    seen: set[tuple[UUID, str, str]] = set()
    placements = []
    for arrival, by, reason in sorted(members, key=lambda member: member[0].started_at):
        traits = traits_of(arrival, surroundings, rulings.get(arrival.mark, Ruling()))
        fresh = int(arrival.mark not in seen)
        seen.add(arrival.mark)
        placements.append(Placement(arrival, incident_id, by, reason, arrival.started_at, False, False, fresh, traits))
    return placements


def of_alert(alert: Alert | AlertMember) -> Arrival:
    return Arrival(
        kind=ArrivalKind.ALERT,
        cluster_id=alert.cluster_id,
        name=alert.name,
        subject=alert.fingerprint,
        phrase=f"Alert {alert.name}",
        short=alert.name,
        severity=alert.severity,
        labels=alert.labels,
        started_at=alert.starts_at if isinstance(alert, Alert) else alert.started_at,
    )


def of_anomaly(anomaly: Anomaly) -> Arrival:
    return Arrival(
        kind=ArrivalKind.ANOMALY,
        cluster_id=anomaly.cluster_id,
        name=anomaly.watch,
        subject=anomaly.subject,
        phrase=phrase_of(anomaly),
        short=anomaly.title,
        severity=anomaly.severity,
        labels=anomaly.labels,
        started_at=anomaly.started_at,
    )


def finding_row(one: IncidentFinding, now: datetime, kind: str, words: str) -> TimelineRow:
    """What the timeline of its incident says of a finding."""
    assert one.incident_id is not None
    return TimelineRow(
        id=new_id(), incident_id=one.incident_id, at=now, kind=kind, text=words, cluster_id=one.cluster_id
    )
