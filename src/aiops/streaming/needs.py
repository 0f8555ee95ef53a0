"""What streaming requires: someone who knows whom a token speaks for."""

from __future__ import annotations

from typing import Protocol

import msgspec

from aiops.kernel.principal import Principal


class SignedInReader(msgspec.Struct, frozen=True):
    """A verified reader; `may_read` is false while the user must change the password first."""

    principal: Principal
    may_read: bool


class Authenticator(Protocol):
    async def __call__(self, token: str) -> SignedInReader:
        """Verify a token; raises `Unauthenticated`."""
