"""A disk that fills up under a running hub: it says so, loses nothing acknowledged, and goes on once there is room."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from aiops.kernel.postgres import running_url
from tests.e2e.crashing import Load, kept_samples
from tests.e2e.rig import JSON, wait_until
from tests.lab.hub import Hub, add_source

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk"),
]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="aiops-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def _use_up_the_log(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let PostgreSQL need room for its own log, without which it can't go on at all."""
    with contextlib.suppress(psycopg.Error):
        for _ in range(10):
            connection.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))")
            connection.execute("SELECT pg_switch_wal()")


def _refusal(hub: Hub, path: str) -> str | None:
    reply = httpx.get(hub.url + path, timeout=20.0, trust_env=False)
    if reply.status_code != 503:
        return None
    body: JSON = reply.json()
    return str(body["error"]["message"])


def test_a_full_disk_is_told_in_the_answers_and_harms_nothing_that_was_acknowledged(small_disk: Path) -> None:
    hub = Hub({"AIOPS_DATA_DIR": str(small_disk / "data")})
    hub.data_dir = small_disk / "data"
    with hub, hub.client() as admin:
        cluster = admin.post("/api/v1/clusters", json={"name": "pushing", "platform": "HOST"}).json()["id"]
        token = add_source(admin, "sender", cluster)["token"]
        url = running_url(hub.data_dir)
        assert url is not None
        with Load(hub.url, token, "full") as load, psycopg.connect(url, autocommit=True) as connection:
            time.sleep(2)
            _fill(small_disk / "ballast")
            _use_up_the_log(connection)
            said = wait_until(lambda: _refusal(hub, "/ready"), "a refusal", 60)
            wait_until(lambda: "disk of the database is full" in (_refusal(hub, "/ready") or ""), f"not {said}", 60)
            before = len(load.samples)
            (small_disk / "ballast").unlink()
            wait_until(lambda: len(load.samples) > before, "the first sample that is taken again", 60)
        assert not load.refused, load.refused[:3]
        assert load.samples - kept_samples(admin, cluster) == set()
