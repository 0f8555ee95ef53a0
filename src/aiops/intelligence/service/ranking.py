"""Ranks the causes of incidents whose members changed, and resolves those that have settled."""

from __future__ import annotations

import asyncio
import math
from uuid import UUID

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.causes import MAX_SIGNALS, AlertSignal, Cause, Signal, rank
from aiops.intelligence.domain.feedback import key_of
from aiops.intelligence.domain.incidents import AlertMember
from aiops.intelligence.events import RootCauseRanked
from aiops.intelligence.needs import AnomalyStore, IncidentStore
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.ids import new_id

_PAUSE_S = 2.0


class Ranking:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        episodes: Episodes,
        watcher: Watcher,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._anomalies = anomalies
        self._episodes = episodes
        self._watcher = watcher

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_time())
            group.create_task(self._keep_up())

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(_PAUSE_S)
            await self._episodes.give_up_unseen()
            await self._episodes.settle()
            self._watcher.found.set()

    async def _keep_up(self) -> None:
        while True:
            await self._watcher.found.wait()
            self._watcher.found.clear()
            await self.step()

    async def step(self) -> int:
        """Rank what changed; gives how many incidents."""
        async with self._transactions.begin() as tx:
            waiting = await self._incidents.unranked(tx)
        for incident_id in waiting:
            await self._rank(incident_id)
        return len(waiting)

    async def _rank(self, incident_id: UUID) -> None:
        async with self._transactions.begin() as tx:
            await self._incidents.take_turn(tx)
            incident = await self._incidents.get(tx, incident_id, lock=True)
            if incident is None:
                return
            anomalies = await self._anomalies.of_incident(tx, incident_id, None)
            alerts = await self._incidents.alerts(tx, incident_id, None)
            # Its members may have been moved away since.
            if not anomalies and not alerts:
                return
            causes, note = await self._causes(anomalies, alerts)
            await self._incidents.put_causes(tx, incident_id, incident.revision, causes, note)
            view = await self._incidents.view(tx, incident_id, None)
            clusters = tuple(view.clusters) if view else ()
            # What spans clusters names no cause: its readers fetch the causes within their scope.
            told = causes[0] if causes and len(clusters) == 1 else None
            tx.publish(
                RootCauseRanked(
                    event_id=new_id(),
                    occurred_at=self._clock.now(),
                    cluster_ids=clusters,
                    incident_id=incident_id,
                    key=incident.key,
                    top_cause=told.title if told else None,
                    confidence=told.confidence if told else None,
                )
            )
            await tx.commit()

    async def _causes(self, anomalies: list[Anomaly], alerts: list[AlertMember]) -> tuple[list[Cause], str | None]:
        clusters = {member.cluster_id for member in anomalies} | {member.cluster_id for member in alerts}
        starts = [a.started_at.timestamp() for a in anomalies] + [a.started_at.timestamp() for a in alerts]
        signals = self._signals(clusters, anomalies)
        told = [
            AlertSignal(
                cluster_id=alert.cluster_id,
                fingerprint=alert.fingerprint,
                name=alert.name,
                labels=alert.labels,
                started_at=alert.started_at.timestamp(),
            )
            for alert in alerts
        ]
        return await asyncio.to_thread(rank, signals, told, min(starts))

    def _signals(self, clusters: set[UUID], anomalies: list[Anomaly]) -> list[Signal]:
        """The anomalous series first, then those that are farthest out of their band at present."""
        began = {(a.cluster_id, a.watch, key_of(a.labels)): a for a in anomalies}
        found: list[tuple[float, Signal]] = []
        for track in self._watcher.tracks():
            if track.cluster_id not in clusters or not len(track.times):
                continue
            for row, labels in enumerate(track.series):
                anomaly = began.get((track.cluster_id, track.watch.name, key_of(labels)))
                score = float(track.scores.score[row]) if track.scores and row < len(track.scores.score) else 0.0
                signal = Signal(
                    cluster_id=track.cluster_id,
                    watch=track.watch.name,
                    title=f"{track.watch.title} of {_subject(track.watch.subject_labels, labels)}",
                    labels=labels,
                    minimum=track.watch.minimum,
                    symptom=track.watch.symptom,
                    interval_s=track.interval_s,
                    times=track.times,
                    values=track.recent[row],
                    anomaly_at=anomaly.started_at.timestamp() if anomaly else None,
                )
                found.append((1e9 if anomaly else score if math.isfinite(score) else 0.0, signal))
        found.sort(key=lambda pair: -pair[0])
        return [signal for _, signal in found[:MAX_SIGNALS]]


def _subject(names: tuple[str, ...], labels: dict[str, str]) -> str:
    return " ".join(labels[name] for name in names if labels.get(name)) or "the cluster"
