from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import pytest
from sqlalchemy import text

from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database, Transaction, connection_of
from aiops.kernel.events import Event, EventCatalogue
from aiops.kernel.ids import new_id
from aiops.kernel.outbox import MAX_ATTEMPTS, DeadLetters, Dispatcher, Handler, SqlOutbox


class SomethingHappened(Event, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "SOMETHING_HAPPENED"
    channel: ClassVar[str] = "test"
    word: str


class Effects:
    """A handler that writes a row for each event, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures

    async def handle(self, tx: Transaction, event: Event) -> None:
        assert isinstance(event, SomethingHappened)
        await connection_of(tx).execute(text("INSERT INTO effect VALUES (:word)"), {"word": event.word})
        if self.failures:
            self.failures -= 1
            raise RuntimeError("it broke after writing")


async def wired(database: Database, clock: VirtualClock, effects: Effects) -> Dispatcher:
    handlers = [Handler("effects", (SomethingHappened,), effects.handle)]
    bus = InMemoryBus()
    catalogue = EventCatalogue()
    catalogue.add(SomethingHappened)
    database.outbox = SqlOutbox(bus, handlers)
    async with database.begin() as tx:
        await tx.connection.execute(text("CREATE TABLE effect (word text)"))
        await tx.commit()
    return Dispatcher(database, bus, clock, catalogue, handlers)


def happened(clock: VirtualClock, word: str) -> SomethingHappened:
    return SomethingHappened(event_id=new_id(), occurred_at=clock.now(), word=word)


async def words(database: Database) -> list[str]:
    async with database.begin() as tx:
        return [row.word for row in await tx.connection.execute(text("SELECT word FROM effect ORDER BY word"))]


async def test_an_event_of_a_rolled_back_transaction_never_happened(database: Database, clock: VirtualClock) -> None:
    dispatcher = await wired(database, clock, Effects())
    with pytest.raises(ZeroDivisionError):
        async with database.begin() as tx:
            tx.publish(happened(clock, "lost"))
            raise ZeroDivisionError
    async with database.begin() as tx:
        tx.publish(happened(clock, "kept"))
        await tx.commit()
    assert await dispatcher.step() == 1
    assert await words(database) == ["kept"]


async def test_a_handler_that_fails_after_writing_has_one_effect_in_the_end(
    database: Database, clock: VirtualClock
) -> None:
    dispatcher = await wired(database, clock, Effects(failures=2))
    async with database.begin() as tx:
        tx.publish(happened(clock, "once"))
        await tx.commit()
    for _ in range(4):
        await dispatcher.step()
        await clock.advance(10)
    assert await words(database) == ["once"]


async def test_a_hopeless_event_becomes_a_dead_letter_that_can_be_replayed(
    database: Database, clock: VirtualClock
) -> None:
    dispatcher = await wired(database, clock, Effects(failures=MAX_ATTEMPTS))
    async with database.begin() as tx:
        tx.publish(happened(clock, "late"))
        await tx.commit()
    for _ in range(MAX_ATTEMPTS):
        await dispatcher.step()
        await clock.advance(600)
    letters = await DeadLetters(database, clock).list()
    assert [(letter.handler, letter.attempts) for letter in letters] == [("effects", MAX_ATTEMPTS)]
    assert "it broke after writing" in letters[0].error
    assert await dispatcher.step() == 0

    assert await DeadLetters(database, clock).replay(letters[0].event_id, "effects")
    assert await dispatcher.step() == 1
    assert await words(database) == ["late"]


async def test_events_are_dealt_with_together_and_one_that_fails_holds_up_no_other(
    database: Database, clock: VirtualClock
) -> None:
    effects, batches = Effects(), list[int]()

    async def handle(tx: Transaction, event: Event) -> None:
        await together(tx, [event])

    async def together(tx: Transaction, events: Sequence[Event]) -> None:
        batches.append(len(events))
        for event in events:
            await effects.handle(tx, event)
            if isinstance(event, SomethingHappened) and event.word == "bad":
                raise RuntimeError("this one never works")

    await wired(database, clock, effects)
    handlers = [Handler("effects", (SomethingHappened,), handle, together)]
    bus, catalogue = InMemoryBus(), EventCatalogue()
    catalogue.add(SomethingHappened)
    dispatcher = Dispatcher(database, bus, clock, catalogue, handlers)
    for word in (("a", "b", "c"), ("d", "bad", "e")):
        async with database.begin() as tx:
            for one in word:
                tx.publish(happened(clock, one))
            await tx.commit()
        await dispatcher.step()
    assert batches == [3, 3, 1, 1, 1]
    assert await words(database) == ["a", "b", "c", "d", "e"]


async def test_a_stop_that_comes_together_with_an_event_is_not_lost(database: Database, clock: VirtualClock) -> None:
    """Where many events come, a stop meets one: it ended neither the work on them nor, with it, the process."""
    dispatcher = await wired(database, clock, Effects())
    running = asyncio.create_task(dispatcher.run())
    while dispatcher._woken.is_set() or not dispatcher._woken._waiters:
        await asyncio.sleep(0.01)
    dispatcher._woken.set()
    running.cancel()
    ended, _ = await asyncio.wait([running], timeout=5)
    assert running in ended
