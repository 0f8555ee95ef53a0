"""Follows the watches: each batch is scored, and what it shows is committed together with the detector's memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import numpy as np
import structlog

from aiops.intelligence.domain.anomalies import (
    END_REASONS,
    UNSEEN,
    Anomaly,
    explain,
    rank_of,
    selector_of,
    severity_of,
    subject_of,
)
from aiops.intelligence.needs import AnomalyStore, Detector, Floats, Scores, SeriesState, StoredTrack, TrackStore
from aiops.intelligence.packing import pack, unpack
from aiops.intelligence.service.arrived import Arrived
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.tracks import Track, key_of
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.ports import Expectation, WatchBatch, WatchFeed, WatchHistory, WatchLook

log = structlog.get_logger(__name__)

_HISTORY = timedelta(hours=1)
_HISTORY_STEP_S = 15.0
_IN_THREAD_FROM = 200
_MOST_TOGETHER = 200


@dataclass
class _Look:
    """One batch, scored; `active` are the anomalies that are open now, once that is kept."""

    track: Track
    batch: WatchBatch
    values: Floats
    state: SeriesState
    scores: Scores
    active: dict[int, Anomaly] | None = None


class Watcher:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        feed: WatchFeed,
        detector: Detector,
        tracks: TrackStore,
        anomalies: AnomalyStore,
        episodes: Episodes,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._feed = feed
        self._detector = detector
        self._store = tracks
        self._anomalies = anomalies
        self._episodes = episodes
        self._principal = Principal.system("detection")
        self._tracks: dict[tuple[UUID, str], Track] = {}
        self._learning: set[asyncio.Task[None]] = set()
        self._failing: set[str] = set()
        self._few_histories = asyncio.Semaphore(4)
        self.found = asyncio.Event()

    def tracks(self) -> list[Track]:
        return list(self._tracks.values())

    def forget(self, cluster_id: UUID) -> None:
        for key in [key for key in self._tracks if key[0] == cluster_id]:
            del self._tracks[key]

    async def run(self) -> None:
        """Deal with what has come, together: a fleet gives hundreds of batches between two commits."""
        arrived = Arrived()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(arrived))
            try:
                while True:
                    batches = await arrived.next(_MOST_TOGETHER)
                    try:
                        await self.take(batches)
                        self._recovered("batch")
                    except Exception as error:
                        self._failed("batch", watch=batches[0].watch.name, error=repr(error))
            finally:
                for task in self._learning:
                    task.cancel()

    async def _follow(self, arrived: Arrived) -> None:
        async for batch in self._feed.follow(self._principal):
            arrived.put(batch)

    async def take(self, batches: Sequence[WatchBatch]) -> int:
        """Score batches of different watches or clusters and commit what they show, in one transaction; gives how many
        were newer than what was seen."""
        async with AsyncExitStack() as locks:
            looks = []
            for batch in batches:
                track = await self._track(batch)
                await locks.enter_async_context(track.lock)
                if batch.at > track.watermark:
                    looks.append(await self._look(track, batch))
            await self._commit(looks)
        done = [look for look in looks if look.active is not None]
        for look in done:
            if look.track.wants_history:
                look.track.wants_history = False
                task = asyncio.create_task(self._learn(look.track, look.batch.at))
                self._learning.add(task)
                task.add_done_callback(self._learning.discard)
        await self._record(done)
        return len(done)

    async def _look(self, track: Track, batch: WatchBatch) -> _Look:
        if batch.at - track.watermark > UNSEEN.total_seconds():
            await self._forget_what_was_given_up(track)
        track.watch, track.interval_s, track.dropped = batch.watch, batch.interval_s, batch.dropped
        track.admit(batch.series)
        values = track.align(batch)
        state, scores = await self._step(track, batch, values)
        return _Look(track, batch, values, state, scores)

    async def learned(self) -> None:
        """Return once the histories asked for so far have been looked at."""
        await asyncio.gather(*self._learning)

    async def _track(self, batch: WatchBatch) -> Track:
        key = (batch.cluster_id, batch.watch.name)
        if key in self._tracks:
            return self._tracks[key]
        track = Track(batch.cluster_id, batch.watch, self._detector)
        async with self._transactions.begin() as tx:
            stored = await self._store.load(tx, *key)
            active = await self._anomalies.active(tx, *key)
        if stored is not None and stored.detector == self._detector.name:
            track.admit(stored.series or [])
            track.stored_series = len(track.series)
            track.unknown.clear()
            track.state = unpack(stored.state)
        if stored is not None:
            track.watermark = stored.watermark
        for anomaly in active:
            track.admit([anomaly.labels])
            track.active[track.rows[key_of(anomaly.labels)]] = anomaly
        return self._tracks.setdefault(key, track)

    async def _forget_what_was_given_up(self, track: Track) -> None:
        async with self._transactions.begin() as tx:
            open_ids = {one.id for one in await self._anomalies.active(tx, track.cluster_id, track.watch.name)}
        track.active = {row: anomaly for row, anomaly in track.active.items() if anomaly.id in open_ids}

    async def _step(self, track: Track, batch: WatchBatch, values: Floats) -> tuple[SeriesState, Scores]:
        arguments = (track.state, batch.watch, batch.at, batch.interval_s, values)
        if len(values) < _IN_THREAD_FROM:
            return self._detector.step(*arguments)
        return await asyncio.to_thread(self._detector.step, *arguments)

    async def _commit(self, looks: list[_Look]) -> None:
        """Keep what was seen and found. What another replica dealt with gets no `active`, and its track goes."""
        if not looks:
            return
        changed = False
        async with self._transactions.begin() as tx:
            saved = await self._store.save(tx, [self._stored(look) for look in looks])
            for look in looks:
                if look.track.key in saved:
                    look.active = dict(look.track.active)
                    changed |= await self._state_findings(tx, look, look.active)
            await tx.commit()
        for look in looks:
            track = look.track
            if look.active is None:
                self._tracks.pop(track.key, None)
                continue
            track.state, track.scores, track.values, track.active = look.state, look.scores, look.values, look.active
            track.watermark, track.stored_series = look.batch.at, len(track.series)
            track.remember(look.batch.at, look.values)
        if changed:
            self.found.set()

    def _stored(self, look: _Look) -> StoredTrack:
        track = look.track
        series = None if track.stored_series == len(track.series) and track.stored_series else track.series
        return StoredTrack(*track.key, self._detector.name, look.batch.at, series, pack(look.state))

    async def _state_findings(self, tx: Transaction, look: _Look, active: dict[int, Anomaly]) -> bool:
        track, at, values, scores = look.track, look.batch.at, look.values, look.scores
        ended = [row for row in np.flatnonzero(scores.ended).tolist() if row in active]
        if ended:
            reasons = {active.pop(row).id: END_REASONS[int(scores.ended[row])] for row in ended}
            await self._episodes.end_anomalies(tx, reasons, _time(at))
        begun: dict[int, Anomaly] = {}
        worse: dict[int, Anomaly] = {}
        for row in np.flatnonzero(scores.active).tolist():
            if not np.isfinite(values[row]):
                continue
            known = active.get(row)
            anomaly = self._anomaly(track, row, float(values[row]), scores, at)
            if known is None:
                begun[row] = anomaly
            elif rank_of(anomaly.severity) < rank_of(known.severity):
                worse[row] = msgspec.structs.replace(
                    known,
                    severity=anomaly.severity,
                    score=anomaly.score,
                    value=anomaly.value,
                    explanation=anomaly.explanation,
                )
        if begun:
            active |= zip(begun, await self._episodes.begin_anomalies(tx, list(begun.values())), strict=True)
        if worse:
            await self._episodes.worsen_anomalies(tx, list(worse.values()))
            active |= worse
        return bool(ended or begun)

    def _anomaly(self, track: Track, row: int, value: float, scores: Scores, at: float) -> Anomaly:
        watch, labels, since = track.watch, track.series[row], _time(float(scores.since[row]))
        score = float(scores.score[row])
        band = (float(scores.expected[row]), float(scores.lower[row]), float(scores.upper[row]))
        learned_s = float(scores.learned_s[row])
        return Anomaly(
            id=new_id(),
            cluster_id=track.cluster_id,
            watch=watch.name,
            title=watch.title,
            unit=watch.unit,
            labels=labels,
            subject=subject_of(watch, labels),
            kind="SPIKE" if scores.active[row] > 0 else "DROP",
            severity=severity_of(watch, value, score),
            score=round(score, 2),
            value=value,
            expected=band[0],
            lower=band[1],
            upper=band[2],
            explanation=explain(watch, labels, value=value, band=band, score=score, learned_s=learned_s, since=since),
            started_at=since,
            detected_at=_time(at),
            query=selector_of(watch.name, labels),
        )

    async def _learn(self, track: Track, until: float) -> None:
        """Look at the last hour of series seen for the first time; without one they learn from what comes."""
        end = self._clock.now()
        try:
            async with self._few_histories:
                history = await self._feed.history(
                    self._principal,
                    track.cluster_id,
                    track.watch,
                    start=end - _HISTORY,
                    end=end,
                    step_s=_HISTORY_STEP_S,
                )
            async with track.lock:
                values = np.full((len(track.series), len(history.times)), np.nan)
                for labels, past in zip(history.series, history.values, strict=True):
                    row = track.rows.get(key_of(labels))
                    if row is not None:
                        values[row] = past
                if values.size:
                    track.state = self._detector.learn(track.state, history.times, values)
                    track.prepend(history.times, values)
                unknown, track.unknown = [row for row in track.unknown if row < len(values)], []
            # Charts and evidence show the past that was learned from.
            earlier = history.times < until
            past = WatchHistory(
                history.times[earlier], [track.series[row] for row in unknown], values[unknown][:, earlier]
            )
            if past.values.size:
                await self._feed.record_past(self._principal, track.cluster_id, track.watch, past)
            self._recovered("history")
        except Exception as error:
            self._failed("history", watch=track.watch.name, error=repr(error))

    async def _record(self, looks: Sequence[_Look]) -> None:
        try:
            await self._feed.record(self._principal, [_expected(look) for look in looks])
            self._recovered("record")
        except Exception as error:
            self._failed("record", watch=looks[0].track.watch.name, error=repr(error))

    def _failed(self, what: str, **details: str) -> None:
        if what not in self._failing:
            self._failing.add(what)
            log.warning("detection_step_failed", step=what, **details)

    def _recovered(self, what: str) -> None:
        if what in self._failing:
            self._failing.discard(what)
            log.info("detection_step_recovered", step=what)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _expected(look: _Look) -> WatchLook:
    track, scores = look.track, look.scores
    bands = zip(scores.expected.tolist(), scores.lower.tolist(), scores.upper.tolist(), strict=True)
    expectations = [
        Expectation(labels, value, *band)
        for labels, value, band in zip(track.series, look.values.tolist(), bands, strict=False)
        if np.isfinite(value)
    ]
    return WatchLook(track.cluster_id, track.watch, look.batch.at, expectations)
