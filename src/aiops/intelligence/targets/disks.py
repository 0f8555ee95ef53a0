"""File systems of nodes and volumes of pods, as the share in use."""

from __future__ import annotations

from aiops.intelligence.domain.predictions import DAY_S, Target

_NO_STORAGE = 'fstype!~"tmpfs|ramfs|devtmpfs|squashfs|iso9660|nsfs|overlay"'

DISKS = (
    Target(
        "disk_space",
        "Disk space",
        "ratio",
        "max by (instance, mountpoint) "
        f"(1 - node_filesystem_avail_bytes{{{_NO_STORAGE}}} / node_filesystem_size_bytes{{{_NO_STORAGE}}})",
        1.0,
        7 * DAY_S,
        ("instance", "mountpoint"),
        "is used up",
    ),
    Target(
        "disk_inodes",
        "Inodes",
        "ratio",
        "max by (instance, mountpoint) "
        f"(1 - node_filesystem_files_free{{{_NO_STORAGE}}} / node_filesystem_files{{{_NO_STORAGE}}})",
        1.0,
        7 * DAY_S,
        ("instance", "mountpoint"),
        "are used up",
    ),
    Target(
        "volume_space",
        "Volume",
        "ratio",
        "max by (namespace, persistentvolumeclaim) "
        "(kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes)",
        1.0,
        7 * DAY_S,
        ("namespace", "persistentvolumeclaim"),
        "is full",
    ),
)
