"""The WebSocket that follows the logs of many clusters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated
from uuid import UUID

import structlog
from dishka.integrations.litestar import FromDishka, inject_websocket
from litestar import websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import QueryParameter

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, RateLimited, Rejected
from aiops.kernel.principal import Principal
from aiops.observability.ports_signals import LogTail, TailCluster, TailLines, TailNews
from aiops.streaming import domain
from aiops.streaming.domain import Ping
from aiops.streaming.needs import Authenticator
from aiops.streaming.sockets import Refused, SignedSocket, Socket

log = structlog.get_logger(__name__)

PATHS = ["/ws/logs/tail", "/api/v1/logs/tail"]


class Tail:
    """One reader's tail: sign in, then write what comes until either side ends it."""

    def __init__(self, socket: Socket, tail: LogTail, authenticate: Authenticator, clock: Clock) -> None:
        self._socket = socket
        self._tail = tail
        self._clock = clock
        self._wire = SignedSocket(socket, authenticate, clock)
        self._sending = asyncio.Lock()

    async def run(self, query: str, cluster_ids: Sequence[UUID] | None, start_ns: int | None) -> None:
        await self._socket.accept()
        try:
            principal = await self._wire.sign_in()
            await self._send(domain.frame("auth_response", success=True, user=principal.name))
            async with self._tail.follow(principal, query, cluster_ids=cluster_ids, start_ns=start_ns) as news:
                await self._serve(principal, news)
        except Refused as refusal:
            await self._wire.end(refusal)
        except RateLimited as error:
            await self._wire.end(Refused("RATE_LIMITED", error.message))
        except Rejected as error:
            await self._wire.end(Refused("INVALID_SUBSCRIPTION", error.message))
        except AiopsError as error:
            await self._wire.end(Refused("UNAVAILABLE", error.message))
        except WebSocketDisconnect:
            return

    async def _serve(self, principal: Principal, news: AsyncIterator[TailNews]) -> None:
        tasks = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._write(principal, news)),
            asyncio.create_task(self._heartbeat(principal)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            error = task.exception()
            if isinstance(error, Refused):
                raise error
            if error is not None and not isinstance(error, WebSocketDisconnect):
                log.warning("log_tail_ended", user=principal.name, error=repr(error))

    async def _read(self) -> None:
        while True:
            if isinstance(await self._wire.receive(), Ping):
                await self._send(domain.frame("pong"))

    async def _write(self, principal: Principal, news: AsyncIterator[TailNews]) -> None:
        async for one in news:
            self._check_scope(principal, await self._wire.verified(principal))
            await self._send(_frame(one))

    async def _heartbeat(self, principal: Principal) -> None:
        while True:
            await self._clock.sleep(domain.HEARTBEAT_S)
            asked_at = self._clock.monotonic()
            await self._send(domain.frame("ping"))
            await self._clock.sleep(domain.PONG_TIMEOUT_S)
            if self._wire.heard_at < asked_at:
                raise Refused("TIMEOUT", "No pong came within 10 s.")
            self._check_scope(principal, await self._wire.verified(principal))

    @staticmethod
    def _check_scope(before: Principal, now: Principal) -> None:
        if (now.clusters, now.role) != (before.clusters, before.role):
            raise Refused("SCOPE_CHANGED", "What you may see has changed; ask again.")

    async def _send(self, frame: bytes) -> None:
        async with self._sending:
            await self._wire.send(frame)


def _frame(news: TailNews) -> bytes:
    if isinstance(news, TailLines):
        return domain.frame("lines", lines=news.lines)
    if isinstance(news, TailCluster):
        return domain.frame(
            "cluster", cluster_id=news.cluster_id, cluster=news.cluster, state=news.state, error=news.error
        )
    return domain.frame("lost", count=news.count, by=news.by, cluster=news.cluster)


@websocket(PATHS, opt={"public": True})
@inject_websocket
async def tail(
    socket: Socket,
    following: FromDishka[LogTail],
    authenticate: FromDishka[Authenticator],
    clock: FromDishka[Clock],
    logql: Annotated[str | None, QueryParameter(name="query", description="LogQL that gives lines")] = None,
    cluster_id: Annotated[list[UUID] | None, QueryParameter(name="cluster_id")] = None,
    start: Annotated[
        int | None, QueryParameter(name="start", description="Unix nanoseconds; now where left out")
    ] = None,
) -> None:
    """Frames: `lines`, `cluster` (followed, or lost and why), `lost` (lines that will not come), `ping`."""
    with suppress(WebSocketDisconnect):
        await Tail(socket, following, authenticate, clock).run(logql or "", cluster_id, start)
