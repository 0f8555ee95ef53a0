"""A look into the hub's own database, past the hub: what is really kept there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from aiops.kernel.postgres import running_url
from tests.lab.hub import Hub


@contextmanager
def database_of(hub: Hub) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to the embedded database of a running hub; what is written through it is committed."""
    url = running_url(hub.data_dir)
    assert url is not None, "the hub has no running database"
    with psycopg.connect(url) as connection:
        yield connection
