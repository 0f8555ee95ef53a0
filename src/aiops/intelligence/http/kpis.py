"""KPIs over HTTP."""

from __future__ import annotations

from typing import Annotated

from dishka.integrations.litestar import FromDishka, inject
from litestar import get
from litestar.params import FromQuery, QueryParameter

from aiops.intelligence.domain.kpis import GroupBy
from aiops.intelligence.service.kpis import KpiReport, KpiReports
from aiops.kernel.http import Caller

Days = Annotated[int, QueryParameter(ge=1, le=90)]
Zone = Annotated[str, QueryParameter(max_length=64)]


@get("/api/v1/kpis", tags=["intelligence"], summary="MTTA, MTTR, MTBF, noise reduction and uptime of the last days")
@inject
async def kpis(
    principal: Caller,
    reports: FromDishka[KpiReports],
    days: FromQuery[Days] = 7,
    by: FromQuery[GroupBy] = GroupBy.CLUSTER,
    zone: FromQuery[Zone] = "UTC",
) -> KpiReport:
    """Beside them those of the stretch of the same length before; by cluster, team or service."""
    return await reports.report(principal, days, by, zone)
