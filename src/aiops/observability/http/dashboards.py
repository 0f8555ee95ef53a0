"""Saved dashboards over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from aiops.kernel.http import Caller
from aiops.observability.needs import Dashboard
from aiops.observability.service.dashboards import (
    MOST_A_PAGE,
    DashboardChange,
    DashboardPage,
    Dashboards,
    DashboardWish,
)


class DashboardController(Controller):
    path = "/api/v1/dashboards"
    tags = ("observability",)

    @get(summary="One's own dashboards and those that are shared, by name")
    @inject
    async def list_dashboards(
        self,
        principal: Caller,
        dashboards: FromDishka[Dashboards],
        page_size: Annotated[int, QueryParameter(ge=1, le=MOST_A_PAGE)] = 20,
        cursor: Annotated[str | None, QueryParameter(max_length=1024)] = None,
    ) -> DashboardPage:
        return await dashboards.page(principal, page_size=page_size, cursor=cursor)

    @post(summary="Keep a dashboard")
    @inject
    async def add_dashboard(
        self, principal: Caller, dashboards: FromDishka[Dashboards], data: JSONBody[DashboardWish]
    ) -> Dashboard:
        return await dashboards.add(principal, data)

    @get("/{dashboard_id:uuid}", summary="One dashboard")
    @inject
    async def get_dashboard(
        self, principal: Caller, dashboards: FromDishka[Dashboards], dashboard_id: FromPath[UUID]
    ) -> Dashboard:
        return await dashboards.get(principal, dashboard_id)

    @put("/{dashboard_id:uuid}", summary="Change a dashboard")
    @inject
    async def change_dashboard(
        self,
        principal: Caller,
        dashboards: FromDishka[Dashboards],
        dashboard_id: FromPath[UUID],
        data: JSONBody[DashboardChange],
    ) -> Dashboard:
        return await dashboards.change(principal, dashboard_id, data)

    @delete("/{dashboard_id:uuid}", summary="Delete a dashboard")
    @inject
    async def delete_dashboard(
        self, principal: Caller, dashboards: FromDishka[Dashboards], dashboard_id: FromPath[UUID]
    ) -> None:
        await dashboards.delete(principal, dashboard_id)
