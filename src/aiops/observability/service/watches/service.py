"""Watches: evaluates them on clusters, hands the results out, looks into their past, and keeps what was expected."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import NotFound, Rejected, TimedOut
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs import InstantQueries, SampleStore
from aiops.observability.ports import AnomalyRate, Expectation, Sample, Watch, WatchBatch, WatchHistory, WatchLook
from aiops.observability.service.watches.book import WatchBook, as_watch, with_terms
from aiops.observability.service.watches.bounds import PER_WATCH, caps_for, choose, in_order, subjects
from aiops.observability.service.watches.fitting import QUERY_TIMEOUT_S, Fitting, unfitted
from aiops.observability.service.watches.readers import BatchReaders
from aiops.observability.watches import CATALOGUE
from aiops.observability.watches.templates import WatchTemplate
from aiops.registry.ports import Cluster, Clusters

_PAST_SERIES = 20
_ALL = ""
_REST_S = 120.0

_log = structlog.get_logger(__name__)


class WatchService:
    """Implements `ports.WatchFeed`. The jobs beside it decide when a cluster is evaluated."""

    def __init__(
        self,
        *,
        queries: InstantQueries,
        clusters: Clusters,
        transactions: Transactions,
        store: SampleStore,
        clock: Clock,
        book: WatchBook,
        catalogue: Sequence[WatchTemplate] = CATALOGUE,
        series_limit: int = PER_WATCH,
    ) -> None:
        self._queries = queries
        self._clusters = clusters
        self._transactions = transactions
        self._store = store
        self._clock = clock
        self._book = book
        self._catalogue = catalogue
        self._series_limit = series_limit
        self._fitting = Fitting(catalogue, queries, clock)
        self._readers = BatchReaders()
        self._counts: dict[UUID, dict[str, int]] = {}
        self._failing: dict[tuple[UUID, str], str] = {}
        self._resting: dict[tuple[UUID, str], float] = {}

    def watches(self) -> list[Watch]:
        """The shipped ones; their queries as the hub's own machine would be asked."""
        return [unfitted(template) for template in self._catalogue]

    async def find(self, principal: Principal, name: str) -> Watch:
        principal.require(Role.VIEWER)
        kept = (await self._book.kept()).get(name)
        shipped = next((watch for watch in self.watches() if watch.name == name), None)
        if shipped is not None:
            return shipped if kept is None else with_terms(shipped, kept)
        if kept is None or kept.query is None or not kept.seen_by(principal):
            raise NotFound("There is no such watch.")
        return as_watch(kept)

    def follow(self, principal: Principal) -> AsyncIterator[WatchBatch]:
        """Evaluations of clusters in scope, from this call on."""
        principal.require(Role.VIEWER)
        return self._readers.follow(principal)

    async def history(
        self, principal: Principal, cluster_id: UUID, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        """Raises `Retriable` where the cluster does not answer: that is not the same as having no past."""
        principal.require(Role.VIEWER)
        cluster = await self._clusters.get(principal, cluster_id)
        fitted = await self._fitting.of(principal, cluster, self._clock.now())
        asked = next((one for one in fitted if one.name == watch.name), watch)
        times, labels, matrix = await self._queries.evaluate_range(
            principal, cluster_id, asked.query, start, end, step_s
        )
        if not labels:
            return WatchHistory(times, [], np.empty((0, len(times))))
        matrix = np.where(np.isfinite(matrix), matrix, np.nan)
        alive = np.flatnonzero(~np.isnan(matrix).all(axis=1))
        series = subjects([labels[i] for i in alive], asked.subject_labels)
        kept = in_order(series, asked.subject_labels)[: self._series_limit]
        return WatchHistory(times, [series[i] for i in kept], matrix[alive[kept]], len(series) - len(kept))

    async def record(self, principal: Principal, looks: Sequence[WatchLook]) -> None:
        """Straight into the store and not by the intake: nothing arrived, so nothing is to be evaluated again."""
        principal.require(Role.OPERATOR)
        samples: dict[UUID, list[Sample]] = {}
        for look in looks:
            if not principal.sees(look.cluster_id):
                await self._clusters.get(principal, look.cluster_id)
            mine = samples.setdefault(look.cluster_id, [])
            mine += [sample for one in look.expectations for sample in _samples(look.watch, look.at, one)]
        async with self._transactions.begin() as tx:
            for cluster_id, found in samples.items():
                if found:
                    await self._store.append(tx, cluster_id, found)
            await tx.commit()

    async def record_past(self, principal: Principal, cluster_id: UUID, watch: Watch, past: WatchHistory) -> None:
        """A few series a transaction, so that an hour of many series holds nobody up."""
        principal.require(Role.OPERATOR)
        if not principal.sees(cluster_id):
            await self._clusters.get(principal, cluster_id)
        for first in range(0, len(past.series), _PAST_SERIES):
            samples = [
                Sample({**labels, "__name__": "aiops:watch:value", "watch": watch.name}, at, value)
                for labels, row in zip(
                    past.series[first : first + _PAST_SERIES], past.values[first : first + _PAST_SERIES], strict=True
                )
                for at, value in zip(past.times.tolist(), row.tolist(), strict=True)
                if not math.isnan(value)
            ]
            if samples:
                async with self._transactions.begin() as tx:
                    await self._store.append(tx, cluster_id, samples)
                    await tx.commit()

    async def record_rates(self, principal: Principal, rates: Sequence[AnomalyRate]) -> None:
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            for rate in rates:
                if not principal.sees(rate.cluster_id):
                    await self._clusters.get(principal, rate.cluster_id)
                await self._store.append(tx, rate.cluster_id, _rate_samples(rate))
            await tx.commit()

    async def evaluate(self, cluster: Cluster, at: datetime, *, interval_s: float) -> None:
        """Evaluate the cluster's watches and hand the results out. Says once that it fails, and once that it recovered;
        one query that is refused does not stop the others, a cluster that does not answer is left for this round."""
        me = Principal.system("watches")
        try:
            fitted = await self._book.of(cluster.id, await self._fitting.of(me, cluster, at))
            last = self._counts.get(cluster.id, {})
            cap = caps_for([watch.name for watch in fitted], last, self._series_limit)
            counts: dict[str, int] = {}
            for watch in fitted:
                found = await self._one(me, cluster, watch, at, interval_s, cap)
                counts[watch.name] = found if found is not None else last.get(watch.name, 0)
            self._counts[cluster.id] = counts
        except Exception as error:
            self._failed(cluster, _ALL, error)
        else:
            self._recovered(cluster, _ALL)

    def keep_only(self, cluster_ids: Iterable[UUID]) -> None:
        """Forget what is known of clusters that are no more."""
        kept = set(cluster_ids)
        self._fitting.keep_only(kept)
        self._counts = {key: counts for key, counts in self._counts.items() if key in kept}
        self._failing = {key: error for key, error in self._failing.items() if key[0] in kept}
        self._resting = {key: until for key, until in self._resting.items() if key[0] in kept}

    def failures(self, watch: str) -> dict[UUID, str]:
        """Why this watch can't be evaluated now, by the clusters where that is so."""
        return {cluster_id: error for (cluster_id, name), error in self._failing.items() if name in (watch, _ALL)}

    async def _one(
        self, me: Principal, cluster: Cluster, watch: Watch, at: datetime, interval_s: float, cap: int
    ) -> int | None:
        resting = (cluster.id, watch.name)
        if self._clock.monotonic() < self._resting.get(resting, 0.0):
            return None
        try:
            labels, values = await self._queries.evaluate_instant(
                me, cluster.id, watch.query, at, timeout_s=QUERY_TIMEOUT_S
            )
        except TimedOut as error:
            if watch.subject_labels:
                raise
            # A user's query that is too much for this cluster must not be asked again every 15 s.
            self._resting[resting] = self._clock.monotonic() + _REST_S
            self._failed(cluster, watch.name, error)
            return None
        except Rejected as error:
            self._failed(cluster, watch.name, error)
            return None
        self._recovered(cluster, watch.name)
        series, kept, dropped = choose(labels, values, watch.subject_labels, cap)
        self._readers.put(
            WatchBatch(
                cluster_id=cluster.id,
                watch=watch,
                at=at.timestamp(),
                interval_s=interval_s,
                series=series,
                values=kept,
                dropped=dropped,
            )
        )
        return len(labels)

    def _failed(self, cluster: Cluster, what: str, error: Exception) -> None:
        new = (cluster.id, what) not in self._failing
        self._failing[cluster.id, what] = str(error)
        if new:
            _log.warning(
                "watch_failed", cluster=cluster.name, watch=what or "all", error=str(error), kind=type(error).__name__
            )

    def _recovered(self, cluster: Cluster, what: str) -> None:
        if self._failing.pop((cluster.id, what), None) is not None:
            _log.info("watch_recovered", cluster=cluster.name, watch=what or "all")


def _rate_samples(rate: AnomalyRate) -> list[Sample]:
    parts: dict[str, float] = {"series_watched": rate.watched, "series_anomalous": rate.anomalous}
    if rate.watched:
        parts["anomaly_rate"] = rate.anomalous / rate.watched
    return [Sample({"__name__": f"aiops:{name}"}, rate.at, number) for name, number in parts.items()]


def _samples(watch: Watch, at: float, one: Expectation) -> list[Sample]:
    parts = {"value": one.value, "expected": one.expected, "lower": one.lower, "upper": one.upper}
    return [
        Sample({**one.labels, "__name__": f"aiops:watch:{part}", "watch": watch.name}, at, number)
        for part, number in parts.items()
        if not math.isnan(number)
    ]
