"""Facts in the past tense. A context declares its own in `events.py`; anyone may read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact: ids and scalars only; fields are only ever added.

    `cluster_ids` are the clusters that the fact concerns and decide who may see it (seeing one of them suffices to be
    told that it happened; what spans clusters is fetched within the reader's scope).
    """

    event_type: ClassVar[str]
    channel: ClassVar[str]

    event_id: UUID
    occurred_at: datetime
    cluster_ids: tuple[UUID, ...] = ()


class EventEnvelope(msgspec.Struct, frozen=True):
    """How an event travels: the same in the outbox and on the bus. `payload` is the event as JSON."""

    event_id: UUID
    event_type: str
    channel: str
    occurred_at: datetime
    cluster_ids: tuple[UUID, ...]
    payload: msgspec.Raw


def envelope(event: Event) -> EventEnvelope:
    return EventEnvelope(
        event_id=event.event_id,
        event_type=event.event_type,
        channel=event.channel,
        occurred_at=event.occurred_at,
        cluster_ids=event.cluster_ids,
        payload=msgspec.Raw(msgspec.json.encode(event)),
    )


class EventCatalogue:
    """The event types of this installation by name, to decode what the outbox holds."""

    def __init__(self) -> None:
        self._types: dict[str, type[Event]] = {}

    def add(self, *event_types: type[Event]) -> None:
        for event_type in event_types:
            self._types[event_type.event_type] = event_type

    def decode(self, event_type: str, payload: bytes | msgspec.Raw) -> Event:
        return msgspec.json.decode(payload, type=self._types[event_type])

    def names(self) -> list[str]:
        return sorted(self._types)

    def __contains__(self, name: Any) -> bool:
        return name in self._types
