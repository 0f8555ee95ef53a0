"""The live protocol's frames, and what of an event a reader may see: pure rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from aiops.kernel.events import EventEnvelope
from aiops.kernel.principal import Principal

LARGEST_MESSAGE = 64 * 1024
QUEUE_SIZE = 100
HEARTBEAT_S = 30.0
PONG_TIMEOUT_S = 10.0
TRUSTED_S = 1.0
"""For how long what was verified of a reader holds, while events leave."""
RECONNECT_AFTER_MS = 1000


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Empty filters let everything in scope pass."""

    event_types: list[str] = []
    cluster_filter: list[UUID] = []
    namespace_filter: list[str] = []


class Auth(msgspec.Struct, frozen=True, tag="auth"):
    token: str


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    subscription: Subscription = Subscription()


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe"):
    subscription_id: UUID | None = None


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    pass


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    pass


ClientMessage = Auth | Subscribe | Unsubscribe | Ping | Pong


class _EventBody(msgspec.Struct, frozen=True):
    event_id: UUID
    event_type: str
    cluster_id: UUID | None
    timestamp: datetime
    payload: dict[str, Any]


def frame(kind: str, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": kind, **fields})


def event_frame(seq: int, body: bytes) -> bytes:
    """A client's own sequence number before a body that many clients share."""
    return b'{"type":"event","seq":%d,%s' % (seq, body[1:])


def visible_clusters(principal: Principal, event: EventEnvelope) -> frozenset[UUID] | None:
    """The event's clusters that this reader sees; `None` where the reader may not know of the event at all.

    An event without a cluster concerns the whole installation and goes to those who see all of it.
    """
    if principal.clusters is None:
        return frozenset(event.cluster_ids)
    seen = principal.clusters.intersection(event.cluster_ids)
    return seen or None


def wanted(subscription: Subscription, event: EventEnvelope, seen: frozenset[UUID]) -> bool:
    if subscription.event_types and event.event_type not in subscription.event_types:
        return False
    return not subscription.cluster_filter or not seen.isdisjoint(subscription.cluster_filter)


def read_clusters(principal: Principal, subscription: Subscription) -> frozenset[UUID] | None:
    """Of which clusters this subscription lets events through; `None` is all."""
    if not subscription.cluster_filter:
        return principal.clusters
    asked = frozenset(subscription.cluster_filter)
    return asked if principal.clusters is None else asked & principal.clusters


def event_body(event: EventEnvelope, seen: frozenset[UUID]) -> bytes:
    """The event as JSON for all readers who see exactly `seen` of its clusters.

    Of an event that spans clusters, a reader of only some is told the ids and fetches the rest within scope.
    """
    payload: dict[str, Any] = msgspec.json.decode(event.payload)
    shown = {str(cluster_id) for cluster_id in seen}
    if len(seen) < len(event.cluster_ids):
        payload = {
            name: value
            for name, value in payload.items()
            if name == "key" or (name.endswith("_id") and (name != "cluster_id" or value in shown))
        }
        payload["cluster_ids"] = sorted(shown)
    only = next(iter(seen)) if len(seen) == 1 else None
    return msgspec.json.encode(_EventBody(event.event_id, event.event_type, only, event.occurred_at, payload))
