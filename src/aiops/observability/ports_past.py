"""What observability offers of a cluster's past, as its own metric store remembers it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal
from aiops.observability.ports import Labels, Severity, Watch, WatchHistory


class PastAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of an alert. `starts_at` and `ends_at` are when it was first and last seen firing, to a step;
    `ends_at` is `None` where it fired until the end of what was looked at. `waited_since`: when its condition began."""

    cluster_id: UUID
    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    starts_at: datetime
    ends_at: datetime | None
    waited_since: datetime | None


class Past(Protocol):
    """One cluster's past. Every method raises `Retriable` where the cluster does not answer, `NotFound` where it is
    out of scope, `Rejected` where a stretch is more than it gives in one answer."""

    async def alerts(
        self, principal: Principal, cluster_id: UUID, *, start: datetime, end: datetime, step_s: float
    ) -> list[PastAlert]:
        """Those that fired, by `ALERTS` and `ALERTS_FOR_STATE`, in the order of their starts."""

    async def watches(self, principal: Principal, cluster_id: UUID, at: datetime) -> list[Watch]:
        """The shipped watches that the cluster could answer at `at`."""

    async def history(
        self, principal: Principal, cluster_id: UUID, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        """What a watch would have given; at most 11,000 steps."""

    async def instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime
    ) -> list[tuple[Labels, float]]:
        """What a query gave at a moment."""
