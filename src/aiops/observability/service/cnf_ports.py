"""What network functions send and receive through: virtual functions of SR-IOV cards and ports of DPDK. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from aiops.observability.service.device_metrics import Reading, known

_TRAFFIC = tuple(f"{way}_{what}" for way in ("rx", "tx") for what in ("packets", "bytes", "errors", "dropped"))
_POD_DEVICE = "sriov_kubepoddevice"
_CAPACITY, _ALLOCATABLE = "kube_node_status_capacity", "kube_node_status_allocatable"
_MTU, _SPEED, _DRIVER = "node_network_mtu_bytes", "node_network_speed_bytes", "node_ethtool_info"
SRIOV_NAMES = (
    *(f"sriov_vf_{name}" for name in _TRAFFIC),
    _POD_DEVICE,
    _CAPACITY,
    _ALLOCATABLE,
    _MTU,
    _SPEED,
    _DRIVER,
)
# Pools of SR-IOV devices are named by who made them; of a node's links, only those that can be a card.
SRIOV_ONLY = (
    'resource=~"|openshift_io_.+|intel_com_.+|mellanox_com_.+|nvidia_com_.*(nic|vf|sriov|rdma).*"',
    'device!~"lo|(veth|cali|cilium|lxc|docker|br-|virbr|tap|tun|flannel|cni|vxlan|genev|ovs-|ovn|ifb|dummy|kube-).*"',
)

# The exporter of DPDK itself, and Telegraf's words for the same statistics.
_DPDK = {
    "rx_packets": ("dpdk_ethdev_rx_packets", "dpdk_ipackets"),
    "tx_packets": ("dpdk_ethdev_tx_packets", "dpdk_opackets"),
    "rx_bytes": ("dpdk_ethdev_rx_bytes", "dpdk_ibytes"),
    "tx_bytes": ("dpdk_ethdev_tx_bytes", "dpdk_obytes"),
    "rx_errors": ("dpdk_ethdev_rx_errors", "dpdk_ierrors"),
    "tx_errors": ("dpdk_ethdev_tx_errors", "dpdk_oerrors"),
    "rx_missed": ("dpdk_ethdev_rx_missed", "dpdk_imissed"),
    "rx_no_buffer": ("dpdk_ethdev_rx_nombuf", "dpdk_rx_nombuf"),
}
DPDK_NAMES = tuple(name for names in _DPDK.values() for name in names)


class VirtualFunction(msgspec.Struct, frozen=True):
    """Counters since the card was set up; `None` where the exporter does not tell."""

    vf: str
    pci_address: str | None
    namespace: str | None
    pod: str | None
    rx_packets: float | None
    tx_packets: float | None
    rx_bytes: float | None
    tx_bytes: float | None
    rx_errors: float | None
    tx_errors: float | None
    rx_dropped: float | None
    tx_dropped: float | None


class SriovInterface(msgspec.Struct, frozen=True):
    """One physical function. `total_vfs`, what the card could have, no exporter tells; `allocated_vfs` pods hold."""

    cluster_id: UUID
    cluster: str
    node: str
    interface: str
    configured_vfs: int
    allocated_vfs: int | None
    total_vfs: int | None
    driver: str | None
    mtu: int | None
    link_speed_bits_per_s: float | None
    vfs: list[VirtualFunction]


class SriovPool(msgspec.Struct, frozen=True):
    """What a node offers to pods under one resource's name."""

    cluster_id: UUID
    cluster: str
    node: str
    resource: str
    capacity: int | None
    allocatable: int | None


class DpdkPort(msgspec.Struct, frozen=True):
    """Counters since the application started. `rx_missed`: its queues were full; `rx_no_buffer`: its memory was."""

    cluster_id: UUID
    cluster: str
    node: str
    port: str
    application: str | None
    rx_packets: float | None
    tx_packets: float | None
    rx_bytes: float | None
    tx_bytes: float | None
    rx_errors: float | None
    tx_errors: float | None
    rx_missed: float | None
    rx_no_buffer: float | None


Place = tuple[str, UUID, str, str]


