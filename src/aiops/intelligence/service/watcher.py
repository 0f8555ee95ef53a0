"""Follows the watches: each batch is scored, and what it shows is committed together with the detector's memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import structlog

from aiops.intelligence.domain import rules
from aiops.intelligence.domain.anomalies import UNSEEN, Anomaly
from aiops.intelligence.domain.feedback import key_of
from aiops.intelligence.needs import (
    AnomalyStore,
    Detector,
    FeedbackStore,
    Floats,
    Recalling,
    Scores,
    SeriesState,
    StoredTrack,
    TrackStore,
)
from aiops.intelligence.packing import pack_slow, pack_track, unpack_track
from aiops.intelligence.service.arrived import Arrived
from aiops.intelligence.service.episodes import Episodes
from aiops.intelligence.service.rates import Rates
from aiops.intelligence.service.tracks import Track
from aiops.intelligence.service.verdicts import Seen, changes, hush, nothing_learned, widen
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.principal import Principal
from aiops.observability.ports import Expectation, WatchBatch, WatchFeed, WatchHistory, WatchLook

log = structlog.get_logger(__name__)

_HISTORY = timedelta(hours=1)
_HISTORY_STEP_S = 15.0
# Pods come and go, and a new one has no days behind it.
_RECALLED_AGAIN_S = 21_600.0
_IN_THREAD_FROM = 200
_MOST_TOGETHER = 200


@dataclass
class _Look:
    """One batch, scored; `active` are the anomalies that are open now, once that is kept."""

    track: Track
    batch: WatchBatch
    seen: Seen
    state: SeriesState
    rules: Floats
    hushed: set[int]
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
        feedback: FeedbackStore,
        episodes: Episodes,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._feed = feed
        self._detector = detector
        self._store = tracks
        self._anomalies = anomalies
        self._feedback = feedback
        self._episodes = episodes
        self._principal = Principal.system("detection")
        self._tracks: dict[tuple[UUID, str], Track] = {}
        self._learning: set[asyncio.Task[None]] = set()
        self._failing: set[str] = set()
        self._rates = Rates()
        self._few_histories = asyncio.Semaphore(4)
        # Days of all series are much for a Prometheus, and none is in a hurry to know them.
        self._one_recall = asyncio.Semaphore(1)
        self.found = asyncio.Event()

    def tracks(self) -> list[Track]:
        return list(self._tracks.values())

    def forget(self, cluster_id: UUID) -> None:
        self._rates.forget(cluster_id)
        for key in [key for key in self._tracks if key[0] == cluster_id]:
            del self._tracks[key]

    def forget_watch(self, watch: str) -> None:
        for key in [key for key in self._tracks if key[1] == watch]:
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
        if 0 < track.watermark < batch.at - UNSEEN.total_seconds():
            await self._forget_what_was_given_up(track)
        track.watch, track.interval_s, track.dropped = batch.watch, batch.interval_s, batch.dropped
        track.admit(batch.series)
        values = track.align(batch)
        state, scores = await self._step(track, batch, values)
        factors = track.factors(batch.at)
        # After a pause of the hub itself nobody knows how long a series was away.
        dt_s = min(batch.at - track.watermark, 4 * batch.interval_s)
        columns, said = rules.step(track.rules, batch.watch, values, dt_s, whole=not batch.dropped)
        quiet = {row for row in track.hushed if scores.active[row] or said.breach[row] or not np.isfinite(values[row])}
        scores, said = hush(scores, said, quiet)
        scores = widen(scores, factors, 1.0 if batch.watch.unit == "ratio" else np.inf)
        return _Look(track, batch, Seen(track, batch.at, values, scores, said, factors), state, columns, quiet)

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
            said = await self._feedback.of_watch(tx, *key)
        if stored is not None:
            track.admit(stored.series or [])
            track.stored_series = len(track.series)
            state, track.rules = unpack_track(stored.state, stored.slow)
            if stored.detector == self._detector.name and track.restore(state):
                track.unknown.clear()
            track.watermark = stored.watermark
        for anomaly in active:
            track.admit([anomaly.labels])
            track.active[track.rows[key_of(anomaly.labels)]] = anomaly
        track.heed(said, self._clock.now())
        return self._tracks.setdefault(key, track)

    async def heed(self, cluster_id: UUID, watch: str) -> None:
        """Something was said of what was found: it holds from the next batch on."""
        track = self._tracks.get((cluster_id, watch))
        if track is None:
            return
        async with track.lock:
            async with self._transactions.begin() as tx:
                said = await self._feedback.of_watch(tx, cluster_id, watch)
                still = {one.id for one in await self._anomalies.active(tx, cluster_id, watch)}
            track.active = {row: one for row, one in track.active.items() if one.id in still}
            track.heed(said, self._clock.now())

    async def _forget_what_was_given_up(self, track: Track) -> None:
        async with self._transactions.begin() as tx:
            open_ids = {one.id for one in await self._anomalies.active(tx, track.cluster_id, track.watch.name)}
        track.active = {row: anomaly for row, anomaly in track.active.items() if anomaly.id in open_ids}

    async def _step(self, track: Track, batch: WatchBatch, values: Floats) -> tuple[SeriesState, Scores]:
        if not batch.watch.learned:
            return track.state, nothing_learned(len(values))
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
            track.state, track.rules, track.active = look.state, look.rules, look.active
            track.scores, track.values = look.seen.scores, look.seen.values
            track.hushed = look.hushed
            track.watermark, track.stored_series = look.batch.at, len(track.series)
            track.stored_slow = look.state.slow
            track.remember(look.batch.at, look.seen.values)
        if changed:
            self.found.set()

    def _stored(self, look: _Look) -> StoredTrack:
        track = look.track
        series = None if track.stored_series == len(track.series) and track.stored_series else track.series
        slow = None if look.state.slow is track.stored_slow else pack_slow(look.state)
        state = pack_track(look.state, look.rules)
        return StoredTrack(*track.key, self._detector.name, look.batch.at, series, state, slow)

    async def _state_findings(self, tx: Transaction, look: _Look, active: dict[int, Anomaly]) -> bool:
        found = changes(look.seen, active)
        for row in found.over:
            del active[row]
        if found.reasons:
            at = _time(look.batch.at)
            await self._episodes.end_anomalies(tx, found.reasons, at, found.trend_changes)
        if found.begun:
            placed = await self._episodes.begin_anomalies(tx, list(found.begun.values()))
            active |= zip(found.begun, placed, strict=True)
        if found.worse:
            await self._episodes.worsen_anomalies(tx, list(found.worse.values()))
            active |= found.worse
        return bool(found.reasons or found.begun)

    async def _learn(self, track: Track, until: float) -> None:
        """Look at the last hour of series seen for the first time; without one they learn from what comes."""
        end = self._clock.now()
        try:
            async with self._few_histories:
                history = await self._past(track, end, _HISTORY, _HISTORY_STEP_S)
            async with track.lock:
                values = track.by_row(history)
                if values.size:
                    track.state = self._detector.learn(track.state, track.watch, history.times, values)
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
        await self._recall(track, end)

    async def _recall(self, track: Track, end: datetime) -> None:
        """Look at the last days of series that the detector knows no day of, for what is usual at a time of the day."""
        detector = self._detector
        if not isinstance(detector, Recalling) or end.timestamp() - track.recalled_at < _RECALLED_AGAIN_S:
            return
        try:
            if not track.watch.learned or not detector.strangers(track.state).any():
                return
            track.recalled_at = end.timestamp()
            async with self._one_recall:
                past = await self._past(track, end, timedelta(seconds=detector.recalls_s), detector.recall_step_s)
            async with track.lock:
                values = track.by_row(past)
                track.state = await asyncio.to_thread(detector.recall, track.state, end.timestamp(), past.times, values)
            self._recovered("recall")
        except Exception as error:
            self._failed("recall", watch=track.watch.name, error=repr(error))

    async def _past(self, track: Track, end: datetime, span: timedelta, step_s: float) -> WatchHistory:
        return await self._feed.history(
            self._principal, track.cluster_id, track.watch, start=end - span, end=end, step_s=step_s
        )

    async def _record(self, looks: Sequence[_Look]) -> None:
        try:
            await self._feed.record(self._principal, [_expected(look) for look in looks])
            if rates := self._rates.add(look.seen for look in looks):
                await self._feed.record_rates(self._principal, rates)
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
    track, scores = look.track, look.seen.scores
    bands = zip(scores.expected.tolist(), scores.lower.tolist(), scores.upper.tolist(), strict=True)
    expectations = [
        Expectation(labels, value, *band)
        for labels, value, band in zip(track.series, look.seen.values.tolist(), bands, strict=False)
        if np.isfinite(value)
    ]
    return WatchLook(track.cluster_id, track.watch, look.batch.at, expectations)
