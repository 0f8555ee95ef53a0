"""Reads alerts where clusters keep them: their Alertmanager, or else their Prometheus' own rules."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, NotFound, Unavailable
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs import Pull, PullStore
from aiops.observability.ports import AlertFreshness, AlertOrigin
from aiops.observability.service.alert_pull_remote import FoundAlert, RemoteAlerts
from aiops.observability.service.alerts import MOST_ALERTS, AlertService
from aiops.registry.ports import Cluster, Clusters, ClusterType, EndpointKind

INTERVAL_S = 30.0
FRESH_S = 10.0
"""How old what is known may be while somebody looks."""

_INTERVALS = {ClusterType.EDGE: 60.0, ClusterType.FAR_EDGE: 120.0}
_JITTER = 0.1
_TIMEOUT_S = 10.0
_TICK_S = 1.0
_LIST_EVERY_S = 5.0
_HASTEN_EVERY_S = 2.0
_AT_ONCE = 20
_KINDS = {AlertOrigin.ALERTMANAGER: EndpointKind.ALERTMANAGER, AlertOrigin.PROMETHEUS: EndpointKind.PROMETHEUS}

log = structlog.get_logger(__name__)


def origin_of(cluster: Cluster) -> AlertOrigin | None:
    if cluster.alertmanager_url is not None:
        return AlertOrigin.ALERTMANAGER
    return AlertOrigin.PROMETHEUS if cluster.prometheus_url is not None else None


def _ways(cluster: Cluster, origin: AlertOrigin) -> tuple[str | None, ...]:
    if origin is AlertOrigin.ALERTMANAGER:
        return cluster.alertmanager_url, cluster.alertmanager_peer_url
    return (cluster.prometheus_url,)


class AlertPulling:
    """Reads one cluster's alerts, and says how old what is known of them is."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        clusters: Clusters,
        alerts: AlertService,
        pulls: PullStore,
        remotes: Mapping[AlertOrigin, RemoteAlerts],
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._clusters = clusters
        self._alerts = alerts
        self._pulls = pulls
        self._remotes = remotes
        self._hastened_at: dict[UUID, float] = {}

    async def pull(self, principal: Principal, cluster: Cluster) -> str | None:
        """Read and keep; gives why that failed. What was known stands then."""
        principal.require(Role.OPERATOR)
        asked_at = self._clock.now()
        try:
            error = await self._read(principal, cluster, asked_at)
        except AiopsError as failure:
            if failure.code == "CLUSTER_NOT_FOUND":
                raise
            await self._keep(Pull(cluster.id, asked_at, None, failure.message))
            return failure.message
        await self._keep(Pull(cluster.id, asked_at, asked_at, error))
        return error

    async def freshness(self, principal: Principal, cluster_ids: Sequence[UUID] = ()) -> list[AlertFreshness]:
        """Of these clusters, or of all in scope. What is older than 10 s is read anew soon after: somebody looks."""
        principal.require(Role.VIEWER)
        seen = await self._clusters.visible(principal)
        wanted = [one for one in seen if not cluster_ids or one.id in cluster_ids]
        async with self._transactions.begin() as tx:
            pulls = await self._pulls.all(tx, [one.id for one in wanted])
        await self._hasten([one for one in wanted if origin_of(one) is not None])
        return [self._fresh(one, pulls.get(one.id)) for one in wanted]

    async def changed(self, cluster_ids: Sequence[UUID]) -> None:
        """What is known of these is old from now on, for somebody changed something there."""
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            await self._pulls.hasten(tx, cluster_ids, now, now)
            await tx.commit()

    async def _read(self, principal: Principal, cluster: Cluster, asked_at: datetime) -> str | None:
        origin = origin_of(cluster)
        target = await self._clusters.target(principal, _KINDS[origin], cluster.id) if origin else None
        if origin is None or target is None:
            raise Unavailable("It has no Alertmanager and no Prometheus to be asked.")
        remote = self._remotes[origin]
        found = await remote.alerts(target, _TIMEOUT_S)
        kept = _bounded(found)
        whole = len(kept) == len(found)
        kept = await self._alerts.shaped(principal, cluster.id, kept, origin.value.lower())
        up_since = None
        if whole and await self._alerts.missing(principal, cluster.id, kept):
            try:
                up_since = await remote.up_since(target, _TIMEOUT_S)
            except AiopsError:
                up_since = None
        now = await self._clusters.get(principal, cluster.id)
        if _ways(now, origin) != _ways(cluster, origin):
            raise Unavailable("It was pointed elsewhere while it was asked.")
        await self._alerts.settle(principal, cluster.id, kept, asked_at=asked_at, up_since=up_since, whole=whole)
        return None if whole else f"It has {len(found)} alerts, of which the hub takes {MOST_ALERTS}."

    async def _keep(self, pull: Pull) -> None:
        async with self._transactions.begin() as tx:
            await self._pulls.keep(tx, pull)
            await tx.commit()

    async def _hasten(self, clusters: Sequence[Cluster]) -> None:
        at, now = self._clock.monotonic(), self._clock.now()
        due = [one.id for one in clusters if at - self._hastened_at.get(one.id, -_HASTEN_EVERY_S) >= _HASTEN_EVERY_S]
        if not due:
            return
        self._hastened_at |= dict.fromkeys(due, at)
        async with self._transactions.begin() as tx:
            await self._pulls.hasten(tx, due, now - timedelta(seconds=FRESH_S), now)
            await tx.commit()

    def _fresh(self, cluster: Cluster, pull: Pull | None) -> AlertFreshness:
        origin = origin_of(cluster)
        if origin is None or pull is None:
            return AlertFreshness(cluster.id, cluster.name, origin, None)
        age_s = None
        if pull.answered_at is not None:
            age_s = round(max(0.0, (self._clock.now() - pull.answered_at).total_seconds()), 3)
        return AlertFreshness(cluster.id, cluster.name, origin, age_s, pull.error)


