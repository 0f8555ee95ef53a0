"""What reading alerts requires of the place where a cluster's alerts are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from aiops.observability.ports import AlertState, Labels, Original
from aiops.registry.ports import Target


class FoundAlert(msgspec.Struct, frozen=True):
    """An alert that is there now: `state` is FIRING or PENDING. `starts_at` is `None` where nobody tells."""

    labels: Labels
    annotations: Labels
    starts_at: datetime | None
    fingerprint: str
    state: AlertState = AlertState.FIRING
    generator_url: str | None = None
    suppressed: bool = False
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    source: str = "alertmanager"
    members: tuple[str, ...] = ()
    original: Original | None = None


class RemoteAlerts(Protocol):
    """Raises `Rejected` where it is refused, `TimedOut` or `Unavailable` where nobody answers."""

    async def alerts(self, target: Target, timeout_s: float) -> list[FoundAlert]:
        """All that have not ended, of this cluster alone."""

    async def up_since(self, target: Target, timeout_s: float) -> datetime | None:
        """When it was started: what it has forgotten by that is told it anew only after a while. `None` where it does
        not say."""


class FoundRule(msgspec.Struct, frozen=True):
    """A rule as a Prometheus evaluates it. `health` is `ok`, `err` or `unknown`; `state` that of an alerting rule."""

    group: str
    name: str
    kind: str
    query: str
    health: str
    state: str | None = None
    last_error: str | None = None
    evaluated_at: datetime | None = None
    evaluation_s: float | None = None
    interval_s: float | None = None
    for_s: float | None = None
    labels: Labels = {}
    alerts: int = 0


class RemoteRules(Protocol):
    """Raises as `RemoteAlerts` does."""

    async def rules(self, target: Target, timeout_s: float) -> list[FoundRule]: ...
