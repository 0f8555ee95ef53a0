"""Resource quotas of namespaces, as the share in use."""

from __future__ import annotations

from aiops.intelligence.domain.predictions import DAY_S, Target

QUOTAS = (
    Target(
        "quota",
        "Quota",
        "ratio",
        'max by (namespace, resourcequota, resource) (kube_resourcequota{type="used"})'
        ' / max by (namespace, resourcequota, resource) (kube_resourcequota{type="hard"} > 0)',
        1.0,
        7 * DAY_S,
        ("namespace", "resourcequota", "resource"),
        "is used up",
    ),
)
