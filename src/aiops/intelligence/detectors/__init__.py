"""One detector a file: found by its place, or by the entry-point group `aiops.detectors` of another package."""

from __future__ import annotations

from aiops.intelligence.needs import Detector
from aiops.kernel.plugins import Plugins, load_plugins


def installed() -> Plugins[Detector]:
    """Every detector of this installation by its name; `AIOPS_DETECTOR` says which one looks at the watches."""
    return load_plugins("detectors", package=__name__, contract=Detector)
