"""Metrics of devices over the fleet, read by their names: what a cluster lacks is simply not among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from msgspec.structs import replace

from aiops.kernel.clock import Clock
from aiops.kernel.principal import Principal
from aiops.observability.ports import ClusterOutcome, Labels, Metrics

FRESH_S = 5.0
_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Reading:
    cluster_id: UUID
    cluster: str
    name: str
    labels: Labels
    value: float

    def first(self, *names: str) -> str | None:
        """The first of these labels that says something."""
        return next((self.labels[name] for name in names if self.labels.get(name)), None)

    @property
    def node(self) -> str:
        """By what names the machine, or else by the address that was scraped."""
        named = self.first("Hostname", "node", "kubernetes_node", "nodename", "exported_node", "instance")
        host, _, port = (named or "unknown").rpartition(":")
        return host if host and port.isdigit() else named or "unknown"


class DeviceMetrics:
    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics

    async def read(
        self,
        principal: Principal,
        names: Iterable[str],
        *,
        only: Sequence[str] = (),
        cluster_ids: Sequence[UUID] | None = None,
    ) -> tuple[list[Reading], list[ClusterOutcome]]:
        """Every finite number under these names, and how each cluster answered; `only` are matchers of PromQL."""
        # All who ask within 5 s ask for the same moment, and so share one answer of each cluster.
        at = datetime.fromtimestamp(self._clock.now().timestamp() // FRESH_S * FRESH_S, UTC)
        selector = ",".join((f'__name__=~"{"|".join(names)}"', *only))
        result = await self._metrics.query(
            principal, f"{{{selector}}}", at=at, cluster_ids=cluster_ids, timeout_s=_TIMEOUT_S
        )
        ids = {outcome.cluster: outcome.cluster_id for outcome in result.clusters}
        found = []
        for series in result.series:
            cluster, name, value = series.metric["cluster"], series.metric.get("__name__"), float(series.value[1])
            if name is not None and math.isfinite(value):
                found.append(Reading(ids[cluster], cluster, name, series.metric, value))
        age_s = round((self._clock.now() - at).total_seconds(), 3)
        return found, [one if one.age_s is None else replace(one, age_s=age_s) for one in result.clusters]


def known(values: Mapping[str, float], *names: str) -> float | None:
    """The value under the first of these names that there is; what is unknown is `None` and never 0."""
    return next((values[name] for name in names if name in values), None)
