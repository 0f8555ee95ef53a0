"""Observability's ports for tests of the contexts that use them: in memory, driven by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import numpy as np

from aiops.kernel.database import Transaction
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal
from aiops.observability.needs import KeptWatch
from aiops.observability.ports import (
    Alert,
    AnomalyRate,
    Floats,
    InstantResult,
    InstantSeries,
    RangeResult,
    RangeSeries,
    Watch,
    WatchBatch,
    WatchHistory,
    WatchLook,
)
from aiops.observability.ports_signals import LogOrigin, LogRead, LogRecord


class FakeWatchFeed:
    """Gives the batches put into it; `past` is what `history` answers, by cluster and watch."""

    def __init__(self, watches: Sequence[Watch] = ()) -> None:
        self._watches = list(watches)
        self._batches: asyncio.Queue[WatchBatch] = asyncio.Queue()
        self.past: dict[tuple[UUID, str], WatchHistory] = {}
        self.rates: list[AnomalyRate] = []
        self.recorded: list[WatchLook] = []
        self.recorded_past: list[tuple[UUID, str, WatchHistory]] = []

    def put(self, batch: WatchBatch) -> None:
        self._batches.put_nowait(batch)

    async def follow(self, principal: Principal) -> AsyncIterator[WatchBatch]:
        while True:
            yield await self._batches.get()

    async def history(
        self, principal: Principal, cluster_id: UUID, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        nothing = WatchHistory(np.zeros(0), [], np.zeros((0, 0)))
        return self.past.get((cluster_id, watch.name), nothing)

    async def record(self, principal: Principal, looks: Sequence[WatchLook]) -> None:
        self.recorded += looks

    async def record_past(self, principal: Principal, cluster_id: UUID, watch: Watch, past: WatchHistory) -> None:
        self.recorded_past.append((cluster_id, watch.name, past))

    async def record_rates(self, principal: Principal, rates: Sequence[AnomalyRate]) -> None:
        self.rates += rates

    def watches(self) -> list[Watch]:
        return self._watches

    async def find(self, principal: Principal, name: str) -> Watch:
        for watch in self._watches:
            if watch.name == name:
                return watch
        raise NotFound("There is no such watch.")


class FakeAlerts:
    def __init__(self) -> None:
        self._alerts: dict[tuple[UUID, str], Alert] = {}

    def put(self, alert: Alert) -> None:
        self._alerts[alert.cluster_id, alert.fingerprint] = alert

    async def get(self, principal: Principal, cluster_id: UUID, fingerprint: str) -> Alert:
        found = self._alerts.get((cluster_id, fingerprint))
        if found is None or not principal.sees(cluster_id):
            raise NotFound("There is no such alert.")
        return found

    async def several(self, principal: Principal, wanted: Sequence[tuple[UUID, str]]) -> list[Alert]:
        return [self._alerts[one] for one in wanted if one in self._alerts and principal.sees(one[0])]


class FakeWatchStore:
    """`needs.WatchStore` in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptWatch] = {}

    async def all(self, tx: Transaction) -> list[KeptWatch]:
        return [self._kept[name] for name in sorted(self._kept)]

    async def get(self, tx: Transaction, name: str, *, lock: bool = False) -> KeptWatch | None:
        return self._kept.get(name)

    async def add(self, tx: Transaction, watch: KeptWatch) -> bool:
        if watch.name in self._kept:
            return False
        self._kept[watch.name] = watch
        return True

    async def change(self, tx: Transaction, watch: KeptWatch) -> None:
        self._kept[watch.name] = watch

    async def delete(self, tx: Transaction, name: str) -> None:
        self._kept.pop(name, None)

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        for name, watch in list(self._kept.items()):
            left = [one for one in watch.clusters or () if one != cluster_id]
            if watch.clusters is not None and not left:
                del self._kept[name]
            elif watch.clusters is not None:
                self._kept[name] = msgspec.structs.replace(watch, clusters=left)


class FakeMetrics:
    """`ports.Metrics` that answers every query with `series`, by name; each cluster's answer is the same."""

    def __init__(self) -> None:
        self.series: dict[str, tuple[Floats, Floats]] = {}

    async def query(
        self,
        principal: Principal,
        query: str,
        *,
        at: datetime | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> InstantResult:
        latest = [(name, times[-1], values[-1]) for name, (times, values) in self.series.items()]
        return InstantResult([InstantSeries({"name": name}, (float(at), str(value))) for name, at, value in latest], [])

    async def query_range(
        self,
        principal: Principal,
        query: str,
        *,
        start: datetime,
        end: datetime,
        step_s: float,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> RangeResult:
        found = []
        for name, (times, values) in self.series.items():
            pairs = [(float(t), str(float(v))) for t, v in zip(times, values, strict=True)]
            within = [pair for pair in pairs if start.timestamp() <= pair[0] <= end.timestamp()]
            found.append(RangeSeries({"name": name}, within))
        return RangeResult(found, [])


class FakeLogFeed:
    """Lines that are given, by origin; a position is how many of them were read."""

    def __init__(self, lines: Mapping[LogOrigin, Sequence[LogRecord]] | None = None) -> None:
        self.lines = dict(lines or {})

    async def origins(self, principal: Principal) -> list[LogOrigin]:
        return [origin for origin in self.lines if principal.sees(origin.cluster_id)]

    async def read(self, principal: Principal, origin: LogOrigin, position: str | None, limit: int) -> LogRead:
        begun = int(position) if position and position.isdecimal() else 0
        records = list(self.lines[origin][begun : begun + limit])
        until = records[-1].at if records else datetime.now(UTC)
        return LogRead(records, str(begun + len(records)), until)
