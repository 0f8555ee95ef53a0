"""What is hidden at a moment: asked wherever alerts are taken in, inside their transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction
from aiops.observability.maintenance.matching import Hidden
from aiops.observability.maintenance.occurrences import active
from aiops.observability.maintenance.windows import Window
from aiops.observability.needs_maintenance import WindowStore
from aiops.observability.ports import Labels


class Hiding:
    def __init__(self, store: WindowStore) -> None:
        self._store = store

    async def at(self, tx: Transaction, now: datetime) -> Hidden:
        return Hidden(await self.active(tx, now))

    async def active(self, tx: Transaction, now: datetime) -> list[Window]:
        """The windows that take place."""
        return [one for one in await self._store.live(tx, now) if active(one, now) is not None]


class MaintainedNow:
    """Implements `ports_maintenance.Maintained`."""

    def __init__(self, hiding: Hiding, clock: Clock) -> None:
        self._hiding = hiding
        self._clock = clock

    async def hidden_by(self, tx: Transaction, things: Sequence[tuple[UUID, Labels]]) -> list[tuple[str, ...]]:
        hidden = await self._hiding.at(tx, self._clock.now())
        return [hidden.by(cluster_id, labels) for cluster_id, labels in things]
