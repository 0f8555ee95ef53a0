"""One form of alerts a file: found by its place, or by another package's entry-point group `aiops.alert_formats`."""

from __future__ import annotations

from aiops.kernel.plugins import Plugins, load_plugins
from aiops.observability.needs_alerts import AlertFormat


def installed() -> Plugins[AlertFormat]:
    """Every form of this installation by its name, which is the end of the webhook's address."""
    return load_plugins("alert_formats", package=__name__, contract=AlertFormat)
