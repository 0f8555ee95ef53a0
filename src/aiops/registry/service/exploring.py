"""Finding out what clusters can do, and renewing what the hub signs in with: each in its time, by one replica."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions
from aiops.kernel.errors import AiopsError
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry import domain
from aiops.registry.endpoints import UrlRules
from aiops.registry.events import ClusterCapabilitiesChanged, ClusterUpdated
from aiops.registry.needs import ClusterRecord, Discovered, Discovery, Prober, Store
from aiops.registry.ports import URL_FIELDS, Capabilities, Cluster, EndpointKind, Platform
from aiops.registry.service.fleet import build_target, find, member_of
from aiops.registry.service.sign_ins import SignIns
from aiops.registry.vault import Vault

_EVERY = timedelta(hours=24)
_AGAIN = timedelta(minutes=10)
_HELD = timedelta(minutes=5)
_TICK_S = 2.0
_AT_ONCE = 20
_PROBE_TIMEOUT_S = 10.0
_SEEN = tuple(name for name in Capabilities.__struct_fields__ if name not in ("discovered_at", "problems"))

log = structlog.get_logger(__name__)


class Exploring:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: Store,
        vault: Vault,
        *,
        discovery: Discovery,
        prober: Prober,
        rules: UrlRules,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._vault = vault
        self._discovery = discovery
        self._prober = prober
        self._rules = rules

    async def explore(self, principal: Principal, cluster_id: UUID) -> None:
        """Discover one cluster now and keep what was found; a HOST has nothing to be asked."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            asked = await find(self._store, tx, principal, cluster_id)
        if asked.cluster.platform is Platform.HOST:
            return
        members = (member_of(self._vault, asked, kind) for kind in (EndpointKind.API_SERVER, EndpointKind.PROMETHEUS))
        found = await self._discovery.discover(*(member.target for member in members))
        urls = await self._confirmed(asked, found)
        async with self._transactions.begin() as tx:
            record = await self._store.get(tx, cluster_id, lock=True)
            if record is None or record.cluster.updated_at != asked.cluster.updated_at:
                return
            await self._keep(tx, record.cluster, found, urls)
            await tx.commit()

    async def _confirmed(self, record: ClusterRecord, found: Discovered) -> dict[str, str]:
        """Offered addresses of endpoints that nobody has named, where they really answer; secrets go by TLS only."""
        urls: dict[str, str] = {}
        for kind, offered in found.offers.items():
            metrics_only = record.cluster.cluster_type in domain.METRICS_ONLY
            if record.cluster.url(kind) is not None or (metrics_only and kind in domain.LOGS_AND_TRACES):
                continue
            try:
                url = self._rules.check(offered, URL_FIELDS[kind])
                sent = self._vault.sent(record.cluster.id, record.sealed, kind)
            except AiopsError:
                # With nothing to sign in with, nothing can be confirmed.
                continue
            if sent.headers and not url.startswith("https:"):
                continue
            if (await self._prober.probe(build_target(record.cluster, kind, url, sent), _PROBE_TIMEOUT_S)).ok:
                urls[URL_FIELDS[kind]] = url
        return urls

    async def _keep(self, tx: Transaction, before: Cluster, found: Discovered, urls: dict[str, str]) -> None:
        now = self._clock.now()
        capabilities, saw = _capabilities(before, found)
        after = msgspec.structs.replace(
            before,
            capabilities=capabilities,
            platform=found.platform if found.platform and before.platform is Platform.KUBERNETES else before.platform,
            platform_version=found.platform_version or before.platform_version,
            region=before.region or found.region,
            **urls,
        )
        moved = any(
            getattr(after, name) != getattr(before, name) for name in ("platform", "platform_version", "region", *urls)
        )
        if moved:
            after = msgspec.structs.replace(after, updated_at=now)
        pause = _EVERY if saw else _AGAIN
        await self._store.save_discovery(tx, after, now + pause * random.uniform(0.95, 1.05))  # noqa: S311
        if moved:
            tx.publish(
                ClusterUpdated(
                    event_id=new_id(), occurred_at=now, cluster_ids=(after.id,), cluster_id=after.id, name=after.name
                )
            )
        if _differ(before.capabilities, capabilities):
            tx.publish(
                ClusterCapabilitiesChanged(
                    event_id=new_id(),
                    occurred_at=now,
                    cluster_ids=(after.id,),
                    cluster_id=after.id,
                    name=after.name,
                    has_gpu_nodes=capabilities.has_gpu_nodes,
                    has_cnf_workloads=capabilities.has_cnf_workloads,
                )
            )


class UpkeepJob:
    """Renews credentials and explores clusters when they are due; of several replicas, whoever claims first."""

    def __init__(
        self, transactions: Transactions, clock: Clock, store: Store, sign_ins: SignIns, exploring: Exploring
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._sign_ins = sign_ins
        self._exploring = exploring
        self._principal = Principal.system("registry.upkeep")
        self._failing: set[tuple[str, UUID]] = set()

    async def run(self) -> None:
        under_way: dict[str, set[asyncio.Task[None]]] = {"renewal": set(), "discovery": set()}
        try:
            while True:
                # Each kind has its own places: whoever waits for a silent cluster must not let tokens run out.
                for what, tasks in under_way.items():
                    for work in await self._due(what, _AT_ONCE - len(tasks)):
                        task = asyncio.create_task(work)
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                await self._clock.sleep(_TICK_S)
        finally:
            running = [task for tasks in under_way.values() for task in tasks]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def tick(self) -> None:
        """Do all that is due, and wait for it."""
        for what in ("renewal", "discovery"):
            await asyncio.gather(*await self._due(what, _AT_ONCE))

    async def _due(self, what: str, limit: int) -> list[Coroutine[Any, Any, None]]:
        if limit <= 0:
            return []
        if what == "renewal":
            found = await self._claimed(self._store.claim_renewals, limit)
            return [self._tried(what, one, self._sign_ins.renew(one)) for one in found]
        found = await self._claimed(self._store.claim_discoveries, limit)
        return [self._tried(what, one, self._exploring.explore(self._principal, one)) for one in found]

    async def _claimed(self, claim: Callable[..., Awaitable[list[UUID]]], limit: int) -> list[UUID]:
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            found = await claim(tx, now, now + _HELD, limit)
            if found:
                await tx.commit()
        return found

    async def _tried(self, what: str, cluster_id: UUID, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            if (what, cluster_id) not in self._failing:
                self._failing.add((what, cluster_id))
                said = error.message if isinstance(error, AiopsError) else f"{type(error).__name__}: {error}"
                log.warning("upkeep_failed", what=what, cluster_id=str(cluster_id), error=said)
        else:
            if (what, cluster_id) in self._failing:
                self._failing.discard((what, cluster_id))
                log.info("upkeep_recovered", what=what, cluster_id=str(cluster_id))


def _capabilities(before: Cluster, found: Discovered) -> tuple[Capabilities, bool]:
    """What to keep, and whether anything was seen: where nothing was, what was known stays, with its age."""
    saw = any(getattr(found.capabilities, name) is not None for name in _SEEN if name.startswith("has_"))
    if saw or before.capabilities is None:
        return found.capabilities, saw
    return msgspec.structs.replace(before.capabilities, problems=found.capabilities.problems), False


def _differ(before: Capabilities | None, after: Capabilities) -> bool:
    return before is None or any(getattr(before, name) != getattr(after, name) for name in _SEEN)
