"""What the hub keeps, how large that is, and for how long."""

from __future__ import annotations

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get

from aiops.kernel.database import Database
from aiops.kernel.http import Caller
from aiops.kernel.principal import Role
from aiops.kernel.retention import Keeps
from aiops.kernel.storage import TableSize, database_size, table_sizes
from aiops.settings import Settings


class KeptFor(msgspec.Struct, frozen=True):
    what: str
    days: int


class StorageReply(msgspec.Struct, frozen=True):
    """`database_bytes` is all of the database, indexes and what PostgreSQL has not given back yet included."""

    database_bytes: int
    tables: list[TableSize]
    kept: list[KeptFor]


@get(
    "/api/v1/system/storage", tags=["gateway"], summary="How large the hub's tables are, and for how long what is kept"
)
@inject
async def storage(
    principal: Caller, database: FromDishka[Database], keeps: FromDishka[Keeps], settings: FromDishka[Settings]
) -> StorageReply:
    """For operators and admins who see the whole fleet."""
    principal.require(Role.OPERATOR)
    principal.require_whole_fleet()
    async with database.look() as tx:
        tables, size = await table_sizes(tx), await database_size(tx)
    kept = {one.what: one.days for one in keeps.all}
    kept |= {"metrics": settings.metrics_retention_days, "samples": settings.metrics_raw_retention_days}
    kept["health"] = settings.health_retention_days
    return StorageReply(size, tables, [KeptFor(what, days) for what, days in sorted(kept.items())])
