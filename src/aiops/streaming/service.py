"""Hands every event to the readers who may see it and asked for it, each through a bounded queue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.events import EventCatalogue, EventEnvelope
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.streaming import domain
from aiops.streaming.domain import Subscription

Scope = tuple[frozenset[UUID] | None]


class ReaderStatus(msgspec.Struct, frozen=True):
    id: UUID
    user: str
    connected_at: datetime
    sent: int
    missed: int
    queued: int
    subscriptions: int


class StreamingStatus(msgspec.Struct, frozen=True):
    """`events` counts what came from the bus since the start, by type."""

    readers: int
    events: dict[str, int]


class Reader:
    """One connection. What doesn't fit its queue is counted, and told as soon as there is room."""

    def __init__(self, principal: Principal, at: datetime) -> None:
        self.id = new_id()
        self.principal = principal
        self.connected_at = at
        self.subscriptions: dict[UUID, Subscription] = {}
        self.seq = 0
        self.missed = 0
        self._untold = 0
        # Each event with the scope that it was made for; a reply is for any.
        self._queue: asyncio.Queue[tuple[Scope | None, bytes]] = asyncio.Queue(domain.QUEUE_SIZE)

    def offer(self, body: bytes) -> None:
        self.seq += 1
        try:
            self._queue.put_nowait(((self.principal.clusters,), domain.event_frame(self.seq, body)))
        except asyncio.QueueFull:
            self.missed += 1
            self._untold += 1

    def answer(self, frame: bytes) -> bool:
        """Queue a reply; false where the queue is full."""
        try:
            self._queue.put_nowait((None, frame))
        except asyncio.QueueFull:
            return False
        return True

    async def next(self, verify: Callable[[], Awaitable[None]] | None = None) -> bytes:
        """The next frame. `verify` is asked before an event leaves, and may change the principal or raise: an event
        that was made for another scope stays here, and is told as missed."""
        while True:
            if self._untold and self._queue.empty():
                missed, self._untold = self._untold, 0
                return domain.frame(
                    "error",
                    code="QUEUE_FULL",
                    message=f"{missed} events did not fit the queue, or your scope has changed; fetch what you show.",
                )
            scope, frame = await self._queue.get()
            if scope is None:
                return frame
            if verify is not None:
                await verify()
            if scope == (self.principal.clusters,):
                return frame
            self.missed += 1
            self._untold += 1

    @property
    def queued(self) -> int:
        return self._queue.qsize()


class Broadcast:
    """The job that reads the bus once for all readers. An event is encoded once for each distinct scope.

    Implements `LiveInterest`.
    """

    def __init__(self, bus: Bus, clock: Clock, catalogue: EventCatalogue) -> None:
        self._bus = bus
        self._clock = clock
        self._catalogue = catalogue
        self._readers: dict[UUID, Reader] = {}
        self._seen: Counter[str] = Counter()

    async def run(self) -> None:
        async with self._bus.subscribe(queue_size=10_000) as subscription:
            while True:
                self.tell(await subscription.next())

    def tell(self, event: EventEnvelope) -> None:
        self._seen[event.event_type] += 1
        bodies: dict[frozenset[UUID], bytes] = {}
        for reader in self._readers.values():
            seen = domain.visible_clusters(reader.principal, event)
            if seen is None or not any(domain.wanted(s, event, seen) for s in reader.subscriptions.values()):
                continue
            if seen not in bodies:
                bodies[seen] = domain.event_body(event, seen)
            reader.offer(bodies[seen])

    def join(self, principal: Principal) -> Reader:
        principal.require(Role.VIEWER)
        reader = Reader(principal, self._clock.now())
        self._readers[reader.id] = reader
        return reader

    def leave(self, reader: Reader) -> None:
        self._readers.pop(reader.id, None)

    def clusters_for(self, event_type: str) -> frozenset[UUID] | None:
        found: frozenset[UUID] = frozenset()
        for reader in self._readers.values():
            for subscription in reader.subscriptions.values():
                if event_type not in subscription.event_types:
                    continue
                read = domain.read_clusters(reader.principal, subscription)
                if read is None:
                    return None
                found |= read
        return found

    def unknown_event_types(self, subscription: Subscription) -> list[str]:
        return [name for name in subscription.event_types if name not in self._catalogue]

    def status(self, principal: Principal) -> StreamingStatus:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        return StreamingStatus(len(self._readers), dict(self._seen))

    def readers(self, principal: Principal) -> list[ReaderStatus]:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        return [
            ReaderStatus(
                r.id, r.principal.name, r.connected_at, r.seq - r.missed, r.missed, r.queued, len(r.subscriptions)
            )
            for r in self._readers.values()
        ]
