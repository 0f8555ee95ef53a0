"""Backtests over HTTP."""

from __future__ import annotations

from dishka.integrations.litestar import FromDishka, inject
from litestar import post
from litestar.params import JSONBody

from aiops.intelligence.service.backtests import Backtest, Backtests, BacktestWish
from aiops.kernel.http import Caller


@post(
    "/api/v1/backtests",
    tags=["intelligence"],
    summary="What a watch, a query or an alert rule would have found in a cluster's past",
    status_code=200,
)
@inject
async def backtest(principal: Caller, backtests: FromDishka[Backtests], data: JSONBody[BacktestWish]) -> Backtest:
    return await backtests.run(principal, data)
