"""Users, passwords and tokens: pure rules."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.gateway.ports import User
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, PrincipalKind

SESSION_PREFIX = "aiops_ses_"
SHORTEST_PASSWORD = 10
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Account(msgspec.Struct, frozen=True):
    """A user as stored, with the hash of the password."""

    user: User
    password_hash: str


class Session(msgspec.Struct, frozen=True):
    token_hash: bytes
    user_id: UUID
    created_at: datetime
    expires_at: datetime


def new_token() -> str:
    return SESSION_PREFIX + secrets.token_urlsafe(32)


def new_password() -> str:
    """A password for the first user, to be changed at sign-in: 96 bits."""
    return secrets.token_urlsafe(12)


def token_hash(token: str) -> bytes:
    # A token has 256 random bits: a plain hash suffices, a slow one would only slow every request.
    return hashlib.sha256(token.encode()).digest()


def check_username(username: str) -> str:
    if not _USERNAME.fullmatch(username):
        raise Invalid(
            "A user name has 1–64 characters: lower-case letters, digits and . _ @ -, starting with a letter or digit."
        )
    return username


def check_password(password: str, username: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if len(password) > 1024:
        raise Invalid("A password has at most 1,024 characters.")
    if password.lower() == username.lower():
        raise Invalid("The password must differ from the user name.")
    return password


def principal_of(user: User) -> Principal:
    clusters = None if user.clusters is None else frozenset(user.clusters)
    kind = PrincipalKind.SERVICE if user.service else PrincipalKind.USER
    return Principal(kind, str(user.id), user.username, user.role, clusters)
