"""The hub's own store and what asks it, real, for clusters whose samples lie there."""

from __future__ import annotations

from typing import Any, cast

from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.watches import WatchBook, WatchService
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.watches import PostgresWatchStore
from tests.observability.watching import FakeClusters, FakeQueries


def own_metrics(database: Database, clock: Clock, *clusters: Any) -> MetricsService:
    remote = cast(Any, None)
    return MetricsService(clock, FakeClusters(*clusters), remote, OwnSamples(database, PostgresSampleStore()))


def own_feed(database: Database, clock: Clock, *clusters: Any) -> WatchService:
    """Records into the same store; no cluster has a past."""
    queries = FakeQueries()
    queries.answers = {one.id: lambda _: [] for one in clusters}
    return WatchService(
        queries=queries,
        clusters=FakeClusters(*clusters),
        transactions=database,
        store=PostgresSampleStore(),
        clock=clock,
        book=WatchBook(database, clock, PostgresWatchStore()),
    )
