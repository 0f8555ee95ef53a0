"""Ranks the causes of incidents whose members changed, and resolves those that have settled."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.causes import AlertSignal, Signal, Verdict
from aiops.intelligence.domain.feedback import key_of
from aiops.intelligence.domain.incidents import AlertMember, Suspect
from aiops.intelligence.domain.suspects import led_by
from aiops.intelligence.events import RootCauseRanked
from aiops.intelligence.needs import AnomalyStore, IncidentStore
from aiops.intelligence.ranking.incident import rank
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.structure import StructureReader
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError
from aiops.kernel.ids import new_id

_PAUSE_S = 2.0
_MOST_ALERTS = 1000
_MOST_OF_A_WATCH = 400

log = structlog.get_logger(__name__)


class Ranking:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        incidents: IncidentStore,
        anomalies: AnomalyStore,
        episodes: Episodes,
        watcher: Watcher,
        structure: StructureReader | None = None,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._incidents = incidents
        self._anomalies = anomalies
        self._episodes = episodes
        self._watcher = watcher
        self._structure = structure

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_time())
            group.create_task(self._keep_up())

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(_PAUSE_S)
            await self._episodes.give_up_unseen()
            await self._episodes.heard_again()
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
            incident = await self._incidents.get(tx, incident_id)
            if incident is None:
                return
            anomalies = await self._anomalies.of_incident(tx, incident_id, None)
            alerts = await self._incidents.alerts(tx, incident_id, None)
            seen = await self._incidents.view(tx, incident_id, None)
        # Nothing is held meanwhile: members that join now raise the revision, and so it is ranked again.
        try:
            causes, note = await self._causes(seen.suspect if seen else None, anomalies, alerts)
        except AiopsError:
            raise
        except Exception:
            # One that can't be ranked would come first again and again, and no other be ranked.
            log.exception("ranking_failed", incident=incident.key)
            causes, note = Verdict([], "Inconclusive: ranking failed. The hub's log says more.")
        async with self._transactions.begin() as tx:
            if await self._incidents.get(tx, incident_id, lock=True) is None:
                return
            await self._incidents.put_causes(tx, incident_id, incident.revision, causes, note)
            view = await self._incidents.view(tx, incident_id, None)
            clusters = tuple(view.clusters) if view else ()
            # What spans clusters names no cause: its readers fetch the causes within their scope.
            told = causes[0] if causes and note is None and len(clusters) == 1 else None
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

    async def _causes(self, suspect: Suspect | None, anomalies: list[Anomaly], alerts: list[AlertMember]) -> Verdict:
        clusters = {member.cluster_id for member in anomalies} | {member.cluster_id for member in alerts}
        if not clusters:
            return Verdict([], "Inconclusive: no alert and no anomaly belongs to it.")
        onset = min([a.started_at for a in anomalies] + [a.started_at for a in alerts])
        told = [
            AlertSignal(
                cluster_id=alert.cluster_id,
                fingerprint=alert.fingerprint,
                name=alert.name,
                labels=alert.labels,
                started_at=alert.started_at.timestamp(),
            )
            for alert in sorted(alerts, key=lambda alert: alert.started_at)[:_MOST_ALERTS]
        ]
        structure = (
            await self._structure.around(sorted(clusters), onset, self._clock.now()) if self._structure else None
        )
        signals = signals_of(self._watcher, clusters, anomalies)
        verdict = await asyncio.to_thread(rank, signals, told, onset.timestamp(), structure)
        return led_by(suspect, verdict, onset, self._clock.now())


def signals_of(watcher: Watcher, clusters: Collection[UUID], anomalies: Sequence[Anomaly] = ()) -> list[Signal]:
    """All watched series of the clusters; of a watch with very many, the anomalous and those farthest out."""
    began = {(a.cluster_id, a.watch, key_of(a.labels)): a for a in anomalies}
    found: list[Signal] = []
    for track in watcher.tracks():
        if track.cluster_id not in clusters or not len(track.times):
            continue
        mine: list[tuple[float, Signal]] = []
        for row, labels in enumerate(track.series):
            anomaly = began.get((track.cluster_id, track.watch.name, key_of(labels))) if began else None
            score = float(track.scores.score[row]) if track.scores and row < len(track.scores.score) else 0.0
            signal = Signal(
                cluster_id=track.cluster_id,
                watch=track.watch.name,
                title=f"{track.watch.title} of {_subject(track.watch.subject_labels, labels)}",
                labels=labels,
                minimum=track.watch.minimum,
                symptom=track.watch.symptom,
                unit=track.watch.unit,
                interval_s=track.interval_s,
                times=track.times,
                values=track.recent[row],
                anomaly_at=anomaly.started_at.timestamp() if anomaly else None,
            )
            mine.append((1e9 if anomaly else score if math.isfinite(score) else 0.0, signal))
        if len(mine) > _MOST_OF_A_WATCH:
            mine.sort(key=lambda pair: -pair[0])
        found += [signal for _, signal in mine[:_MOST_OF_A_WATCH]]
    return found


def _subject(names: tuple[str, ...], labels: dict[str, str]) -> str:
    return " ".join(labels[name] for name in names if labels.get(name)) or "the cluster"
