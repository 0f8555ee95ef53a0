"""What the gateway offers: who a token belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal, Role


class User(msgspec.Struct, frozen=True):
    """A person who signs in, or a service with a token. `clusters` is the scope: `None` sees all, a list sees only its
    members."""

    id: UUID
    username: str
    role: Role
    clusters: list[UUID] | None
    must_change_password: bool
    service: bool = False


class SignedIn(msgspec.Struct, frozen=True):
    """A verified token: whom it speaks for, until when. `user` is `None` for a pushing service."""

    principal: Principal
    user: User | None
    expires_at: datetime | None


class Identity(Protocol):
    async def identify(self, token: str) -> SignedIn:
        """Verify a token of a session or of a source; raises `Unauthenticated`."""
