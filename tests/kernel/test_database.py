from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

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


async def test_connections_that_the_server_ended_are_replaced_before_they_are_used(database: Database) -> None:
    async with database.begin() as one, database.begin() as two:
        pids = [await connection_of(tx).scalar(text("SELECT pg_backend_pid()")) for tx in (one, two)]
    async with database.begin() as tx:
        await connection_of(tx).execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM unnest(cast(:pids AS int[])) pid WHERE pid <> pg_backend_pid()"
            ),
            {"pids": pids},
        )
        # They end a moment after they were told to, and only then can anybody notice.
        left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(:pids) AND pid <> pg_backend_pid()"
        while await connection_of(tx).scalar(text(left), {"pids": pids}):
            await tx.connection.rollback()
            await asyncio.sleep(0.01)
    for _ in range(3):
        async with database.begin() as one, database.look() as two:
            for tx in (one, two):
                assert await connection_of(tx).scalar(text("SELECT 1")) == 1


async def test_a_look_sees_what_is_committed_meanwhile_and_commits_nothing(database: Database) -> None:
    async with database.begin() as writing, database.look() as looking:
        await connection_of(writing).execute(text("CREATE TABLE seen_meanwhile AS SELECT 1 AS one"))
        await writing.commit()
        assert await connection_of(looking).scalar(text("SELECT one FROM seen_meanwhile")) == 1
        with pytest.raises(RuntimeError):
            await looking.commit()
