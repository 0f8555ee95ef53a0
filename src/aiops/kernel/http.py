"""What every controller shares: the caller, the session's cookie, and the question where a page came from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.di import NamedDependency

from aiops.kernel.principal import Principal

Caller = NamedDependency[Principal]
"""The verified principal of the request; the gateway provides it."""

SESSION_COOKIE = "aiops_session"
PUBLIC_HOST = "public_host"
"""Key in the application's state: host and port that people type, where a proxy stands before the hub."""

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
