"""Real PostgreSQL for the tests: one server a run, one database a test, cloned from a migrated template."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.migrations import migrate
from aiops.kernel.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A short-lived folder that the user who runs postgres can enter, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="aiops-test-"))
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(open_folder / "data")
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        # Its data need not outlive the machine; what must survive a crash is tested on hubs with servers of their own.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_migrated")
    migrate(postgres.url.replace("/aiops?", "/template_migrated?"))
    return "template_migrated"


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {migrated_template}')
        yield postgres.url.replace("/aiops?", f"/{name}?")
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()
