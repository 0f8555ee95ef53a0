"""What a rule's expression is asked about. Light: the process that judges rules loads it alone."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """Names and values, as the expression reads them."""

    alert: dict[str, str]
    labels: dict[str, str]
    cluster: dict[str, str]
