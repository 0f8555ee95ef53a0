"""Clusters: who they are, how they fare, and how far the hub gets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from aiops.kernel.errors import Invalid
from aiops.kernel.http import Caller
from aiops.registry.needs import Filters
from aiops.registry.ports import Cluster, ClusterStatus, ClusterType, Environment, State
from aiops.registry.service import ClusterChange, Fleet, Membership, NewCluster, Offer, Probing
from aiops.registry.service.applying import Applied, Applying, WantedCluster
from aiops.registry.service.connection_tests import ConnectionTest, ConnectionTests, Diagnosis
from aiops.registry.service.exploring import Exploring
from aiops.registry.service.fleet import MOST_A_PAGE, ClusterPage, HistoryPage

PageSize = Annotated[int, QueryParameter(ge=1, le=MOST_A_PAGE)]
Cursor = Annotated[str | None, QueryParameter(max_length=512)]


class Offers(msgspec.Struct, frozen=True):
    offers: list[Offer]


class ClustersController(Controller):
    path = "/api/v1/clusters"
    tags = ["registry"]  # noqa: RUF012

    @get(summary="List the clusters in scope, by name")
    @inject
    async def list_clusters(
        self,
        principal: Caller,
        fleet: FromDishka[Fleet],
        *,
        name: Annotated[str | None, QueryParameter(description="Any part of a name", max_length=128)] = None,
        cluster_type: FromQuery[ClusterType | None] = None,
        environment: FromQuery[Environment | None] = None,
        region: Annotated[str | None, QueryParameter(max_length=64)] = None,
        cluster_state: Annotated[State | None, QueryParameter(name="state")] = None,
        has_gpu: FromQuery[bool | None] = None,
        has_cnf: FromQuery[bool | None] = None,
        label: Annotated[
            list[str] | None, QueryParameter(description="`key=value`, and each that is given must fit")
        ] = None,
        managed_by: Annotated[
            str | None, QueryParameter(description="The fleet file that added it", max_length=64)
        ] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> ClusterPage:
        labels = dict(_label(one) for one in label or ())
        filters = Filters(name, cluster_type, environment, region, cluster_state, has_gpu, has_cnf, labels, managed_by)
        return await fleet.page(principal, filters, page_size=page_size, cursor=cursor)

    @post(summary="Add a cluster")
    @inject
    async def add_cluster(
        self, principal: Caller, membership: FromDishka[Membership], data: JSONBody[NewCluster]
    ) -> Cluster:
        return await membership.add(principal, data)

    @post("/test-connection", status_code=200, summary="Say how far the hub gets on the way to endpoints")
    @inject
    async def test_connection(
        self, principal: Caller, tests: FromDishka[ConnectionTests], data: JSONBody[ConnectionTest]
    ) -> Diagnosis:
        return await tests.run(principal, data)

    @get("/offers", summary="A Prometheus seen on this machine and not registered")
    @inject
    async def offers(self, principal: Caller, probing: FromDishka[Probing]) -> Offers:
        return Offers(await probing.offers(principal))

    @get("/by-name/{name:str}", summary="One cluster, by its name")
    @inject
    async def get_by_name(self, principal: Caller, fleet: FromDishka[Fleet], name: FromPath[str]) -> Cluster:
        return await fleet.by_name(principal, name)

    @put("/by-name/{name:str}", summary="Bring a cluster to what is said of it, adding it where it is not there")
    @inject
    async def apply(
        self,
        principal: Caller,
        applying: FromDishka[Applying],
        name: FromPath[str],
        data: JSONBody[WantedCluster],
        *,
        dry_run: Annotated[bool, QueryParameter(description="Change nothing, and say what would be")] = False,
    ) -> Applied:
        return await applying.apply(principal, name, data, dry_run=dry_run)

    @get("/{cluster_id:uuid}", summary="One cluster")
    @inject
    async def get_cluster(self, principal: Caller, fleet: FromDishka[Fleet], cluster_id: FromPath[UUID]) -> Cluster:
        return await fleet.get(principal, cluster_id)

    @patch("/{cluster_id:uuid}", summary="Change a cluster; what is left out stays")
    @inject
    async def change_cluster(
        self,
        principal: Caller,
        membership: FromDishka[Membership],
        cluster_id: FromPath[UUID],
        data: JSONBody[ClusterChange],
    ) -> Cluster:
        return await membership.change(principal, cluster_id, data)

    @delete("/{cluster_id:uuid}", summary="Remove a cluster")
    @inject
    async def remove_cluster(
        self, principal: Caller, membership: FromDishka[Membership], cluster_id: FromPath[UUID]
    ) -> None:
        await membership.remove(principal, cluster_id)

    @get("/{cluster_id:uuid}/status", summary="How a cluster was found at its last probe")
    @inject
    async def get_status(
        self, principal: Caller, fleet: FromDishka[Fleet], cluster_id: FromPath[UUID]
    ) -> ClusterStatus:
        return (await fleet.get(principal, cluster_id)).status

    @post("/{cluster_id:uuid}/refresh", status_code=200, summary="Probe a cluster now")
    @inject
    async def refresh(
        self,
        principal: Caller,
        probing: FromDishka[Probing],
        exploring: FromDishka[Exploring],
        cluster_id: FromPath[UUID],
        *,
        capabilities: Annotated[bool, QueryParameter(description="Also find out anew what it can do")] = False,
    ) -> Cluster:
        if capabilities:
            await exploring.explore(principal, cluster_id)
        return await probing.refresh(principal, cluster_id)

    @get("/{cluster_id:uuid}/history", summary="How a cluster was found over time, newest first")
    @inject
    async def get_history(
        self,
        principal: Caller,
        fleet: FromDishka[Fleet],
        cluster_id: FromPath[UUID],
        *,
        start: FromQuery[datetime | None] = None,
        end: FromQuery[datetime | None] = None,
        page_size: PageSize = 20,
        cursor: Cursor = None,
    ) -> HistoryPage:
        return await fleet.history(principal, cluster_id, start=start, end=end, page_size=page_size, cursor=cursor)


def _label(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name or "\x00" in given:
        raise Invalid("A label is given as `key=value`.", details={"field": "label"})
    return name, value
