"""Looks at every cluster that has a Kubernetes API, and keeps what changed; one replica makes each look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from aiops.intelligence.domain.changes import Change, ToldChange, change_of
from aiops.intelligence.domain.kubernetes_changes import Memory, Seen, compared
from aiops.intelligence.needs_changes import ClusterLook, ClusterLookStore
from aiops.intelligence.service.changes import Changes
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.registry.ports import Cluster, Clusters
from aiops.registry.ports_objects import Objects

log = structlog.get_logger(__name__)

SOURCE = "Kubernetes"
SOURCE_ID = UUID("8f0d3b6e-5a0f-5d57-9c55-0c6a5d1e7a10")
"""Its keys are its own: nobody else can tell of a change under them."""

_FIRST_PAUSE_S = 15.0
_ROUND_S = 10.0
_AT_ONCE = 4
# Of one connection's time, at most this part goes into looking.
_SHARE = 0.05
_CLAIM_S = 300.0


class ClusterChanges:
    """A cluster's memory and the changes found by it are committed together: a crash neither loses nor doubles one."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: ClusterLookStore,
        clusters: Clusters,
        objects: Objects,
        changes: Changes,
        every_s: float,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._objects = objects
        self._changes = changes
        self._every_s = every_s
        self._me = Principal.system("changes")
        self._failing: set[UUID] = set()

    async def run(self) -> None:
        await self._clock.sleep(_FIRST_PAUSE_S)
        while True:
            await self.round()
            await self._clock.sleep(_ROUND_S)

    async def round(self) -> int:
        """Make every look that is due and that no other replica makes; gives how many changes were new."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(cluster: Cluster) -> int:
            async with places:
                return await self._look(cluster)

        known = [one for one in await self._clusters.visible(self._me) if one.api_server_url is not None]
        return sum(await asyncio.gather(*map(one, known)))

    async def looks(self, principal: Principal) -> list[ClusterLook]:
        """How it went, of each cluster in scope that was looked at."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            scope = None if principal.clusters is None else list(principal.clusters)
            return await self._store.looks(tx, scope)

    async def _look(self, cluster: Cluster) -> int:
        now, started = self._clock.now(), self._clock.monotonic()
        async with self._transactions.begin() as tx:
            if not await self._store.claim(tx, cluster.id, now, now + timedelta(seconds=_CLAIM_S)):
                return 0
            memory = await self._store.memory(tx, cluster.id)
            await tx.commit()
        try:
            found = await self._objects.look(self._me, cluster.id)
        except NotFound:
            return 0
        except AiopsError as error:
            await self._failed(cluster, error)
            return 0
        if found is None:
            return 0
        pause = max(self._every_s, (self._clock.monotonic() - started) / _SHARE)
        seen = await asyncio.to_thread(compared, memory or Memory(), found, self._clock.now())
        look = ClusterLook(
            cluster_id=cluster.id,
            looked_at=self._clock.now(),
            objects=len(found.workloads) + len(found.configurations),
            notes=[*found.problems, *seen.notes],
        )
        new = await self._keep(cluster.id, look, seen, _news(memory, seen.memory), pause)
        if cluster.id in self._failing:
            self._failing.discard(cluster.id)
            log.info("cluster_changes_recovered", cluster=cluster.name)
        return new

    async def _keep(self, cluster_id: UUID, look: ClusterLook, seen: Seen, memory: Memory | None, pause: float) -> int:
        # It may have been deleted while it was asked: nothing of it is to come back.
        await self._clusters.get(self._me, cluster_id)
        async with self._transactions.begin() as tx:
            new = await self._changes.keep_found(tx, self._changes_of(cluster_id, seen.changes))
            await self._store.looked(tx, look, memory, self._clock.now() + timedelta(seconds=pause))
            await tx.commit()
        return new

    def _changes_of(self, cluster_id: UUID, told: Sequence[ToldChange]) -> list[Change]:
        now = self._clock.now()
        return [
            change_of(one, change_id=new_id(), source=SOURCE, source_id=SOURCE_ID, cluster_id=cluster_id, now=now)
            for one in told
        ]

    async def _failed(self, cluster: Cluster, error: AiopsError) -> None:
        if cluster.id not in self._failing:
            self._failing.add(cluster.id)
            log.warning("cluster_changes_failed", cluster=cluster.name, error=error.message)
        async with self._transactions.begin() as tx:
            due = self._clock.now() + timedelta(seconds=self._every_s)
            await self._store.failed(tx, cluster.id, error.message, due)
            await tx.commit()


def _news(before: Memory | None, after: Memory) -> Memory | None:
    """Most looks find all as it was: then nothing but their time is written."""
    return after if before is None or msgspec.structs.replace(after, looked_at=before.looked_at) != before else None
