"""Fakes for the tests of watches: clusters that answer by a script, a store that only remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np

from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal
from aiops.observability.ports import Floats, Labels, Sample
from aiops.observability.service.arrivals import SampleArrivals
from aiops.registry.ports import (
    Cluster,
    ClusterStatus,
    ClusterType,
    Connectivity,
    EndpointKind,
    Environment,
    Member,
    Platform,
    State,
    Target,
)

Answer = Callable[[str], list[tuple[Labels, float]]]

CPU = [({"__name__": "node_cpu_seconds_total"}, 8.0)]


def cluster(name: str, *, url: str | None = None, host: bool = False, state: State = State.ONLINE) -> Cluster:
    then = datetime(2026, 1, 1, tzinfo=UTC)
    return Cluster(
        id=uuid4(),
        name=name,
        display_name=name,
        cluster_type=ClusterType.SPOKE,
        platform=Platform.HOST if host else Platform.STANDALONE,
        environment=Environment.LAB,
        region=None,
        labels={},
        prometheus_url=url,
        status=ClusterStatus(state, Connectivity.CONNECTED, 100, {}, then),
        created_at=then,
        updated_at=then,
        last_seen_at=then,
    )


class FakeClusters:
    def __init__(self, *members: Cluster) -> None:
        self.fleet = list(members)

    async def visible(self, principal: Principal) -> list[Cluster]:
        return [one for one in self.fleet if principal.sees(one.id)]

    async def get(self, principal: Principal, cluster_id: UUID) -> Cluster:
        for one in await self.visible(principal):
            if one.id == cluster_id:
                return one
        raise NotFound("There is no such cluster.", code="CLUSTER_NOT_FOUND")

    async def by_name(self, principal: Principal, name: str) -> Cluster:
        return next(one for one in await self.visible(principal) if one.name == name)

    async def local(self, principal: Principal) -> Cluster | None:
        hosts = [one for one in await self.visible(principal) if one.platform is Platform.HOST]
        return hosts[0] if hosts else None

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        return None

    async def targets(
        self, principal: Principal, kind: EndpointKind, cluster_ids: Sequence[UUID] | None = None
    ) -> list[Member]:
        wanted = [one.id for one in await self.visible(principal)] if cluster_ids is None else cluster_ids
        return [Member(await self.get(principal, cluster_id), None) for cluster_id in wanted]

    async def saw_samples(self, principal: Principal, cluster_id: UUID, at: datetime) -> None:
        return None


class FakeQueries:
    """Answers by `answers[cluster_id]`, a function of the query; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[UUID, Answer] = {}
        self.asked: list[tuple[UUID, str, datetime]] = []

    async def evaluate_instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime, *, timeout_s: float = 30.0
    ) -> tuple[list[Labels], Floats]:
        self.asked.append((cluster_id, query, at))
        rows = self.answers[cluster_id](query)
        return [labels for labels, _ in rows], np.array([value for _, value in rows], dtype=np.float64)

    async def evaluate_range(
        self,
        principal: Principal,
        cluster_id: UUID,
        query: str,
        start: datetime,
        end: datetime,
        step_s: float,
        *,
        timeout_s: float = 30.0,
    ) -> tuple[Floats, list[Labels], Floats]:
        self.asked.append((cluster_id, query, end))
        times = np.arange(start.timestamp(), end.timestamp() + step_s / 2, step_s)
        rows = self.answers[cluster_id](query)
        matrix = np.array([[value] * len(times) for _, value in rows]).reshape(len(rows), len(times))
        return times, [labels for labels, _ in rows], matrix


class FakeTransaction:
    def publish(self, event: object) -> None:
        raise AssertionError("watches state no facts")

    async def commit(self) -> None:
        return None


class FakeTransactions:
    @asynccontextmanager
    async def begin(self) -> AsyncIterator[FakeTransaction]:
        yield FakeTransaction()

    look = begin


class FakeIntake:
    """Stores as the real one does in what matters here: it announces what it took."""

    def __init__(self, arrivals: SampleArrivals) -> None:
        self._arrivals = arrivals
        self.taken: list[tuple[UUID, Sequence[Sample]]] = []

    async def append(self, principal: Principal, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        self.taken.append((cluster_id, samples))
        self._arrivals.announce(cluster_id, max(sample.timestamp for sample in samples))
        return 0


class FakeSource:
    interval_s = 5.0

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def collect(self, at: float) -> list[Sample]:
        if self.error:
            raise self.error
        return [Sample({"__name__": "node_load1"}, at, 1.0)]
