"""Brings the database to the schema of this version: alembic, one linear history, a PostgreSQL schema a context."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from aiops.kernel.database import sqlalchemy_url

_IN_CHECKOUT = Path(__file__).resolve().parents[3] / "migrations"
_IN_PACKAGE = Path(__file__).resolve().parents[1] / "migrations"


def migrate(url: str) -> None:
    """Upgrade to the newest revision; a no-op where it is there already."""
    location = _IN_PACKAGE if _IN_PACKAGE.exists() else _IN_CHECKOUT
    config = Config()
    config.set_main_option("script_location", str(location))
    config.attributes["url"] = sqlalchemy_url(url)
    command.upgrade(config, "head")
