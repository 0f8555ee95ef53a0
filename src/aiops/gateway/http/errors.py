"""One envelope for every error there is, and the one place that knows HTTP statuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from aiops.kernel import errors
from aiops.kernel.errors import AiopsError
from aiops.kernel.tracing import current_trace, new_trace

log = structlog.get_logger(__name__)

SERVICE = "aiops"

_STATUS_OF_CLASS: dict[type[AiopsError], int] = {
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.TooLarge: 413,
    errors.RateLimited: 429,
    errors.Rejected: 422,
    errors.TimedOut: 504,
    errors.Retriable: 503,
}
_CODE_OF_STATUS = {
    400: "MALFORMED_REQUEST",
    401: "AUTH_FAILED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
}


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` is for programs, `message` for people; `details` says more where there is more."""

    code: str
    message: str
    service: str
    trace_id: str
    timestamp: datetime
    details: Any = None


class ErrorEnvelope(msgspec.Struct, frozen=True):
    error: ErrorBody


def envelope(code: str, message: str, details: Any = None) -> ErrorEnvelope:
    return ErrorEnvelope(
        ErrorBody(code, message, SERVICE, (current_trace() or new_trace()).trace_id, datetime.now(UTC), details)
    )


def _reply(
    status: int, code: str, message: str, details: Any = None, headers: dict[str, str] | None = None
) -> Response[ErrorEnvelope]:
    return Response(
        envelope(code, message, details), status_code=status, headers=headers, media_type="application/json"
    )


def on_stated_error(_request: Request[Any, Any, Any], error: AiopsError) -> Response[ErrorEnvelope]:
    status = next((status for kind, status in _STATUS_OF_CLASS.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, errors.RateLimited) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _reply(status, error.code, error.message, error.details, headers)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorEnvelope]:
    status, message, details = error.status_code, error.detail, error.extra
    if isinstance(error, ValidationException):
        status = 422
        message, details = _validation(error)
    elif status == 404:
        message = f"There is nothing at {request.url.path}."
    elif status == 405:
        message = f"{request.url.path} does not take {request.method}."
    elif status == 413:
        message = "The body is larger than the 10 MB that are taken."
    if status >= 500:
        return on_unknown_error(request, error)
    return _reply(status, _CODE_OF_STATUS.get(status, "REJECTED"), message, details or None, dict(error.headers or {}))


def _validation(error: ValidationException) -> tuple[str, Any]:
    problems = [p for p in error.extra if isinstance(p, dict)] if isinstance(error.extra, list) else []
    if problems == [{"message": "'data'", "key": "data"}]:
        return "This needs a body, and there is none.", None
    told = [f"{p['key']}: {p['message']}" if p.get("key") else str(p.get("message", "")) for p in problems]
    return "; ".join(filter(None, told)) or error.detail, problems or None


def on_unknown_error(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorEnvelope]:
    log.error("request_failed", path=request.url.path, method=request.method, exc_info=error)
    return _reply(
        500, "INTERNAL_ERROR", "Something failed inside the hub; its log has the details under this trace id."
    )


EXCEPTION_HANDLERS: dict[Any, Any] = {
    AiopsError: on_stated_error,
    HTTPException: on_http_error,
    Exception: on_unknown_error,
}
