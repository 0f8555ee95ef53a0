"""PromQL over the fleet: each cluster is asked where its samples lie, and each says how it answered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiops.kernel.principal import Principal
from aiops.observability.ports import Floats, Labels


class MetricsService:
    """Implements `ports.Metrics`, and gives detectors the bare numbers of one cluster."""

    async def evaluate_instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime, *, timeout_s: float = 30.0
    ) -> tuple[list[Labels], Floats]:
        """The labels of each series and its value at `at`. Raises `Retriable` where the cluster does not answer."""
        raise NotImplementedError

    async def evaluate_range(
        self,
        principal: Principal,
        cluster_id: UUID,
        query: str,
        start: datetime,
        end: datetime,
        step_s: float,
        *,
        timeout_s: float = 30.0,
    ) -> tuple[Floats, list[Labels], Floats]:
        """Times in Unix seconds, the labels of each series, and series × times with NaN where there is no value."""
        raise NotImplementedError
