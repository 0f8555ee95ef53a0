"""Runs the migrations over one connection, under a lock, so that replicas that start together take turns."""

from alembic import context
from sqlalchemy import create_engine, text

_LOCK = 0x61696F7073

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS kernel"))
    connection.commit()
    context.configure(connection=connection, target_metadata=None, version_table_schema="kernel")
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
engine.dispose()
