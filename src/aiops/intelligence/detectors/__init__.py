"""One detector a file: found by its place, or by the entry-point group `aiops.detectors` of another package."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any

from aiops.intelligence.needs import Detector


def shipped() -> dict[str, type[Detector]]:
    """Every detector of this installation by its name."""
    found: dict[str, type[Detector]] = {}
    for module in iter_modules(__path__):
        for candidate in vars(import_module(f"{__name__}.{module.name}")).values():
            if inspect.isclass(candidate) and candidate.__module__.endswith(module.name) and hasattr(candidate, "step"):
                detector: Any = candidate
                found[detector.name] = detector
    for entry in entry_points(group="aiops.detectors"):
        detector = entry.load()
        found[detector.name] = detector
    return found
