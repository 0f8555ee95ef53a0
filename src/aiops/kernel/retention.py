"""Forgets what is past its time: one job for every table that grows with what happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transaction, Transactions

_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Keep:
    """`forget` deletes what was over before the given moment and gives how many rows went."""

    what: str
    days: int
    forget: Callable[[Transaction, datetime], Awaitable[int]]


class Keeps:
    """Every kind that is forgotten in time, once the application has been composed."""

    def __init__(self) -> None:
        self.all: list[Keep] = []


class Retention:
    """Sweeps once an hour, each kind in a transaction of its own."""

    def __init__(self, transactions: Transactions, clock: Clock, keeps: Sequence[Keep]) -> None:
        self._transactions = transactions
        self._clock = clock
        self._keeps = keeps

    async def run(self) -> None:
        while True:
            await self.sweep()
            await self._clock.sleep(_EVERY_S)

    async def sweep(self) -> dict[str, int]:
        """Rows that went, by kind."""
        return {keep.what: await self._one(keep) for keep in self._keeps}

    async def _one(self, keep: Keep) -> int:
        async with self._transactions.begin() as tx:
            gone = await keep.forget(tx, self._clock.now() - timedelta(days=keep.days))
            await tx.commit()
        if gone:
            log.info("forgotten", what=keep.what, rows=gone, days=keep.days)
        return gone
