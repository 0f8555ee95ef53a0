"""Facts kept with the rows they speak of, and handed to each handler until it has dealt with them.

A delivery (one event, one handler) is done in the same transaction as the handler's own writes, so a crash neither
loses nor doubles its effect. Failures are retried with growing pauses; after `MAX_ATTEMPTS` the delivery is a dead
letter, kept with its error until someone replays it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import text

from aiops.kernel.bus import Bus
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database, Transaction, connection_of
from aiops.kernel.events import Event, EventCatalogue, EventEnvelope

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

MAX_ATTEMPTS = 10
BATCH = 500
_IDLE_S = 5.0

log = structlog.get_logger(__name__)

Handle = Callable[[Transaction, Event], Awaitable[None]]
HandleTogether = Callable[[Transaction, Sequence[Event]], Awaitable[None]]


@dataclass(frozen=True)
class Handler:
    """`name` is stable and unique: deliveries are kept under it. `handle` writes through the given transaction and
    does not commit it.

    One that can deal with many events at once says so by `together`, which gets them in their order; where that raises,
    they are given to `handle` one by one, so that only the one at fault is retried.
    """

    name: str
    event_types: tuple[type[Event], ...]
    handle: Handle
    together: HandleTogether | None = None


_STORE = """
INSERT INTO kernel.outbox (event_id, event_type, occurred_at, payload)
SELECT event_id, event_type, occurred_at, CAST(payload AS jsonb)
FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:moments AS timestamptz[]), CAST(:payloads AS text[]))
    AS fact (event_id, event_type, occurred_at, payload)
"""

_ADDRESS = """
INSERT INTO kernel.delivery (event_id, handler) SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:handlers AS text[]))
"""


class SqlOutbox:
    def __init__(self, bus: Bus, handlers: Sequence[Handler]) -> None:
        self._bus = bus
        self._readers: dict[str, list[str]] = {}
        for handler in handlers:
            for event_type in handler.event_types:
                self._readers.setdefault(event_type.event_type, []).append(handler.name)

    async def store(self, connection: AsyncConnection, events: list[EventEnvelope]) -> None:
        # However many, they are one statement: a webhook of alerts brings hundreds.
        await connection.execute(
            text(_STORE),
            {
                "ids": [event.event_id for event in events],
                "types": [event.event_type for event in events],
                "moments": [event.occurred_at for event in events],
                "payloads": [bytes(event.payload).decode() for event in events],
            },
        )
        deliveries = [
            (event.event_id, reader) for event in events for reader in self._readers.get(event.event_type, ())
        ]
        if deliveries:
            ids, handlers = zip(*deliveries, strict=True)
            await connection.execute(text(_ADDRESS), {"ids": list(ids), "handlers": list(handlers)})

    def announce(self, events: list[EventEnvelope]) -> None:
        for event in events:
            self._bus.publish(event)


class Dispatcher:
    """Takes deliveries in batches (`SKIP LOCKED`, so replicas share the work) and runs their handlers."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, catalogue: EventCatalogue, handlers: Sequence[Handler]
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._catalogue = catalogue
        self._handlers = {handler.name: handler for handler in handlers}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._work())

    async def _listen(self) -> None:
        async with self._bus.subscribe() as subscription:
            while True:
                await subscription.next()
                self._woken.set()

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            while await self.step():
                pass
            # wait_for of Python 3.11 loses a cancellation that comes together with an event: no stop would end this.
            with suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_S):
                    await self._woken.wait()

    async def step(self) -> int:
        """Deal with up to `BATCH` due deliveries; gives how many were taken."""
        due = await self._due()
        together: dict[str, list[UUID]] = {}
        for event_id, handler in due:
            if self._handlers[handler].together is None:
                await self._deliver(event_id, handler)
            else:
                together.setdefault(handler, []).append(event_id)
        for handler, event_ids in together.items():
            await self._deliver_together(event_ids, handler)
        return len(due)

    async def _due(self) -> list[tuple[UUID, str]]:
        async with self._database.begin() as tx:
            rows = await tx.connection.execute(
                text(
                    "SELECT event_id, handler FROM kernel.delivery"
                    " WHERE done_at IS NULL AND dead_at IS NULL AND next_at <= :now AND handler = ANY(:handlers)"
                    " ORDER BY event_id LIMIT :batch"
                ),
                {"now": self._clock.now(), "batch": BATCH, "handlers": list(self._handlers)},
            )
            return [(row.event_id, row.handler) for row in rows]

    async def _deliver_together(self, event_ids: list[UUID], name: str) -> None:
        together = self._handlers[name].together
        assert together is not None
        try:
            async with self._database.begin() as tx:
                rows = list(await tx.connection.execute(text(_TAKE_ALL), {"event_ids": event_ids, "handler": name}))
                if not rows:
                    return
                await together(
                    tx, [self._catalogue.decode(row.event_type, msgspec.json.encode(row.payload)) for row in rows]
                )
                await tx.connection.execute(
                    text(
                        "UPDATE kernel.delivery SET done_at = :now"
                        " WHERE event_id = ANY(:event_ids) AND handler = :handler"
                    ),
                    {"now": self._clock.now(), "event_ids": [row.event_id for row in rows], "handler": name},
                )
                await tx.commit()
        except Exception as error:
            log.warning("event_batch_failed", handler=name, events=len(event_ids), error=repr(error))
            for event_id in event_ids:
                await self._deliver(event_id, name)

    async def _deliver(self, event_id: UUID, name: str) -> None:
        try:
            async with self._database.begin() as tx:
                row = (await tx.connection.execute(text(_TAKE), {"event_id": event_id, "handler": name})).one_or_none()
                if row is None:
                    return
                event = self._catalogue.decode(row.event_type, msgspec.json.encode(row.payload))
                await self._handlers[name].handle(tx, event)
                await tx.connection.execute(
                    text("UPDATE kernel.delivery SET done_at = :now WHERE event_id = :event_id AND handler = :handler"),
                    {"now": self._clock.now(), "event_id": event_id, "handler": name},
                )
                await tx.commit()
        except Exception as error:
            await self._postpone(event_id, name, error)

    async def _postpone(self, event_id: UUID, name: str, error: Exception) -> None:
        log.warning("event_handler_failed", handler=name, event_id=str(event_id), error=repr(error))
        async with self._database.begin() as tx:
            await tx.connection.execute(
                text(_POSTPONE),
                {
                    "event_id": event_id,
                    "handler": name,
                    "now": self._clock.now(),
                    "error": repr(error)[:2000],
                    "limit": MAX_ATTEMPTS,
                },
            )
            await tx.commit()


