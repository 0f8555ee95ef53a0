"""Follows the lines of all clusters: what was learned and found, and how far was read, is committed together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from aiops.intelligence.domain import log_rhythm
from aiops.intelligence.domain.correlation import ArrivalKind
from aiops.intelligence.domain.incident_findings import Mark, of_log_finding
from aiops.intelligence.domain.log_patterns import BUCKET, LogFinding, SourceState
from aiops.intelligence.events import LogFindingEnded, LogFindingOpened
from aiops.intelligence.needs_patterns import LogFindingStore, LogPatternStore, LogSourceStore
from aiops.intelligence.service.findings import Findings
from aiops.intelligence.service.log_patterns.judging import Judge, Judged
from aiops.intelligence.service.log_patterns.memory import ClusterMemory, Learned
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import AiopsError
from aiops.kernel.events import Event
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.observability.ports_signals import LogFeed, LogOrigin, LogRead

log = structlog.get_logger(__name__)

EVERY_S = 15.0
_AT_ONCE = 8
_IN_THREAD_FROM = 200
_LONGEST_GAP = 2 * BUCKET


@dataclass
class _Cluster:
    memory: ClusterMemory
    judge: Judge
    until: datetime | None
    revisions: dict[str, int]


class PatternFollower:
    """Every 15 s each origin is read on, no more than its share of the lines a minute."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        feed: LogFeed,
        patterns: LogPatternStore,
        findings: LogFindingStore,
        sources: LogSourceStore,
        incidents: Findings,
        *,
        lines_per_minute: int,
        patterns_limit: int,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._feed = feed
        self._patterns = patterns
        self._findings = findings
        self._sources = sources
        self._incidents = incidents
        self._lines = max(round(lines_per_minute * EVERY_S / 60), 1)
        self._limit = patterns_limit
        self._principal = Principal.system("log-patterns")
        self._clusters: dict[UUID, _Cluster] = {}
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._failing: dict[tuple[UUID, str], str] = {}
        self._some = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        while True:
            began = self._clock.monotonic()
            await self.round()
            await self._clock.sleep(max(EVERY_S - (self._clock.monotonic() - began), 1.0))

    async def round(self) -> None:
        """Read every origin once."""
        origins = await self._feed.origins(self._principal)
        await asyncio.gather(*(self._guarded(one) for one in origins))
        left = self._clusters.keys() - {one.cluster_id for one in origins}
        for cluster_id in left:
            self.forget(cluster_id)

    def forget(self, cluster_id: UUID) -> None:
        self._clusters.pop(cluster_id, None)

    async def _guarded(self, origin: LogOrigin) -> None:
        key = (origin.cluster_id, origin.source)
        lock = self._locks.setdefault(origin.cluster_id, asyncio.Lock())
        async with self._some, lock:
            try:
                await self.follow(origin)
            except Exception as error:
                # What is in memory may be ahead of what is kept.
                self.forget(origin.cluster_id)
                said = error.message if isinstance(error, AiopsError) else repr(error)
                if key not in self._failing:
                    log.warning("log_source_failed", cluster=origin.cluster, source=origin.source, error=said)
                if self._failing.get(key) != said:
                    self._failing[key] = said
                    await self._note(origin, said)
            else:
                if self._failing.pop(key, None) is not None:
                    log.info("log_source_recovered", cluster=origin.cluster, source=origin.source)

    async def let_go(self, tx: Transaction, before: datetime) -> int:
        """Drop what is too old to keep; what had vanished and is forgotten has nobody else to end it."""
        gone = await self._patterns.forget(tx, before)
        now = self._clock.now()
        for one in await self._findings.end_lost(tx, now):
            tx.publish(_stated(LogFindingEnded, one, now))
        return gone

    async def follow(self, origin: LogOrigin) -> None:
        """Read one origin on, and keep what that shows. Raises what the feed raises, and where another replica read."""
        async with self._transactions.begin() as tx:
            states = await self._states(tx, origin.cluster_id)
            cluster = self._clusters.get(origin.cluster_id)
            if cluster is None or cluster.revisions != _revisions(states):
                # Nothing is known of it here, or another replica went on with it.
                cluster = await self._loaded(tx, origin.cluster_id, states)
        state = states.get(origin.source)
        read = await self._feed.read(self._principal, origin, state.position if state else None, self._lines)
        now = self._clock.now()
        since = state.since if state else now
        learned = await self._learn(cluster.memory, origin, read, now)
        judged = self._judge(cluster, learned, since, read, now)
        following = _next(state, origin, read, learned, judged.untold, now)
        async with self._transactions.begin() as tx:
            await self._sources.take_turn(tx, origin.cluster_id)
            if _revisions(await self._states(tx, origin.cluster_id)) != cluster.revisions:
                self.forget(origin.cluster_id)
                return
            await self._sources.save(tx, following)
            await self._keep(tx, learned, judged, now)
            await self._heed(tx, cluster.memory, judged, now)
            await tx.commit()
        cluster.revisions[origin.source] = following.revision
        self._clusters[origin.cluster_id] = cluster

    async def _states(self, tx: Transaction, cluster_id: UUID) -> dict[str, SourceState]:
        return {one.source: one for one in await self._sources.all(tx, [cluster_id])}

    async def _loaded(self, tx: Transaction, cluster_id: UUID, states: dict[str, SourceState]) -> _Cluster:
        patterns = await self._patterns.load(tx, cluster_id)
        judge = Judge(cluster_id, await self._findings.open(tx, cluster_id))
        if states:
            # Those that were met just before a restart are still to be told.
            recent = self._clock.now() - 2 * log_rhythm.CONFIRMED_AFTER
            learns_until = min(one.since for one in states.values()) + log_rhythm.LEARNS_FOR
            judge.watch([one for one in patterns if one.first_seen > recent], learns_until)
        until = max((one.read_at for one in states.values()), default=None)
        return _Cluster(ClusterMemory(cluster_id, patterns, self._limit), judge, until, _revisions(states))

    async def _learn(self, memory: ClusterMemory, origin: LogOrigin, read: LogRead, now: datetime) -> Learned:
        if len(read.records) < _IN_THREAD_FROM:
            return memory.take(read.records, origin.source, now)
        return await asyncio.to_thread(memory.take, read.records, origin.source, now)

    def _judge(self, cluster: _Cluster, learned: Learned, since: datetime, read: LogRead, now: datetime) -> Judged:
        memory, judge = cluster.memory, cluster.judge
        # A bucket is whole once lines of a later one were read: the end of this read is its end.
        bucket = log_rhythm.bucket_of(read.until.timestamp())
        # Where a cluster says nothing at all, that is what is to be said, not of every pattern that it falls silent.
        alive = bool(learned.counts) or any(one.rhythm.count for one in memory.patterns)
        # Of a stretch that was not looked at, or not all of it, no rate is known.
        known = not read.skipped_s and (cluster.until is None or read.until - cluster.until <= _LONGEST_GAP)
        whole = memory.close(bucket) if known else memory.pass_over(bucket)
        cluster.until = read.until
        judge.watch(learned.fresh, since + log_rhythm.LEARNS_FOR)
        parts = [judge.new(learned.merged, now)]
        if judge.surges:
            parts.append(judge.calm({one.id: one for one in memory.patterns}, now))
        if known:
            parts.append(judge.rates(learned.changed.values(), whole if alive else ()))
        for one in whole:
            learned.changed[one.id] = one
        return Judged(
            [finding for part in parts for finding in part.begun],
            [over for part in parts for over in part.over],
            sum(part.untold for part in parts),
        )

    async def _keep(self, tx: Transaction, learned: Learned, judged: Judged, now: datetime) -> None:
        await self._patterns.save(tx, list(learned.changed.values()))
        # Before what became another pattern is gone, so that its end is stated.
        over = await self._findings.end(tx, judged.over, now)
        await self._patterns.merge(tx, learned.merged)
        await self._patterns.add_counts(tx, learned.counts)
        await self._patterns.keep_lines(tx, learned.lines)
        await self._findings.add(tx, judged.begun)
        for one in judged.begun:
            tx.publish(_stated(LogFindingOpened, one, now))
        for one in over:
            tx.publish(_stated(LogFindingEnded, one, now))

    async def _heed(self, tx: Transaction, memory: ClusterMemory, judged: Judged, now: datetime) -> None:
        """What is bad enough joins or opens an incident, until it is over."""
        over = [Mark(ArrivalKind.LOG_PATTERN, pattern_id, kind.value) for pattern_id, kind in judged.over]
        await self._incidents.end(tx, over)
        if judged.begun:
            labels = {one.id: one.labels for one in memory.patterns}
            begun = [of_log_finding(new_id(), one, labels.get(one.pattern_id, {}), now) for one in judged.begun]
            await self._incidents.begin(tx, [one for one in begun if one is not None])

    async def _note(self, origin: LogOrigin, said: str) -> None:
        """So that people see since when and why nothing of this source is read."""
        try:
            async with self._transactions.begin() as tx:
                await self._sources.take_turn(tx, origin.cluster_id)
                state = (await self._states(tx, origin.cluster_id)).get(origin.source)
                now = self._clock.now()
                noted = (
                    msgspec.structs.replace(state, note=said, revision=state.revision + 1)
                    if state
                    else SourceState(
                        cluster_id=origin.cluster_id,
                        source=origin.source,
                        position="",
                        revision=1,
                        since=now,
                        read_at=now,
                        note=said,
                    )
                )
                await self._sources.save(tx, noted)
                await tx.commit()
        except AiopsError as error:
            log.warning("log_source_note_lost", cluster=origin.cluster, source=origin.source, error=error.message)


