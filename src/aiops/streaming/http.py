"""The WebSocket, and what the hub says of its live connections."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import structlog
from dishka.integrations.litestar import FromDishka, inject, inject_websocket
from litestar import Controller, WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Retriable, Unauthenticated
from aiops.kernel.http import Caller, same_origin, session_cookie
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal
from aiops.streaming import domain
from aiops.streaming.domain import Auth, ClientMessage, Ping, Subscribe, Subscription, Unsubscribe
from aiops.streaming.needs import Authenticator
from aiops.streaming.service import Broadcast, Reader, ReaderStatus, StreamingStatus

log = structlog.get_logger(__name__)

_POLICY_VIOLATION = 1008
_TOO_LARGE = 1009
_AUTH_TIMEOUT_S = 10.0
_DECODER = msgspec.json.Decoder(ClientMessage)

Socket = WebSocket[Any, Any, Any]


class _Refused(Exception):
    """The connection ends; `code` and the message are told first."""

    def __init__(self, code: str, message: str, close: int = _POLICY_VIOLATION) -> None:
        super().__init__(message)
        self.code = code
        self.close = close


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
        self._broadcast = broadcast
        self._authenticate = authenticate
        self._clock = clock
        self._preset = preset
        self._heard_at = clock.monotonic()
        self._token = ""
        self._verified_at = 0.0

    async def run(self) -> None:
        await self._socket.accept()
        try:
            reader = await self._sign_in()
        except _Refused as refusal:
            await self._end(refusal)
            return
        try:
            await self._serve(reader)
        finally:
            self._broadcast.leave(reader)

    async def _sign_in(self) -> Reader:
        cookie = session_cookie(self._socket)
        if cookie is not None:
            if not same_origin(self._socket):
                raise _Refused("AUTH_FAILED", "A browser may open this only from the console's own page.")
            self._token = cookie
        else:
            self._token = await self._token_by_message()
        reader = self._broadcast.join(await self._principal())
        if self._preset is not None:
            reader.subscriptions[new_id()] = self._preset
        await self._send(domain.frame("auth_response", success=True, user=reader.principal.name))
        return reader

    async def _token_by_message(self) -> str:
        try:
            message = await asyncio.wait_for(self._receive(), _AUTH_TIMEOUT_S)
        except TimeoutError:
            raise _Refused("AUTH_FAILED", "No auth message came within 10 s.") from None
        if not isinstance(message, Auth):
            raise _Refused("AUTH_FAILED", 'The first message must be {"type":"auth","token":"…"}.')
        return message.token

    async def _principal(self) -> Principal:
        try:
            signed_in = await self._authenticate(self._token)
            if not signed_in.may_read:
                raise Unauthenticated("Change your password first.")
        except Retriable as error:
            raise _Refused("UNAVAILABLE", error.message) from None
        except AiopsError as error:
            raise _Refused("AUTH_FAILED", error.message) from None
        self._verified_at = self._clock.monotonic()
        return signed_in.principal

    async def _verify(self, reader: Reader) -> None:
        """Ask anew, so that an ended session or a narrowed scope takes hold on open connections too."""
        if self._clock.monotonic() - self._verified_at < domain.TRUSTED_S:
            return
        try:
            reader.principal = await self._principal()
        except _Refused as refusal:
            code = "AUTH_EXPIRED" if refusal.code == "AUTH_FAILED" else refusal.code
            raise _Refused(code, str(refusal)) from None

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
            if isinstance(error, _Refused):
                await self._end(error)
            elif error is not None and not isinstance(error, WebSocketDisconnect):
                log.warning("stream_failed", user=reader.principal.name, error=repr(error))

    async def _read(self, reader: Reader) -> None:
        while True:
            try:
                message = await self._receive()
            except _Refused as refusal:
                if refusal.code != "INVALID_MESSAGE" or refusal.close == _TOO_LARGE:
                    raise
                await self._answer(reader, domain.frame("error", code=refusal.code, message=str(refusal)))
                continue
            await self._obey(reader, message)

    async def _obey(self, reader: Reader, message: ClientMessage) -> None:
        if isinstance(message, Ping):
            await self._answer(reader, domain.frame("pong"))
        elif isinstance(message, Auth):
            self._token = message.token
            reader.principal = await self._principal()
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
            raise _Refused("QUEUE_FULL", "You read too slowly for your own requests.")

    async def _write(self, reader: Reader) -> None:
        while True:
            await self._send(await reader.next(lambda: self._verify(reader)))

    async def _heartbeat(self, reader: Reader) -> None:
        while True:
            await self._clock.sleep(domain.HEARTBEAT_S)
            asked_at = self._clock.monotonic()
            await self._answer(reader, domain.frame("ping"))
            await self._clock.sleep(domain.PONG_TIMEOUT_S)
            if self._heard_at < asked_at:
                raise _Refused("TIMEOUT", "No pong came within 10 s.")
            await self._verify(reader)

    async def _receive(self) -> ClientMessage:
        raw = await self._socket.receive_data(mode="text")
        self._heard_at = self._clock.monotonic()
        if len(raw) > domain.LARGEST_MESSAGE:
            raise _Refused("INVALID_MESSAGE", "A message has at most 64 KiB.", _TOO_LARGE)
        try:
            message: ClientMessage = _DECODER.decode(raw)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise _Refused("INVALID_MESSAGE", f"This is not a message of the protocol: {error}") from None
        return message

    async def _send(self, frame: bytes) -> None:
        await self._socket.send_data(frame.decode(), mode="text")

    async def _end(self, refusal: _Refused) -> None:
        with contextlib.suppress(Exception):
            await self._send(domain.frame("error", code=refusal.code, message=str(refusal)))
            reconnect = None if refusal.code.startswith("AUTH") else domain.RECONNECT_AFTER_MS
            await self._send(domain.frame("disconnect", reason=refusal.code, reconnect_after_ms=reconnect))
            await self._socket.close(code=refusal.close, reason=refusal.code)


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