_TAKE = """
SELECT o.event_type, o.payload
FROM kernel.delivery d JOIN kernel.outbox o USING (event_id)
WHERE d.event_id = :event_id AND d.handler = :handler AND d.done_at IS NULL AND d.dead_at IS NULL
FOR UPDATE OF d SKIP LOCKED
"""

_TAKE_ALL = """
SELECT o.event_id, o.event_type, o.payload
FROM kernel.delivery d JOIN kernel.outbox o USING (event_id)
WHERE d.event_id = ANY(:event_ids) AND d.handler = :handler AND d.done_at IS NULL AND d.dead_at IS NULL
ORDER BY o.event_id FOR UPDATE OF d SKIP LOCKED
"""

_POSTPONE = """
UPDATE kernel.delivery SET
    attempts = attempts + 1,
    error = :error,
    next_at = CAST(:now AS timestamptz) + make_interval(secs => least(300, power(2, attempts))),
    dead_at = CASE WHEN attempts + 1 >= :limit THEN CAST(:now AS timestamptz) END
WHERE event_id = :event_id AND handler = :handler AND done_at IS NULL
"""


@dataclass(frozen=True)
class DeadLetter:
    event_id: UUID
    handler: str
    event_type: str
    attempts: int
    error: str
    dead_at: datetime


class DeadLetters:
    """What handlers gave up on: for people to read and to replay."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list(self, limit: int = 100) -> list[DeadLetter]:
        async with self._database.begin() as tx:
            rows = await tx.connection.execute(
                text(
                    "SELECT event_id, handler, event_type, attempts, error, dead_at FROM kernel.delivery"
                    " JOIN kernel.outbox USING (event_id) WHERE dead_at IS NOT NULL ORDER BY dead_at DESC LIMIT :limit"
                ),
                {"limit": limit},
            )
            return [DeadLetter(**row._mapping) for row in rows]

    async def replay(self, event_id: UUID, handler: str) -> bool:
        """Try again from the start; false where there is no such dead letter."""
        async with self._database.begin() as tx:
            result: Any = await tx.connection.execute(
                text(
                    "UPDATE kernel.delivery SET dead_at = NULL, attempts = 0, next_at = :now"
                    " WHERE event_id = :event_id AND handler = :handler AND dead_at IS NOT NULL"
                ),
                {"event_id": event_id, "handler": handler, "now": self._clock.now()},
            )
            await tx.commit()
            return bool(result.rowcount)


async def forget_events(tx: Transaction, before: datetime) -> int:
    """Forget events older than `before` that every handler has dealt with; dead letters stay."""
    gone = await connection_of(tx).execute(
        text(
            "DELETE FROM kernel.outbox o WHERE occurred_at < :before AND NOT EXISTS"
            " (SELECT FROM kernel.delivery d WHERE d.event_id = o.event_id AND d.done_at IS NULL)"
        ),
        {"before": before},
    )
    return int(gone.rowcount)
