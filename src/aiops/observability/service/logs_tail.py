"""Following the logs of many clusters: one stream of news out of their Lokis' own."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid, RateLimited, Rejected
from aiops.kernel.principal import Principal, Role
from aiops.observability.logql import LogQuery, check_carved
from aiops.observability.ports_signals import Direction, LogLine, TailCluster, TailLines, TailLost, TailNews, TailState
from aiops.observability.service.logs import members_with
from aiops.observability.service.logs_lines import line_of
from aiops.observability.service.logs_remote import RemoteLogs, TailMessage
from aiops.registry.ports import Cluster, Clusters, EndpointKind, Member

log = structlog.get_logger(__name__)

MOST_LINES_WAITING = 2_000
MOST_CHARACTERS_WAITING = 4 * 1024 * 1024
MOST_A_USER = 10
MOST_CLUSTERS = 50
LINES_AT_ONCE = 500
_CAUGHT_UP_WITH = 1_000
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_LOOK_S = 10.0

T = TypeVar("T")


class Waiting:
    """The news that a reader has not read yet, within bounds: past them the oldest lines go, and are counted."""

    def __init__(self, lines: int = MOST_LINES_WAITING, characters: int = MOST_CHARACTERS_WAITING) -> None:
        self._most_lines = lines
        self._most_characters = characters
        self._lines: deque[LogLine] = deque()
        self._characters = 0
        self._said: deque[TailCluster | TailLost] = deque()
        self._missed = 0
        self._came = asyncio.Event()

    def add(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            self._lines.append(line)
            self._characters += len(line.line)
        while len(self._lines) > self._most_lines or self._characters > self._most_characters:
            self._characters -= len(self._lines.popleft().line)
            self._missed += 1
        self._came.set()

    def say(self, news: TailCluster | TailLost) -> None:
        self._said.append(news)
        self._came.set()

    async def next(self) -> TailNews:
        while not (self._said or self._missed or self._lines):
            self._came.clear()
            await self._came.wait()
        if self._missed:
            missed, self._missed = self._missed, 0
            return TailLost(missed, "reader")
        if self._said:
            return self._said.popleft()
        taken = [self._lines.popleft() for _ in range(min(len(self._lines), LINES_AT_ONCE))]
        self._characters -= sum(len(line.line) for line in taken)
        return TailLines(taken)


@dataclass
class _Following:
    """One cluster's stream: where it stands, and how often it failed in a row."""

    member: Member
    text: str
    from_ns: int
    failures: int = 0
    lost: str | None = None
    seen: set[tuple[str, str]] = field(default_factory=set)

    @property
    def cluster(self) -> Cluster:
        return self.member.cluster


class LogFollower:
    """Implements `ports.LogTail`."""

    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteLogs) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote
        self._following: Counter[str] = Counter()

    @asynccontextmanager
    async def follow(
        self,
        principal: Principal,
        query: str,
        *,
        cluster_ids: Sequence[UUID] | None = None,
        start_ns: int | None = None,
    ) -> AsyncIterator[AsyncIterator[TailNews]]:
        principal.require(Role.VIEWER)
        streams = await self._streams(principal, query, cluster_ids, start_ns)
        if self._following[principal.id] >= MOST_A_USER:
            raise RateLimited(f"You follow logs {MOST_A_USER} times already.", retry_after_s=10)
        waiting = Waiting()
        self._following[principal.id] += 1
        try:
            tasks = [asyncio.create_task(self._keep_following(stream, waiting)) for stream in streams]
            try:
                yield _news(waiting)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._following[principal.id] -= 1
            self._following += Counter()

    async def _streams(
        self, principal: Principal, query: str, cluster_ids: Sequence[UUID] | None, start_ns: int | None
    ) -> list[_Following]:
        read = LogQuery(query)
        if not read.of_lines:
            raise Invalid("Only lines can be followed; this query gives numbers.")
        asked = await members_with(self._clusters, principal, EndpointKind.LOKI, cluster_ids, read.concerns)
        if not asked.members:
            raise Invalid("None of these clusters has a Loki.")
        if len(asked.members) > MOST_CLUSTERS:
            raise Invalid(
                f"{len(asked.members)} clusters are more than the {MOST_CLUSTERS} that can be followed at once: "
                'name some in the selector, as in cluster=~"east-.*".'
            )
        from_ns = start_ns if start_ns is not None else round(self._clock.now().timestamp() * 1000) * 1_000_000
        found = []
        for member in asked.members.values():
            share = member.target.selector if member.target is not None else {}
            text = read.text_for(member.cluster.name, share)
            check_carved(text, share)
            found.append(_Following(member, text, from_ns))
        return found

    async def _keep_following(self, stream: _Following, waiting: Waiting) -> None:
        """Follow until cancelled; a lost stream is taken up again where it ended, after growing pauses."""
        while True:
            try:
                await self._follow_once(stream, waiting)
                error = "Its Loki ended the stream."
            except Rejected as refusal:
                self._lose(stream, waiting, refusal.message)
                return
            except AiopsError as failure:
                error = failure.message
            except Exception:
                log.exception("log_tail_failed", cluster_id=str(stream.cluster.id))
                error = "The hub failed to follow it; see the hub's log."
            self._lose(stream, waiting, error)
            stream.failures += 1
            await self._clock.sleep(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (stream.failures - 1)))

    async def _follow_once(self, stream: _Following, waiting: Waiting) -> None:
        target = stream.member.target
        if target is None:
            raise Invalid(stream.member.problem or "There is no way to it.")
        limit = _CAUGHT_UP_WITH
        try:
            async with self._remote.tail(target, stream.text, stream.from_ns, limit) as messages:
                stream.failures, stream.lost = 0, None
                waiting.say(TailCluster(stream.cluster.id, stream.cluster.name, TailState.FOLLOWING))
                async for message in messages:
                    self._take(stream, waiting, message)
        except AiopsError:
            # A refused handshake says no reason; the same question asked plainly does.
            now_ns = round(self._clock.now().timestamp() * 1000) * 1_000_000
            await self._remote.lines(target, stream.text, now_ns - 1_000_000, now_ns, 1, Direction.BACKWARD, _LOOK_S)
            raise

    @staticmethod
    def _take(stream: _Following, waiting: Waiting, message: TailMessage) -> None:
        found = sorted(
            ((int(entry.at), part.stream, entry) for part in message.streams or () for entry in part.values),
            key=lambda one: one[0],
        )
        lines = []
        for at, labels, entry in found:
            mark = (repr(sorted(labels.items())), entry.line)
            if at == stream.from_ns and mark in stream.seen:
                continue
            if at > stream.from_ns:
                stream.from_ns, stream.seen = at, set()
            if at == stream.from_ns:
                stream.seen.add(mark)
            lines.append(line_of(stream.cluster, labels, entry))
        if lines:
            waiting.add(lines)
        if message.dropped_entries:
            waiting.say(TailLost(len(message.dropped_entries), "loki", stream.cluster.name))

    @staticmethod
    def _lose(stream: _Following, waiting: Waiting, error: str) -> None:
        if stream.lost != error:
            stream.lost = error
            waiting.say(TailCluster(stream.cluster.id, stream.cluster.name, TailState.LOST, error))


async def _news(waiting: Waiting) -> AsyncIterator[TailNews]:
    while True:
        yield await waiting.next()
