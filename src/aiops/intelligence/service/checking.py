"""Keeps score of the hub's own forecasts: some are kept, and held against what came when their moment has come."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from aiops.intelligence.domain.feedback import Key
from aiops.intelligence.domain.outlooks import Stretch
from aiops.intelligence.domain.predictions import DAY_S, HOUR_S, Check
from aiops.intelligence.forecasting.engine import forecast
from aiops.intelligence.forecasting.refusals import CantForecast
from aiops.intelligence.needs_predictions import PredictionStore
from aiops.kernel.database import Transaction
from aiops.kernel.ids import new_id
from aiops.observability.ports import Labels

Pasts = Mapping[Key, tuple[Labels, list[Stretch]]]

# By the step of the past: how far ahead, how often, and how many series each time.
_PLANS = {60.0: (900.0, HOUR_S, 2), 1800.0: (DAY_S, 6 * HOUR_S, 1)}
_GIVEN_UP = timedelta(days=3)


class Checking:
    def __init__(self, store: PredictionStore) -> None:
        self._store = store

    async def check(self, tx: Transaction, cluster_id: UUID, target: str, pasts: Pasts, now: datetime) -> None:
        """Settle what is due, and make new forecasts of a few series where it is time."""
        due = await self._store.due(tx, cluster_id, target, now)
        actual, lost = settled(due, pasts, now)
        await self._store.settle(tx, actual, lost)
        last = await self._store.last_check(tx, cluster_id, target)
        for step_s, (lead_s, every_s, count) in _PLANS.items():
            if lead_s in last and (now - last[lead_s]).total_seconds() < every_s:
                continue
            chosen = _chosen(pasts, step_s, count, int(now.timestamp() // every_s))
            made = await asyncio.to_thread(_made, cluster_id, target, chosen, lead_s, now)
            await self._store.add_checks(tx, made)


def settled(due: Sequence[Check], pasts: Pasts, now: datetime) -> tuple[list[tuple[UUID, float]], list[UUID]]:
    """What came of each check, and those whose moment is so long past that it will not be known."""
    actual, lost = [], []
    for check in due:
        _, stretches = pasts.get(tuple(sorted(check.labels.items())), ({}, []))
        came = next((one for one in (_at(stretch, check.due_at) for stretch in reversed(stretches)) if one), None)
        if came is not None:
            actual.append((check.id, came[0]))
        elif now - check.due_at > _GIVEN_UP:
            lost.append(check.id)
    return actual, lost


def _at(stretch: Stretch, at: datetime) -> tuple[float] | None:
    """The value within half a step of that moment; in a tuple, for 0 is a value."""
    if not len(stretch.times):
        return None
    place = int(np.argmin(np.abs(stretch.times - at.timestamp())))
    value = float(stretch.values[place])
    near = abs(float(stretch.times[place]) - at.timestamp()) <= stretch.step_s / 2
    return (value,) if near and math.isfinite(value) else None


def _chosen(pasts: Pasts, step_s: float, count: int, turn: int) -> list[tuple[Labels, Stretch]]:
    """Other series each time, in turn; those that do not move are left out: to foresee them is no art."""
    moving = [
        (labels, stretch)
        for _, (labels, stretches) in sorted(pasts.items())
        for stretch in stretches
        if stretch.step_s == step_s and np.nanmax(stretch.values) > np.nanmin(stretch.values)
    ]
    return [moving[(turn * count + place) % len(moving)] for place in range(min(count, len(moving)))]


def _made(
    cluster_id: UUID, target: str, chosen: Sequence[tuple[Labels, Stretch]], lead_s: float, now: datetime
) -> list[Check]:
    found = []
    for labels, stretch in chosen:
        try:
            said = forecast(stretch.times, stretch.values, round(lead_s / stretch.step_s))
        except CantForecast:
            continue
        found.append(
            Check(
                id=new_id(),
                cluster_id=cluster_id,
                target=target,
                labels=labels,
                lead_s=lead_s,
                made_at=now,
                due_at=datetime.fromtimestamp(float(said.times[-1]), UTC),
                point=float(said.point[-1]),
                lower=float(said.lower[-1]),
                upper=float(said.upper[-1]),
                naive=float(said.series.values[-1]),
            )
        )
    return found
