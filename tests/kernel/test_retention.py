from __future__ import annotations

from typing import ClassVar

from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database, Transaction
from aiops.kernel.events import Event
from aiops.kernel.ids import new_id
from aiops.kernel.outbox import Handler, SqlOutbox, forget_events
from aiops.kernel.retention import Keep, Retention


class Heard(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "HEARD"
    channel: ClassVar[str] = "test"


class Unheard(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "UNHEARD"
    channel: ClassVar[str] = "test"


async def ignore(tx: Transaction, event: Event) -> None:
    """Never called here: the event waits for it."""


async def test_old_events_go_but_not_those_that_a_handler_still_waits_for(
    database: Database, clock: VirtualClock
) -> None:
    database.outbox = SqlOutbox(InMemoryBus(), [Handler("waits", (Unheard,), ignore)])
    async with database.begin() as tx:
        for event_type in (Heard, Unheard):
            tx.publish(event_type(event_id=new_id(), occurred_at=clock.now()))
        await tx.commit()
    retention = Retention(database, clock, [Keep("events", 7, forget_events)])

    await clock.advance(6 * 86_400)
    assert await retention.sweep() == {"events": 0}
    await clock.advance(2 * 86_400)
    assert await retention.sweep() == {"events": 1}
    async with database.begin() as tx:
        left = (await tx.connection.execute(text("SELECT event_type FROM kernel.outbox"))).scalars().all()
    assert left == ["UNHEARD"]
