"""Wires log patterns; `module.py` takes this into the context."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.needs_patterns import LogFindingStore, LogPatternStore, LogSourceStore
from aiops.intelligence.service.findings import Findings
from aiops.intelligence.service.log_patterns.following import PatternFollower
from aiops.intelligence.service.log_patterns.reading import LogPatternReading
from aiops.intelligence.store.log_findings import SqlLogFindings, SqlLogSources
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.module import HandlerSpec, JobSpec
from aiops.kernel.outbox import Handle
from aiops.kernel.retention import Keep
from aiops.observability.ports_signals import LogFeed
from aiops.registry.events import ClusterDeleted
from aiops.settings import Settings


class LogPatternProvider(Provider):
    scope = Scope.APP

    @provide
    def log_patterns(self) -> LogPatternStore:
        return SqlLogPatterns()

    @provide
    def log_finding_store(self) -> LogFindingStore:
        return SqlLogFindings()

    @provide
    def log_source_store(self) -> LogSourceStore:
        return SqlLogSources()

    @provide
    def pattern_follower(
        self,
        database: Database,
        clock: Clock,
        feed: LogFeed,
        patterns: LogPatternStore,
        findings: LogFindingStore,
        sources: LogSourceStore,
        incidents: Findings,
        settings: Settings,
    ) -> PatternFollower:
        return PatternFollower(
            database,
            clock,
            feed,
            patterns,
            findings,
            sources,
            incidents,
            lines_per_minute=settings.log_lines_per_minute,
            patterns_limit=settings.log_patterns_limit,
        )

    @provide
    def pattern_reading(
        self,
        database: Database,
        clock: Clock,
        patterns: LogPatternStore,
        findings: LogFindingStore,
        sources: LogSourceStore,
    ) -> LogPatternReading:
        return LogPatternReading(database, clock, patterns, findings, sources)


async def _follower(container: AsyncContainer) -> PatternFollower:
    return await container.get(PatternFollower)


async def _on_cluster_deleted(container: AsyncContainer) -> Handle:
    patterns = await container.get(LogPatternStore)
    follower = await container.get(PatternFollower)

    async def forget(tx: Transaction, event: Event) -> None:
        if isinstance(event, ClusterDeleted):
            follower.forget(event.cluster_id)
            await patterns.forget_cluster(tx, event.cluster_id)

    return forget


async def keep_log_patterns(container: AsyncContainer) -> Keep:
    settings: Settings = await container.get(Settings)
    follower: PatternFollower = await container.get(PatternFollower)
    return Keep("log patterns", settings.log_patterns_retention_days, follower.let_go)


PATTERN_HANDLERS = (HandlerSpec("intelligence.log_patterns_of_cluster", (ClusterDeleted,), _on_cluster_deleted),)
PATTERN_JOBS = (JobSpec("intelligence.log_patterns", _follower),)
