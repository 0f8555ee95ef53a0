"""Signing in and out, and the users who may."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.gateway import domain
from aiops.gateway.domain import Account, Session
from aiops.gateway.needs import PasswordHasher, UserStore
from aiops.gateway.ports import SignedIn, User
from aiops.kernel.audit import acts_for
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound, RateLimited, Unauthenticated
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import SourceTokens

_FAILURES_A_MINUTE = 10
_REMEMBERED_NAMES = 10_000


class Login(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime
    lifetime_s: int
    user: User


class AuthService:
    """Implements `ports.Identity`."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: UserStore,
        hasher: PasswordHasher,
        source_tokens: SourceTokens,
        *,
        session_lifetime: timedelta = timedelta(hours=12),
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._hasher = hasher
        self._source_tokens = source_tokens
        self._session_lifetime = session_lifetime
        self._failures = _Failures(clock)
        self._nobody = hasher.hash("the password of nobody")

    async def login(self, username: str, password: str) -> Login:
        """Open a session; raises `Unauthenticated`, or `RateLimited` after ten failures a minute."""
        self._failures.check(username)
        async with self._transactions.begin() as tx:
            account = await self._store.account(tx, username)
        # An unknown name costs as much time as a wrong password, so that names can't be found out.
        known_hash = account.password_hash if account else self._nobody
        matches = await asyncio.to_thread(self._hasher.matches, known_hash, password)
        if account is not None:
            # A name that is none stays out of the audit trail: people type passwords there.
            acts_for(domain.principal_of(account.user))
        if account is None or not matches:
            self._failures.add(username)
            raise Unauthenticated("User name or password is wrong.")
        token, now = domain.new_token(), self._clock.now()
        session = Session(domain.token_hash(token), account.user.id, now, now + self._session_lifetime)
        async with self._transactions.begin() as tx:
            await self._store.forget_expired_sessions(tx, now)
            await self._store.open_session(tx, session)
            await tx.commit()
        return Login(token, session.expires_at, int(self._session_lifetime.total_seconds()), account.user)

    async def identify(self, token: str) -> SignedIn:
        if not token.startswith(domain.SESSION_PREFIX):
            principal = await self._source_tokens.authenticate(token)
            if principal is None:
                raise Unauthenticated("This token is not known here; it may have been removed.")
            return SignedIn(principal, None, None)
        async with self._transactions.begin() as tx:
            found = await self._store.session_user(tx, domain.token_hash(token), self._clock.now())
        if found is None:
            raise Unauthenticated("The session has ended. Sign in again.")
        user, expires_at = found
        return SignedIn(domain.principal_of(user), user, expires_at)

    async def logout(self, token: str) -> None:
        async with self._transactions.begin() as tx:
            await self._store.close_session(tx, domain.token_hash(token))
            await tx.commit()

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Change one's own password; every session of the user ends."""
        self._failures.check(principal.name)
        async with self._transactions.begin() as tx:
            account = await self._store.account_by_id(tx, UUID(principal.id))
        if account is None or not await asyncio.to_thread(self._hasher.matches, account.password_hash, current):
            self._failures.add(principal.name)
            raise Invalid("The current password is wrong.")
        if current == new:
            raise Invalid("The new password must differ from the current one.")
        await self._store_password(account.user, new, must_change=False)

    async def add_user(
        self,
        principal: Principal,
        username: str,
        password: str,
        role: Role,
        clusters: list[UUID] | None,
        *,
        must_change_password: bool,
    ) -> User:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        domain.check_username(username)
        password_hash = await self._hashed(password, username)
        user = User(new_id(), username, role, clusters, must_change_password)
        async with self._transactions.begin() as tx:
            if not await self._store.add(tx, Account(user, password_hash), self._clock.now()):
                raise Conflict(f"There is a user {username} already.")
            await tx.commit()
        return user

    async def add_service(
        self, principal: Principal, name: str, role: Role, clusters: list[UUID] | None, lifetime: timedelta
    ) -> str:
        """Add a user that no person signs in as; gives its token, which is told only now."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        domain.check_username(name)
        # Nobody knows its password, so nobody signs in by it.
        password_hash = await self._hashed(domain.new_token(), name)
        user = User(new_id(), name, role, clusters, must_change_password=False, service=True)
        token, now = domain.new_token(), self._clock.now()
        async with self._transactions.begin() as tx:
            if not await self._store.add(tx, Account(user, password_hash), now):
                raise Conflict(f"There is a user {name} already.")
            await self._store.open_session(tx, Session(domain.token_hash(token), user.id, now, now + lifetime))
            await tx.commit()
        return token

    async def set_password(self, principal: Principal, username: str, password: str) -> None:
        """Set someone's password, to be changed at the next sign-in."""
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            account = await self._store.account(tx, username)
        if account is None:
            raise NotFound(f"There is no user {username}.")
        await self._store_password(account.user, password, must_change=True)

    async def users(self, principal: Principal) -> list[User]:
        principal.require(Role.ADMIN)
        principal.require_whole_fleet()
        async with self._transactions.begin() as tx:
            return await self._store.users(tx)

    async def _store_password(self, user: User, password: str, *, must_change: bool) -> None:
        password_hash = await self._hashed(password, user.username)
        async with self._transactions.begin() as tx:
            await self._store.set_password(tx, user.id, password_hash, must_change, self._clock.now())
            await self._store.close_sessions(tx, user.id)
            await tx.commit()

    async def _hashed(self, password: str, username: str) -> str:
        return await asyncio.to_thread(self._hasher.hash, domain.check_password(password, username))


class _Failures:
    """Failed sign-ins of the last minute by user name, bounded in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def check(self, username: str) -> None:
        times = self._times.get(username)
        now = self._clock.monotonic()
        while times and times[0] <= now - 60:
            times.popleft()
        if times and len(times) >= _FAILURES_A_MINUTE:
            wait = max(1, int(times[0] + 60 - now))
            raise RateLimited(f"Too many failed sign-ins. Try again in {wait} s.", retry_after_s=wait)

    def add(self, username: str) -> None:
        if username not in self._times and len(self._times) >= _REMEMBERED_NAMES:
            self._times.pop(next(iter(self._times)))
        self._times.setdefault(username, deque()).append(self._clock.monotonic())
