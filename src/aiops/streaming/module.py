"""Wires streaming."""

from __future__ import annotations

from dishka import AsyncContainer, Provider, Scope

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.events import EventCatalogue
from aiops.kernel.interest import LiveInterest
from aiops.kernel.module import Context, JobSpec, Runnable
from aiops.streaming.http import StreamingController, elsewhere, live
from aiops.streaming.needs import SignedInReader
from aiops.streaming.service import Broadcast
from aiops.streaming.tail import tail

__all__ = ["SignedInReader", "context"]


def _broadcast(bus: Bus, clock: Clock, catalogue: EventCatalogue) -> Broadcast:
    return Broadcast(bus, clock, catalogue)


def _interest(broadcast: Broadcast) -> LiveInterest:
    return broadcast


async def _job(container: AsyncContainer) -> Runnable:
    return await container.get(Broadcast)


def context() -> Context:
    provider = Provider(scope=Scope.APP)
    provider.provide(_broadcast)
    provider.provide(_interest)
    return Context(
        "streaming",
        provider,
        routes=(live, tail, elsewhere, StreamingController),
        jobs=(JobSpec("broadcast", _job),),
    )
