"""The whole hub in this process, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aiops.app import create_app
from aiops.gateway.passwords import Argon2Hasher
from aiops.gateway.ports import User
from aiops.gateway.service import AuthService
from aiops.gateway.store import SqlUserStore
from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.principal import Principal, Role
from aiops.settings import Settings
from tests.gateway.furnished import FurnishedHub

PASSWORD = "correct horse battery"


class NoSources:
    async def authenticate(self, token: str) -> Principal | None:
        return None


@pytest.fixture
def auth(database: Database) -> AuthService:
    return AuthService(database, SystemClock(), SqlUserStore(), Argon2Hasher(), NoSources())


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[AsyncTestClient[Litestar]]:
    settings = Settings(data_dir=tmp_path, watch_host=False, offer_local_prometheus=False)
    async with AsyncTestClient(create_app(settings, database_url)) as client:
        yield client


SignIn = Callable[[User], Awaitable[dict[str, str]]]


@pytest.fixture
def sign_in(hub: AsyncTestClient[Litestar]) -> SignIn:
    """Gives the headers of a signed-in user."""

    async def headers(user: User) -> dict[str, str]:
        reply = await hub.post("/api/v1/auth/login", json={"username": user.username, "password": PASSWORD})
        assert reply.status_code == 200, reply.text
        hub.cookies.clear()
        return {"Authorization": f"Bearer {reply.json()['access_token']}"}

    return headers


@pytest.fixture
async def admin(auth: AuthService) -> User:
    return await auth.add_user(Principal.system("test"), "root", PASSWORD, Role.ADMIN, None, must_change_password=False)


@pytest.fixture
async def viewer(auth: AuthService) -> User:
    return await auth.add_user(
        Principal.system("test"), "viewer", PASSWORD, Role.VIEWER, [], must_change_password=False
    )


@pytest.fixture(scope="session")
def furnished() -> Iterator[FurnishedHub]:
    """A hub of its own process with one of everything, for tests that only ask."""
    with ExitStack() as stack:
        yield FurnishedHub(stack)
