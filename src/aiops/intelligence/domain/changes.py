"""What people and pipelines change: deployments, configuration, scaling. A change is no fault, and often its cause."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from aiops.kernel.errors import Invalid
from aiops.observability.ports import Labels

MOST_ORIGINAL_BYTES = 256 * 1024
"""What a sender said is kept whole up to here."""

TOLD_WITHIN = timedelta(minutes=10)
"""The same words without a key and without a time of their own, within this, are one change that was sent twice."""

_Word = Annotated[str, msgspec.Meta(max_length=512)]
_Labels = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=128)], Annotated[str, msgspec.Meta(max_length=2048)]],
    msgspec.Meta(max_length=64),
]


class ChangeKind(StrEnum):
    DEPLOYMENT = "DEPLOYMENT"
    CONFIG = "CONFIG"
    SCALING = "SCALING"
    ROLLBACK = "ROLLBACK"
    INFRASTRUCTURE = "INFRASTRUCTURE"
    OTHER = "OTHER"


class Outcome(StrEnum):
    """How a change went, as far as its sender tells."""

    UNDER_WAY = "UNDER_WAY"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class ChangeSourceKind(StrEnum):
    """Whose webhook: each has a payload of its own."""

    GITHUB = "GITHUB"
    GITLAB = "GITLAB"
    ARGOCD = "ARGOCD"
    GENERIC = "GENERIC"


class ToldChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change as someone tells of it. `at` is when it took effect (now, where it is left out).

    `key` is the sender's own name for it: told again under the same key, it is the same change, and what is told last
    stands. `place` is the sender's word for where it happened (an environment, a cluster), which a source maps to a
    cluster.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    kind: ChangeKind = ChangeKind.OTHER
    at: datetime | None = None
    told_at: datetime | None = None
    key: Annotated[str, msgspec.Meta(max_length=512)] = ""
    place: _Word = ""
    namespace: _Word = ""
    service: _Word = ""
    workload: _Word = ""
    version_from: _Word = ""
    version_to: _Word = ""
    author: _Word = ""
    url: Annotated[str, msgspec.Meta(max_length=2048)] = ""
    outcome: Outcome | None = None
    labels: _Labels = {}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is kept. `cluster_id` is `None` where nobody said which: then only those see it who see the whole
    fleet. `told_at` is when its sender last spoke of it; empty texts are what it did not tell."""

    id: UUID
    at: datetime
    told_at: datetime
    received_at: datetime
    kind: ChangeKind
    title: str
    source: str
    source_id: UUID | None
    key: str
    cluster_id: UUID | None = None
    namespace: str = ""
    service: str = ""
    workload: str = ""
    version_from: str = ""
    version_to: str = ""
    author: str = ""
    url: str = ""
    outcome: Outcome | None = None
    labels: Labels = {}


class ChangeFilter(msgspec.Struct, frozen=True):
    """`text` is looked for in title, service, workload, namespace and author. `unplaced`: beside those of `cluster_ids`
    also what nobody said the cluster of."""

    cluster_ids: tuple[UUID, ...] = ()
    unplaced: bool = False
    kind: ChangeKind | None = None
    service: str | None = None
    text: str | None = None
    start: datetime | None = None
    end: datetime | None = None


class ChangeSource(msgspec.Struct, frozen=True, kw_only=True):
    """Something that tells of changes under a token of its own.

    `places` map the sender's environments or destinations to clusters; `cluster_id` is where all others belong.
    """

    id: UUID
    name: str
    kind: ChangeSourceKind
    cluster_id: UUID | None
    places: dict[str, UUID]
    created_at: datetime

    def cluster_of(self, place: str) -> UUID | None:
        return self.places.get(place, self.cluster_id)

    def clusters(self) -> frozenset[UUID]:
        own = frozenset(self.places.values())
        return own if self.cluster_id is None else own | {self.cluster_id}


def change_of(
    told: ToldChange, *, change_id: UUID, source: str, source_id: UUID | None, cluster_id: UUID | None, now: datetime
) -> Change:
    """What is kept of it. Its own time stands unless it lies in the future, which a wrong clock may say. Raises
    `Invalid` for a time that is none in UTC."""
    told_at = now if told.told_at is None else _utc(told.told_at)
    at = min(told_at if told.at is None else _utc(told.at), now)
    return Change(
        id=change_id,
        at=at,
        told_at=told_at,
        received_at=now,
        source=source,
        source_id=source_id,
        cluster_id=cluster_id,
        key=told.key or key_of_content(told),
        kind=told.kind,
        title=told.title,
        namespace=told.namespace,
        service=told.service,
        workload=told.workload,
        version_from=told.version_from,
        version_to=told.version_to,
        author=told.author,
        url=told.url,
        outcome=told.outcome,
        labels=told.labels,
    )


CONTENT_KEY = "content:"
"""Begins the key of a change that its sender gave none."""


def key_of_content(told: ToldChange) -> str:
    """Named by what it says. Where that holds no time, the same words are the same change within
    `TOLD_WITHIN`."""
    said = msgspec.structs.replace(told, key="", outcome=None, told_at=None)
    return CONTENT_KEY + hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:32]


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{at.isoformat()} lies outside of the calendar once it is told in UTC.") from None
