"""`aiops cluster import` from a hub of ACM and from a shared Prometheus, as people run it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.lab.hub import Hub
from tests.lab.kubernetes import serving
from tests.lab.openshift import DOMAIN, acm_hub, grant
from tests.registry.rig import serving as serving_plainly
from tests.registry.test_on_a_running_hub import aiops

METRICS = f"https://rbac-query-proxy-open-cluster-management-observability.{DOMAIN}"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def token(hub: Hub) -> str:
    done = aiops(hub, "user", "add", "robot", "--service", "--role", "admin")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def imported(hub: Hub, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # In a thread, for the servers that it leads to answer from this loop.
    return await asyncio.to_thread(aiops, hub, "cluster", "import", *arguments, token=token)


async def test_the_clusters_of_a_hub_are_shown_first_and_then_added_and_never_twice(
    hub: Hub, token: str, tmp_path: Path
) -> None:
    async with serving(acm_hub()) as peer:
        (tmp_path / "token").write_text(grant(peer, "acm-hub"))
        (tmp_path / "ca.crt").write_text(peer.authority.pem)
        way = ("--acm", peer.url, "--token-file", str(tmp_path / "token"), "--ca-file", str(tmp_path / "ca.crt"))
        shown = await imported(hub, token, *way, "--dry-run")
        assert shown.stdout.splitlines() == [
            f"The metrics of all of them are at {METRICS}: take them with --metrics-url.",
            "+ local-cluster",
            "+ prod-east  prod.east",
            "+ eks-1",
            "! new  The hub has not accepted it.",
            "Would be: 3 added, 1 failed.",
        ], shown.stderr
        chosen = ("--metrics-url", METRICS, "--name", "prod-east", "--name", "eks-1")
        added = await imported(hub, token, *way, *chosen)
        assert added.stdout.splitlines()[-1] == "2 added.", added.stderr
        again = await imported(hub, token, *way, *chosen)
        assert (again.returncode, again.stdout) == (0, "2 unchanged.\n")
        lost = await imported(hub, token, *way, "--name", "nowhere")
        assert lost.returncode != 0
        assert "There is no cluster nowhere. There are: local-cluster" in lost.stderr
    with hub.client() as client:
        east = client.get("/api/v1/clusters/by-name/prod-east").json()
    assert (east["prometheus_url"], east["selector"]) == (METRICS, {"cluster": "prod.east"})


async def test_the_clusters_of_a_shared_prometheus_are_added(hub: Hub, token: str) -> None:
    async def thanos(request: web.Request) -> web.StreamResponse:
        if request.path == "/api/v1/label/site/values":
            return web.json_response({"status": "success", "data": ["north", "south"]})
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})

    async with serving_plainly(thanos) as url:
        added = await imported(hub, token, "--shared-prometheus", url, "--cluster-label", "site")
        assert added.stdout.splitlines() == ["+ north", "+ south", "2 added."], added.stderr
    with hub.client() as client:
        assert client.get("/api/v1/clusters/by-name/south").json()["selector"] == {"site": "south"}


async def test_a_source_that_refuses_is_told_in_one_line(hub: Hub, token: str) -> None:
    refused = await imported(hub, token, "--shared-prometheus", "http://127.0.0.1:1")
    assert refused.returncode != 0
    assert "127.0.0.1:1 refused the connection" in refused.stderr
