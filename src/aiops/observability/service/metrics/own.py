"""PromQL over the samples that the hub itself keeps."""

from __future__ import annotations

import asyncio
from uuid import UUID

from aiops.kernel.database import Transactions
from aiops.observability.needs import SampleStore, StoredSeries
from aiops.observability.promql import EvalResult, Selector, evaluate, parse
from aiops.observability.service.metrics.steps import Steps

CELLS_IN_LOOP = 20_000
"""Numbers that are computed on the event loop; more go to a thread."""

_SAMPLES_A_CELL = 10
"""A window's samples are gone through faster than a result is made, but not for nothing."""


class OwnSamples:
    def __init__(self, transactions: Transactions, store: SampleStore) -> None:
        self._transactions = transactions
        self._store = store

    async def evaluate(self, cluster_id: UUID, text: str, steps: Steps) -> EvalResult:
        """Raises `Invalid` for what the hub's own engine does not take."""
        plan = parse(text)
        fetched: dict[Selector, list[StoredSeries]] = {}
        async with self._transactions.begin() as tx:
            for selector in plan.selectors:
                if selector not in fetched:
                    bounds = selector.bounds(steps.start_ms, steps.end_ms)
                    fetched[selector] = await self._store.select(tx, [cluster_id], selector.matchers, *bounds)
        data = [fetched[selector] for selector in plan.selectors]
        arguments = (plan, data, steps.start_ms, steps.end_ms, steps.step_ms)
        cells = sum(len(series) for series in data) * steps.count
        samples = sum(one.timestamps.size for series in data for one in series)
        if max(cells, samples // _SAMPLES_A_CELL) <= CELLS_IN_LOOP:
            return evaluate(*arguments)
        return await asyncio.to_thread(evaluate, *arguments)
