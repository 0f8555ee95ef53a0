"""A WebSocket to elsewhere obeys the rules of every other way out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from aiops.kernel.outbound import AddressRefused, Outbound, RedirectRefused
from tests.lab.served import end


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(f"{request.headers.get('X-Scope-OrgID')} {message.data}")
    return socket


async def _elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPFound("http://169.254.169.254/latest?token=secret")


@asynccontextmanager
async def _serving() -> AsyncIterator[URL]:
    app = web.Application()
    app.router.add_get("/echo", _echo)
    app.router.add_get("/elsewhere", _elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield URL(f"ws://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await end(runner)


async def test_it_carries_headers_and_messages_both_ways() -> None:
    outbound = Outbound(allow_loopback=True)
    async with _serving() as url:
        headers = {"X-Scope-OrgID": "east"}
        async with outbound.websocket(url / "echo", headers=headers, heartbeat_s=20, max_message_bytes=1024) as socket:
            await socket.send_str("hello")
            assert (await socket.receive_str()) == "east hello"
    await outbound.close()


async def test_no_redirect_is_followed_and_no_refused_address_connected_to() -> None:
    open_to_all, guarded = Outbound(allow_loopback=True), Outbound(allow_loopback=False)
    async with _serving() as url:
        with pytest.raises(RedirectRefused) as refused:
            async with open_to_all.websocket(url / "elsewhere", headers={}, heartbeat_s=20, max_message_bytes=1024):
                pass
        with pytest.raises((AddressRefused, aiohttp.ClientConnectorError)) as kept_out:
            async with guarded.websocket(url / "echo", headers={}, heartbeat_s=20, max_message_bytes=1024):
                pass
    assert "secret" not in str(refused.value)
    assert "does not connect" in repr(kept_out.value)
    await open_to_all.close()
    await guarded.close()
