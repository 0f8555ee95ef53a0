"""A WebSocket that knows who is at its other end, and asks again before it trusts them further."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from litestar import WebSocket

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Retriable, Unauthenticated
from aiops.kernel.http import same_origin, session_cookie
from aiops.kernel.principal import Principal
from aiops.streaming import domain
from aiops.streaming.domain import Auth, ClientMessage
from aiops.streaming.needs import Authenticator

_POLICY_VIOLATION = 1008
TOO_LARGE = 1009
_AUTH_TIMEOUT_S = 10.0
_DECODER = msgspec.json.Decoder(ClientMessage)

Socket = WebSocket[Any, Any, Any]


class Refused(Exception):
    """The connection ends; `code` and the message are told first."""

    def __init__(self, code: str, message: str, close: int = _POLICY_VIOLATION) -> None:
        super().__init__(message)
        self.code = code
        self.close = close


class SignedSocket:
    """Signs in by the session's cookie, from the console's own page only, or by a first `auth` message."""

    def __init__(self, socket: Socket, authenticate: Authenticator, clock: Clock) -> None:
        self._socket = socket
        self._authenticate = authenticate
        self._clock = clock
        self._token = ""
        self._verified_at = 0.0
        self.heard_at = clock.monotonic()

    async def sign_in(self) -> Principal:
        cookie = session_cookie(self._socket)
        if cookie is not None:
            if not same_origin(self._socket):
                raise Refused("AUTH_FAILED", "A browser may open this only from the console's own page.")
            return await self.sign_in_as(cookie)
        return await self.sign_in_as(await self._token_by_message())

    async def sign_in_as(self, token: str) -> Principal:
        self._token = token
        return await self._principal()

    async def verified(self, principal: Principal) -> Principal:
        """Ask anew, so that an ended session or a narrowed scope takes hold on open connections too."""
        if self._clock.monotonic() - self._verified_at < domain.TRUSTED_S:
            return principal
        try:
            return await self._principal()
        except Refused as refusal:
            code = "AUTH_EXPIRED" if refusal.code == "AUTH_FAILED" else refusal.code
            raise Refused(code, str(refusal)) from None

    async def receive(self) -> ClientMessage:
        raw = await self._socket.receive_data(mode="text")
        self.heard_at = self._clock.monotonic()
        if len(raw) > domain.LARGEST_MESSAGE:
            raise Refused("INVALID_MESSAGE", "A message has at most 64 KiB.", TOO_LARGE)
        try:
            message: ClientMessage = _DECODER.decode(raw)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Refused("INVALID_MESSAGE", f"This is not a message of the protocol: {error}") from None
        return message

    async def send(self, frame: bytes) -> None:
        await self._socket.send_data(frame.decode(), mode="text")

    async def end(self, refusal: Refused) -> None:
        with contextlib.suppress(Exception):
            await self.send(domain.frame("error", code=refusal.code, message=str(refusal)))
            reconnect = None if refusal.code.startswith("AUTH") else domain.RECONNECT_AFTER_MS
            await self.send(domain.frame("disconnect", reason=refusal.code, reconnect_after_ms=reconnect))
            await self._socket.close(code=refusal.close, reason=refusal.code)

    async def _token_by_message(self) -> str:
        try:
            async with asyncio.timeout(_AUTH_TIMEOUT_S):
                message = await self.receive()
        except TimeoutError:
            raise Refused("AUTH_FAILED", "No auth message came within 10 s.") from None
        if not isinstance(message, Auth):
            raise Refused("AUTH_FAILED", 'The first message must be {"type":"auth","token":"…"}.')
        return message.token

    async def _principal(self) -> Principal:
        try:
            signed_in = await self._authenticate(self._token)
            if not signed_in.may_read:
                raise Unauthenticated("Change your password first.")
        except Retriable as error:
            raise Refused("UNAVAILABLE", error.message) from None
        except AiopsError as error:
            raise Refused("AUTH_FAILED", error.message) from None
        self._verified_at = self._clock.monotonic()
        return signed_in.principal
