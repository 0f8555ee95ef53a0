"""Merging and splitting incidents, and moving members between them. What is out of a person's scope stays."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aiops.intelligence.domain.incidents import Incident, IncidentView, MemberChoice, Status
from aiops.intelligence.events import IncidentOpened, IncidentResolved
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_incidents import GatheringStore, Move
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.gathering import Gathering
from aiops.intelligence.service.hands import Hands, checked_title, scope_of
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role

MOST_MERGED = 50
MOST_MOVED = 5000


class Merging:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        store: GatheringStore,
        gathering: Gathering,
        episodes: Episodes,
        hands: Hands,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._store = store
        self._gathering = gathering
        self._episodes = episodes
        self._hands = hands

    async def merge(self, principal: Principal, target_id: UUID, sources: Sequence[UUID]) -> None:
        """All members in scope of the sources go to the target; a source that has none left is over."""
        principal.require(Role.OPERATOR)
        wanted = [one for one in dict.fromkeys(sources) if one != target_id]
        if not wanted or len(wanted) > MOST_MERGED:
            raise Invalid(f"Name 1 to {MOST_MERGED} other incidents to merge into this one.")
        async with self._transactions.begin() as tx:
            target, _ = await self._taken(tx, principal, target_id)
            for source_id in wanted:
                source, view = await self._taken(tx, principal, source_id)
                reason = f"{principal.name} merged {source.key} into this incident"
                move = Move(source_id, target_id, scope_of(principal), reason)
                await self._store.move_alerts(tx, move, None)
                await self._store.move_anomalies(tx, move, None)
                await self._store.move_findings(tx, move, None)
                await self._left(tx, principal, source, view, target)
                await self._store.link(tx, source_id, target_id, "MERGED", principal.name, self._clock.now())
                await self._hands.tell_of_both(tx, principal, target, "MERGED", f"merged {source.key} into it", view)
            await self._joined(tx, target)
            await tx.commit()

    async def move(
        self, principal: Principal, source_id: UUID, target_id: UUID | None, members: MemberChoice, title: str | None
    ) -> UUID:
        """Members go to another incident, or to a new one, which may be given a title; gives the id of that one.

        Raises `NotFound` where one of the members is not there or out of scope: then none is moved.
        """
        principal.require(Role.OPERATOR)
        alerts = list(dict.fromkeys((one.cluster_id, one.fingerprint, one.started_at) for one in members.alerts))
        anomalies, findings = list(dict.fromkeys(members.anomalies)), list(dict.fromkeys(members.findings))
        count = len(alerts) + len(anomalies) + len(findings)
        if not 0 < count <= MOST_MOVED or source_id == target_id:
            raise Invalid(f"Name 1 to {MOST_MOVED} members, and an incident that they are not in.")
        async with self._transactions.begin() as tx:
            source, view = await self._taken(tx, principal, source_id)
            if target_id is None:
                target = await self._split_off(tx, source, view, title)
                words = f"split {count} off into {target.key}"
            else:
                target, _ = await self._taken(tx, principal, target_id)
                words = f"moved {count} to {target.key}"
            move = Move(source_id, target.id, scope_of(principal), f"{principal.name} moved it here from {source.key}")
            moved = await self._store.move_alerts(tx, move, alerts)
            moved += await self._store.move_anomalies(tx, move, anomalies)
            moved += await self._store.move_findings(tx, move, findings)
            if moved != count:
                raise NotFound("Not all of these are members of this incident; nothing was moved.")
            await self._renewed(tx, source)
            await self._hands.tell_of_both(tx, principal, source, "MOVED", words, view)
            await self._joined(tx, target)
            if target_id is None:
                await self._store.link(tx, target.id, source_id, "SPLIT_FROM", principal.name, self._clock.now())
                await self._episodes.publish(tx, target, IncidentOpened)
            await tx.commit()
        return target.id

    async def _taken(self, tx: Transaction, principal: Principal, incident_id: UUID) -> tuple[Incident, IncidentView]:
        incident, view = await self._hands.take(tx, principal, incident_id)
        if incident.merged_into is not None:
            raise Conflict(f"{incident.key} was merged into another incident.", code="INCIDENT_MERGED")
        return incident, view

    async def _split_off(self, tx: Transaction, source: Incident, view: IncidentView, title: str | None) -> Incident:
        now = self._clock.now()
        incident = Incident(
            id=new_id(),
            key=await self._incidents.next_key(tx, now),
            status=Status.OPEN,
            detected_at=source.detected_at,
            last_activity_at=now,
            title=title and checked_title(title),
            title_clusters=view.clusters if title else [],
            team_id=source.team_id,
        )
        await self._incidents.add(tx, incident)
        return incident

    async def _joined(self, tx: Transaction, target: Incident) -> None:
        """What was moved there may burn: an incident that is over is open again, until it settles by itself."""
        if target.status in (Status.RESOLVED, Status.FALSE_POSITIVE):
            target.status, target.resolved_at = Status.OPEN, None
        target.last_activity_at = self._clock.now()
        await self._renewed(tx, target)

    async def _left(
        self, tx: Transaction, principal: Principal, source: Incident, view: IncidentView, target: Incident
    ) -> None:
        now = self._clock.now()
        members = await self._gathering.again(tx, source.id)
        whole = await self._incidents.view(tx, source.id, None)
        # One that people opened may be of clusters that have no members.
        if members or (whole is not None and set(whole.clusters) > set(view.clusters)):
            # What the others see of it goes on.
            source.revision += 1
            await self._incidents.save(tx, source)
        else:
            source.status, source.resolved_at, source.held = Status.RESOLVED, now, False
            source.merged_into, source.last_activity_at = target.id, now
            await self._incidents.save(tx, source)
            await self._store.move_timeline(tx, source.id, target.id)
        await self._hands.tell_of_both(tx, principal, source, "MERGED", f"merged it into {target.key}", view)
        if source.merged_into is not None:
            await self._episodes.publish(tx, source, IncidentResolved)

    async def _renewed(self, tx: Transaction, incident: Incident) -> None:
        incident.revision += 1
        await self._incidents.save(tx, incident)
        await self._gathering.again(tx, incident.id)
