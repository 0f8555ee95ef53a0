"""Containers of Kubernetes that start again and again, by kube-state-metrics, or run out of memory, by cAdvisor.

Both are counted over ten minutes: a crash loop waits up to five minutes between two starts.
"""

from __future__ import annotations

from aiops.observability.watches.templates import Variant, WatchTemplate

_RESTARTS, _OOM = "kube_pod_container_status_restarts_total", "container_oom_events_total"
_BY = ("namespace", "container")

CONTAINER_WATCHES = (
    WatchTemplate(
        "container_restarts",
        "Restarts of containers in 10 min",
        "",
        "up",
        # One is no news: a rollout or a drained node has it, too.
        1.5,
        _BY,
        (Variant((_RESTARTS,), f"sum by (namespace, container) (increase({_RESTARTS}[10m]))"),),
    ),
    WatchTemplate(
        "container_oom",
        "Out-of-memory kills of containers in 10 min",
        "",
        "up",
        0.5,
        _BY,
        (Variant((_OOM,), f'sum by (namespace, container) (increase({_OOM}{{container!=""}}[10m]))'),),
    ),
)
