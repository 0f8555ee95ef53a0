"""Keeps what is hidden true: as windows begin and end, and as people change them."""

from __future__ import annotations

import asyncio

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.principal import Principal
from aiops.observability.maintenance.occurrences import active
from aiops.observability.needs_maintenance import HiddenAlerts, WindowStore
from aiops.observability.service.alerts import AlertService
from aiops.observability.service.maintenance.hiding import Hiding
from aiops.observability.service.maintenance.windows import changed_event

TICK_S = 5.0

log = structlog.get_logger(__name__)


class MaintenanceJob:
    """What begins or ends is told once; alerts that burn on are hidden, or heard again, within a tick.

    Each cluster's alerts are looked at under the lock that their intake takes, so whoever comes second sees the windows
    of its own moment, and nothing stays hidden between the two.
    """

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        windows: WindowStore,
        hidden: HiddenAlerts,
        hiding: Hiding,
        alerts: AlertService,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._windows = windows
        self._hidden = hidden
        self._hiding = hiding
        self._alerts = alerts
        self._principal = Principal.system("maintenance")
        self._applied: frozenset[tuple[object, ...]] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        while True:
            await self.tick()
            await self._clock.sleep(TICK_S)

    async def tick(self) -> int:
        """Apply what is so now; gives how many alerts changed by it."""
        async with self._one_at_a_time:
            return await self._apply()

    async def _apply(self) -> int:
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            running = await self._hiding.active(tx, now)
            marked = await self._hidden.hidden_by(tx)
        await self._tell()
        state = frozenset((one.id, one.revision) for one in running)
        stale = marked - {str(one.id) for one in running}
        if state == self._applied and not stale:
            return 0
        changed = 0
        async with self._transactions.begin() as tx:
            clusters = await self._hidden.clusters(tx)
        for cluster_id in clusters:
            changed += await self._alerts.hide_anew(self._principal, cluster_id)
        self._applied = state
        return changed

    async def _tell(self) -> None:
        """That windows began or ended, each once, whatever replica finds it first."""
        now = self._clock.now()
        told_any = False
        async with self._transactions.begin() as tx:
            told = await self._windows.told(tx)
            for window in await self._windows.all(tx, None):
                running, before = active(window, now), told.get(window.id)
                started_at = None if running is None else running.starts_at
                if started_at == before:
                    continue
                told_any = True
                await self._windows.tell(tx, window.id, started_at)
                change = "ENDED" if started_at is None else "STARTED"
                tx.publish(changed_event(window, change, now))
                log.info(f"maintenance_{change.lower()}", window_id=str(window.id), title=window.title)
            if told_any:
                await tx.commit()
