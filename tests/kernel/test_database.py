from __future__ import annotations

from aiops.kernel.database import Database, connection_of, raw_connection_of


async def _count(database: Database) -> int:
    async with database.begin() as tx:
        cursor = await (await raw_connection_of(tx)).execute("SELECT count(*) FROM kept")
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def _table(database: Database) -> None:
    async with database.begin() as tx:
        await (await raw_connection_of(tx)).execute("CREATE TABLE kept (value int)")
        await tx.commit()


async def test_a_commit_keeps_what_only_the_drivers_connection_did(database: Database) -> None:
    await _table(database)
    async with database.begin() as tx, (await raw_connection_of(tx)).cursor() as cursor:
        async with cursor.copy("COPY kept FROM STDIN") as copy:
            await copy.write(b"1\n2\n")
        await tx.commit()
    assert await _count(database) == 2


async def test_work_of_the_driver_without_a_commit_is_rolled_back(database: Database) -> None:
    await _table(database)
    async with database.begin() as tx:
        await (await raw_connection_of(tx)).execute("INSERT INTO kept VALUES (1)")
    assert await _count(database) == 0


async def test_both_connections_of_a_transaction_are_one(database: Database) -> None:
    await _table(database)
    async with database.begin() as tx:
        await (await raw_connection_of(tx)).execute("INSERT INTO kept VALUES (1)")
        await connection_of(tx).exec_driver_sql("INSERT INTO kept VALUES (2)")
        await tx.commit()
    assert await _count(database) == 2
