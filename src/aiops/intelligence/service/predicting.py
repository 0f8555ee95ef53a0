"""Foresees what will run out: every few minutes each cluster's past is read, and what it says is kept and told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import numpy as np
import structlog

from aiops.intelligence.domain.anomalies import subject_of
from aiops.intelligence.domain.correlation import ArrivalKind
from aiops.intelligence.domain.feedback import Key, key_of
from aiops.intelligence.domain.incident_findings import Mark, of_prediction, urgency
from aiops.intelligence.domain.outlooks import Foreseen, Stretch, foresee, history_of
from aiops.intelligence.domain.predictions import (
    DAY_S,
    HOUR_S,
    Outlook,
    Prediction,
    Survey,
    Target,
    level,
    moment,
    said,
    urgent,
)
from aiops.intelligence.events import PredictionCleared, PredictionMade
from aiops.intelligence.needs_predictions import PredictionStore
from aiops.intelligence.service.checking import Checking
from aiops.intelligence.service.findings import Findings
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import AiopsError, Retriable
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels, Watch, WatchFeed
from aiops.registry.ports import Clusters

log = structlog.get_logger(__name__)

# A week in half hours, six hours in minutes; and for what is younger than that, half an hour in tens of seconds.
WINDOWS = ((7 * DAY_S, 1800.0), (6 * HOUR_S, 60.0))
YOUNG = (HOUR_S / 2, 10.0)
_FEWEST = 24
_FIRST_PAUSE_S = 20.0
_NOTHING_PAUSE_S = 3600.0
# A scrape that failed, or a hub that has just begun again, clears nothing.
_MISSED = timedelta(hours=1)


@dataclass
class Past:
    """One series of a target: its labels, and its past over each window that has any, the longest first."""

    labels: Labels
    stretches: list[Stretch]


class Predicting:
    """One cluster after the other, one target after the other: what a cluster is asked is two queries at a time."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        feed: WatchFeed,
        watcher: Watcher,
        clusters: Clusters,
        store: PredictionStore,
        shipped: Sequence[Target],
        every_s: float,
        findings: Findings,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._feed = feed
        self._watcher = watcher
        self._clusters = clusters
        self._store = store
        self._shipped = shipped
        self._every_s = every_s
        self._findings = findings
        self._checking = Checking(store)
        self._principal = Principal.system("predictions")
        self._nothing_until: dict[tuple[UUID, str], float] = {}
        self._failing: set[UUID] = set()

    async def run(self) -> None:
        """Often at first, when pasts are young and people wait; then at the set distance."""
        pause = min(_FIRST_PAUSE_S, self._every_s)
        while True:
            await self._clock.sleep(pause)
            await self.round()
            pause = min(pause * 2, self._every_s)

    async def round(self) -> None:
        """Look at every cluster once; one that does not answer keeps what was foreseen of it."""
        for cluster in await self._clusters.visible(self._principal):
            try:
                await self._look_at(cluster.id)
                if cluster.id in self._failing:
                    self._failing.discard(cluster.id)
                    log.info("predictions_recovered", cluster=cluster.name)
            except AiopsError as error:
                if cluster.id not in self._failing:
                    self._failing.add(cluster.id)
                    log.warning("predictions_failed", cluster=cluster.name, error=error.message)

    async def _look_at(self, cluster_id: UUID) -> None:
        targets = [*self._shipped, *self._watched(cluster_id)]
        async with self._transactions.begin() as tx:
            known = await self._store.targets(tx, cluster_id, self._clock.now() - _MISSED)
            gone = set(known) - {target.name for target in targets}
            for name in sorted(gone):
                await self._clear_all(tx, cluster_id, name)
            if gone:
                await tx.commit()
        for target in targets:
            if self._clock.monotonic() >= self._nothing_until.get((cluster_id, target.name), 0.0):
                await self.look(cluster_id, target)

    async def look(self, cluster_id: UUID, target: Target) -> None:
        """Read the past of a target on a cluster, and keep what it says; raises `Retriable` where none answers."""
        now = self._clock.now()
        error = None
        try:
            pasts, left_out = await self._read(cluster_id, target, now)
        except Retriable:
            raise
        except AiopsError as refusal:
            # A query that this cluster refuses must not hold up the others.
            pasts, left_out, error = [], 0, refusal.message
        if not pasts:
            self._nothing_until[cluster_id, target.name] = self._clock.monotonic() + _NOTHING_PAUSE_S
        found = await asyncio.to_thread(lambda: [(past, foresee(target, past.stretches)) for past in pasts])
        shown = [(past, foreseen) for past, foreseen in found if foreseen is not None]
        steady = {key_of(past.labels) for past, foreseen in found if foreseen is None}
        async with self._transactions.begin() as tx:
            standing = {key_of(one.labels): one for one in await self._store.of(tx, cluster_id, target.name)}
            if not pasts and not standing and error is None:
                return
            seen_now = {key_of(past.labels) for past, _ in shown}
            gone = [
                one
                for key, one in standing.items()
                if key in steady or (key not in seen_now and now - one.made_at > _MISSED)
            ]
            predictions = [self._prediction(cluster_id, target, past, seen, standing, now) for past, seen in shown]
            await self._store.put(tx, predictions)
            over = self._tell(tx, standing, predictions, gone)
            await self._store.drop(tx, [one.id for one in gone])
            refused = sum(one.outlook is Outlook.REFUSED for one in predictions)
            survey = Survey(
                cluster_id=cluster_id,
                target=target.name,
                title=target.title,
                looked_at=now,
                series=len(pasts),
                crossing=len(predictions) - refused,
                refused=refused,
                left_out=left_out,
                error=error,
            )
            await self._store.survey(tx, survey)
            if not target.countdown:
                await self._checking.check(tx, cluster_id, target.name, pasts_by_key(pasts), now)
            # Last, so that the turn of all who gather is held for as short as can be.
            await self._heed(tx, standing, predictions, over, now)
            await tx.commit()

    async def _read(self, cluster_id: UUID, target: Target, now: datetime) -> tuple[list[Past], int]:
        pasts: dict[Key, Past] = {}
        left_out = 0
        for window_s, step_s in WINDOWS[1:] if target.countdown else WINDOWS:
            left_out = max(left_out, await self._read_one(cluster_id, target, now, window_s, step_s, pasts))
        young = all(_most_values(past) < _FEWEST for past in pasts.values())
        if pasts and young and not target.countdown:
            await self._read_one(cluster_id, target, now, *YOUNG, pasts)
        return list(pasts.values()), left_out

    async def _read_one(
        self, cluster_id: UUID, target: Target, now: datetime, window_s: float, step_s: float, pasts: dict[Key, Past]
    ) -> int:
        # On round times, so that equal questions are equal.
        end = datetime.fromtimestamp(now.timestamp() // step_s * step_s, now.tzinfo)
        history = await self._feed.history(
            self._principal,
            cluster_id,
            target.watch(),
            start=end - timedelta(seconds=window_s),
            end=end,
            step_s=step_s,
        )
        for labels, values in zip(history.series, history.values, strict=True):
            past = pasts.setdefault(key_of(labels), Past(labels, []))
            past.stretches.append(Stretch(window_s, step_s, history.times, values))
        return history.dropped

    def _prediction(
        self,
        cluster_id: UUID,
        target: Target,
        past: Past,
        seen: Foreseen,
        standing: dict[Key, Prediction],
        now: datetime,
    ) -> Prediction:
        before = standing.get(key_of(past.labels))
        subject = subject_of(target.watch(), past.labels)
        at = moment(seen.at)
        if at is None:
            sentence = seen.refusal or f"{target.title} of {subject} may pass {level(target.threshold, target.unit)}"
        else:
            sentence = said(target, subject, now, at, moment(seen.early), moment(seen.late))
        made = Prediction(
            id=before.id if before else new_id(),
            cluster_id=cluster_id,
            target=target.name,
            title=target.title,
            unit=target.unit,
            subject=subject,
            labels=past.labels,
            query=target.query,
            threshold=target.threshold,
            happens=target.happens,
            outlook=Outlook.REFUSED if at is None else Outlook.CROSSES,
            sentence=sentence,
            value=seen.value,
            made_at=now,
            crosses_at=at,
            earliest=moment(seen.early),
            latest=moment(seen.late),
            model=seen.model,
            loss=seen.loss,
            naive_loss=seen.naive_loss,
            moments=seen.moments,
            window_s=seen.stretch.window_s,
            step_s=seen.stretch.step_s,
            history=history_of(seen.stretch),
            path=seen.path,
        )
        return _warned(target, made, before, now)

    def _tell(
        self,
        tx: Transaction,
        standing: dict[Key, Prediction],
        made: Sequence[Prediction],
        gone: Sequence[Prediction],
    ) -> list[Prediction]:
        """State what is to be told for the first time, and what no longer is; gives the latter."""
        now = self._clock.now()
        over = list(gone)
        for one in made:
            before = standing.get(key_of(one.labels))
            if before and before.warned_at and not one.warned_at:
                over.append(before)
            if one.warned_at and one.crosses_at and not (before and before.warned_at):
                tx.publish(
                    PredictionMade(
                        event_id=new_id(),
                        occurred_at=now,
                        cluster_ids=(one.cluster_id,),
                        prediction_id=one.id,
                        cluster_id=one.cluster_id,
                        target=one.target,
                        crosses_at=one.crosses_at,
                    )
                )
        cleared = [before for before in over if before.warned_at]
        for before in cleared:
            tx.publish(self._cleared(before))
        return cleared

    async def _heed(
        self,
        tx: Transaction,
        standing: dict[Key, Prediction],
        made: Sequence[Prediction],
        over: Sequence[Prediction],
        now: datetime,
    ) -> None:
        """What people are told of is, or joins, an incident; it worsens as its time comes closer."""
        begun, worse = [], []
        for one in made:
            before = standing.get(key_of(one.labels))
            if one.warned_at and not (before and before.warned_at):
                begun.append(of_prediction(new_id(), one, now))
            elif (
                before and one.warned_at and urgency(one.crosses_at, now) != urgency(before.crosses_at, before.made_at)
            ):
                worse.append(of_prediction(new_id(), one, now))
        await self._findings.end(tx, [Mark(ArrivalKind.FORECAST, one.id) for one in over])
        await self._findings.begin(tx, begun)
        await self._findings.worsen(tx, worse)

    def _cleared(self, before: Prediction) -> PredictionCleared:
        return PredictionCleared(
            event_id=new_id(),
            occurred_at=self._clock.now(),
            cluster_ids=(before.cluster_id,),
            prediction_id=before.id,
            cluster_id=before.cluster_id,
            target=before.target,
        )

    async def _clear_all(self, tx: Transaction, cluster_id: UUID, target: str) -> None:
        """Of a watch that was deleted, or has no limit any more."""
        warned = [one for one in await self._store.of(tx, cluster_id, target) if one.warned_at]
        for before in warned:
            tx.publish(self._cleared(before))
        await self._store.forget_target(tx, cluster_id, target)
        await self._findings.end(tx, [Mark(ArrivalKind.FORECAST, one.id) for one in warned])

    def _watched(self, cluster_id: UUID) -> list[Target]:
        """People's own watches with a fixed limit, where they are followed."""
        watches = [track.watch for track in self._watcher.tracks() if track.cluster_id == cluster_id]
        return [target for watch in watches for target in targets_of(watch)]


def targets_of(watch: Watch) -> list[Target]:
    """One for each fixed limit of a watch."""
    if watch.threshold is None:
        return []
    sides = (("above", watch.threshold.above, True), ("below", watch.threshold.below, False))
    return [
        Target(
            f"watch:{watch.name}:{side}",
            watch.title,
            watch.unit,
            watch.query,
            limit,
            DAY_S,
            watch.subject_labels,
            f"{'rises above' if upward else 'falls below'} {level(limit, watch.unit)}",
            upward,
        )
        for side, limit, upward in sides
        if limit is not None
    ]


def pasts_by_key(pasts: Sequence[Past]) -> dict[Key, tuple[Labels, list[Stretch]]]:
    return {key_of(past.labels): (past.labels, past.stretches) for past in pasts}


def _most_values(past: Past) -> int:
    return max(int(np.isfinite(one.values).sum()) for one in past.stretches)


def _warned(target: Target, made: Prediction, before: Prediction | None, now: datetime) -> Prediction:
    was = before.warned_at if before else None
    if not urgent(target, made, was is not None, now):
        return made
    return msgspec.structs.replace(made, warned_at=was or now)
