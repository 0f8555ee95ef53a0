"""Wires the gateway."""

from __future__ import annotations

from datetime import timedelta

from dishka import AsyncContainer, Provider, Scope

from aiops.gateway.handlers import ForgetCluster
from aiops.gateway.http.audit import audit
from aiops.gateway.http.auth import AuthController
from aiops.gateway.http.console import console
from aiops.gateway.http.health import HealthController
from aiops.gateway.http.storage import storage
from aiops.gateway.needs import PasswordHasher, UserStore
from aiops.gateway.passwords import Argon2Hasher
from aiops.gateway.ports import Identity
from aiops.gateway.service import AuthService
from aiops.gateway.store import SqlUserStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import Context, HandlerSpec
from aiops.kernel.outbox import Handle
from aiops.observability.ports import SourceTokens
from aiops.registry.events import ClusterDeleted
from aiops.settings import Settings


def _auth(
    database: Database,
    clock: Clock,
    store: UserStore,
    hasher: PasswordHasher,
    tokens: SourceTokens,
    settings: Settings,
) -> AuthService:
    lifetime = timedelta(hours=settings.session_hours)
    return AuthService(database, clock, store, hasher, tokens, session_lifetime=lifetime)


def _identity(auth: AuthService) -> Identity:
    return auth


async def _forget_cluster(container: AsyncContainer) -> Handle:
    return ForgetCluster(await container.get(UserStore)).handle


def context() -> Context:
    provider = Provider(scope=Scope.APP)
    provider.provide(SqlUserStore, provides=UserStore)
    provider.provide(Argon2Hasher, provides=PasswordHasher)
    provider.provide(_auth)
    provider.provide(_identity)
    return Context(
        "gateway",
        provider,
        routes=(AuthController, HealthController, storage, audit, console),
        handlers=(HandlerSpec("gateway.forget_cluster", (ClusterDeleted,), _forget_cluster),),
    )
