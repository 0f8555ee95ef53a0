"""What the command line does to users, without a running hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from aiops.gateway import domain
from aiops.gateway.passwords import Argon2Hasher
from aiops.gateway.ports import User
from aiops.gateway.service import AuthService
from aiops.gateway.store import SqlUserStore
from aiops.kernel.audit import Act, AuditTrail, acting
from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.errors import NotFound
from aiops.kernel.principal import Principal, Role

_CLI = Principal.system("command-line")
Result = TypeVar("Result")


class _NoSources:
    """The command line authenticates no one."""

    async def authenticate(self, token: str) -> Principal | None:
        return None


def ensure_admin(database_url: str, password: str | None) -> str | None:
    """Make the user `admin` where there is no user at all; gives the password where one was generated.

    A generated password must be changed at the first sign-in; one that was set by its owner need not.
    """

    async def work(auth: AuthService, _: Database) -> str | None:
        if await auth.users(_CLI):
            return None
        chosen = password or domain.new_password()
        await auth.add_user(_CLI, "admin", chosen, Role.ADMIN, None, must_change_password=password is None)
        return None if password else chosen

    return _run(database_url, work, "Add the first user", "admin")


def add_user(database_url: str, username: str, password: str, role: str, clusters: list[str] | None) -> None:
    """`clusters` are names; `None` lets the user see every cluster."""

    async def work(auth: AuthService, database: Database) -> None:
        scope = None if clusters is None else [await _cluster_id(database, name) for name in clusters]
        await auth.add_user(_CLI, username, password, Role(role), scope, must_change_password=False)

    _run(database_url, work, "Add a user", username)


def add_service(database_url: str, name: str, role: str, clusters: list[str] | None, days: int) -> str:
    """Gives the token of the new service, which is valid for so many days."""

    async def work(auth: AuthService, database: Database) -> str:
        scope = None if clusters is None else [await _cluster_id(database, one) for one in clusters]
        return await auth.add_service(_CLI, name, Role(role), scope, timedelta(days=days))

    return _run(database_url, work, "Add a service", name)


def set_password(database_url: str, username: str, password: str) -> None:
    async def work(auth: AuthService, _: Database) -> None:
        await auth.set_password(_CLI, username, password)

    _run(database_url, work, "Set a user's password", username)


def list_users(database_url: str) -> list[User]:
    async def work(auth: AuthService, _: Database) -> list[User]:
        return await auth.users(_CLI)

    return _run(database_url, work)


async def orphans(database: Database, clusters: list[UUID]) -> dict[str, int]:
    """How many users have others than these in their scope."""
    async with database.begin() as tx:
        users = await SqlUserStore().users(tx)
    known = set(clusters)
    return {"users limited to them": sum(not known.issuperset(user.clusters or ()) for user in users)}


async def _cluster_id(database: Database, name: str) -> UUID:
    from aiops.registry.bootstrap import cluster_ids

    found = await cluster_ids(database)
    if name not in found:
        raise NotFound(f"There is no cluster {name}. There are: {', '.join(sorted(found)) or 'none'}.")
    return found[name]


def _run(
    database_url: str,
    work: Callable[[AuthService, Database], Awaitable[Result]],
    action: str | None = None,
    username: str = "",
) -> Result:
    """`action` is what the audit trail says of it, where it changes something."""

    async def inside() -> Result:
        database = Database(database_url, pool_size=1)
        database.audit = AuditTrail()
        try:
            auth = AuthService(database, SystemClock(), SqlUserStore(), Argon2Hasher(), _NoSources())
            with acting(Act("command line")) as act:
                act.by(_CLI)
                if action is not None:
                    act.begins(action, {"username": username}, None)
                return await work(auth, database)
        finally:
            await database.close()

    return asyncio.run(inside())
