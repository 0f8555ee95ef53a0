"""GPUs of the fleet."""

from __future__ import annotations

from collections.abc import Sequence

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.params import FromPath

from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.metrics import ClusterIds, in_part, reply
from aiops.observability.service.gpu import GpuNodes, GpuProcesses, GpuService, GpuSummary
from aiops.observability.service.gpu_nodes import GpuNode


class GpuController(Controller):
    path = "/api/v1/gpu"
    middleware = [EndsWithItsClient()]  # noqa: RUF012
    tags: Sequence[str] = ["observability"]

    @get("/nodes", summary="Nodes with GPUs and their devices", responses=in_part(GpuNodes))
    @inject
    async def nodes(
        self, principal: Caller, service: FromDishka[GpuService], cluster_id: ClusterIds = None
    ) -> Response[GpuNodes]:
        found = await service.nodes(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)

    @get("/nodes/{cluster:str}/{node:str}", summary="One node, by its cluster's name or id")
    @inject
    async def node(
        self, principal: Caller, service: FromDishka[GpuService], cluster: FromPath[str], node: FromPath[str]
    ) -> GpuNode:
        return await service.node(principal, cluster, node)

    @get("/summary", summary="GPUs of the fleet and of each cluster, summed up", responses=in_part(GpuSummary))
    @inject
    async def summary(
        self, principal: Caller, service: FromDishka[GpuService], cluster_id: ClusterIds = None
    ) -> Response[GpuSummary]:
        found = await service.summary(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)

    @get("/processes", summary="Who uses the GPUs, as far as it is told", responses=in_part(GpuProcesses))
    @inject
    async def processes(
        self, principal: Caller, service: FromDishka[GpuService], cluster_id: ClusterIds = None
    ) -> Response[GpuProcesses]:
        found = await service.processes(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)
