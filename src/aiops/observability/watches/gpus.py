"""GPUs, in the names of NVIDIA's DCGM exporter."""

from __future__ import annotations

from aiops.observability.watches.templates import Variant, WatchTemplate

_DEVICE = ("Hostname", "gpu")
_BY = "max by (Hostname, gpu)"
_USED, _FREE = "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"

GPU_WATCHES = (
    WatchTemplate(
        "gpu_temperature",
        "GPU temperature",
        "celsius",
        "up",
        5.0,
        _DEVICE,
        (Variant(("DCGM_FI_DEV_GPU_TEMP",), f"{_BY} (DCGM_FI_DEV_GPU_TEMP)"),),
    ),
    # A device that falls idle in the middle of its work hurts as one that gets busy does.
    WatchTemplate(
        "gpu_utilization",
        "GPU in use",
        "ratio",
        "both",
        0.2,
        _DEVICE,
        (
            Variant(("DCGM_FI_DEV_GPU_UTIL",), f"{_BY} (DCGM_FI_DEV_GPU_UTIL) / 100"),
            Variant(("DCGM_FI_PROF_GR_ENGINE_ACTIVE",), f"{_BY} (DCGM_FI_PROF_GR_ENGINE_ACTIVE)"),
        ),
    ),
    WatchTemplate(
        "gpu_memory",
        "GPU memory in use",
        "ratio",
        "up",
        0.1,
        _DEVICE,
        (Variant((_USED, _FREE), f"{_BY} ({_USED} / ({_USED} + {_FREE}))"),),
    ),
)
