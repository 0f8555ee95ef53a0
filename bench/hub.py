"""A hub of its own for a measurement, on a PostgreSQL that the measurement can reach too."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from aiops.kernel.migrations import migrate
from aiops.kernel.postgres import EmbeddedPostgres
from tests.lab.hub import Hub, add_source


class BenchHub(msgspec.Struct, frozen=True):
    """`token` pushes samples into the cluster `cluster_id`, which has no Prometheus; `client` is the admin's."""

    url: str
    database_url: str
    client: httpx.Client
    cluster_id: str
    token: str


@contextmanager
def running_hub() -> Iterator[BenchHub]:
    key = base64.b64encode(os.urandom(32)).decode()
    with (
        own_postgres() as url,
        Hub({"AIOPS_DATABASE_URL": url, "AIOPS_SECRET_KEY": key}) as hub,
        hub.client() as client,
    ):
        made = client.post("/api/v1/clusters", json={"name": "bench", "platform": "HOST"})
        made.raise_for_status()
        cluster_id = made.json()["id"]
        token = add_source(client, "bench", cluster_id)["token"]
        yield BenchHub(hub.url, url, client, cluster_id, token)


@contextmanager
def own_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of its own, empty."""
    with tempfile.TemporaryDirectory() as name:
        # The user who runs postgres must be able to enter, also when this runs as root.
        Path(name).chmod(0o755)
        server = EmbeddedPostgres(Path(name) / "data")
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def migrated_postgres() -> Iterator[str]:
    """As `own_postgres`, with the hub's tables."""
    with own_postgres() as url:
        migrate(url)
        yield url
