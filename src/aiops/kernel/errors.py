"""Every error that the hub states on purpose.

    AiopsError
    ├── Rejected            the caller must change the request
    │   ├── Invalid         a value is wrong            VALIDATION_ERROR
    │   ├── NotFound        it does not exist, or is out of the caller's scope
    │   ├── Conflict        it clashes with what is there
    │   ├── Unauthenticated we do not know who asks     AUTH_FAILED
    │   ├── PermissionDenied
    │   ├── TooLarge
    │   └── RateLimited
    └── Retriable           the same request may succeed later
        ├── Unavailable     a part is down
        └── TimedOut        a part did not answer in time

No HTTP here: the gateway maps classes to statuses in one place.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AiopsError(Exception):
    """`message` is for people and says what to do; `code` is for programs; `details` is JSON."""

    default_code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: str, *, code: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details


class Rejected(AiopsError):
    default_code = "REJECTED"


class Invalid(Rejected):
    default_code = "VALIDATION_ERROR"


class NotFound(Rejected):
    default_code = "NOT_FOUND"


class Conflict(Rejected):
    default_code = "CONFLICT"


class Unauthenticated(Rejected):
    default_code = "AUTH_FAILED"


class PermissionDenied(Rejected):
    default_code = "PERMISSION_DENIED"


class TooLarge(Rejected):
    default_code = "PAYLOAD_TOO_LARGE"


class RateLimited(Rejected):
    default_code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, details={"retry_after_s": retry_after_s})
        self.retry_after_s = retry_after_s


class Retriable(AiopsError):
    default_code = "UNAVAILABLE"


class Unavailable(Retriable):
    default_code = "UNAVAILABLE"


class TimedOut(Retriable):
    default_code = "TIMEOUT"
