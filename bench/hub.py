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
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        server = EmbeddedPostgres(Path(name) / "data")
        server.start()
        try:
            key = base64.b64encode(os.urandom(32)).decode()
            with Hub({"AIOPS_DATABASE_URL": server.url, "AIOPS_SECRET_KEY": key}) as hub, hub.client() as client:
                made = client.post("/api/v1/clusters", json={"name": "bench", "platform": "HOST"})
                made.raise_for_status()
                cluster_id = made.json()["id"]
                token = add_source(client, "bench", cluster_id)["token"]
                yield BenchHub(hub.url, server.url, client, cluster_id, token)
        finally:
            server.stop()
