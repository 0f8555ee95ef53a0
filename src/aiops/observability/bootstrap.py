"""What the command line does without a running hub."""

from __future__ import annotations

import asyncio
from uuid import UUID

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, NotFound
from aiops.kernel.ids import new_id
from aiops.observability.ports import PushSource
from aiops.observability.service.sources import hash_of, new_token
from aiops.observability.store.orphans import count_orphans
from aiops.observability.store.sources import PostgresSourceStore
from aiops.registry.bootstrap import cluster_ids


def add_source(database_url: str, cluster_name: str, source_name: str) -> str:
    """Let `source_name` push into a cluster; gives the token, which is kept nowhere in the clear."""
    return asyncio.run(_add_source(database_url, cluster_name, source_name))


async def orphans(database: Database, clusters: list[UUID]) -> dict[str, int]:
    """How much is kept of clusters that are none of these: it should have gone with them."""
    async with database.begin() as tx:
        return await count_orphans(tx, clusters)


async def _add_source(database_url: str, cluster_name: str, source_name: str) -> str:
    database = Database(database_url, pool_size=1)
    try:
        cluster_id = (await cluster_ids(database)).get(cluster_name)
        if cluster_id is None:
            raise NotFound(f"There is no cluster named {cluster_name}.", code="CLUSTER_NOT_FOUND")
        token = new_token()
        async with database.begin() as tx:
            source = PushSource(new_id(), source_name, cluster_id, SystemClock().now())
            if not await PostgresSourceStore().add(tx, source, hash_of(token)):
                raise Conflict(f"The cluster {cluster_name} already has a source named {source_name}.")
            await tx.commit()
        return token
    finally:
        await database.close()
