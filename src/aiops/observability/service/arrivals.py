"""Tells those who evaluate that new samples of a cluster are stored; it carries no samples."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID


class ArrivalsReader:
    """What one reader has not seen yet: at most one entry a cluster, so a slow reader skips, and never grows."""

    def __init__(self) -> None:
        self._newest: dict[UUID, float] = {}
        self._filled = asyncio.Event()

    def put(self, cluster_id: UUID, newest: float) -> None:
        self._newest[cluster_id] = max(newest, self._newest.get(cluster_id, newest))
        self._filled.set()

    async def next(self) -> tuple[UUID, float]:
        """The cluster that has waited longest and the Unix time of its newest sample."""
        await self._filled.wait()
        cluster_id = next(iter(self._newest))
        newest = self._newest.pop(cluster_id)
        if not self._newest:
            self._filled.clear()
        return cluster_id, newest


class SampleArrivals:
    """One announcement a stored batch; made once for the process."""

    def __init__(self) -> None:
        self._readers: set[ArrivalsReader] = set()

    def announce(self, cluster_id: UUID, newest: float) -> None:
        for reader in self._readers:
            reader.put(cluster_id, newest)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[ArrivalsReader]:
        reader = ArrivalsReader()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
