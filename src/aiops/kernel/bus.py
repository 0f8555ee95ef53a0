"""The live copy of the events. It wakes handlers and feeds streams; losing it loses no fact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiops.kernel.events import EventEnvelope


class Subscription(Protocol):
    async def next(self) -> EventEnvelope:
        """The next event, in order."""

    @property
    def missed(self) -> int:
        """How many events did not fit the queue since the start."""


class Bus(Protocol):
    def publish(self, event: EventEnvelope) -> None:
        """Hand a copy to every present subscriber; never blocks, never raises for a slow one."""

    def subscribe(self, *, queue_size: int = 1000) -> Any:
        """An async context manager giving a `Subscription`."""


class _Queue:
    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[EventEnvelope] = asyncio.Queue(size)
        self.missed = 0

    def put(self, event: EventEnvelope) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.missed += 1

    async def next(self) -> EventEnvelope:
        return await self._queue.get()


class InMemoryBus:
    """For one replica."""

    def __init__(self) -> None:
        self._subscribers: set[_Queue] = set()

    def publish(self, event: EventEnvelope) -> None:
        for subscriber in self._subscribers:
            subscriber.put(event)

    @asynccontextmanager
    async def subscribe(self, *, queue_size: int = 1000) -> AsyncIterator[_Queue]:
        queue = _Queue(queue_size)
        self._subscribers.add(queue)
        try:
            yield queue
        finally:
            self._subscribers.discard(queue)
