"""Nodes, in node_exporter's names: those of a cluster and the hub's own machine alike."""

from __future__ import annotations

from aiops.observability.watches.templates import Variant, WatchTemplate

_NO_DISK = 'device!~"(loop|ram|zram|fd|sr)[0-9]+"'
_NO_STORAGE = 'fstype!~"tmpfs|ramfs|devtmpfs|squashfs|iso9660|nsfs"'
_VIRTUAL = "lo|(veth|cali|cilium|lxc|docker|br-|virbr|tap|tun|flannel|cni|vxlan|genev|ovs-|ifb|dummy|kube-).*"

_CPU = "1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[$window]))".replace("'", '"')
_MEMORY = "max by (instance) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)"
_SPACE = (
    "max by (instance, mountpoint) "
    f"(1 - node_filesystem_avail_bytes{{{_NO_STORAGE}}} / node_filesystem_size_bytes{{{_NO_STORAGE}}})"
)
_DISK_IO = f"max by (instance, device) (rate(node_disk_io_time_seconds_total{{{_NO_DISK}}}[$window]))"
_LOAD = 'max by (instance) (node_load1) / count by (instance) (node_cpu_seconds_total{mode="idle"})'


def _network(metric: str) -> Variant:
    return Variant((metric,), f'sum by (instance) (rate({metric}{{device!~"{_VIRTUAL}"}}[$window]))')


NODE_WATCHES = (
    WatchTemplate(
        "node_cpu",
        "CPU in use",
        "ratio",
        "up",
        0.1,
        ("instance",),
        (Variant(("node_cpu_seconds_total",), _CPU),),
        # Of all that a node tells this alone says that it has stopped: once is enough.
        silence_s=300.0,
    ),
    WatchTemplate(
        "node_memory",
        "Memory in use",
        "ratio",
        "up",
        0.05,
        ("instance",),
        (Variant(("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"), _MEMORY),),
    ),
    WatchTemplate(
        "node_disk_space",
        "Disk space in use",
        "ratio",
        "up",
        0.02,
        ("instance", "mountpoint"),
        (Variant(("node_filesystem_avail_bytes", "node_filesystem_size_bytes"), _SPACE),),
    ),
    WatchTemplate(
        "node_disk_io",
        "Disk busy",
        "ratio",
        "up",
        0.15,
        ("instance", "device"),
        (Variant(("node_disk_io_time_seconds_total",), _DISK_IO),),
    ),
    WatchTemplate(
        "node_network_receive",
        "Network received",
        "bytes/s",
        "both",
        1e6,
        ("instance",),
        (_network("node_network_receive_bytes_total"),),
    ),
    WatchTemplate(
        "node_network_transmit",
        "Network sent",
        "bytes/s",
        "both",
        1e6,
        ("instance",),
        (_network("node_network_transmit_bytes_total"),),
    ),
    WatchTemplate(
        "node_load",
        "Load per core",
        "load",
        "up",
        0.5,
        ("instance",),
        (Variant(("node_load1", "node_cpu_seconds_total"), _LOAD),),
    ),
)
