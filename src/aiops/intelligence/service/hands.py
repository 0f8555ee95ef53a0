"""What people do with incidents by hand. Each takes the turn, so that none of it crosses what arrives meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from aiops.intelligence.domain.anomalies import rank_of
from aiops.intelligence.domain.incidents import (
    CLOSED,
    LONGEST_COMMENT,
    LONGEST_TITLE,
    Incident,
    IncidentView,
    Origin,
    Status,
    TimelineRow,
)
from aiops.intelligence.events import IncidentOpened, IncidentResolved, IncidentUpdated
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_incidents import GatheringStore, TeamStore
from aiops.intelligence.service.episodes import Episodes
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Severity


class IncidentChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays. `null` takes away what people set: then title and severity are those of its members."""

    status: Status | UnsetType = UNSET
    title: str | UnsetType | None = UNSET
    severity: Severity | UnsetType | None = UNSET
    owner: str | UnsetType | None = UNSET
    team_id: UUID | UnsetType | None = UNSET


class NewIncident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of at least one cluster that its author sees; it stays open until people resolve it."""

    title: str
    severity: Severity
    clusters: list[UUID]
    note: str = ""
    owner: str | None = None
    team_id: UUID | None = None


class Hands:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        store: GatheringStore,
        teams: TeamStore,
        episodes: Episodes,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._store = store
        self._teams = teams
        self._episodes = episodes

    async def open(self, principal: Principal, wanted: NewIncident) -> UUID:
        principal.require(Role.OPERATOR)
        clusters = list(dict.fromkeys(wanted.clusters))
        if not clusters:
            raise Invalid("An incident concerns at least one cluster.")
        if not all(principal.sees(one) for one in clusters):
            raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")
        title, now = checked_title(wanted.title), self._clock.now()
        async with self._transactions.begin() as tx:
            await self._incidents.take_turn(tx)
            incident = Incident(
                id=new_id(),
                key=await self._incidents.next_key(tx, now),
                status=Status.OPEN,
                detected_at=now,
                last_activity_at=now,
                # There is nothing to rank.
                revision=0,
                title=title,
                title_clusters=clusters,
                severity_rank=rank_of(wanted.severity),
                origin=Origin.MANUAL,
                owner=_owner(wanted.owner),
                team_id=await self._team(tx, wanted.team_id),
                held=True,
            )
            await self._incidents.add(tx, incident)
            for cluster_id in clusters:
                await self._store.put_part(tx, incident.id, cluster_id, title)
            rows = [self._row(principal, incident.id, "OPENED", f"{principal.name} opened it")]
            if wanted.note.strip():
                rows.append(self._comment(principal, incident.id, wanted.note, clusters))
            await self._incidents.tell(tx, rows)
            await self._episodes.publish(tx, incident, IncidentOpened)
            await tx.commit()
        return incident.id

    async def change(self, principal: Principal, incident_id: UUID, change: IncidentChange) -> None:
        """Raises `Conflict` where it was merged into another one and its status is to change."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            incident, view = await self.take(tx, principal, incident_id)
            rows = [
                *self._status(principal, incident, change.status),
                *self._named(principal, incident, view, change),
                *self._owned(principal, incident, change.owner),
            ]
            if change.team_id is not UNSET and change.team_id != incident.team_id:
                incident.team_id = await self._team(tx, change.team_id)
                team = await self._teams.get(tx, incident.team_id) if incident.team_id else None
                words = f"gave it to the team {team.name}" if team else "took it from its team"
                rows.append(self._row(principal, incident.id, "TEAM", f"{principal.name} {words}"))
            if not rows:
                return
            await self._incidents.save(tx, incident)
            await self._incidents.tell(tx, rows)
            over = change.status is not UNSET and incident.status in CLOSED
            await self._episodes.publish(tx, incident, IncidentResolved if over else IncidentUpdated)
            await tx.commit()

    async def comment(self, principal: Principal, incident_id: UUID, text: str) -> None:
        """It is shown to those who see all clusters that its author sees of the incident."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            incident, view = await self.take(tx, principal, incident_id)
            await self._incidents.tell(tx, [self._comment(principal, incident_id, text, view.clusters)])
            await self._episodes.publish(tx, incident, IncidentUpdated)
            await tx.commit()

    async def link(self, principal: Principal, incident_id: UUID, other_id: UUID) -> None:
        principal.require(Role.OPERATOR)
        if incident_id == other_id:
            raise Invalid("An incident is not linked to itself.")
        async with self._transactions.begin() as tx:
            incident, view = await self.take(tx, principal, incident_id)
            other, other_view = await self.take(tx, principal, other_id)
            await self._store.link(tx, incident_id, other_id, "RELATED", principal.name, self._clock.now())
            for one, its, to in ((incident, view, other), (other, other_view, incident)):
                await self.tell_of_both(tx, principal, one, "LINKED", f"linked it to {to.key}", its)
            await tx.commit()

    async def unlink(self, principal: Principal, incident_id: UUID, other_id: UUID) -> None:
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            incident, view = await self.take(tx, principal, incident_id)
            other, other_view = await self.take(tx, principal, other_id)
            if not await self._store.unlink(tx, incident_id, other_id):
                raise NotFound("These incidents are not linked.")
            for one, its, to in ((incident, view, other), (other, other_view, incident)):
                await self.tell_of_both(tx, principal, one, "LINKED", f"took away the link to {to.key}", its)
            await tx.commit()

    async def take(self, tx: Transaction, principal: Principal, incident_id: UUID) -> tuple[Incident, IncidentView]:
        """Hold the turn and the incident. Raises `NotFound` where nothing of it is in scope."""
        await self._incidents.take_turn(tx)
        incident = await self._incidents.get(tx, incident_id, lock=True)
        view = await self._incidents.view(tx, incident_id, scope_of(principal))
        if incident is None or view is None:
            raise NotFound("There is no such incident.")
        return incident, view

    async def tell_of_both(
        self, tx: Transaction, principal: Principal, incident: Incident, kind: str, words: str, view: IncidentView
    ) -> None:
        """Note what was done with two incidents, for those who see what its author sees of this one."""
        row = self._row(principal, incident.id, kind, f"{principal.name} {words}", view.clusters)
        await self._incidents.tell(tx, [row])
        await self._episodes.publish(tx, incident, IncidentUpdated)

    def _status(self, principal: Principal, incident: Incident, status: Status | UnsetType) -> list[TimelineRow]:
        if status is UNSET or status == incident.status:
            return []
        if incident.merged_into is not None:
            raise Conflict("This incident was merged into another one: change that one.", code="INCIDENT_MERGED")
        now, before = self._clock.now(), incident.status
        incident.status = status
        incident.resolved_at = now if status in CLOSED else None
        incident.held = status not in CLOSED and (incident.held or before in CLOSED)
        if status is Status.ACKNOWLEDGED and incident.acknowledged_at is None:
            incident.acknowledged_at = now
        incident.last_activity_at = now
        text = f"{principal.name} changed the status from {before} to {status}"
        return [self._row(principal, incident.id, "STATUS", text)]

    def _named(
        self, principal: Principal, incident: Incident, view: IncidentView, change: IncidentChange
    ) -> list[TimelineRow]:
        rows = []
        if change.title is not UNSET:
            title = None if change.title is None else checked_title(change.title)
            if title != incident.title:
                incident.title, incident.title_clusters = title, view.clusters if title else []
                text = f"{principal.name} " + (f"called it “{title}”" if title else "took back its title")
                rows.append(self._row(principal, incident.id, "TITLE", text, view.clusters))
        if change.severity is not UNSET:
            rank = None if change.severity is None else rank_of(change.severity)
            if rank != incident.severity_rank:
                incident.severity_rank = rank
                words = f"set its severity to {change.severity}" if change.severity else "took back its severity"
                rows.append(self._row(principal, incident.id, "SEVERITY", f"{principal.name} {words}"))
        return rows

    def _owned(self, principal: Principal, incident: Incident, owner: str | UnsetType | None) -> list[TimelineRow]:
        if owner is UNSET:
            return []
        name = _owner(owner)
        if name == incident.owner:
            return []
        incident.owner = name
        words = "took it" if name == principal.name else f"gave it to {name}" if name else "took it from its owner"
        return [self._row(principal, incident.id, "OWNER", f"{principal.name} {words}")]

    async def _team(self, tx: Transaction, team_id: UUID | None) -> UUID | None:
        if team_id is not None and await self._teams.get(tx, team_id) is None:
            raise NotFound("There is no such team.")
        return team_id

    def _comment(self, principal: Principal, incident_id: UUID, text: str, clusters: Sequence[UUID]) -> TimelineRow:
        words = text.strip()
        if not words or len(words) > LONGEST_COMMENT:
            raise Invalid(f"A comment has 1 to {LONGEST_COMMENT} characters.")
        return self._row(principal, incident_id, "COMMENT", words, clusters)

    def _row(
        self,
        principal: Principal,
        incident_id: UUID,
        kind: str,
        text: str,
        clusters: Sequence[UUID] | None = None,
    ) -> TimelineRow:
        return TimelineRow(
            id=new_id(),
            incident_id=incident_id,
            at=self._clock.now(),
            kind=kind,
            text=text,
            by=principal.name,
            seen_by=None if clusters is None else list(clusters),
        )


def scope_of(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)


def checked_title(title: str) -> str:
    """The title in one line. Raises `Invalid` where there is none, or it is too long."""
    words = " ".join(title.split())
    if not words or len(words) > LONGEST_TITLE:
        raise Invalid(f"A title has 1 to {LONGEST_TITLE} characters.")
    return words


def _owner(owner: str | None) -> str | None:
    name = (owner or "").strip()
    if len(name) > 200:
        raise Invalid("An owner's name has at most 200 characters.")
    return name or None
