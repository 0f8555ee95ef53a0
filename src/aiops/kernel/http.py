"""What every controller shares."""

from __future__ import annotations

from litestar.di import NamedDependency

from aiops.kernel.principal import Principal

Caller = NamedDependency[Principal]
"""The verified principal of the request; the gateway provides it."""