def _revisions(states: dict[str, SourceState]) -> dict[str, int]:
    return {source: one.revision for source, one in states.items()}


def _next(
    state: SourceState | None, origin: LogOrigin, read: LogRead, learned: Learned, untold: int, now: datetime
) -> SourceState:
    base = state or SourceState(
        cluster_id=origin.cluster_id, source=origin.source, position="", revision=0, since=now, read_at=now
    )
    note = None
    if read.skipped_s:
        note = f"{read.skipped_s:.0f} s of it were left out just now: it has more lines than are looked at in a minute."
    elif untold:
        note = f"{untold} more new patterns were not told one by one: there are too many."
    return msgspec.structs.replace(
        base,
        position=read.position,
        revision=base.revision + 1,
        read_at=now,
        lines=base.lines + len(read.records),
        skipped_s=base.skipped_s + read.skipped_s,
        full_lines=base.full_lines + learned.without_room,
        note=note,
    )


def _stated(kind: type[LogFindingOpened | LogFindingEnded], one: LogFinding, now: datetime) -> Event:
    return kind(
        event_id=new_id(),
        occurred_at=now,
        cluster_ids=(one.cluster_id,),
        finding_id=one.id,
        cluster_id=one.cluster_id,
        pattern_id=one.pattern_id,
        kind=one.kind.value,
        severity=one.severity.value,
    )
