"""An aiohttp application of a test on a thread and a port of its own, for asynchronous and blocking tests alike."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from aiohttp import web


async def end(runner: web.AppRunner) -> None:
    """Clean up, and let nothing outlive it: a connection that is cut short, or over TLS, would close only later."""
    assert runner.server is not None
    kept = [protocol.transport for protocol in runner.server.connections]
    await runner.cleanup()
    for transport in kept:
        if transport is not None:
            transport.abort()
    await asyncio.sleep(0.01)


class Served:
    """`application` gives what is served; `url` is there once the context is entered."""

    url: str = ""

    def application(self) -> web.Application:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        runner = web.AppRunner(self.application(), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()
        # A WebSocket that was cut short keeps its transport; the loop must not end before that has closed.
        for transport in list(getattr(self.loop, "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0.05)
