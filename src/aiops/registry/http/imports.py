"""Clusters that others know of, and addresses that a cluster knows of itself: found, shown, and added on request."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.registry.service.importing import FoundClusters, Import, Importing, ImportOutcome, ImportSource, Suggestions


class ImportOutcomes(msgspec.Struct, frozen=True):
    outcomes: list[ImportOutcome]


class ImportsController(Controller):
    path = "/api/v1/clusters"
    tags = ("registry",)

    @post("/candidates", status_code=200, summary="Look for clusters at a hub of ACM, or in a shared Prometheus")
    @inject
    async def candidates(
        self, principal: Caller, importing: FromDishka[Importing], data: JSONBody[ImportSource]
    ) -> FoundClusters:
        return await importing.candidates(principal, data)

    @post("/import", status_code=200, summary="Add clusters that were found at a hub of ACM, or in a shared Prometheus")
    @inject
    async def add(self, principal: Caller, importing: FromDishka[Importing], data: JSONBody[Import]) -> ImportOutcomes:
        return ImportOutcomes(await importing.add(principal, data))

    @get("/{cluster_id:uuid}/suggestions", summary="Addresses where endpoints of a cluster should be")
    @inject
    async def suggestions(
        self, principal: Caller, importing: FromDishka[Importing], cluster_id: FromPath[UUID]
    ) -> Suggestions:
        return await importing.suggestions(principal, cluster_id)
