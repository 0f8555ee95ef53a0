"""Evaluations on their way to those who follow them."""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import WeakSet

from aiops.kernel.principal import Principal
from aiops.observability.ports import WatchBatch

_QUEUE = 1_000


class BatchReader:
    """One follower: keeps at most 1,000 batches; past that the oldest are missed, and counted in `missed`."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._queue: deque[WatchBatch] = deque(maxlen=_QUEUE)
        self._filled = asyncio.Event()
        self.missed = 0

    def put(self, batch: WatchBatch) -> None:
        if not self._principal.sees(batch.cluster_id):
            return
        if len(self._queue) == _QUEUE:
            self.missed += 1
        self._queue.append(batch)
        self._filled.set()

    def __aiter__(self) -> BatchReader:
        return self

    async def __anext__(self) -> WatchBatch:
        await self._filled.wait()
        batch = self._queue.popleft()
        if not self._queue:
            self._filled.clear()
        return batch


class BatchReaders:
    """All followers. One that is forgotten is dropped, for nobody would empty its queue."""

    def __init__(self) -> None:
        self._readers: WeakSet[BatchReader] = WeakSet()

    def follow(self, principal: Principal) -> BatchReader:
        reader = BatchReader(principal)
        self._readers.add(reader)
        return reader

    def put(self, batch: WatchBatch) -> None:
        for reader in list(self._readers):
            reader.put(batch)
