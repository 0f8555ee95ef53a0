"""Every event type of the installation, a new one included: who is limited to a cluster hears of that one alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_type_hints
from uuid import UUID

import msgspec
import pytest

from aiops.app import contexts
from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.events import Event, EventCatalogue, envelope
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.streaming.domain import Subscription
from aiops.streaming.service import Broadcast, Reader

EAST, WEST = new_id(), new_id()
EVENTS = [event for part in contexts() for event in part.events]


def _made(kind: type[Event], clock: VirtualClock, *clusters: UUID) -> Event:
    """An event of this type with every field filled; each text names the clusters that it is about."""
    plain: dict[Any, Any] = {
        UUID: new_id(),
        str: f"of {clusters}",
        datetime: clock.now(),
        int: 7,
        float: 0.7,
        bool: True,
    }
    fields = {
        name: next(
            value for wanted, value in plain.items() if wanted is hint or wanted in getattr(hint, "__args__", ())
        )
        for name, hint in get_type_hints(kind).items()
        if name in kind.__struct_fields__ and name != "cluster_ids"
    }
    if "key" in fields:
        # What people call an incident by; told to each of its readers, so it may name no cluster.
        fields["key"] = "INC-20260101-0001"
    if "cluster_id" in fields:
        fields["cluster_id"] = clusters[0]
    return kind(**{**fields, "cluster_ids": clusters})


def _reader(live: Broadcast, clusters: frozenset[UUID] | None) -> Reader:
    reader = live.join(Principal(PrincipalKind.USER, str(new_id()), "someone", Role.VIEWER, clusters))
    reader.subscriptions[new_id()] = Subscription()
    reader.subscriptions[new_id()] = Subscription(cluster_filter=[EAST, WEST])
    return reader


async def _heard(reader: Reader) -> list[dict[str, Any]]:
    return [msgspec.json.decode(await reader.next()) for _ in range(reader.queued)]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.event_type)
async def test_of_both_clusters_a_limited_reader_hears_of_one_and_the_admin_of_both(
    kind: type[Event], clock: VirtualClock
) -> None:
    catalogue = EventCatalogue()
    catalogue.add(*EVENTS)
    live = Broadcast(InMemoryBus(), clock, catalogue)
    limited, nobody, admin = _reader(live, frozenset({EAST})), _reader(live, frozenset()), _reader(live, None)
    for clusters in ((EAST,), (WEST,), (EAST, WEST), (WEST, EAST)):
        live.tell(envelope(_made(kind, clock, *clusters)))
    told = await _heard(limited)
    assert [frame["event_type"] for frame in told] == [kind.event_type] * 3
    assert str(WEST) not in str(told)
    assert await _heard(nobody) == []
    assert len(await _heard(admin)) == 4
