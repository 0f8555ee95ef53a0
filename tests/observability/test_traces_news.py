"""New traces are told to those who look, of what they look at; while nobody looks, no Tempo is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import msgspec
import pytest
from aiohttp import web

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.events import EventCatalogue, EventEnvelope
from aiops.kernel.ids import new_id
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal
from aiops.observability.backends.tempo import TempoBackend
from aiops.observability.events import EVENTS
from aiops.observability.service.traces_news import EVERY_S, TraceNewsJob
from aiops.streaming.domain import Subscription
from aiops.streaming.service import Broadcast, Reader
from tests.lab.tempo import Made, TempoPeer
from tests.observability.clusters import Fleet, Way
from tests.observability.signals import SYSTEM


@dataclass
class Live:
    """The job on a hub's own parts, and people who look."""

    clock: VirtualClock
    job: TraceNewsJob
    broadcast: Broadcast
    _bus: InMemoryBus

    def look(self, who: Principal, *event_types: str, only: UUID | None = None) -> Reader:
        reader = self.broadcast.join(who)
        reader.subscriptions[new_id()] = Subscription(list(event_types), [] if only is None else [only])
        return reader

    async def rounds(self, count: int = 1) -> list[EventEnvelope]:
        heard: list[EventEnvelope] = []
        async with self._bus.subscribe() as bus:
            for _ in range(count):
                await self.job.look()
                await self.clock.advance(EVERY_S)
            with suppress(TimeoutError):
                while True:
                    heard.append(await asyncio.wait_for(bus.next(), 0.01))
        return heard


@asynccontextmanager
async def live(fleet: Fleet, clock: VirtualClock) -> AsyncIterator[Live]:
    outbound, bus, catalogue = Outbound(allow_loopback=True), InMemoryBus(), EventCatalogue()
    catalogue.add(*EVENTS)
    broadcast = Broadcast(bus, clock, catalogue)
    try:
        yield Live(clock, TraceNewsJob(clock, fleet, TempoBackend(outbound, clock), broadcast, bus), broadcast, bus)
    finally:
        await outbound.close()


@pytest.fixture
def tempos() -> Iterator[tuple[TempoPeer, TempoPeer]]:
    with TempoPeer() as east, TempoPeer() as west:
        yield east, west


def span(number: int, clock: VirtualClock, **resource: str) -> Made:
    start = int(clock.now().timestamp()) * 10**9
    return Made(f"{number:032x}", f"{number:016x}", None, "GET /", "shop", start, 10**6, resource=resource)


async def test_what_is_new_is_told_once_and_what_was_there_before_is_not(
    clock: VirtualClock, tempos: tuple[TempoPeer, TempoPeer]
) -> None:
    east, west = tempos
    fleet = Fleet({"east": east.url, "west": west.url, "bare": None})
    async with live(fleet, clock) as hub:
        hub.look(SYSTEM, "TRACE_RECEIVED")
        east.add(span(1, clock))
        assert await hub.rounds() == []
        east.add(span(2, clock), span(3, clock))
        (told,) = await hub.rounds(3)
    assert (told.event_type, told.cluster_ids) == ("TRACE_RECEIVED", (fleet.ids["east"],))
    news = msgspec.json.decode(told.payload)
    assert (news["traces"], news["newest_at"], len(west.requests)) == (2, "2026-01-01T00:00:10Z", 4)


async def test_while_nobody_looks_at_traces_nobody_is_asked(
    clock: VirtualClock, tempos: tuple[TempoPeer, TempoPeer]
) -> None:
    east, west = tempos
    fleet = Fleet({"east": east.url, "west": west.url})
    async with live(fleet, clock) as hub:
        everything = hub.look(SYSTEM)
        hub.look(SYSTEM, "ALERT_FIRED")
        await hub.rounds(3)
        assert east.requests == west.requests == []
        looking = hub.look(fleet.viewer("east"), "TRACE_RECEIVED")
        await hub.rounds(2)
        assert (len(east.requests), len(west.requests)) == (2, 0), "only what this user sees"
        other = hub.look(SYSTEM, "TRACE_RECEIVED", only=fleet.ids["west"])
        hub.broadcast.leave(looking)
        await hub.rounds(2)
        assert (len(east.requests), len(west.requests)) == (2, 2), "only what is looked at"
        hub.broadcast.leave(other)
        await hub.rounds(2)
        assert (len(east.requests), len(west.requests)) == (2, 2)
        assert everything.queued == 0


async def test_of_a_tempo_that_clusters_share_each_is_told_its_own(
    clock: VirtualClock, tempos: tuple[TempoPeer, TempoPeer]
) -> None:
    shared, _ = tempos
    fleet = Fleet({name: Way(shared.url, {"k8s": name}) for name in ("east", "west")})
    async with live(fleet, clock) as hub:
        hub.look(SYSTEM, "TRACE_RECEIVED")
        await hub.rounds()
        shared.add(span(1, clock, k8s="west"))
        assert [one.cluster_ids for one in await hub.rounds()] == [(fleet.ids["west"],)]


async def test_a_tempo_that_fails_holds_up_no_other_and_is_no_news(
    clock: VirtualClock, tempos: tuple[TempoPeer, TempoPeer]
) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500)

    east, west = tempos
    fleet = Fleet({"east": east.url, "west": west.url})
    async with live(fleet, clock) as hub:
        hub.look(SYSTEM, "TRACE_RECEIVED")
        east.add(span(1, clock))
        east.fault = broken
        await hub.rounds()
        west.add(span(2, clock))
        assert [one.cluster_ids for one in await hub.rounds()] == [(fleet.ids["west"],)]
        east.fault = None
        assert await hub.rounds() == [], "what is found first was there before"
