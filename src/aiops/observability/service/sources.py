"""Sources: who may push into which cluster."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.needs import SourceStore
from aiops.observability.ports import PushSource
from aiops.registry.ports import Clusters

TOKEN_PREFIX = "aiops_src_"  # noqa: S105 — a mark that secret scanners can find, not a secret
_TRUSTED_S = 10.0
_MOST_CACHED = 10_000


class NewSource(msgspec.Struct, frozen=True):
    """`token` is shown this once: only its hash is kept."""

    id: UUID
    name: str
    cluster_id: UUID
    created_at: datetime
    token: str


class Sources:
    """`ports.SourceTokens`, and the care of sources."""

    def __init__(self, transactions: Transactions, clock: Clock, store: SourceStore, clusters: Clusters) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._trusted: dict[bytes, tuple[float, Principal]] = {}

    async def create(
        self, principal: Principal, cluster_id: UUID, name: str, alert_settings: dict[str, dict[str, Any]] | None = None
    ) -> NewSource:
        """`alert_settings` are by the form of its alerts, and were checked."""
        principal.require(Role.OPERATOR)
        name = name.strip()
        if not 1 <= len(name) <= 128:
            raise Invalid("A source needs a name of 1 to 128 characters.")
        await self._clusters.get(principal, cluster_id)
        token = new_token()
        source = PushSource(new_id(), name, cluster_id, self._clock.now())
        async with self._transactions.begin() as tx:
            if not await self._store.add(tx, source, hash_of(token)):
                raise Conflict(f"This cluster already has a source named {name}.")
            if alert_settings:
                await self._store.set_alerts(tx, source.id, alert_settings)
            await tx.commit()
        return NewSource(source.id, source.name, source.cluster_id, source.created_at, token)

    async def all(self, principal: Principal) -> list[PushSource]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found: list[PushSource] = await self._store.all(tx, principal.clusters)
            return found

    async def delete(self, principal: Principal, source_id: UUID) -> None:
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            if not await self._store.delete(tx, source_id, principal.clusters):
                raise NotFound("There is no such source.")
            await tx.commit()
        self.forget_trusted()

    async def authenticate(self, token: str) -> Principal | None:
        if not token.startswith(TOKEN_PREFIX):
            return None
        token_hash = hash_of(token)
        moment = self._clock.monotonic()
        trusted = self._trusted.get(token_hash)
        if trusted and moment - trusted[0] < _TRUSTED_S:
            return trusted[1]
        async with self._transactions.begin() as tx:
            source: PushSource | None = await self._store.by_token(tx, token_hash)
        if source is None:
            self._trusted.pop(token_hash, None)
            return None
        principal = Principal(PrincipalKind.SERVICE, str(source.id), source.name, None, frozenset({source.cluster_id}))
        if len(self._trusted) >= _MOST_CACHED:
            self._trusted.clear()
        self._trusted[token_hash] = (moment, principal)
        return principal

    def forget_trusted(self) -> None:
        """Look every token up again; another replica does so within 10 s by itself."""
        self._trusted.clear()


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
