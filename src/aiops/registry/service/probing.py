"""Finding out how the clusters are: on demand, and each at its own pace."""

from __future__ import annotations

import asyncio
import random
import socket
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, NotFound
from aiops.kernel.principal import Principal, Role
from aiops.kernel.secrets import SecretUnreadable
from aiops.registry import domain
from aiops.registry.needs import ClusterRecord, Prober, Store
from aiops.registry.ports import Cluster, EndpointKind, EndpointStatus, Platform, Target
from aiops.registry.service.fleet import find, target_of, write_status
from aiops.registry.service.membership import Membership
from aiops.registry.service.secrets import credentials_updated, expiry_warnings
from aiops.registry.vault import Secrets, Vault

OFFERED_URL = "http://127.0.0.1:9090"

_TICK_S = 1.0
_JITTER = 0.1
_AT_ONCE = 50
_OFFER_TIMEOUT_S = 1.0
_OFFER_FOR_S = 30.0
_FORGET_EVERY_S = 3600.0
_NO_CLUSTER = UUID(int=0)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

log = structlog.get_logger(__name__)


class Offer(msgspec.Struct, frozen=True):
    """A Prometheus on this machine that nobody has registered; registering it is up to the user."""

    name: str
    prometheus_url: str
    version: str


class Probing:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        vault: Vault,
        prober: Prober,
        *,
        offered_url: str | None = OFFERED_URL,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._prober = prober
        self._offered_url = offered_url
        self._offer_seen: tuple[float, str | None] | None = None

    async def refresh(self, principal: Principal, cluster_id: UUID) -> Cluster:
        """Probe it now."""
        principal.require(Role.OPERATOR)
        await self.probe(principal, cluster_id)
        async with self._transactions.begin() as tx:
            return (await find(self._store, tx, principal, cluster_id)).cluster

    async def probe(self, principal: Principal, cluster_id: UUID) -> None:
        """Probe one cluster and keep what was found."""
        async with self._transactions.begin() as tx:
            asked = await find(self._store, tx, principal, cluster_id)
        endpoints = await self._look(asked)
        async with self._transactions.begin() as tx:
            record = await self._store.get(tx, cluster_id, lock=True)
            # Removed, or pointed elsewhere, while we asked: the finding is of something else.
            if record is None or record.cluster.updated_at != asked.cluster.updated_at:
                return
            if record.cluster.platform is Platform.HOST:
                endpoints = {domain.SAMPLES: domain.freshness(record.cluster.last_seen_at, self._clock.now())}
            recent = [*record.recent, domain.judged_ok(endpoints)][-domain.RECENT_PROBES :]
            now = self._clock.now()
            status = domain.status_of(endpoints, recent, now)
            status = msgspec.structs.replace(status, warnings=expiry_warnings(record, self._secrets(record), now))
            await write_status(self._store, tx, record, status, recent)
            warned = bool(status.warnings) and not record.cluster.status.warnings
            if warned:
                tx.publish(credentials_updated(record.cluster, "EXPIRING", now))
            await tx.commit()
        if warned:
            log.warning("cluster_credentials_expire", cluster=record.cluster.name, warnings=status.warnings)

    async def offers(self, principal: Principal) -> list[Offer]:
        """A Prometheus seen at this machine's usual port, unless it is registered; looked for at most every 30 s."""
        principal.require(Role.VIEWER)
        if principal.clusters is not None or self._offered_url is None:
            return []
        async with self._transactions.begin() as tx:
            clusters = await self._store.all(tx, None)
        if any(_same_server(cluster.prometheus_url, self._offered_url) for cluster in clusters):
            return []
        version = await self._version_offered(self._offered_url)
        if version is None:
            return []
        taken = {cluster.name for cluster in clusters}
        names = ("local-prometheus", *(f"local-prometheus-{number}" for number in range(2, len(taken) + 3)))
        name = next(name for name in names if name not in taken)
        return [Offer(name, self._offered_url, version)]

    async def _version_offered(self, url: str) -> str | None:
        now = self._clock.monotonic()
        if self._offer_seen is None or now - self._offer_seen[0] >= _OFFER_FOR_S:
            self._offer_seen = (now, await self._prober.version(_unregistered(url), _OFFER_TIMEOUT_S))
        return self._offer_seen[1]

    async def _look(self, record: ClusterRecord) -> dict[str, EndpointStatus]:
        """All endpoints at once, within the one deadline that the cluster's type allows."""
        timeout_s = domain.pace_of(record.cluster.cluster_type, record.cluster.platform).timeout_s
        kinds = [kind for kind in EndpointKind if record.cluster.url(kind) is not None]
        found = await asyncio.gather(*(self._look_at(record, kind, timeout_s) for kind in kinds))
        return {kind.value.lower(): status for kind, status in zip(kinds, found, strict=True)}

    def _secrets(self, record: ClusterRecord) -> Secrets:
        try:
            return self._vault.secrets(record.cluster.id, record.sealed)
        except SecretUnreadable:
            # Each endpoint says so.
            return Secrets()

    async def _look_at(self, record: ClusterRecord, kind: EndpointKind, timeout_s: float) -> EndpointStatus:
        try:
            target = target_of(self._vault, record, kind)
        except SecretUnreadable as error:
            return EndpointStatus(False, self._clock.now(), None, f"{error.message} Enter it again.")
        except AiopsError as error:
            return EndpointStatus(False, self._clock.now(), None, record.renewal_problem or error.message)
        assert target is not None
        return await self._prober.probe(target, timeout_s)


