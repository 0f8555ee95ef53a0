"""What the gateway requires: a store of users and sessions, a slow hash for passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from aiops.gateway.domain import Account, Session
from aiops.gateway.ports import User
from aiops.kernel.database import Transaction


class UserStore(Protocol):
    async def account(self, tx: Transaction, username: str) -> Account | None: ...

    async def account_by_id(self, tx: Transaction, user_id: UUID) -> Account | None: ...

    async def users(self, tx: Transaction) -> list[User]: ...

    async def add(self, tx: Transaction, account: Account, at: datetime) -> bool:
        """False where the user name is taken."""

    async def set_password(
        self, tx: Transaction, user_id: UUID, password_hash: str, must_change: bool, at: datetime
    ) -> None: ...

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID, at: datetime) -> None:
        """Take a cluster out of every user's scope; a scope that is left empty stays one."""

    async def open_session(self, tx: Transaction, session: Session) -> None: ...

    async def session_user(self, tx: Transaction, token_hash: bytes, at: datetime) -> tuple[User, datetime] | None:
        """The user of a session that is valid at `at`, and when it expires."""

    async def close_session(self, tx: Transaction, token_hash: bytes) -> None: ...

    async def close_sessions(self, tx: Transaction, user_id: UUID) -> None: ...

    async def forget_expired_sessions(self, tx: Transaction, at: datetime) -> None: ...


class PasswordHasher(Protocol):
    """Slow on purpose: call it in a thread."""

    def hash(self, password: str) -> str: ...

    def matches(self, password_hash: str, password: str) -> bool: ...
