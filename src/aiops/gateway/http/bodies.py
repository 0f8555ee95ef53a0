"""What every body passes before a handler sees it: it says that it is JSON, and it can be read at all."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException, SerializationException
from litestar.handlers import BaseRouteHandler

from aiops.kernel.http import Connection

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class ReadableRequest(Request[Any, Any, Any]):
    """Two faults of a body come as errors of Python rather than of the decoder: both are the sender's."""

    async def json(self) -> Any:
        try:
            return await super().json()
        except UnicodeDecodeError:
            raise SerializationException("The body is not UTF-8.") from None
        except RecursionError:
            raise SerializationException("The body is nested too deeply.") from None


def takes_json(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard: refuses a body that says it is something else. One that says nothing is taken for JSON.

    A route with `opt={"form": True}` takes forms, and says so by itself.
    """
    if connection.scope.get("method") not in _WITH_BODY or handler.opt.get("form"):
        return
    kind = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise HTTPException(
            status_code=415,
            detail=f"The body must be JSON, with `Content-Type: application/json`; it says {kind[:64]}.",
        )
