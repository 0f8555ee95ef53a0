"""What people see of predictions, and forecasts of a query on demand, within their scope."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.outlooks import Stretch, history_of, path_to
from aiops.intelligence.domain.predictions import DAY_S, Prediction, PredictionFilter, Score, Survey, moment
from aiops.intelligence.forecasting.crossing import crossing
from aiops.intelligence.forecasting.engine import forecast
from aiops.intelligence.forecasting.refusals import CantForecast
from aiops.intelligence.needs_predictions import PredictionStore
from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome, Labels, Metrics, RangeSeries

MOST_SERIES = 20
_POINTS = 336
_STEPS = (10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 43_200.0)


class ForecastWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PromQL, the seconds of past to learn from, and those to look ahead (half of the past where not given)."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    cluster_ids: list[UUID] | None = None
    window_s: Annotated[float, msgspec.Meta(ge=1800, le=90 * DAY_S)] = 7 * DAY_S
    horizon_s: Annotated[float, msgspec.Meta(ge=60, le=180 * DAY_S)] | None = None
    threshold: float | None = None


class ForecastOfSeries(msgspec.Struct, frozen=True, kw_only=True):
    """One series: with a `refusal` there is no path. `history` are pairs of Unix seconds and value, `path` of Unix
    seconds, point, lower and upper (90 %). `no_crossing` says why no time to the threshold can be told."""

    labels: Labels
    history: list[tuple[float, float]]
    path: list[tuple[float, float, float, float]] = []
    refusal: str | None = None
    model: str | None = None
    loss: float | None = None
    naive_loss: float | None = None
    moments: int = 0
    crosses_at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    no_crossing: str | None = None


class ForecastsOfQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`left_out` counts the series past the first 20."""

    query: str
    start: datetime
    end: datetime
    step_s: float
    items: list[ForecastOfSeries]
    left_out: int
    clusters: list[ClusterOutcome]


class Forecasts:
    def __init__(self, transactions: Transactions, clock: Clock, metrics: Metrics, store: PredictionStore) -> None:
        self._transactions = transactions
        self._clock = clock
        self._metrics = metrics
        self._store = store
        self._few = asyncio.Semaphore(2)

    async def page(
        self, principal: Principal, wanted: PredictionFilter, limit: int, after: UUID | None
    ) -> tuple[list[Prediction], int]:
        """The most urgent first."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.page(tx, wanted, _scope(principal), limit, after)

    async def get(self, principal: Principal, prediction_id: UUID) -> Prediction:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._store.get(tx, prediction_id, _scope(principal))
        if found is None:
            raise NotFound("There is no such forecast: it may have been cleared.")
        return found

    async def surveys(self, principal: Principal) -> list[Survey]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.surveys(tx, _scope(principal))

    async def scores(self, principal: Principal) -> list[Score]:
        """Of the clusters within the reader's scope alone."""
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._store.scores(tx, _scope(principal))

    async def of_query(self, principal: Principal, wish: ForecastWish) -> ForecastsOfQuery:
        """Raises `Invalid` for bad PromQL, `NotFound` for a cluster that is out of scope."""
        principal.require(Role.VIEWER)
        if wish.threshold is not None and not math.isfinite(wish.threshold):
            raise Invalid("The threshold must be a number.")
        horizon_s = wish.window_s / 2 if wish.horizon_s is None else wish.horizon_s
        if horizon_s > 2 * wish.window_s:
            raise Invalid("Twice the length of the past is as far as can be looked ahead.")
        step_s = next((step for step in _STEPS if wish.window_s / step <= _POINTS), _STEPS[-1])
        now = self._clock.now()
        end = datetime.fromtimestamp(now.timestamp() // step_s * step_s, now.tzinfo)
        start = end - timedelta(seconds=wish.window_s)
        async with self._few:
            answer = await self._metrics.query_range(
                principal, wish.query, start=start, end=end, step_s=step_s, cluster_ids=wish.cluster_ids
            )
            horizon = max(round(horizon_s / step_s), 1)
            items = await asyncio.to_thread(
                lambda: [_of_series(one, step_s, horizon, wish) for one in answer.series[:MOST_SERIES]]
            )
        left_out = max(len(answer.series) - MOST_SERIES, 0)
        return ForecastsOfQuery(
            query=wish.query,
            start=start,
            end=end,
            step_s=step_s,
            items=items,
            left_out=left_out,
            clusters=answer.clusters,
        )


def _of_series(series: RangeSeries, step_s: float, horizon: int, wish: ForecastWish) -> ForecastOfSeries:
    times = np.array([at for at, _ in series.values])
    values = np.array([float(text) for _, text in series.values])
    history = history_of(Stretch(wish.window_s, step_s, times, values))
    try:
        given = forecast(times, values, horizon)
    except CantForecast as refusal:
        return ForecastOfSeries(labels=series.metric, history=history, refusal=refusal.message)
    met = None if wish.threshold is None else crossing(given, wish.threshold)
    return ForecastOfSeries(
        labels=series.metric,
        history=history,
        path=path_to(given, float(given.times[-1])),
        model=" + ".join(given.models),
        loss=given.test.loss,
        naive_loss=given.test.naive_loss,
        moments=given.test.origins,
        crosses_at=moment(met.at) if met else None,
        earliest=moment(met.earliest) if met else None,
        latest=moment(met.latest) if met else None,
        no_crossing=met.reason if met else None,
    )


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)
