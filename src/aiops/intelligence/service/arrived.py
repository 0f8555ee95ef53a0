"""Batches that wait to be looked at."""

from __future__ import annotations

import asyncio
from uuid import UUID

from aiops.observability.ports import WatchBatch

MOST_WAITING = 10_000


class Arrived:
    """In the order of their coming; of one watch on one cluster only the first is handed out at a time.

    Past 10,000 the oldest are missed: what is seen late helps nobody, and the next look comes.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[UUID, str, float], WatchBatch] = {}
        self._some = asyncio.Event()

    def put(self, batch: WatchBatch) -> None:
        self._waiting[batch.cluster_id, batch.watch.name, batch.at] = batch
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._some.set()

    async def next(self, most: int) -> list[WatchBatch]:
        """At least one."""
        await self._some.wait()
        chosen: dict[tuple[UUID, str], WatchBatch] = {}
        for batch in self._waiting.values():
            chosen.setdefault((batch.cluster_id, batch.watch.name), batch)
            if len(chosen) == most:
                break
        for batch in chosen.values():
            del self._waiting[batch.cluster_id, batch.watch.name, batch.at]
        if not self._waiting:
            self._some.clear()
        return list(chosen.values())
