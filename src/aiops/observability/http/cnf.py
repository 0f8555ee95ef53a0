"""Network functions of the fleet."""

from __future__ import annotations

from collections.abc import Sequence

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get

from aiops.kernel.http import Caller, EndsWithItsClient
from aiops.observability.http.metrics import ClusterIds, in_part, reply
from aiops.observability.service.cnf import CnfService, CnfWorkloads, DpdkStats, PtpStatus, SriovStatus


class CnfController(Controller):
    path = "/api/v1/cnf"
    middleware = [EndsWithItsClient()]  # noqa: RUF012
    tags: Sequence[str] = ["observability"]

    @get("/workloads", summary="Pods of network functions, by owner", responses=in_part(CnfWorkloads))
    @inject
    async def workloads(
        self, principal: Caller, service: FromDishka[CnfService], cluster_id: ClusterIds = None
    ) -> Response[CnfWorkloads]:
        found = await service.workloads(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)

    @get("/ptp/status", summary="Clocks that follow PTP", responses=in_part(PtpStatus))
    @inject
    async def ptp(
        self, principal: Caller, service: FromDishka[CnfService], cluster_id: ClusterIds = None
    ) -> Response[PtpStatus]:
        found = await service.ptp(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)

    @get("/sriov/status", summary="SR-IOV cards and their virtual functions", responses=in_part(SriovStatus))
    @inject
    async def sriov(
        self, principal: Caller, service: FromDishka[CnfService], cluster_id: ClusterIds = None
    ) -> Response[SriovStatus]:
        found = await service.sriov(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)

    @get("/dpdk/stats", summary="What the ports of DPDK applications moved and lost", responses=in_part(DpdkStats))
    @inject
    async def dpdk(
        self, principal: Caller, service: FromDishka[CnfService], cluster_id: ClusterIds = None
    ) -> Response[DpdkStats]:
        found = await service.dpdk(principal, cluster_ids=cluster_id)
        return reply(found, found.clusters)
