"""How large what the hub keeps is, for those who run it."""

from __future__ import annotations

from sqlalchemy import text

from aiops.kernel.database import Database
from aiops.kernel.storage import database_size, table_sizes


async def test_a_table_that_is_kept_in_parts_is_one_with_the_sizes_of_all(database: Database) -> None:
    async with database.begin() as tx:
        await tx.connection.execute(text("CREATE TABLE kernel.split (at int) PARTITION BY RANGE (at)"))
        for part in range(2):
            bounds = f"FROM ({part * 1000}) TO ({part * 1000 + 1000})"
            await tx.connection.execute(
                text(f"CREATE TABLE kernel.split_{part} PARTITION OF kernel.split FOR VALUES {bounds}")
            )
        await tx.connection.execute(text("INSERT INTO kernel.split SELECT generate_series(0, 1999)"))
        await tx.commit()
    async with database.look() as tx:
        sizes = await table_sizes(tx)
        whole = await database_size(tx)
    (split,) = [one for one in sizes if one.name.startswith("split")]
    assert (split.name, split.parts) == ("split", 2)
    assert split.bytes >= 2 * 8192 * 4
    assert [one.bytes for one in sizes] == sorted((one.bytes for one in sizes), reverse=True)
    assert whole > sum(one.bytes for one in sizes)