class AlertPullJob:
    """Every cluster's turn comes every 30 s (EDGE 60, FAR_EDGE 120), at a moment of its own; of several replicas, the
    one that claims it first reads."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        clusters: Clusters,
        pulls: PullStore,
        pulling: AlertPulling,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._clusters = clusters
        self._pulls = pulls
        self._pulling = pulling
        self._principal = Principal.system("alerts")
        self._listed: dict[UUID, Cluster] = {}
        self._list_due = clock.monotonic()
        self._failing: set[UUID] = set()

    async def run(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                for cluster in await self._claim(_AT_ONCE - len(under_way)):
                    task = asyncio.create_task(self._pull(cluster))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                await self._clock.sleep(_TICK_S)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def tick(self) -> int:
        """Read what is due, wait for it, and say how many clusters that were."""
        due = await self._claim(_AT_ONCE)
        await asyncio.gather(*(self._pull(cluster) for cluster in due))
        return len(due)

    async def _claim(self, limit: int) -> list[Cluster]:
        await self._list()
        now = self._clock.now()
        until = {key: now + _pause(cluster) for key, cluster in self._listed.items()}
        async with self._transactions.begin() as tx:
            claimed = await self._pulls.claim(tx, until, now, limit)
            if claimed:
                await tx.commit()
        return [self._listed[key] for key in claimed]

    async def _list(self) -> None:
        if self._clock.monotonic() < self._list_due:
            return
        self._list_due = self._clock.monotonic() + _LIST_EVERY_S
        clusters = await self._clusters.visible(self._principal)
        self._listed = {one.id: one for one in clusters if origin_of(one) is not None}
        self._failing &= set(self._listed)

    async def _pull(self, cluster: Cluster) -> None:
        try:
            error = await self._pulling.pull(self._principal, cluster)
        except NotFound:
            # Removed since it was listed.
            return
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        if error is not None and cluster.id not in self._failing:
            self._failing.add(cluster.id)
            log.warning("alerts_not_read", cluster=cluster.name, error=error)
        elif error is None and cluster.id in self._failing:
            self._failing.discard(cluster.id)
            log.info("alerts_read_again", cluster=cluster.name)


def _bounded(found: Sequence[FoundAlert]) -> list[FoundAlert]:
    """The same ones every time."""
    if len(found) <= MOST_ALERTS:
        return list(found)
    return sorted(found, key=lambda alert: alert.fingerprint)[:MOST_ALERTS]


def _pause(cluster: Cluster) -> timedelta:
    interval = _INTERVALS.get(cluster.cluster_type, INTERVAL_S)
    # Spread, so that a hundred clusters that were added at once are not read at once for ever.
    return timedelta(seconds=interval * random.uniform(1 - _JITTER, 1))  # noqa: S311
