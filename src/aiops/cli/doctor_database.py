"""The doctor's look into the database; each context says for itself what it keeps of clusters that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from aiops.cli.findings import Finding
from aiops.gateway.bootstrap import orphans as gateway_orphans
from aiops.intelligence.bootstrap import orphans as intelligence_orphans
from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.master_key import is_same_key
from aiops.kernel.migrations import newest_revision, require_known, revision_of
from aiops.kernel.outbox import DeadLetter, DeadLetters
from aiops.kernel.postgres import EmbeddedPostgres, running_url
from aiops.observability.bootstrap import orphans as observability_orphans
from aiops.registry.bootstrap import cluster_ids
from aiops.settings import Settings, key_ring, where_key_is

_OLDEST_POSTGRES = 15

Orphans = Callable[[Database, list[UUID]], Awaitable[dict[str, int]]]


def examine_database(settings: Settings) -> Iterator[Finding]:
    """Its server, its schema, its key and what it holds; nothing in it is changed."""
    with _reachable(settings) as url:
        if url is None:
            yield Finding("database", None, "there is none yet; `aiops serve` makes it")
            return
        yield _server(url)
        revision = revision_of(url)
        yield _schema(revision)
        if revision != newest_revision():
            return
        yield _key(settings, url)
        dead, gone = asyncio.run(_contents(url))
        yield _events(dead)
        yield _orphans(gone)


def retry_given_up(url: str) -> int:
    """Let the hub try again what it gave up on; gives how much that is."""

    async def inside() -> int:
        database = Database(url, pool_size=1)
        try:
            letters = DeadLetters(database, SystemClock())
            return sum([await letters.replay(one.event_id, one.handler) for one in await letters.list(100_000)])
        finally:
            await database.close()

    return asyncio.run(inside())


@contextmanager
def _reachable(settings: Settings) -> Iterator[str | None]:
    """The given database, a running hub's, or the embedded one for as long as this takes."""
    url = settings.database_url or running_url(settings.data_dir)
    if url is not None or not (settings.data_dir / "postgres").exists():
        yield url
        return
    postgres = EmbeddedPostgres(settings.data_dir, bin_dir=settings.pg_bin)
    postgres.start()
    try:
        yield postgres.url
    finally:
        postgres.stop()


def _server(url: str) -> Finding:
    with psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5) as connection:
        major = connection.info.server_version // 10000
        if major < _OLDEST_POSTGRES:
            return Finding("database", False, f"PostgreSQL {major}; {_OLDEST_POSTGRES} or newer is needed")
        known = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions").fetchall()}
    if "pg_trgm" not in known:
        return Finding("database", False, "the extension pg_trgm is missing: install postgresql-contrib")
    vector = "pgvector too" if "vector" in known else "pgvector is not: search by meaning takes longer"
    return Finding("database", True, f"PostgreSQL {major} answers, pg_trgm is there, {vector}")


def _schema(revision: str | None) -> Finding:
    newest = newest_revision()
    require_known(revision)
    if revision != newest:
        was = f"at revision {revision}" if revision else "empty"
        return Finding("schema", None, f"{was}; the next `aiops serve` brings it to {newest}")
    return Finding("schema", True, f"at revision {newest}, as this version needs it")


def _key(settings: Settings, url: str) -> Finding:
    where = where_key_is(settings)
    if not settings.secret_key and not (settings.data_dir / "secret.key").exists():
        # A key that was never anyone's fits only where none was ever used.
        if not is_same_key(url, bytes(32)):
            return Finding("stored secrets", False, f"{where}, which they are kept under, is gone: put it back")
        return Finding("stored secrets", None, f"there is no key yet; `aiops serve` makes {where}")
    if is_same_key(url, key_ring(settings)):
        return Finding("stored secrets", True, f"{where} opens them")
    return Finding(
        "stored secrets",
        False,
        f"{where} is not their key: put that back, or run `aiops accept-key` if it is lost",
    )


async def _contents(url: str) -> tuple[list[DeadLetter], dict[str, int]]:
    database = Database(url, pool_size=1)
    contexts: tuple[Orphans, ...] = (observability_orphans, intelligence_orphans, gateway_orphans)
    try:
        known = list((await cluster_ids(database)).values())
        gone: dict[str, int] = {}
        for orphans in contexts:
            gone |= await orphans(database, known)
        return await DeadLetters(database, SystemClock()).list(), gone
    finally:
        await database.close()


def _events(dead: list[DeadLetter]) -> Finding:
    if not dead:
        return Finding("events", True, "none was given up")
    last = dead[0]
    return Finding(
        "events",
        False,
        f"{len(dead)} were given up, the last {last.event_type} by {last.handler} ({last.error}); "
        "`aiops retry-events` tries again",
    )


def _orphans(gone: dict[str, int]) -> Finding:
    found = ", ".join(f"{count} {what}" for what, count in gone.items() if count)
    if not found:
        return Finding("orphans", True, "nothing is left of clusters that are gone")
    return Finding("orphans", False, f"of clusters that are gone there are still {found}")
