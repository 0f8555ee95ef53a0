"""The fleet as a whole, as far as the caller sees it."""

from __future__ import annotations

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get

from aiops.kernel.http import Caller
from aiops.registry.needs import FleetCapabilities, FleetHealth, FleetSummary
from aiops.registry.service import Fleet


class FleetController(Controller):
    path = "/api/v1/fleet"
    tags = ("registry",)

    @get("/summary", summary="The clusters in scope, counted")
    @inject
    async def summary(self, principal: Caller, fleet: FromDishka[Fleet]) -> FleetSummary:
        return await fleet.summary(principal)

    @get("/health", summary="How the clusters in scope fare, and which are worst")
    @inject
    async def health(self, principal: Caller, fleet: FromDishka[Fleet]) -> FleetHealth:
        return await fleet.health(principal)

    @get("/capabilities", summary="What the clusters in scope can do, counted")
    @inject
    async def capabilities(self, principal: Caller, fleet: FromDishka[Fleet]) -> FleetCapabilities:
        return await fleet.capabilities(principal)