class ProbeJob:
    """Probes each cluster at its own pace; of several replicas, the one that claims a cluster first."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        probing: Probing,
        membership: Membership,
        *,
        watch_host: bool,
        keep_days: int = 7,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._probing = probing
        self._membership = membership
        self._watch_host = watch_host
        self._keep = timedelta(days=keep_days)
        self._principal = Principal.system("registry.prober")
        self._failing: set[UUID] = set()
        self._started_at: datetime | None = None

    async def run(self) -> None:
        await self.start()
        under_way: set[asyncio.Task[None]] = set()
        forget_at = self._clock.monotonic()
        try:
            while True:
                for cluster_id in await self.claim(_AT_ONCE - len(under_way)):
                    task = asyncio.create_task(self._probe(cluster_id))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                if self._clock.monotonic() >= forget_at:
                    await self.forget()
                    forget_at = self._clock.monotonic() + _FORGET_EVERY_S
                await self._clock.sleep(_TICK_S)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def start(self) -> None:
        """Note when the watching began, and make the cluster of this machine where it is wanted and was never made."""
        self._started_at = self._clock.now()
        if self._watch_host:
            await self._membership.ensure_local(self._principal, socket.gethostname())

    async def tick(self) -> int:
        """Probe all that is due, wait for it, and say how many that were."""
        due = await self.claim(_AT_ONCE)
        await asyncio.gather(*(self._probe(cluster_id) for cluster_id in due))
        return len(due)

    async def claim(self, limit: int) -> list[UUID]:
        """Take what is due and set its next time, so that no other replica probes it too."""
        if limit <= 0:
            return []
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            due = await self._store.claim_due(tx, now, limit)
            if due:
                await self._store.schedule(tx, {cluster.id: now + _pause(cluster) for cluster in due})
                await tx.commit()
        return [cluster.id for cluster in due if not self._too_early(cluster, now)]

    async def forget(self) -> int:
        """Drop history past its retention."""
        async with self._transactions.begin() as tx:
            dropped = await self._store.forget_history(tx, self._clock.now() - self._keep)
            await tx.commit()
        return dropped

    def _too_early(self, cluster: Cluster, now: datetime) -> bool:
        """A host that was silent because nobody listened, or that was only just added, is given time to speak."""
        if cluster.platform is not Platform.HOST or domain.freshness(cluster.last_seen_at, now).ok:
            return False
        since = max(cluster.created_at, self._started_at or cluster.created_at)
        return (now - since).total_seconds() < domain.HOST_FRESH_S

    async def _probe(self, cluster_id: UUID) -> None:
        try:
            await self._probing.probe(self._principal, cluster_id)
        except NotFound:
            # Removed since it was claimed.
            self._failing.discard(cluster_id)
        except Exception as error:
            if cluster_id not in self._failing:
                self._failing.add(cluster_id)
                log.warning("probe_failed", cluster_id=str(cluster_id), error=f"{type(error).__name__}: {error}")
        else:
            if cluster_id in self._failing:
                self._failing.discard(cluster_id)
                log.info("probe_recovered", cluster_id=str(cluster_id))


def _unregistered(url: str) -> Target:
    return Target(_NO_CLUSTER, "", EndpointKind.PROMETHEUS, url)


def _pause(cluster: Cluster) -> timedelta:
    interval = domain.pace_of(cluster.cluster_type, cluster.platform).interval_s
    # Spread, so that a hundred clusters added at once are not probed at once for ever.
    return timedelta(seconds=interval * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311


def _same_server(url: str | None, offered: str) -> bool:
    if url is None:
        return False
    parts, wanted = urlsplit(url), urlsplit(offered)
    return parts.hostname in _LOOPBACK_NAMES and parts.port == wanted.port
