"""Findings of what moves together, and which series explain a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import selector_of, subject_of
from aiops.intelligence.domain.groups import AnomalyGroup, GroupFilter
from aiops.intelligence.needs import GroupStore
from aiops.intelligence.service.watcher import Watcher
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid, NotFound
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Labels, Metrics, RangeSeries, Watch

LONGEST = timedelta(days=7)
MOST_SERIES = 50
_LEAST_STEP_S, _STEPS = 15.0, 120.0
OUT = "(aiops:watch:value > bool aiops:watch:upper) + (aiops:watch:value < bool aiops:watch:lower)"


class Explaining(msgspec.Struct, frozen=True, kw_only=True):
    """A series and the share of the stretch that it was out of its band, and of as long a stretch before."""

    watch: str
    title: str
    unit: str
    labels: Labels
    subject: str
    share: float
    share_before: float | None
    query: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """Those that were out of their band more than before, the farthest first; `series` is how many were looked at.
    `query` tells of every `step_s` seconds which were out, 1, and which were not, 0."""

    cluster_id: UUID
    start: datetime
    end: datetime
    series: int
    items: list[Explaining]
    query: str
    step_s: float


class Insight:
    def __init__(self, transactions: Transactions, groups: GroupStore, metrics: Metrics, watcher: Watcher) -> None:
        self._transactions = transactions
        self._groups = groups
        self._metrics = metrics
        self._watcher = watcher

    async def groups(
        self, principal: Principal, wanted: GroupFilter, limit: int, after: UUID | None
    ) -> tuple[list[AnomalyGroup], int]:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            return await self._groups.page(tx, wanted, _scope(principal), limit, after)

    async def group(self, principal: Principal, group_id: UUID) -> AnomalyGroup:
        principal.require(Role.VIEWER)
        async with self._transactions.begin() as tx:
            found = await self._groups.get(tx, group_id, _scope(principal))
        if found is None:
            raise NotFound("There is no such group of anomalies.")
        return found

    async def explain(self, principal: Principal, cluster_id: UUID, start: datetime, end: datetime) -> Explained:
        """Raises `NotFound` out of scope, `Invalid` for a stretch of less than a minute or more than 7 days."""
        if start.tzinfo is None or end.tzinfo is None:
            raise Invalid("start and end need a time zone.", details={"field": "start"})
        span = end - start
        if not timedelta(minutes=1) <= span <= LONGEST:
            raise Invalid(f"The stretch is a minute to {LONGEST.days} days long.", details={"field": "start"})
        # The stretch before begins one step later, so that both have as many moments.
        step_s = max(_LEAST_STEP_S, span.total_seconds() / _STEPS)
        since = start - span + timedelta(seconds=step_s)
        told = await self._metrics.query_range(
            principal, OUT, start=since, end=end, step_s=step_s, cluster_ids=[cluster_id]
        )
        titles = {track.watch.name: track.watch for track in self._watcher.tracks()}
        found = []
        for one in told.series:
            share, earlier = _shares(one, start.timestamp())
            if share is not None and share > (earlier or 0.0):
                found.append(_explaining(one, titles, share, earlier))
        found.sort(key=lambda one: (one.share_before or 0.0) - one.share)
        return Explained(
            cluster_id=cluster_id,
            start=start,
            end=end,
            series=len(told.series),
            items=found[:MOST_SERIES],
            query=OUT,
            step_s=step_s,
        )


def _shares(one: RangeSeries, start: float) -> tuple[float | None, float | None]:
    """How much of the stretch from `start` on it was out, and how much before; `None` where nothing is known."""
    within = [value != "0" for at, value in one.values if at > start]
    before = [value != "0" for at, value in one.values if at <= start]
    return _mean(within), _mean(before)


def _mean(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _explaining(one: RangeSeries, titles: dict[str, Watch], share: float, earlier: float | None) -> Explaining:
    name = one.metric.get("watch", "")
    labels = {label: value for label, value in one.metric.items() if label not in ("watch", "cluster")}
    watch = titles.get(name)
    return Explaining(
        watch=name,
        title=watch.title if watch else name,
        unit=watch.unit if watch else "",
        labels=labels,
        subject=subject_of(watch, labels) if watch else " ".join(labels.values()),
        share=share,
        share_before=earlier,
        query=selector_of(name, labels),
    )


def _scope(principal: Principal) -> Sequence[UUID] | None:
    return None if principal.clusters is None else sorted(principal.clusters)
