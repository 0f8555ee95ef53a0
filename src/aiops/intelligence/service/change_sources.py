"""Who may tell of changes by webhook, each under a token of its own; and whether a webhook really comes from it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import structlog

from aiops.intelligence.change_payloads import READERS
from aiops.intelligence.domain.changes import ChangeSource, ChangeSourceKind
from aiops.intelligence.needs_changes import ChangeSourceStore
from aiops.intelligence.service.changes import Changes
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, Role
from aiops.kernel.secrets import SecretBox
from aiops.registry.ports import Clusters

TOKEN_PREFIX = "aiops_chg_"  # noqa: S105 — a mark that secret scanners can find, not a secret
MOST_PLACES = 1_000
_PURPOSE = "intelligence.change_sources"

log = structlog.get_logger(__name__)


def box_of(keys: Sequence[bytes]) -> SecretBox:
    """What tokens are sealed with: a signature can only be checked by who has the token itself, so no hash will do."""
    return SecretBox.for_purpose(keys, _PURPOSE)


class NewChangeSource(msgspec.Struct, frozen=True):
    """`token` is shown this once. `path` is where its webhooks go."""

    source: ChangeSource
    token: str
    path: str


class ChangeSources:
    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: ChangeSourceStore,
        clusters: Clusters,
        changes: Changes,
        box: SecretBox,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._changes = changes
        self._box = box

    async def create(
        self,
        principal: Principal,
        name: str,
        kind: ChangeSourceKind,
        cluster_id: UUID | None,
        places: Mapping[str, UUID],
    ) -> NewChangeSource:
        principal.require(Role.OPERATOR)
        name = name.strip()
        if not 1 <= len(name) <= 128 or "\x00" in name:
            raise Invalid("A source needs a name of 1 to 128 characters.")
        if len(places) > MOST_PLACES or any(not 1 <= len(place) <= 512 or "\x00" in place for place in places):
            raise Invalid(f"At most {MOST_PLACES} places, each with a name of 1 to 512 characters.")
        if cluster_id is None:
            # What has no place goes to no cluster, and is for those who see them all.
            principal.require_whole_fleet()
        for one in {*places.values(), *([] if cluster_id is None else [cluster_id])}:
            await self._clusters.get(principal, one)
        source = ChangeSource(
            id=new_id(),
            name=name,
            kind=kind,
            cluster_id=cluster_id,
            places=dict(places),
            created_at=self._clock.now(),
        )
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        async with self._transactions.begin() as tx:
            if not await self._store.add(tx, source, self._box.seal(token.encode(), belongs_to=source.id.bytes)):
                raise Conflict(f"There is a source of changes named {name} already.")
            await tx.commit()
        log.info("change_source_created", source=name, kind=kind.value, by=principal.name, by_id=principal.id)
        return NewChangeSource(source, token, f"/webhooks/changes/{source.id}")

    async def all(self, principal: Principal) -> list[ChangeSource]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.all(tx, None if principal.clusters is None else list(principal.clusters))

    async def delete(self, principal: Principal, source_id: UUID) -> None:
        """What it told stays."""
        principal.require(Role.OPERATOR)
        async with self._transactions.begin() as tx:
            found = await self._store.get(tx, source_id)
            if found is None or not _concerns_only(principal, found[0]):
                raise NotFound("There is no such source of changes.")
            await self._store.delete(tx, source_id)
            await tx.commit()
        log.info("change_source_deleted", source=found[0].name, by=principal.name, by_id=principal.id)

    async def deliver(self, source_id: UUID, headers: Mapping[str, str], body: bytes) -> int:
        """A webhook; gives how many changes it tells of. `headers` with names in lower case. Raises `Unauthenticated`
        alike for a source that does not exist and for a proof that is wrong."""
        async with self._transactions.begin() as tx:
            found = await self._store.get(tx, source_id)
        if found is None:
            raise Unauthenticated("There is no such source of changes, or this is not its token.")
        source, sealed = found
        token = self._box.open(sealed, belongs_to=source.id.bytes)
        if not proven(headers, body, token):
            log.warning("change_webhook_refused", source=source.name)
            raise Unauthenticated("There is no such source of changes, or this is not its token.")
        return await self._changes.receive(source, READERS[source.kind](headers, body), body)


def proven(headers: Mapping[str, str], body: bytes, token: bytes) -> bool:
    """Whether who sent this holds the token: by the signature of the body where there is one (GitHub), else by the
    token itself (GitLab, and `Authorization: Bearer`)."""
    signature = headers.get("x-hub-signature-256")
    if signature is not None:
        expected = "sha256=" + hmac.new(token, body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signature.encode(), expected.encode())
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    shown = headers.get("x-gitlab-token") or (bearer.strip() if scheme.lower() == "bearer" else "")
    return hmac.compare_digest(shown.encode(), token)


def _concerns_only(principal: Principal, source: ChangeSource) -> bool:
    """Whether all that it may speak of is in scope."""
    return principal.clusters is None or (source.cluster_id is not None and source.clusters() <= principal.clusters)