def interfaces_of(readings: Iterable[Reading]) -> list[SriovInterface]:
    vfs: dict[Place, dict[str, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    holders: dict[tuple[UUID, str], Reading] = {}
    links: dict[tuple[UUID, str, str], dict[str, Reading]] = defaultdict(dict)
    for one in readings:
        if one.name.startswith("sriov_vf_") and one.labels.get("pf"):
            vfs[one.cluster, one.cluster_id, one.node, one.labels["pf"]][one.labels.get("vf", "?")].append(one)
        elif one.name == _POD_DEVICE:
            holders[one.cluster_id, one.labels.get("pciAddr", "")] = one
        elif one.labels.get("device"):
            links[one.cluster_id, one.node, one.labels["device"]][one.name] = one
    tell_holders = {cluster_id for cluster_id, _ in holders}
    found = []
    for (cluster, cluster_id, node, interface), told in sorted(vfs.items()):
        functions = [_function(vf, of_vf, holders) for vf, of_vf in sorted(told.items(), key=lambda vf: _order(vf[0]))]
        link = links[cluster_id, node, interface]
        found.append(
            SriovInterface(
                cluster_id=cluster_id,
                cluster=cluster,
                node=node,
                interface=interface,
                configured_vfs=len(functions),
                allocated_vfs=sum(one.pod is not None for one in functions) if cluster_id in tell_holders else None,
                total_vfs=None,
                driver=link[_DRIVER].labels.get("driver") if _DRIVER in link else None,
                mtu=int(link[_MTU].value) if _MTU in link else None,
                link_speed_bits_per_s=_speed(link),
                vfs=functions,
            )
        )
    return found


def pools_of(readings: Iterable[Reading]) -> list[SriovPool]:
    values: dict[Place, dict[str, float]] = defaultdict(dict)
    for one in readings:
        if one.name in (_CAPACITY, _ALLOCATABLE) and one.labels.get("resource"):
            values[one.cluster, one.cluster_id, one.node, one.labels["resource"]][one.name] = one.value
    return [
        SriovPool(cluster_id, cluster, node, resource, _whole(told, _CAPACITY), _whole(told, _ALLOCATABLE))
        for (cluster, cluster_id, node, resource), told in sorted(values.items())
    ]


def dpdk_ports_of(readings: Iterable[Reading]) -> list[DpdkPort]:
    values: dict[tuple[str, UUID, str, str, str], dict[str, float]] = defaultdict(dict)
    for one in readings:
        port = one.first("port", "params", "interface")
        if port is not None:
            application = one.first("application", "container", "pod", "job") or ""
            values[one.cluster, one.cluster_id, one.node, port, application][one.name] = one.value
    return [
        DpdkPort(
            cluster_id=cluster_id,
            cluster=cluster,
            node=node,
            port=port,
            application=application or None,
            **{field: known(told, *names) for field, names in _DPDK.items()},
        )
        for (cluster, cluster_id, node, port, application), told in sorted(values.items())
    ]


def _function(vf: str, told: list[Reading], holders: Mapping[tuple[UUID, str], Reading]) -> VirtualFunction:
    address = next((one.labels["pciAddr"] for one in told if one.labels.get("pciAddr")), None)
    holder = holders.get((told[0].cluster_id, address)) if address else None
    values = {one.name.removeprefix("sriov_vf_"): one.value for one in told}
    return VirtualFunction(
        vf=vf,
        pci_address=address,
        namespace=holder.first("exported_namespace", "namespace") if holder else None,
        pod=holder.first("exported_pod", "pod") if holder else None,
        **{name: known(values, name) for name in _TRAFFIC},
    )


def _speed(link: Mapping[str, Reading]) -> float | None:
    # A link that is down tells a negative speed.
    if _SPEED not in link or link[_SPEED].value <= 0:
        return None
    return 8 * link[_SPEED].value


def _whole(told: Mapping[str, float], name: str) -> int | None:
    value = known(told, name)
    return None if value is None else int(value)


def _order(vf: str) -> tuple[int, str]:
    return (int(vf) if vf.isdigit() else 1_000_000, vf)
