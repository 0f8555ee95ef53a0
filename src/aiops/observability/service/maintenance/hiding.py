"""What is hidden at a moment: asked wherever alerts are taken in, inside their transaction."""

from __future__ import annotations

from datetime import datetime

from aiops.kernel.database import Transaction
from aiops.observability.maintenance.matching import Hidden
from aiops.observability.maintenance.occurrences import active
from aiops.observability.maintenance.windows import Window
from aiops.observability.needs_maintenance import WindowStore


class Hiding:
    def __init__(self, store: WindowStore) -> None:
        self._store = store

    async def at(self, tx: Transaction, now: datetime) -> Hidden:
        return Hidden(await self.active(tx, now))

    async def active(self, tx: Transaction, now: datetime) -> list[Window]:
        """The windows that take place."""
        return [one for one in await self._store.live(tx, now) if active(one, now) is not None]
