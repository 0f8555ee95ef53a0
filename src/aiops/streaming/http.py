"""The WebSocket, and what the hub says of its live connections."""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from dishka.integrations.litestar import FromDishka, inject, inject_websocket
from litestar import Controller, get, websocket
from litestar.exceptions import WebSocketDisconnect

from aiops.kernel.clock import Clock
from aiops.kernel.http import Caller
from aiops.kernel.ids import new_id
from aiops.streaming import domain
from aiops.streaming.domain import Auth, ClientMessage, Ping, Subscribe, Subscription, Unsubscribe
from aiops.streaming.needs import Authenticator
from aiops.streaming.service import Broadcast, Reader, ReaderStatus, StreamingStatus
from aiops.streaming.sockets import TOO_LARGE, Refused, SignedSocket, Socket

log = structlog.get_logger(__name__)


class Connection:
    """One WebSocket's life: sign in, then read commands and write frames until either side ends it."""

    def __init__(
        self,
        socket: Socket,
        broadcast: Broadcast,
        authenticate: Authenticator,
        clock: Clock,
        preset: Subscription | None,
    ) -> None:
        self._socket = socket
        self._wire = SignedSocket(socket, authenticate, clock)
        self._broadcast = broadcast
        self._clock = clock
        self._preset = preset

    async def run(self) -> None:
        await self._socket.accept()
        try:
            reader = await self._sign_in()
        except Refused as refusal:
            await self._wire.end(refusal)
            return
        try:
            await self._serve(reader)
        finally:
            self._broadcast.leave(reader)

    async def _sign_in(self) -> Reader:
        reader = self._broadcast.join(await self._wire.sign_in())
        if self._preset is not None:
            reader.subscriptions[new_id()] = self._preset
        await self._wire.send(domain.frame("auth_response", success=True, user=reader.principal.name))
        return reader

    async def _verify(self, reader: Reader) -> None:
        reader.principal = await self._wire.verified(reader.principal)

    async def _serve(self, reader: Reader) -> None:
        tasks = [
            asyncio.create_task(self._read(reader)),
            asyncio.create_task(self._write(reader)),
            asyncio.create_task(self._heartbeat(reader)),
        ]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            error = task.exception()
            if isinstance(error, Refused):
                await self._wire.end(error)
            elif error is not None and not isinstance(error, WebSocketDisconnect):
                log.warning("stream_failed", user=reader.principal.name, error=repr(error))

    async def _read(self, reader: Reader) -> None:
        while True:
            try:
                message = await self._wire.receive()
            except Refused as refusal:
                if refusal.code != "INVALID_MESSAGE" or refusal.close == TOO_LARGE:
                    raise
                await self._answer(reader, domain.frame("error", code=refusal.code, message=str(refusal)))
                continue
            await self._obey(reader, message)

    async def _obey(self, reader: Reader, message: ClientMessage) -> None:
        if isinstance(message, Ping):
            await self._answer(reader, domain.frame("pong"))
        elif isinstance(message, Auth):
            reader.principal = await self._wire.sign_in_as(message.token)
            await self._answer(reader, domain.frame("auth_response", success=True, user=reader.principal.name))
        elif isinstance(message, Subscribe):
            await self._subscribe(reader, message.subscription)
        elif isinstance(message, Unsubscribe):
            if message.subscription_id is None:
                reader.subscriptions.clear()
            else:
                reader.subscriptions.pop(message.subscription_id, None)
            await self._answer(reader, domain.frame("unsubscribed", subscription_id=message.subscription_id))

    async def _subscribe(self, reader: Reader, subscription: Subscription) -> None:
        unknown = self._broadcast.unknown_event_types(subscription)
        if unknown:
            told = domain.frame(
                "error", code="INVALID_SUBSCRIPTION", message=f"Unknown event types: {', '.join(unknown)[:500]}"
            )
        elif len(reader.subscriptions) >= 100:
            told = domain.frame("error", code="INVALID_SUBSCRIPTION", message="At most 100 subscriptions.")
        else:
            subscription_id = new_id()
            reader.subscriptions[subscription_id] = subscription
            told = domain.frame("subscribed", subscription_id=subscription_id, subscription=subscription)
        await self._answer(reader, told)

    async def _answer(self, reader: Reader, frame: bytes) -> None:
        if not reader.answer(frame):
            raise Refused("QUEUE_FULL", "You read too slowly for your own requests.")

    async def _write(self, reader: Reader) -> None:
        while True:
            await self._wire.send(await reader.next(lambda: self._verify(reader)))

    async def _heartbeat(self, reader: Reader) -> None:
        while True:
            await self._clock.sleep(domain.HEARTBEAT_S)
            asked_at = self._clock.monotonic()
            await self._answer(reader, domain.frame("ping"))
            await self._clock.sleep(domain.PONG_TIMEOUT_S)
            if self._wire.heard_at < asked_at:
                raise Refused("TIMEOUT", "No pong came within 10 s.")
            await self._verify(reader)


@websocket(["/ws", "/ws/alerts"], opt={"public": True})
@inject_websocket
async def live(
    socket: Socket, broadcast: FromDishka[Broadcast], authenticate: FromDishka[Authenticator], clock: FromDishka[Clock]
) -> None:
    """Signs in by the session cookie or by an `auth` message; no other route of the hub is reachable through it."""
    alerts_only = Subscription(event_types=["ALERT_FIRED", "ALERT_UPDATED", "ALERT_RESOLVED"])
    preset = alerts_only if socket.url.path == "/ws/alerts" else None
    await Connection(socket, broadcast, authenticate, clock, preset).run()


@websocket("/{path:path}", opt={"public": True})
async def elsewhere(socket: Socket) -> None:
    """A WebSocket to a path that is none: told so, then closed."""
    await socket.accept()
    message = f"There is no WebSocket at {socket.url.path}; it is at /ws."
    await socket.send_data(domain.frame("error", code="NOT_FOUND", message=message).decode(), mode="text")
    await socket.close(code=4404, reason="NOT_FOUND")


class ReaderList(msgspec.Struct, frozen=True):
    items: list[ReaderStatus]


class StreamingController(Controller):
    path = "/api/v1/streaming"
    tags = ("streaming",)

    @get("/status", summary="How many read live, and what came")
    @inject
    async def status(self, principal: Caller, broadcast: FromDishka[Broadcast]) -> StreamingStatus:
        return broadcast.status(principal)

    @get("/clients", summary="Who reads live")
    @inject
    async def clients(self, principal: Caller, broadcast: FromDishka[Broadcast]) -> ReaderList:
        return ReaderList(broadcast.readers(principal))
