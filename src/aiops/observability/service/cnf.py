"""Network functions over the fleet: their pods, clocks, virtual functions and ports, from what metrics there are."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome
from aiops.observability.service import cnf_ports, cnf_shapes
from aiops.observability.service.cnf_ports import DpdkPort, SriovInterface, SriovPool
from aiops.observability.service.cnf_shapes import CnfWorkload, PtpClock
from aiops.observability.service.device_metrics import DeviceMetrics


class CnfWorkloads(msgspec.Struct, frozen=True):
    items: list[CnfWorkload]
    clusters: list[ClusterOutcome]


class PtpStatus(msgspec.Struct, frozen=True):
    """`counts` are the clocks by state, UNKNOWN among them."""

    items: list[PtpClock]
    counts: dict[str, int]
    note: str
    clusters: list[ClusterOutcome]


class SriovStatus(msgspec.Struct, frozen=True):
    items: list[SriovInterface]
    pools: list[SriovPool]
    clusters: list[ClusterOutcome]


class DpdkStats(msgspec.Struct, frozen=True):
    items: list[DpdkPort]
    clusters: list[ClusterOutcome]


PTP_NOTE = "No metric names the grandmaster. A clock's class tells how good its source is; 6 is a primary reference."


class CnfService:
    """Each raises `NotFound` for a cluster that is out of scope."""

    def __init__(self, devices: DeviceMetrics) -> None:
        self._devices = devices

    async def workloads(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> CnfWorkloads:
        principal.require(Role.VIEWER)
        readings, outcomes = await self._devices.read(
            principal, cnf_shapes.POD_NAMES, only=cnf_shapes.POD_ONLY, cluster_ids=cluster_ids
        )
        return CnfWorkloads(cnf_shapes.workloads_of(readings), outcomes)

    async def ptp(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> PtpStatus:
        principal.require(Role.VIEWER)
        readings, outcomes = await self._devices.read(principal, cnf_shapes.PTP_NAMES, cluster_ids=cluster_ids)
        clocks = cnf_shapes.clocks_of(readings)
        counts: dict[str, int] = {}
        for clock in clocks:
            if clock.role is None or clock.state is not None:
                name = clock.state.value if clock.state else "UNKNOWN"
                counts[name] = counts.get(name, 0) + 1
        return PtpStatus(clocks, counts, PTP_NOTE, outcomes)

    async def sriov(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> SriovStatus:
        principal.require(Role.VIEWER)
        readings, outcomes = await self._devices.read(
            principal, cnf_ports.SRIOV_NAMES, only=cnf_ports.SRIOV_ONLY, cluster_ids=cluster_ids
        )
        return SriovStatus(cnf_ports.interfaces_of(readings), cnf_ports.pools_of(readings), outcomes)

    async def dpdk(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> DpdkStats:
        principal.require(Role.VIEWER)
        readings, outcomes = await self._devices.read(principal, cnf_ports.DPDK_NAMES, cluster_ids=cluster_ids)
        return DpdkStats(cnf_ports.dpdk_ports_of(readings), outcomes)
