"""What operators say of findings, and what follows at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Anomaly, Kind
from aiops.intelligence.domain.feedback import LASTS, Feedback, Verdict, factor_for
from aiops.intelligence.domain.incidents import TimelineRow
from aiops.intelligence.needs import AnomalyStore, FeedbackStore, IncidentStore
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role

LONGEST_NOTE = 500


class Feedbacks:
    """Noise ends the finding until the series was ordinary again, and makes its band wider for 14 days; a fixed limit
    stays as it is, and a silent series is not waited for any longer. Real takes back what noise did to the band. All of
    it is told in the incident's timeline."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: FeedbackStore,
        anomalies: AnomalyStore,
        incidents: IncidentStore,
        episodes: Episodes,
        watcher: Watcher,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._anomalies = anomalies
        self._incidents = incidents
        self._episodes = episodes
        self._watcher = watcher

    async def give(self, principal: Principal, anomaly_id: UUID, verdict: Verdict, note: str = "") -> None:
        """Raises `NotFound` out of scope."""
        principal.require(Role.OPERATOR)
        if len(note) > LONGEST_NOTE or "\x00" in note:
            raise Invalid(f"A note has at most {LONGEST_NOTE} characters.", details={"field": "note"})
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            await self._incidents.take_turn(tx)
            anomaly = await self._found(tx, principal, anomaly_id)
            said = [
                one
                for one in await self._store.of_watch(tx, anomaly.cluster_id, anomaly.watch)
                if one.labels == anomaly.labels and one.anomaly_id != anomaly_id
            ]
            feedback = _feedback(principal, anomaly, verdict, note, now, said)
            await self._store.put(tx, feedback)
            if verdict is Verdict.REAL:
                for one in said:
                    if one.widens(now):
                        await self._store.put(tx, msgspec.structs.replace(one, until=now))
            widened = any(one.widens(now) for one in said)
            await self._tell(tx, anomaly, _words(principal, feedback, widened))
            if verdict is Verdict.NOISE and anomaly.ended_at is None:
                reason = f"{principal.name} called it noise"
                await self._episodes.end_anomalies(tx, {anomaly.id: reason}, now)
            await tx.commit()
        await self._watcher.heed(anomaly.cluster_id, anomaly.watch)

    async def take_back(self, principal: Principal, anomaly_id: UUID) -> None:
        """As if nothing had been said; what was ended stays so. Raises `NotFound` where nothing was said."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            await self._incidents.take_turn(tx)
            anomaly = await self._found(tx, principal, anomaly_id)
            if anomaly_id not in await self._store.of(tx, [anomaly_id]):
                raise NotFound("Nothing was said of this anomaly.")
            await self._store.delete(tx, anomaly_id)
            await self._tell(tx, anomaly, f"{principal.name} took back what was said of {anomaly.subject}")
            await tx.commit()
        await self._watcher.heed(anomaly.cluster_id, anomaly.watch)

    async def _found(self, tx: Transaction, principal: Principal, anomaly_id: UUID) -> Anomaly:
        scope = None if principal.clusters is None else sorted(principal.clusters)
        found = await self._anomalies.get(tx, anomaly_id, scope)
        if found is None:
            raise NotFound("There is no such anomaly.")
        return found

    async def _tell(self, tx: Transaction, anomaly: Anomaly, text: str) -> None:
        if anomaly.incident_id is None:
            return
        row = TimelineRow(
            id=new_id(),
            incident_id=anomaly.incident_id,
            at=self._clock.now(),
            kind="FEEDBACK",
            text=text,
            anomaly_id=anomaly.id,
            cluster_id=anomaly.cluster_id,
        )
        await self._incidents.tell(tx, [row])


def _feedback(
    principal: Principal, anomaly: Anomaly, verdict: Verdict, note: str, now: datetime, said: list[Feedback]
) -> Feedback:
    widens = verdict is Verdict.NOISE and anomaly.kind not in (Kind.SILENCE, Kind.THRESHOLD_BREACH)
    already = max((one.factor for one in said if one.widens(now)), default=1.0)
    return Feedback(
        anomaly_id=anomaly.id,
        cluster_id=anomaly.cluster_id,
        watch=anomaly.watch,
        labels=anomaly.labels,
        kind=anomaly.kind,
        verdict=verdict,
        by=principal.name,
        at=now,
        note=note.strip(),
        factor=factor_for(anomaly.score, already) if widens else 1.0,
        until=now + LASTS if widens else None,
    )


def _words(principal: Principal, feedback: Feedback, widened: bool) -> str:
    note = f" ({feedback.note})" if feedback.note else ""
    if feedback.verdict is Verdict.REAL:
        after = ": its band is as learned again" if widened else ""
        return f"{principal.name} called it real{note}{after}"
    if feedback.kind == Kind.THRESHOLD_BREACH:
        return f"{principal.name} called it noise{note}: it is quiet until the value is within its limit again"
    if feedback.until is None:
        return f"{principal.name} called it noise{note}: the series is not waited for any longer"
    wider = f"its band is {feedback.factor:g} × as wide until {feedback.until:%Y-%m-%d %H:%M} UTC"
    return f"{principal.name} called it noise{note}: {wider}"
