"""Gathers forecasts and log findings into incidents, as they begin, worsen and end."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import rank_of
from aiops.intelligence.domain.correlation import Arrival
from aiops.intelligence.domain.incident_findings import (
    VANISHED_FOR,
    IncidentFinding,
    Mark,
    arrival_of,
    said_of,
    why_ended,
)
from aiops.intelligence.domain.incidents import TimelineRow
from aiops.intelligence.events import IncidentUpdated
from aiops.intelligence.needs import IncidentStore
from aiops.intelligence.needs_findings import IncidentFindingStore
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.gathering import Gathering, finding_row
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.observability.ports_maintenance import Maintained

_LOOKS_EVERY_S = 30.0


class Findings:
    """Works inside the transaction that keeps the prediction or the log finding: its caller commits both."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        store: IncidentFindingStore,
        gathering: Gathering,
        episodes: Episodes,
        maintenance: Maintained | None = None,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._store = store
        self._gathering = gathering
        self._episodes = episodes
        self._maintenance = maintenance

    async def begin(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> None:
        """One that is open already stays where it is."""
        if not findings:
            return
        await self._incidents.take_turn(tx)
        known = {one.mark for one in await self._store.open_findings(tx, [one.mark for one in findings])}
        fresh = list({one.mark: one for one in reversed(findings) if one.mark not in known}.values())[::-1]
        if not fresh:
            return
        marked = await self._marked(tx, fresh)
        heard = [one for one in marked if not one.maintained_by]
        placements = (
            await self._gathering.gather(tx, [arrival_of(one) for one in heard], self._clock.now()) if heard else []
        )
        found = {_told(one.arrival): one for one in reversed(placements)}
        members = []
        for one in marked:
            placed = None if one.maintained_by else found.get(_told(arrival_of(one)))
            members.append(
                msgspec.structs.replace(one, incident_id=placed.incident_id, joined_by=placed.by, reason=placed.reason)
                if placed
                else one
            )
        await self._store.add_findings(tx, members)
        now = self._clock.now()
        rows = [finding_row(one, now, one.kind.value, said_of(one)) for one in _placed(members)]
        if rows:
            await self._incidents.tell(tx, rows)
            await self._episodes.tell_of(tx, placements)

    async def worsen(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> None:
        """Take over severity and explanation of those that are worse than they were told."""
        if not findings:
            return
        await self._incidents.take_turn(tx)
        now = {one.mark: one for one in findings}
        worse = [
            msgspec.structs.replace(one, severity=now[one.mark].severity, explanation=now[one.mark].explanation)
            for one in await self._store.open_findings(tx, list(now))
            if rank_of(now[one.mark].severity) < rank_of(one.severity)
        ]
        if not worse:
            return
        await self._store.worsen_findings(tx, worse)
        at = self._clock.now()
        rows = [
            finding_row(one, at, "WORSENED", f"Now {one.severity.value}: {one.explanation}") for one in _placed(worse)
        ]
        for one in _placed(worse):
            assert one.incident_id is not None
            await self._gathering.worsened(tx, one.incident_id, one.cluster_id, one.severity)
        await self._told(tx, rows)

    async def end(self, tx: Transaction, marks: Sequence[Mark], why: str | None = None) -> None:
        """One that has ended before stays as it is."""
        if not marks:
            return
        await self._incidents.take_turn(tx)
        now = self._clock.now()
        ended = await self._store.end_findings(tx, marks, now)
        rows = [
            finding_row(one, now, f"{one.kind.value}_ENDED", f"{one.phrase}: {why or why_ended(one)}") for one in ended
        ]
        await self._episodes.members_ended(tx, rows)

    async def cluster_left(self, tx: Transaction, cluster_id: UUID) -> None:
        """End all that is open on a cluster that is no longer part of the fleet."""
        await self._incidents.take_turn(tx)
        await self.end(tx, await self._store.left_findings(tx, cluster_id), "the cluster was removed")

    async def let_go(self) -> int:
        """End what its source no longer holds: patterns that became others, or that stay away for long."""
        async with self._transactions.begin() as tx:
            lost = await self._store.lost_findings(tx, self._clock.now() - VANISHED_FOR)
            if lost:
                await self.end(tx, lost)
                await tx.commit()
        return len(lost)

    async def run(self) -> None:
        while True:
            await self._clock.sleep(_LOOKS_EVERY_S)
            await self.let_go()
            await self.heard_again()

    async def heard_again(self) -> int:
        """Gather what maintenance windows hid and that goes on behind their end; gives how much."""
        async with self._transactions.begin() as tx:
            if self._maintenance is None or not await self._store.maintained_findings(tx):
                return 0
            await self._incidents.take_turn(tx)
            waiting = await self._marked(tx, await self._store.maintained_findings(tx))
            heard = [one for one in waiting if not one.maintained_by]
            if not heard:
                return 0
            now = self._clock.now()
            placements = await self._gathering.gather(tx, [arrival_of(one) for one in heard], now)
            found = {_told(one.arrival): one for one in reversed(placements)}
            joined = {one.id: its for one in heard if (its := found.get(_told(arrival_of(one)))) is not None}
            # Those that open no incident, and find none, wait for one from now on.
            await self._store.heard_findings(tx, [one.id for one in heard], now)
            if joined:
                await self._store.join_findings(tx, joined)
                rows = [
                    finding_row(
                        msgspec.structs.replace(one, incident_id=joined[one.id].incident_id),
                        now,
                        one.kind.value,
                        f"Goes on after maintenance: {said_of(one)}",
                    )
                    for one in heard
                    if one.id in joined
                ]
                await self._incidents.tell(tx, rows)
                await self._episodes.tell_of(tx, placements)
            await tx.commit()
        return len(heard)

    async def _marked(self, tx: Transaction, findings: Sequence[IncidentFinding]) -> list[IncidentFinding]:
        """With the windows that hide them now."""
        if self._maintenance is None:
            return list(findings)
        by = await self._maintenance.hidden_by(tx, [(one.cluster_id, one.labels) for one in findings])
        return [msgspec.structs.replace(one, maintained_by=each) for one, each in zip(findings, by, strict=True)]

    async def _told(self, tx: Transaction, rows: Sequence[TimelineRow]) -> None:
        if not rows:
            return
        await self._incidents.tell(tx, rows)
        for incident_id in {row.incident_id for row in rows}:
            incident = await self._incidents.get(tx, incident_id)
            assert incident is not None
            await self._episodes.publish(tx, incident, IncidentUpdated)


def _placed(findings: Sequence[IncidentFinding]) -> list[IncidentFinding]:
    return [one for one in findings if one.incident_id is not None]


def _told(arrival: Arrival) -> tuple[str, UUID, str, str]:
    return (arrival.kind.value, *arrival.mark)
