"""In which incidents alerts are, and what those are about, for who looks at alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.incidents import IncidentView, Status
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Severity

_MOST = 5


class AlertPlace(msgspec.Struct, frozen=True):
    """One episode of an alert in an incident; `reason` says why it is there, `ended_at` is `None` while it fires."""

    cluster_id: UUID
    fingerprint: str
    incident_id: UUID
    started_at: datetime
    ended_at: datetime | None
    joined_by: str | None
    reason: str | None


class LikelyCause(msgspec.Struct, frozen=True):
    """What is ranked first among what the reader may see."""

    title: str
    confidence: float


class IncidentBrief(msgspec.Struct, frozen=True):
    """`cause` is `None` where none is ranked, or none decides; then `causes_note` says why, if anything is known."""

    id: UUID
    key: str
    title: str
    status: Status
    severity: Severity
    cause: LikelyCause | None
    causes_note: str | None


class AlertsPlaced(msgspec.Struct, frozen=True):
    """The latest episode of each alert that is in an incident, and these incidents, once each."""

    places: list[AlertPlace]
    incidents: list[IncidentBrief]


class FiringOf(msgspec.Struct, frozen=True):
    """The alerts of an incident that fire: how many, on which clusters, the worst, and when the newest began."""

    incident_id: UUID
    alerts: int
    severity: Severity
    clusters: list[UUID]
    newest_at: datetime


class IncidentGroup(msgspec.Struct, frozen=True):
    incident: IncidentBrief
    firing: FiringOf


class AlertPlaceStore(Protocol):
    async def of_alert(self, tx: Transaction, cluster_id: UUID, fingerprint: str, limit: int) -> list[AlertPlace]:
        """The latest episode first."""

    async def latest(self, tx: Transaction, wanted: Sequence[tuple[UUID, str]]) -> list[AlertPlace]:
        """The latest episode of each."""

    async def firing(
        self,
        tx: Transaction,
        clusters: Sequence[UUID] | None,
        cluster_ids: Sequence[UUID],
        severities: Sequence[Severity],
        limit: int,
    ) -> list[FiringOf]:
        """Within the scope `clusters`, the worst and largest first; empty wishes are none."""

    async def causes(
        self, tx: Transaction, incident_ids: Sequence[UUID], clusters: Sequence[UUID] | None
    ) -> dict[UUID, tuple[LikelyCause | None, str | None]]:
        """The first cause within the scope and the note, by incident."""


class Incidents(Protocol):
    async def views(
        self, tx: Transaction, incident_ids: Sequence[UUID], clusters: Sequence[UUID] | None
    ) -> list[IncidentView]:
        """Those of them that lie within the scope, as they are within it."""


class AlertPlaces:
    def __init__(self, transactions: Transactions, store: AlertPlaceStore, incidents: Incidents) -> None:
        self._transactions = transactions
        self._store = store
        self._incidents = incidents

    async def of_alert(self, principal: Principal, cluster_id: UUID, fingerprint: str) -> list[AlertPlace]:
        """Of its latest episodes; empty where it is in none, and out of scope."""
        principal.require(Role.VIEWER)
        if not principal.sees(cluster_id):
            return []
        async with self._transactions.look() as tx:
            return await self._store.of_alert(tx, cluster_id, fingerprint, _MOST)

    async def of_alerts(self, principal: Principal, wanted: Sequence[tuple[UUID, str]]) -> AlertsPlaced:
        """As `of_alert`, of many at once; what is out of scope is left out."""
        principal.require(Role.VIEWER)
        seen = [one for one in dict.fromkeys(wanted) if principal.sees(one[0])]
        if not seen:
            return AlertsPlaced([], [])
        async with self._transactions.look() as tx:
            places = await self._store.latest(tx, seen)
            briefs = await self._briefs(tx, principal, [one.incident_id for one in places])
        return AlertsPlaced([one for one in places if one.incident_id in briefs], list(briefs.values()))

    async def groups(
        self, principal: Principal, cluster_ids: Sequence[UUID], severities: Sequence[Severity], limit: int
    ) -> list[IncidentGroup]:
        """The incidents whose alerts fire now, the worst and largest first."""
        principal.require(Role.VIEWER)
        async with self._transactions.look() as tx:
            firing = await self._store.firing(tx, _scope(principal), cluster_ids, severities, limit)
            briefs = await self._briefs(tx, principal, [one.incident_id for one in firing])
        return [IncidentGroup(briefs[one.incident_id], one) for one in firing if one.incident_id in briefs]

    async def _briefs(
        self, tx: Transaction, principal: Principal, incident_ids: Sequence[UUID]
    ) -> dict[UUID, IncidentBrief]:
        ids, scope = list(dict.fromkeys(incident_ids)), _scope(principal)
        if not ids:
            return {}
        causes = await self._store.causes(tx, ids, scope)
        return {
            one.id: _brief(one, *causes.get(one.id, (None, None)))
            for one in await self._incidents.views(tx, ids, scope)
        }


def _brief(view: IncidentView, cause: LikelyCause | None, note: str | None) -> IncidentBrief:
    decides = cause if note is None else None
    return IncidentBrief(view.id, view.key, view.title, view.status, view.severity, decides, note)


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)
