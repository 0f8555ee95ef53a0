"""What a service account's token says of itself: whose it is, and when it ends. Read, not verified: it is our own."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

import msgspec


class Claims(msgspec.Struct, frozen=True):
    """`None` where the token does not say. A token kept in a Secret never ends."""

    namespace: str | None = None
    account: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None


class _Bound(msgspec.Struct):
    namespace: str | None = None
    serviceaccount: dict[str, str] | None = None


class _Payload(msgspec.Struct):
    exp: float | None = None
    iat: float | None = None
    sub: str | None = None
    bound: _Bound | None = msgspec.field(name="kubernetes.io", default=None)
    old_namespace: str | None = msgspec.field(name="kubernetes.io/serviceaccount/namespace", default=None)
    old_account: str | None = msgspec.field(name="kubernetes.io/serviceaccount/service-account.name", default=None)


def claims_of(token: str) -> Claims | None:
    """`None` for a token that is not a JWT, such as OpenShift's `sha256~…` or a static one."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        payload = msgspec.json.decode(body, type=_Payload)
        issued, expires = _moment(payload.iat), _moment(payload.exp)
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError, OSError):
        return None
    subject = (payload.sub or "").split(":")
    named = subject[2:4] if subject[:2] == ["system", "serviceaccount"] and len(subject) == 4 else [None, None]
    bound = payload.bound or _Bound()
    return Claims(
        bound.namespace or payload.old_namespace or named[0],
        (bound.serviceaccount or {}).get("name") or payload.old_account or named[1],
        issued,
        expires,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
