"""Brings the database to the schema of this version: alembic, one linear history, a PostgreSQL schema a context."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from aiops.kernel.database import sqlalchemy_url
from aiops.kernel.errors import AiopsError

_IN_CHECKOUT = Path(__file__).resolve().parents[3] / "migrations"
_IN_PACKAGE = Path(__file__).resolve().parents[1] / "migrations"


class SchemaTooNew(AiopsError):
    """A newer version of the hub has been here; this one would not understand what it finds."""

    default_code = "SCHEMA_TOO_NEW"


def migrate(url: str) -> None:
    """Upgrade to the newest revision; a no-op where it is there already. Raises `SchemaTooNew`."""
    require_known(revision_of(url))
    config = _config()
    config.attributes["url"] = sqlalchemy_url(url)
    command.upgrade(config, "head")


def revision_of(url: str) -> str | None:
    """The revision that the database is at; `None` where nothing was ever set up."""
    with psycopg.connect(url.replace("+psycopg", ""), connect_timeout=10) as connection:
        there = connection.execute("SELECT to_regclass('kernel.alembic_version') IS NOT NULL").fetchone()
        if not there or not there[0]:
            return None
        row = connection.execute("SELECT version_num FROM kernel.alembic_version").fetchone()
        return str(row[0]) if row else None


def newest_revision() -> str:
    """The one that this version needs."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def require_known(revision: str | None) -> None:
    """Raises `SchemaTooNew` for a revision that is not of this version's history."""
    scripts = ScriptDirectory.from_config(_config())
    if revision is not None and revision not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaTooNew(
            f"The database is at revision {revision} and this version knows none newer than "
            f"{scripts.get_current_head()}: start the newer version that made it, or put a backup of before back."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_IN_PACKAGE if _IN_PACKAGE.exists() else _IN_CHECKOUT))
    return config
