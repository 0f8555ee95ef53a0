"""Opens an act of the audit trail around each request that may change something, and tells what it is about."""

from __future__ import annotations

from litestar.connection import Request
from litestar.enums import ScopeType
from litestar.exceptions import LitestarException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from aiops.kernel.audit import AUDITED, Act, AuditTrail, Details, Outcome, acting, current_act, told
from aiops.kernel.database import Database
from aiops.kernel.http import Connection
from aiops.kernel.principal import Principal

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSALS = frozenset({401, 403, 429})
_LARGEST = 256 * 1024


def act_middleware(app: ASGIApp, database: Database, trail: AuditTrail) -> ASGIApp:
    """What the request commits is written with it; what was refused, behind the answer."""

    async def acted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope.get("method") in _READS:
            await app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        client = scope.get("client")
        with acting(Act(client[0] if client else "")) as act:
            await app(scope, receive, watched)
        outcome = _unwritten(act, status)
        if outcome is not None:
            async with database.begin() as tx:
                await trail.late(tx.connection, act, outcome)
                await tx.commit()

    return acted


def _unwritten(act: Act, status: int) -> Outcome | None:
    """What is still to be said of it. Of somebody known: whoever knocks unknown could fill the table."""
    if act.who is None or not act.counts or act.written:
        return None
    if status in _REFUSALS:
        return Outcome.REFUSED
    return Outcome.DONE if act.always and 200 <= status < 300 else None


def begin_act(connection: Connection, handler: BaseRouteHandler, who: Principal | None) -> None:
    """The route is known now, and, but for a sign-in, who asks."""
    act = current_act()
    opt = handler.opt
    if act is None or opt.get("source") or not opt.get(AUDITED, not opt.get("public")):
        return
    act.always = bool(opt.get(AUDITED))
    if who is not None:
        act.by(who)
    method, path = connection.scope.get("method", ""), connection.scope.get("path_template", "")
    summary = handler.summary if isinstance(handler, HTTPRouteHandler) else None
    # What stands behind a semicolon tells the caller how, and not what.
    what = (summary or f"{method} {path}").partition(";")[0]
    subject = {name: str(value)[:200] for name, value in connection.path_params.items()}

    async def details() -> Details:
        return await _details(connection)

    # What comes with a sign-in is a secret, and what should be a name may be one.
    act.begins(what, subject, None if who is None else details)


async def _details(connection: Connection) -> Details:
    if not isinstance(connection, Request) or not connection.headers.get("content-type", "").startswith(
        "application/json"
    ):
        return {}
    try:
        if int(connection.headers.get("content-length", "0")) > _LARGEST:
            return {}
        return told(await connection.json())
    except (LitestarException, ValueError):
        return {}
