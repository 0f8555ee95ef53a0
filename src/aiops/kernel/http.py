"""What every controller shares: the caller, the session's cookie, and the question where a page came from."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from aiops.kernel.principal import Principal

Caller = NamedDependency[Principal]
"""The verified principal of the request; the gateway provides it."""

SESSION_COOKIE = "aiops_session"
PUBLIC_HOST = "public_host"
"""Key in the application's state: host and port that people type, where a proxy stands before the hub."""

ERROR_FORM = "error_form"
"""Key in a route's `opt`: the struct of its errors, where a protocol of others forbids the envelope."""

Connection = ASGIConnection[Any, Any, Any, Any]


def session_cookie(connection: Connection) -> str | None:
    return connection.cookies.get(SESSION_COOKIE)


def same_origin(connection: Connection) -> bool:
    """Whether the page that sent this lies on the hub's own host (the `Origin` header, RFC 6454)."""
    origin = connection.headers.get("origin")
    if not origin:
        return False
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return host in {connection.headers.get("host"), connection.app.state.get(PUBLIC_HOST)} - {None}


class EndsWithItsClient(ASGIMiddleware):
    """For what is long and only reads: once the client has gone, nobody waits for the answer, and its making ends."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        answered = False

        async def sent(message: Message) -> None:
            nonlocal answered
            answered = answered or (message["type"] == "http.response.body" and not message.get("more_body"))
            await send(message)

        async def listen() -> None:
            while True:
                message: HTTPReceiveMessage = await receive()  # type: ignore[assignment]
                await arrived.put(message)
                if message["type"] == "http.disconnect":
                    if not answered:
                        answering.cancel("the client has gone")
                    return

        answering = asyncio.ensure_future(next_app(scope, arrived.get, sent))
        listening = asyncio.create_task(listen())
        try:
            await asyncio.wait({answering})
            if not answering.cancelled():
                answering.result()
        finally:
            answering.cancel()
            listening.cancel()
