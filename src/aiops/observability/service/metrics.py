"""PromQL over the fleet: each cluster is asked where its samples lie, and each says how it answered."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import numpy as np

from aiops.kernel.clock import Clock
from aiops.kernel.database import Transactions
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.observability.needs import SampleStore, StoredSeries
from aiops.observability.ports import (
    ClusterOutcome,
    Floats,
    InstantResult,
    InstantSeries,
    Labels,
    RangeResult,
)
from aiops.observability.promql import EvalResult, Plan, Selector, evaluate, metric_names, parse
from aiops.observability.service import metrics_numbers as numbers
from aiops.observability.service.metrics_fanout import Part, gather, way_to
from aiops.observability.service.metrics_remote import RemoteMetrics
from aiops.registry.ports import Cluster, Clusters, Member, PrometheusTarget

MAX_STEPS = 11_000
MAX_TIMEOUT_S = 300.0

_CELLS_IN_LOOP = 20_000
_SERIES_BACK_S = 6 * 3600.0
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LabelNames(msgspec.Struct, frozen=True):
    labels: list[str]
    clusters: list[ClusterOutcome]


class LabelValues(msgspec.Struct, frozen=True):
    values: list[str]
    clusters: list[ClusterOutcome]


class SeriesFound(msgspec.Struct, frozen=True):
    series: list[Labels]
    clusters: list[ClusterOutcome]


class PrintedRange(msgspec.Struct, frozen=True):
    """A `RangeResult` on its way out."""

    series: list[numbers.PrintedSeries]
    clusters: list[ClusterOutcome]


_RANGE_RESULT = msgspec.json.Decoder(RangeResult)


@dataclass(frozen=True)
class _Question:
    """A query that passed the parser. `plan` is `None` where only a real Prometheus can answer it: `refusal` why."""

    text: str
    own_only: bool
    plan: Plan | None
    refusal: Invalid | None

    @staticmethod
    def of(text: str) -> _Question:
        names = metric_names(text)
        own_only = bool(names) and all(name is not None and name.startswith("aiops:") for name in names)
        try:
            return _Question(text, own_only, parse(text), None)
        except Invalid as error:
            return _Question(text, own_only, None, error)


@dataclass(frozen=True)
class _Steps:
    start_ms: int
    end_ms: int
    step_ms: int

    @staticmethod
    def at(moment: datetime) -> _Steps:
        milliseconds = _milliseconds(moment)
        return _Steps(milliseconds, milliseconds, 1)

    @staticmethod
    def over(start: datetime, end: datetime, step_s: float) -> _Steps:
        if not math.isfinite(step_s) or step_s < 0.001:
            raise Invalid("The step must be at least a millisecond.")
        if end < start:
            raise Invalid("The end lies before the start.")
        steps = _Steps(_milliseconds(start), _milliseconds(end), round(step_s * 1000))
        if steps.count > MAX_STEPS:
            raise Invalid(f"{steps.count} steps are more than {MAX_STEPS:,}: ask for a longer step or a shorter time.")
        return steps

    @property
    def count(self) -> int:
        return (self.end_ms - self.start_ms) // self.step_ms + 1

    @property
    def times(self) -> Floats:
        return (self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms) / 1000.0


class MetricsService:
    """Implements `ports.Metrics`, and gives detectors the bare numbers of one cluster."""

    def __init__(
        self, transactions: Transactions, clock: Clock, store: SampleStore, clusters: Clusters, remote: RemoteMetrics
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._store = store
        self._clusters = clusters
        self._remote = remote

    async def query(
        self,
        principal: Principal,
        query: str,
        *,
        at: datetime | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> InstantResult:
        principal.require(Role.VIEWER)
        question, deadline = _Question.of(query), _deadline(timeout_s)
        steps = _Steps.at(at or self._clock.now())
        clusters, members = await self._where(principal, question, cluster_ids)

        async def ask(cluster: Cluster) -> Part[list[InstantSeries]]:
            target = way_to(members[cluster.id])
            if target is None:
                result = await self._own(cluster.id, question, steps)
                return Part(numbers.instant_series(result, steps.start_ms / 1000, cluster.name))
            answer = await self._remote.instant(target, query, steps.start_ms / 1000, deadline)
            series = numbers.vector_of(answer.data)
            for one in series:
                numbers.name_cluster(one.metric, cluster.name)
            return Part(series, answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        return InstantResult([one for _, series in gathered.parts for one in series], gathered.outcomes)

    async def query_range(
        self,
        principal: Principal,
        query: str,
        *,
        start: datetime,
        end: datetime,
        step_s: float,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> RangeResult:
        printed = await self.query_range_printed(
            principal, query, start=start, end=end, step_s=step_s, cluster_ids=cluster_ids, timeout_s=timeout_s
        )
        return await asyncio.to_thread(lambda: _RANGE_RESULT.decode(msgspec.json.encode(printed)))

    async def query_range_printed(
        self,
        principal: Principal,
        query: str,
        *,
        start: datetime,
        end: datetime,
        step_s: float,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> PrintedRange:
        """As `query_range`, for who only hands the answer on: it says the same as JSON, sooner."""
        principal.require(Role.VIEWER)
        question, deadline = _Question.of(query), _deadline(timeout_s)
        steps = _Steps.over(start, end, step_s)
        clusters, members = await self._where(principal, question, cluster_ids)

        async def ask(cluster: Cluster) -> Part[list[numbers.PrintedSeries]]:
            target = way_to(members[cluster.id])
            if target is None:
                result = await self._own(cluster.id, question, steps)
                if result.values.size <= _CELLS_IN_LOOP:
                    return Part(numbers.range_series(result, steps.start_ms, steps.step_ms, cluster.name))
                return Part(
                    await asyncio.to_thread(numbers.range_series, result, steps.start_ms, steps.step_ms, cluster.name)
                )
            answer = await self._remote.range(
                target, query, steps.start_ms / 1000, steps.end_ms / 1000, steps.step_ms / 1000, deadline
            )
            for one in answer.data.result:
                numbers.name_cluster(one.metric, cluster.name)
            series = [numbers.PrintedSeries(one.metric, one.values) for one in answer.data.result]
            return Part(series, answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        return PrintedRange([one for _, series in gathered.parts for one in series], gathered.outcomes)

    async def evaluate_instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime, *, timeout_s: float = 30.0
    ) -> tuple[list[Labels], Floats]:
        """The labels of each series and its value at `at`. Raises `Retriable` where the cluster does not answer."""
        principal.require(Role.VIEWER)
        question, deadline, steps = _Question.of(query), _deadline(timeout_s), _Steps.at(at)
        target = await self._target(principal, question, cluster_id)
        if target is None:
            result = await self._own(cluster_id, question, steps)
            return result.labels, result.values[:, 0]
        answer = await self._remote.instant(target, query, steps.start_ms / 1000, deadline)
        series = numbers.vector_of(answer.data)
        return [one.metric for one in series], np.array([float(one.value[1]) for one in series], dtype=np.float64)

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
        principal.require(Role.VIEWER)
        question, deadline, steps = _Question.of(query), _deadline(timeout_s), _Steps.over(start, end, step_s)
        target = await self._target(principal, question, cluster_id)
        if target is None:
            result = await self._own(cluster_id, question, steps)
            return steps.times, result.labels, np.where(result.present, result.values, np.nan)
        answer = await self._remote.range(
            target, query, steps.start_ms / 1000, steps.end_ms / 1000, steps.step_ms / 1000, deadline
        )
        found = answer.data.result
        return steps.times, [one.metric for one in found], numbers.matrix_of(found, steps.times)

    async def labels(
        self, principal: Principal, *, cluster_ids: Sequence[UUID] | None = None, timeout_s: float = 30.0
    ) -> LabelNames:
        """The names of labels in these clusters, the hub's own series included."""
        principal.require(Role.VIEWER)
        deadline = _deadline(timeout_s)
        members = await self._members(principal, cluster_ids)
        clusters = [member.cluster for member in members.values()]

        async def ask(cluster: Cluster) -> Part[list[str]]:
            async with self._transactions.begin() as tx:
                own = await self._store.label_names(tx, [cluster.id])
            target = way_to(members[cluster.id])
            if target is None:
                return Part(own)
            answer = await self._remote.labels(target, deadline)
            return Part([*own, *answer.data], answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        return LabelNames(sorted({"cluster"}.union(*(part for _, part in gathered.parts))), gathered.outcomes)

    async def label_values(
        self, principal: Principal, name: str, *, cluster_ids: Sequence[UUID] | None = None, timeout_s: float = 30.0
    ) -> LabelValues:
        """The values of one label in these clusters; of `cluster`, their names."""
        principal.require(Role.VIEWER)
        if not _LABEL.fullmatch(name):
            raise Invalid(f"{name!r} is not the name of a label.")
        deadline = _deadline(timeout_s)
        members = await self._members(principal, cluster_ids)
        clusters = [member.cluster for member in members.values()]

        async def ask(cluster: Cluster) -> Part[list[str]]:
            if name == "cluster":
                return Part([cluster.name])
            async with self._transactions.begin() as tx:
                own = await self._store.label_values(tx, [cluster.id], name)
            target = way_to(members[cluster.id])
            if target is None:
                return Part(own)
            answer = await self._remote.label_values(target, name, deadline)
            return Part([*own, *answer.data], answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        return LabelValues(sorted({value for _, part in gathered.parts for value in part}), gathered.outcomes)

    async def series(
        self, principal: Principal, match: str, *, cluster_ids: Sequence[UUID] | None = None, timeout_s: float = 30.0
    ) -> SeriesFound:
        """The series that the selector `match` finds; of a remote Prometheus those of the last six hours."""
        principal.require(Role.VIEWER)
        question, deadline = _Question.of(match), _deadline(timeout_s)
        if question.plan is None or len(question.plan.selectors) != 1:
            raise question.refusal or Invalid('`match` must be one selector, as in up{job="node"}.')
        selector = question.plan.selectors[0]
        clusters, members = await self._where(principal, question, cluster_ids)
        now_s = self._clock.now().timestamp()

        async def ask(cluster: Cluster) -> Part[list[Labels]]:
            target = way_to(members[cluster.id])
            if target is None:
                async with self._transactions.begin() as tx:
                    found = await self._store.series(tx, [cluster.id], selector.matchers)
                return Part([labels for _, labels in found])
            answer = await self._remote.series(target, match, now_s - _SERIES_BACK_S, now_s, deadline)
            return Part(answer.data, answer.warnings)

        gathered = await gather(clusters, deadline, ask)
        found = [numbers.in_cluster(labels, cluster.name) for cluster, part in gathered.parts for labels in part]
        return SeriesFound(found, gathered.outcomes)

    async def _where(
        self, principal: Principal, question: _Question, cluster_ids: Sequence[UUID] | None
    ) -> tuple[list[Cluster], dict[UUID, Member]]:
        """Which clusters, and the Prometheus of each that must be asked there.

        Refuses a query that the own store cannot answer where nobody else could; otherwise those clusters say so.
        """
        members = await self._members(principal, cluster_ids)
        clusters = [member.cluster for member in members.values()]
        if question.own_only:
            members = {cluster.id: Member(cluster, None) for cluster in clusters}
        if question.refusal is not None and not any(one.prometheus or one.problem for one in members.values()):
            raise question.refusal
        return clusters, members

    async def _members(self, principal: Principal, cluster_ids: Sequence[UUID] | None) -> dict[UUID, Member]:
        return {member.cluster.id: member for member in await self._clusters.members(principal, cluster_ids)}

    async def _target(self, principal: Principal, question: _Question, cluster_id: UUID) -> PrometheusTarget | None:
        await self._clusters.get(principal, cluster_id)
        return None if question.own_only else await self._clusters.prometheus_target(principal, cluster_id)

    async def _own(self, cluster_id: UUID, question: _Question, steps: _Steps) -> EvalResult:
        if question.plan is None:
            raise question.refusal or Invalid("This query is not supported by the hub's own store.")
        plan = question.plan
        fetched: dict[Selector, list[StoredSeries]] = {}
        async with self._transactions.begin() as tx:
            for selector in plan.selectors:
                if selector not in fetched:
                    bounds = selector.bounds(steps.start_ms, steps.end_ms)
                    fetched[selector] = await self._store.select(tx, [cluster_id], selector.matchers, *bounds)
        data = [fetched[selector] for selector in plan.selectors]
        arguments = (plan, data, steps.start_ms, steps.end_ms, steps.step_ms)
        if sum(len(series) for series in data) * steps.count <= _CELLS_IN_LOOP:
            return evaluate(*arguments)
        return await asyncio.to_thread(evaluate, *arguments)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _deadline(timeout_s: float) -> float:
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise Invalid(f"The timeout must lie between 0 and {MAX_TIMEOUT_S:.0f} s.")
    return timeout_s
