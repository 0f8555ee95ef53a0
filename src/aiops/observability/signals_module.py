"""Wires logs and traces; `module.py` takes this into the context."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.interest import LiveInterest
from aiops.kernel.module import JobSpec
from aiops.kernel.plugins import Plugins, load_plugins
from aiops.observability.needs import PolledLogs
from aiops.observability.ports_signals import LogFeed, Logs, LogTail, Traces
from aiops.observability.service.log_feed import LogReader
from aiops.observability.service.logs import LogsService
from aiops.observability.service.logs_labels import LogNames
from aiops.observability.service.logs_remote import RemoteLogs
from aiops.observability.service.logs_tail import LogFollower
from aiops.observability.service.traces import TracesService
from aiops.observability.service.traces_news import TraceNewsJob
from aiops.observability.service.traces_remote import RemoteTraces
from aiops.registry.ports import Clusters
from aiops.settings import Settings

_TAILS_PER_HOST = 64


async def _news(container: AsyncContainer) -> TraceNewsJob:
    return await container.get(TraceNewsJob)


SIGNAL_JOBS = (JobSpec("observability.trace_news", _news),)


class SignalsProvider(Provider):
    scope = Scope.APP

    @provide
    async def remote_logs(self, settings: Settings, clock: Clock) -> AsyncIterator[RemoteLogs]:
        # aiohttp takes long to import.
        from aiops.kernel.outbound import Outbound
        from aiops.observability.backends.loki import LokiBackend

        outbound = Outbound(allow_loopback=settings.allow_local_targets, timeout_s=None)
        tails = Outbound(allow_loopback=settings.allow_local_targets, per_host=_TAILS_PER_HOST, total=1_000)
        try:
            yield LokiBackend(
                outbound,
                tails,
                clock,
                max_series=settings.cluster_series_limit,
                at_once=settings.cluster_queries_at_once,
            )
        finally:
            await outbound.close()
            await tails.close()

    @provide
    async def remote_traces(self, settings: Settings, clock: Clock) -> AsyncIterator[RemoteTraces]:
        from aiops.kernel.outbound import Outbound
        from aiops.observability.backends.tempo import TempoBackend

        outbound = Outbound(allow_loopback=settings.allow_local_targets, timeout_s=None)
        try:
            yield TempoBackend(outbound, clock, at_once=settings.cluster_queries_at_once)
        finally:
            await outbound.close()

    @provide
    def traces_service(self, clock: Clock, clusters: Clusters, remote: RemoteTraces) -> TracesService:
        return TracesService(clock, clusters, remote)

    @provide
    def traces(self, service: TracesService) -> Traces:
        return service

    @provide
    def trace_news(
        self, clock: Clock, clusters: Clusters, remote: RemoteTraces, interest: LiveInterest, bus: Bus
    ) -> TraceNewsJob:
        return TraceNewsJob(clock, clusters, remote, interest, bus)

    @provide
    def logs_service(self, clock: Clock, clusters: Clusters, remote: RemoteLogs) -> LogsService:
        return LogsService(clock, clusters, remote)

    @provide
    def logs(self, service: LogsService) -> Logs:
        return service

    @provide
    def log_names(self, clock: Clock, clusters: Clusters, remote: RemoteLogs) -> LogNames:
        return LogNames(clock, clusters, remote)

    @provide
    def log_feed(self, clock: Clock, clusters: Clusters, logs: Logs, names: LogNames, settings: Settings) -> LogFeed:
        given = {"files": {"paths": [path.strip() for path in settings.log_files.split(",")]}}
        found: Plugins[PolledLogs] = load_plugins(
            "log_sources", package="aiops.observability.log_sources", contract=PolledLogs
        )
        return LogReader(clock, clusters, logs, names, {one.name: one.build(given.get(one.name)) for one in found})

    @provide
    def log_tail(self, clock: Clock, clusters: Clusters, remote: RemoteLogs) -> LogTail:
        return LogFollower(clock, clusters, remote)
