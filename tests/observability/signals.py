"""Clusters with a Loki or a Tempo each, in memory: what the tests of logs and traces share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiops.kernel.clock import Clock, SystemClock
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal
from aiops.observability.backends.asking import MAX_SERIES
from aiops.observability.backends.loki import LokiBackend
from aiops.observability.backends.tempo import TempoBackend
from aiops.observability.service.logs import LogsService
from aiops.observability.service.logs_labels import LogNames
from aiops.observability.service.logs_tail import LogFollower
from aiops.observability.service.traces import TracesService
from tests.observability.clusters import Fleet

SYSTEM = Principal.system("test")


class AskingLogs(NamedTuple):
    logs: LogsService
    names: LogNames
    tail: LogFollower


@asynccontextmanager
async def asking_logs(
    fleet: Fleet, clock: Clock | None = None, *, max_reply_bytes: int = 1024 * 1024, max_series: int = MAX_SERIES
) -> AsyncIterator[AskingLogs]:
    outbound, tails = Outbound(allow_loopback=True), Outbound(allow_loopback=True)
    clock = clock or SystemClock()
    remote = LokiBackend(outbound, tails, clock, max_reply_bytes=max_reply_bytes, max_series=max_series)
    try:
        yield AskingLogs(
            LogsService(clock, fleet, remote), LogNames(clock, fleet, remote), LogFollower(clock, fleet, remote)
        )
    finally:
        await outbound.close()
        await tails.close()


@asynccontextmanager
async def asking_traces(
    fleet: Fleet, clock: Clock | None = None, *, settle_s: float = 2.0
) -> AsyncIterator[TracesService]:
    outbound = Outbound(allow_loopback=True)
    clock = clock or SystemClock()
    try:
        yield TracesService(clock, fleet, TempoBackend(outbound, clock), settle_s=settle_s)
    finally:
        await outbound.close()
