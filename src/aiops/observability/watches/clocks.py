"""Clocks that follow PTP, in the names of OpenShift's operator."""

from __future__ import annotations

from aiops.observability.watches.templates import Variant, WatchTemplate

_OFFSET = "openshift_ptp_offset_ns"

CLOCK_WATCHES = (
    WatchTemplate(
        "ptp_offset",
        "PTP offset",
        "seconds",
        "up",
        1e-7,
        ("node", "iface", "process"),
        (
            Variant(
                ("openshift_ptp_offset_ns",),
                "max by (node, iface, process) (abs(openshift_ptp_offset_ns)) / 1000000000",
            ),
        ),
    ),
)
