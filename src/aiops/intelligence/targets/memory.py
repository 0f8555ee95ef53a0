"""Memory of nodes, and of containers under their limit."""

from __future__ import annotations

from aiops.intelligence.domain.predictions import DAY_S, Target

MEMORY = (
    Target(
        "node_memory",
        "Memory",
        "ratio",
        "max by (instance) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
        0.95,
        DAY_S,
        ("instance",),
        "reaches 95 %",
    ),
    Target(
        "container_memory",
        "Memory of the container",
        "ratio",
        'max by (namespace, pod, container) (container_memory_working_set_bytes{container!="",container!="POD"})'
        ' / max by (namespace, pod, container) (kube_pod_container_resource_limits{resource="memory"})',
        1.0,
        DAY_S,
        ("namespace", "pod", "container"),
        "reaches its limit",
    ),
)
