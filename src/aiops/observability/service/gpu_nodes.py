"""Nodes with GPUs, as the metrics of NVIDIA's DCGM exporter tell of them. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from aiops.observability.service.device_metrics import Reading, known

_MIB = 1024 * 1024
# DCGM writes these where it has no value: 2^47 for floats, 2^63 - 16 for integers.
_BLANK = float(2**47)

UTIL, ENGINE, COPY = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_MEM_COPY_UTIL"
TOTAL, USED, FREE, RESERVED = (f"DCGM_FI_DEV_FB_{part}" for part in ("TOTAL", "USED", "FREE", "RESERVED"))
TEMPERATURE, MEMORY_TEMPERATURE = "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_MEMORY_TEMP"
POWER, LIMIT, ENFORCED = "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_POWER_MGMT_LIMIT", "DCGM_FI_DEV_ENFORCED_POWER_LIMIT"
FAN, XID = "DCGM_FI_DEV_FAN_SPEED", "DCGM_FI_DEV_XID_ERRORS"
DRIVER = "DCGM_FI_DRIVER_VERSION"

NAMES = (
    UTIL,
    ENGINE,
    COPY,
    TOTAL,
    USED,
    FREE,
    RESERVED,
    TEMPERATURE,
    MEMORY_TEMPERATURE,
    POWER,
    LIMIT,
    ENFORCED,
    FAN,
    XID,
)
_MEMORY = frozenset({TOTAL, USED, FREE, RESERVED})


class GpuUser(msgspec.Struct, frozen=True, order=True):
    """A container that Kubernetes gave a GPU, or a part of one, to."""

    namespace: str
    pod: str
    container: str


class Gpu(msgspec.Struct, frozen=True):
    """One device; `None` is what its exporter does not tell. `last_xid` is the driver's last error, 0 for none.

    `memory_utilization_percent` is how busy the memory was, not how full it is.
    """

    index: str | None
    uuid: str | None
    name: str | None
    driver_version: str | None
    pci_bus_id: str | None
    utilization_percent: float | None
    memory_utilization_percent: float | None
    memory_total_bytes: float | None
    memory_used_bytes: float | None
    memory_free_bytes: float | None
    temperature_celsius: float | None
    memory_temperature_celsius: float | None
    power_watts: float | None
    power_limit_watts: float | None
    fan_percent: float | None
    last_xid: int | None
    partitions: int
    users: list[GpuUser]


class GpuNode(msgspec.Struct, frozen=True):
    cluster_id: UUID
    cluster: str
    node: str
    gpus: list[Gpu]


def nodes_of(readings: Iterable[Reading]) -> list[GpuNode]:
    """By cluster and node, each with its devices by index."""
    devices: dict[tuple[str, UUID, str, str], list[Reading]] = defaultdict(list)
    for one in readings:
        device = one.first("UUID", "uuid", "gpu", "device")
        if device is not None and abs(one.value) < _BLANK:
            devices[one.cluster, one.cluster_id, one.node, device].append(one)
    by_node: dict[tuple[str, UUID, str], list[Gpu]] = defaultdict(list)
    for (cluster, cluster_id, node, _), told in devices.items():
        by_node[cluster, cluster_id, node].append(_gpu(told))
    return [
        GpuNode(cluster_id, cluster, node, sorted(gpus, key=_place))
        for (cluster, cluster_id, node), gpus in sorted(by_node.items(), key=lambda item: (item[0][0], item[0][2]))
    ]


def _gpu(told: Sequence[Reading]) -> Gpu:
    values = _values(told)
    used, free, total = (known(values, name) for name in (USED, FREE, TOTAL))
    if total is None and used is not None and free is not None:
        total = used + free + values.get(RESERVED, 0.0)
    busy = known(values, UTIL)
    if busy is None and ENGINE in values:
        busy = 100 * values[ENGINE]
    xid = known(values, XID)
    return Gpu(
        index=_label(told, "gpu"),
        uuid=_label(told, "UUID", "uuid"),
        name=_label(told, "modelName", "model"),
        driver_version=_label(told, DRIVER),
        pci_bus_id=_label(told, "pci_bus_id"),
        utilization_percent=busy,
        memory_utilization_percent=known(values, COPY),
        memory_total_bytes=_bytes(total),
        memory_used_bytes=_bytes(used),
        memory_free_bytes=_bytes(free),
        temperature_celsius=known(values, TEMPERATURE),
        memory_temperature_celsius=known(values, MEMORY_TEMPERATURE),
        power_watts=known(values, POWER),
        power_limit_watts=known(values, LIMIT, ENFORCED),
        fan_percent=known(values, FAN),
        last_xid=None if xid is None else int(xid),
        partitions=len({one.labels["GPU_I_ID"] for one in told if one.labels.get("GPU_I_ID")}),
        users=sorted({user for user in map(_user, told) if user is not None}),
    )


def _values(told: Sequence[Reading]) -> dict[str, float]:
    """A device that containers share is told of once for each of them, with equal numbers; the memory of one that is
    cut into partitions is the sum of theirs."""
    by_part: dict[str, dict[str, float]] = defaultdict(dict)
    for one in told:
        part = by_part[one.name]
        key = one.labels.get("GPU_I_ID", "")
        part[key] = max(one.value, part.get(key, one.value))
    found = {}
    for name, parts in by_part.items():
        pieces = [value for key, value in parts.items() if key]
        whole = parts.get("")
        found[name] = whole if whole is not None else sum(pieces) if name in _MEMORY else max(pieces)
    return found


def _user(one: Reading) -> GpuUser | None:
    """What Prometheus moved out of the way of its target's own labels comes first."""
    moved = {name: one.labels.get(f"exported_{name}", "") for name in ("namespace", "pod", "container")}
    if moved["pod"]:
        return GpuUser(**moved)
    own = {name: one.labels.get(name, "") for name in ("namespace", "pod", "container")}
    # These are the exporter's own where nobody uses the device.
    if not own["pod"] or "dcgm-exporter" in own["pod"] or "dcgm-exporter" in own["container"]:
        return None
    return GpuUser(**own)


def _label(told: Sequence[Reading], *names: str) -> str | None:
    return next((found for found in (one.first(*names) for one in told) if found), None)


def _bytes(mib: float | None) -> float | None:
    return None if mib is None else mib * _MIB


def _place(gpu: Gpu) -> tuple[int, str]:
    index = gpu.index or ""
    return (int(index) if index.isdigit() else 1_000_000, gpu.uuid or index)
