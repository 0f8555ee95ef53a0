from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from aiohttp import web

from tests.lab.hub import Hub, add_cluster
from tests.lab.served import end

MARKER = "nobody_waits_for_this"


class SlowPrometheus:
    """Answers nothing, and counts which queries were begun and which were given up."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.given_up: Counter[str] = Counter()

    async def handle(self, request: web.Request) -> web.Response:
        query = str((await request.post()).get("query", ""))
        self.begun[query] += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.given_up[query] += 1
            raise
        return web.json_response({})


@pytest.mark.parametrize("path", ["/api/v1/metrics/query", "/prometheus/api/v1/query"])
async def test_a_client_that_leaves_ends_what_was_asked_for_it(path: str) -> None:
    slow = SlowPrometheus()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", slow.handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with Hub() as hub, hub.client() as admin:
            add_cluster(admin, "slow", f"http://127.0.0.1:{runner.addresses[0][1]}")
            headers = {"Authorization": admin.headers["Authorization"]}
            async with httpx.AsyncClient(base_url=hub.url, headers=headers, timeout=2.0) as client:
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(path, params={"query": MARKER})
            async with asyncio.timeout(5):
                while not any(MARKER in query for query in slow.given_up):
                    await asyncio.sleep(0.05)
    finally:
        await end(runner)
    assert sum(count for query, count in slow.begun.items() if MARKER in query) == 1
