"""What every request passes: a trace, a stopwatch, and the question who asks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar.connection import Request
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from aiops.gateway.http.acts import begin_act
from aiops.gateway.http.metrics import HttpMetrics
from aiops.gateway.ports import Identity, SignedIn
from aiops.kernel.errors import PermissionDenied, Unauthenticated
from aiops.kernel.http import Connection, same_origin, session_cookie
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.kernel.tracing import continue_trace, in_trace

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SIGNED_IN = "aiops_signed_in"
_WAYS_OUT = "may_change_password"


def trace_middleware(app: ASGIApp, metrics: HttpMetrics) -> ASGIApp:
    """Continue or start a trace, answer with its id, count and time the request."""

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-trace-id", trace.trace_id.encode()), *_SECURITY_HEADERS]
            await send(message)

        with in_trace(continue_trace(_header(scope, b"traceparent"))) as trace:
            try:
                await app(scope, receive, with_headers)
            finally:
                seconds = time.perf_counter() - started
                metrics.observe(str(scope.get("method")), scope.get("path_template"), status, seconds)

    return traced


_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None


class WhoAsks:
    """Guard of every route: finds the principal, and refuses by default.

    A route opts out by `opt={"public": True}`, takes only pushing sources by `opt={"source": True}`, only services by
    `opt={"service": True}`, and stays open to a user who must change the password by
    `opt={"may_change_password": True}`.
    """

    def __init__(self, identity: Callable[[], Awaitable[Identity]]) -> None:
        self._identity = identity

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        if handler.opt.get("public"):
            begin_act(connection, handler, None)
            return
        signed_in = await self._signed_in(connection)
        begin_act(connection, handler, signed_in.principal)
        connection.scope["user"] = signed_in.principal
        connection.scope["state"][_SIGNED_IN] = signed_in
        _check_kind(signed_in, handler.opt)

    async def _signed_in(self, connection: Connection) -> SignedIn:
        token, from_cookie = presented_token(connection)
        if token is None:
            raise Unauthenticated("Sign in first: POST /api/v1/auth/login, then `Authorization: Bearer TOKEN`.")
        if from_cookie and connection.scope.get("method") not in _SAFE and not same_origin(connection):
            raise PermissionDenied("This request did not come from the console's own page.", code="CSRF_FAILED")
        return await (await self._identity()).identify(token)


def presented_token(connection: Connection) -> tuple[str | None, bool]:
    """The token of the request, and whether it came as a cookie (which a foreign page could make a browser send)."""
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("The Authorization header must be `Bearer TOKEN`.")
        return token.strip(), False
    return session_cookie(connection), True


def _check_kind(signed_in: SignedIn, opt: Mapping[str, Any]) -> None:
    is_service = signed_in.principal.kind is PrincipalKind.SERVICE
    is_source = is_service and signed_in.user is None
    if opt.get("source"):
        if not is_source:
            raise PermissionDenied("This takes the token of a source, not of a user. Make one: POST /api/v1/sources.")
        return
    if is_source:
        raise PermissionDenied("The token of a source can only send telemetry.")
    if opt.get("service") and not is_service:
        raise PermissionDenied("This is for services alone. Make one: aiops user add NAME --service --role admin.")
    if signed_in.user and signed_in.user.must_change_password and not opt.get(_WAYS_OUT):
        raise PermissionDenied(
            "Change your password first: POST /api/v1/auth/password.", code="PASSWORD_CHANGE_REQUIRED"
        )
    signed_in.principal.require(Role.VIEWER)


def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    principal = request.scope.get("user")
    if not isinstance(principal, Principal):
        raise Unauthenticated("Sign in first: POST /api/v1/auth/login.")
    return principal


def signed_in_of(scope: Scope) -> SignedIn:
    signed_in = scope["state"].get(_SIGNED_IN)
    if not isinstance(signed_in, SignedIn):
        raise Unauthenticated("Sign in first: POST /api/v1/auth/login.")
    return signed_in
