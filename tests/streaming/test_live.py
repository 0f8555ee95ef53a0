from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import msgspec

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.events import Event, EventCatalogue, envelope
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.streaming.domain import QUEUE_SIZE, Subscription
from aiops.streaming.service import Broadcast, Reader

EAST, WEST = new_id(), new_id()


class Moved(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "MOVED"
    channel: ClassVar[str] = "test"
    thing_id: UUID
    title: str


def moved(clock: VirtualClock, *clusters: UUID) -> Moved:
    return Moved(
        event_id=new_id(), occurred_at=clock.now(), cluster_ids=clusters, thing_id=new_id(), title="the west wing"
    )


def broadcast(clock: VirtualClock) -> Broadcast:
    catalogue = EventCatalogue()
    catalogue.add(Moved)
    return Broadcast(InMemoryBus(), clock, catalogue)


def reader(live: Broadcast, clusters: frozenset[UUID] | None, subscription: Subscription | None = None) -> Reader:
    joined = live.join(Principal(PrincipalKind.USER, str(new_id()), "someone", Role.VIEWER, clusters))
    joined.subscriptions[new_id()] = subscription or Subscription()
    return joined


async def heard(reader: Reader) -> dict[str, Any]:
    frame: dict[str, Any] = msgspec.json.decode(await reader.next())
    return frame


async def test_a_reader_of_one_cluster_hears_nothing_of_another(clock: VirtualClock) -> None:
    live = broadcast(clock)
    of_east, of_none, of_all = (
        reader(live, frozenset({EAST})),
        reader(live, frozenset()),
        reader(live, None),
    )
    live.tell(envelope(moved(clock, WEST)))
    live.tell(envelope(moved(clock)))
    assert (of_east.queued, of_none.queued, of_all.queued) == (0, 0, 2)


async def test_of_what_spans_clusters_a_limited_reader_is_told_ids_alone(clock: VirtualClock) -> None:
    live = broadcast(clock)
    of_east, of_all = reader(live, frozenset({EAST})), reader(live, None)
    event = moved(clock, EAST, WEST)
    live.tell(envelope(event))
    limited, whole = await heard(of_east), await heard(of_all)
    assert whole["payload"]["title"] == "the west wing"
    assert limited["payload"] == {
        "event_id": str(event.event_id),
        "thing_id": str(event.thing_id),
        "cluster_ids": [str(EAST)],
    }
    assert limited["cluster_id"] == str(EAST)
    assert str(WEST) not in msgspec.json.encode(limited).decode()


async def test_filters_let_through_what_was_asked_for(clock: VirtualClock) -> None:
    live = broadcast(clock)
    of_east = reader(live, None, Subscription(cluster_filter=[EAST]))
    of_others = reader(live, None, Subscription(event_types=["OTHER"]))
    live.tell(envelope(moved(clock, WEST)))
    live.tell(envelope(moved(clock, EAST)))
    assert (of_east.queued, of_others.queued) == (1, 0)


async def test_a_slow_reader_keeps_a_bounded_queue_and_is_told_what_it_missed(clock: VirtualClock) -> None:
    live = broadcast(clock)
    slow = reader(live, None)
    for _ in range(QUEUE_SIZE + 7):
        live.tell(envelope(moved(clock, EAST)))
    assert slow.queued == QUEUE_SIZE
    frames = [await heard(slow) for _ in range(QUEUE_SIZE + 1)]
    assert [frame["seq"] for frame in frames[:-1]] == list(range(1, QUEUE_SIZE + 1))
    assert frames[-1]["code"] == "QUEUE_FULL"
    assert frames[-1]["message"].startswith("7 events")
    live.tell(envelope(moved(clock, EAST)))
    assert (await heard(slow))["seq"] == QUEUE_SIZE + 8
