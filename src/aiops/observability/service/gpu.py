"""GPUs over the fleet: nodes and their devices, sums, and who uses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from aiops.kernel.errors import NotFound, Unavailable
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome
from aiops.observability.service.device_metrics import DeviceMetrics
from aiops.observability.service.gpu_nodes import NAMES, Gpu, GpuNode, GpuUser, nodes_of
from aiops.registry.ports import Cluster, Clusters

USERS_NOTE = (
    "The DCGM exporter lists no processes. These are the containers that Kubernetes gave a GPU to; the numbers are of"
    " the whole device, which several of them may share."
)


class GpuNodes(msgspec.Struct, frozen=True):
    items: list[GpuNode]
    clusters: list[ClusterOutcome]


class GpuTotals(msgspec.Struct, frozen=True):
    """Sums over the devices that tell: `measured` of `gpus` tell how busy they are. `None` where none does."""

    nodes: int
    gpus: int
    models: dict[str, int]
    measured: int
    utilization_percent: float | None
    memory_total_bytes: float | None
    memory_used_bytes: float | None
    power_watts: float | None
    hottest_celsius: float | None
    in_use: int


class ClusterGpus(msgspec.Struct, frozen=True):
    cluster_id: UUID
    cluster: str
    totals: GpuTotals


class GpuSummary(msgspec.Struct, frozen=True):
    """`items` are the clusters that have GPUs."""

    totals: GpuTotals
    items: list[ClusterGpus]
    clusters: list[ClusterOutcome]


class GpuProcess(msgspec.Struct, frozen=True):
    """`pid`, `name` and `memory_bytes` are of the process, and unknown where nobody tells."""

    cluster_id: UUID
    cluster: str
    node: str
    gpu_index: str | None
    gpu_uuid: str | None
    namespace: str
    pod: str
    container: str
    gpu_utilization_percent: float | None
    gpu_memory_used_bytes: float | None
    pid: int | None = None
    name: str | None = None
    memory_bytes: float | None = None


class GpuProcesses(msgspec.Struct, frozen=True):
    items: list[GpuProcess]
    note: str
    clusters: list[ClusterOutcome]


class GpuService:
    def __init__(self, clusters: Clusters, devices: DeviceMetrics) -> None:
        self._clusters = clusters
        self._devices = devices

    async def nodes(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> GpuNodes:
        principal.require(Role.VIEWER)
        readings, outcomes = await self._devices.read(principal, NAMES, cluster_ids=cluster_ids)
        return GpuNodes(nodes_of(readings), outcomes)

    async def node(self, principal: Principal, cluster: str, node: str) -> GpuNode:
        """By the cluster's id or name. Raises `NotFound`, or `Unavailable` where the cluster does not answer."""
        principal.require(Role.VIEWER)
        named = await self._cluster(principal, cluster)
        found = await self.nodes(principal, cluster_ids=[named.id])
        wanted = next((one for one in found.items if one.node == node), None)
        if wanted is not None:
            return wanted
        for outcome in found.clusters:
            if outcome.error is not None:
                raise Unavailable(f"{outcome.cluster}: {outcome.error}", code="CLUSTER_UNREACHABLE")
        raise NotFound("There is no such node with GPUs in this cluster.")

    async def summary(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> GpuSummary:
        found = await self.nodes(principal, cluster_ids=cluster_ids)
        by_cluster: dict[tuple[UUID, str], list[GpuNode]] = {}
        for node in found.items:
            by_cluster.setdefault((node.cluster_id, node.cluster), []).append(node)
        items = [ClusterGpus(key[0], key[1], totals_of(nodes)) for key, nodes in by_cluster.items()]
        return GpuSummary(totals_of(found.items), items, found.clusters)

    async def processes(self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None) -> GpuProcesses:
        found = await self.nodes(principal, cluster_ids=cluster_ids)
        items = [_process(node, gpu, user) for node in found.items for gpu in node.gpus for user in gpu.users]
        return GpuProcesses(items, USERS_NOTE, found.clusters)

    async def _cluster(self, principal: Principal, cluster: str) -> Cluster:
        try:
            return await self._clusters.get(principal, UUID(cluster))
        except ValueError:
            return await self._clusters.by_name(principal, cluster)


def totals_of(nodes: Sequence[GpuNode]) -> GpuTotals:
    gpus = [gpu for node in nodes for gpu in node.gpus]
    busy = _told(gpu.utilization_percent for gpu in gpus)
    full = [gpu for gpu in gpus if gpu.memory_total_bytes is not None and gpu.memory_used_bytes is not None]
    return GpuTotals(
        nodes=len(nodes),
        gpus=len(gpus),
        models=dict(sorted(Counter(gpu.name or "unknown" for gpu in gpus).items())),
        measured=len(busy),
        utilization_percent=sum(busy) / len(busy) if busy else None,
        # Of the same devices, so that one can be told as a share of the other.
        memory_total_bytes=_sum(gpu.memory_total_bytes for gpu in full),
        memory_used_bytes=_sum(gpu.memory_used_bytes for gpu in full),
        power_watts=_sum(gpu.power_watts for gpu in gpus),
        hottest_celsius=max(_told(gpu.temperature_celsius for gpu in gpus), default=None),
        in_use=sum(bool(gpu.users) for gpu in gpus),
    )


def _process(node: GpuNode, gpu: Gpu, user: GpuUser) -> GpuProcess:
    return GpuProcess(
        cluster_id=node.cluster_id,
        cluster=node.cluster,
        node=node.node,
        gpu_index=gpu.index,
        gpu_uuid=gpu.uuid,
        namespace=user.namespace,
        pod=user.pod,
        container=user.container,
        gpu_utilization_percent=gpu.utilization_percent,
        gpu_memory_used_bytes=gpu.memory_used_bytes,
    )


def _told(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _sum(values: Iterable[float | None]) -> float | None:
    told = _told(values)
    return sum(told) if told else None
