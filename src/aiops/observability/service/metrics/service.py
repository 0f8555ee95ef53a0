"""PromQL over the fleet: each cluster is asked where its samples lie, and each says how it answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome, InstantResult, InstantSeries, RangeResult
from aiops.observability.promql import EvalResult
from aiops.observability.service.fanout import Budget, Part, gather, way_to
from aiops.observability.service.metrics import numbers
from aiops.observability.service.metrics.computation import Computation, Found, cells_of, united
from aiops.observability.service.metrics.own import CELLS_IN_LOOP, OwnSamples
from aiops.observability.service.metrics.question import Asked, Question, deadline_of, where
from aiops.observability.service.metrics.remote import RemoteMetrics
from aiops.observability.service.metrics.steps import Steps
from aiops.registry.ports import Cluster, Clusters, Target


class PrintedRange(msgspec.Struct, frozen=True):
    """A `RangeResult` on its way out."""

    series: list[numbers.PrintedSeries]
    clusters: list[ClusterOutcome]


_RANGE_RESULT = msgspec.json.Decoder(RangeResult)


class MetricsService:
    """Implements `ports.Metrics`."""

    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteMetrics, own: OwnSamples) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote
        self._own = own

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
        question, deadline = Question.of(query), deadline_of(timeout_s)
        steps = Steps.at(at or self._clock.now())
        asked = await where(self._clusters, principal, question, cluster_ids)
        if not question.plan.local:
            result, outcomes = await self._across(question, asked, steps, deadline)
            series = numbers.instant_series(result, steps.start_ms / 1000)
            return InstantResult(numbers.sorted_as(question.plan.order, series), outcomes, result.scalar)

        budget = Budget()

        async def ask(cluster: Cluster) -> Part[list[InstantSeries]]:
            text = asked.text(cluster)
            target = way_to(asked.members[cluster.name])
            if target is None:
                result = await self._own.evaluate(cluster.id, text, steps)
                series = numbers.instant_series(result, steps.start_ms / 1000, cluster.name)
                return Part(series, notes=result.notes)
            answer = await self._remote.instant(target, text, at.timestamp() if at else None, deadline)
            budget.take(answer.size)
            series = numbers.vector_of(answer.data)
            for one in series:
                numbers.name_cluster(one.metric, cluster.name)
            return Part(series, answer.warnings, age_s=answer.age_s)

        gathered = await gather(asked.clusters, deadline, ask)
        series = [one for _, part in gathered.parts for one in part]
        return InstantResult(numbers.sorted_as(question.plan.order, series), gathered.outcomes)

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
        question, deadline = Question.of(query), deadline_of(timeout_s)
        steps = Steps.over(start, end, step_s)
        asked = await where(self._clusters, principal, question, cluster_ids)
        if not question.plan.local:
            result, outcomes = await self._across(question, asked, steps, deadline)
            return PrintedRange(await self._printed(result, steps, None), outcomes)

        budget = Budget()

        async def ask(cluster: Cluster) -> Part[list[numbers.PrintedSeries]]:
            text = asked.text(cluster)
            target = way_to(asked.members[cluster.name])
            if target is None:
                result = await self._own.evaluate(cluster.id, text, steps)
                return Part(await self._printed(result, steps, cluster.name), notes=result.notes)
            answer = await self._remote.range(
                target, text, steps.start_ms / 1000, steps.end_ms / 1000, steps.step_ms / 1000, deadline
            )
            budget.take(answer.size)
            for one in answer.data.result:
                numbers.name_cluster(one.metric, cluster.name)
            series = [numbers.PrintedSeries(one.metric, one.values) for one in answer.data.result]
            return Part(series, answer.warnings, age_s=answer.age_s)

        gathered = await gather(asked.clusters, deadline, ask)
        return PrintedRange([one for _, series in gathered.parts for one in series], gathered.outcomes)

    async def _across(
        self, question: Question, asked: Asked, steps: Steps, deadline: float
    ) -> tuple[EvalResult, list[ClusterOutcome]]:
        """Compute what spans clusters from what each gives; one that fails to give a part is left out whole."""
        computation, budget = Computation(question.plan, steps), Budget()

        async def ask(cluster: Cluster) -> Part[list[Found]]:
            target = way_to(asked.members[cluster.name])
            texts = asked.texts[cluster.name]
            # Most queries need one answer of each cluster; a task of its own for that one is felt with a hundred.
            if len(texts) == 1:
                only = await self._numbers(cluster, target, texts[0], computation.asks[0].steps, deadline, budget)
                return Part([only.value], only.warnings, only.notes, only.age_s)
            found = await asyncio.gather(
                *[
                    self._numbers(cluster, target, text, one.steps, deadline, budget)
                    for text, one in zip(texts, computation.asks, strict=True)
                ]
            )
            return Part(
                [part.value for part in found],
                tuple(warning for part in found for warning in part.warnings),
                tuple(dict.fromkeys(note for part in found for note in part.notes)),
                max((part.age_s for part in found), default=0.0),
            )

        gathered = await gather(asked.clusters, deadline, ask)

        def compute() -> EvalResult:
            vectors = [
                united([(cluster.name, part[number]) for cluster, part in gathered.parts], one.steps.count)
                for number, one in enumerate(computation.asks)
            ]
            return computation.value(vectors)

        cells = sum(cells_of(part) for _, parts in gathered.parts for part in parts)
        return (compute() if cells <= CELLS_IN_LOOP else await asyncio.to_thread(compute)), gathered.outcomes

    async def _numbers(
        self, cluster: Cluster, target: Target | None, text: str | None, steps: Steps, deadline: float, budget: Budget
    ) -> Part[Found]:
        if text is None or not steps.count:
            return Part(None)
        if target is None:
            kept = await self._own.evaluate(cluster.id, text, steps)
            return Part(kept, notes=kept.notes)
        if steps.count == 1:
            at = await self._remote.instant(target, text, steps.start_ms / 1000, deadline)
            budget.take(at.size)
            return Part(numbers.vector_of(at.data), at.warnings, age_s=at.age_s)
        over = await self._remote.range(
            target, text, steps.start_ms / 1000, steps.end_ms / 1000, steps.step_ms / 1000, deadline
        )
        budget.take(over.size)
        matrix = await asyncio.to_thread(numbers.result_of_matrix, over.data.result, steps.times)
        return Part(matrix, over.warnings, age_s=over.age_s)

    @staticmethod
    async def _printed(result: EvalResult, steps: Steps, cluster: str | None) -> list[numbers.PrintedSeries]:
        arguments = (result, steps.start_ms, steps.step_ms, cluster)
        if result.values.size <= CELLS_IN_LOOP:
            return numbers.range_series(*arguments)
        return await asyncio.to_thread(numbers.range_series, *arguments)
