"""LogQL over the fleet: each cluster's Loki is asked at once, and each says how it answered."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal, Role
from aiops.observability.logql import LogQuery, NumbersPlan, check_carved, plan_numbers
from aiops.observability.ports import InstantSeries, RangeSeries
from aiops.observability.ports_signals import Direction, LogsResult
from aiops.observability.promql import EvalResult
from aiops.observability.service.fanout import Budget, Gathered, Part, gather
from aiops.observability.service.logs_lines import merged
from aiops.observability.service.logs_remote import RemoteLogs, Stream
from aiops.observability.service.metrics import numbers
from aiops.observability.service.metrics.computation import Computation, united
from aiops.observability.service.metrics.question import deadline_of
from aiops.observability.service.metrics.remote import MatrixResult, RemoteMatrix, ScalarResult, VectorResult
from aiops.observability.service.metrics.steps import Steps
from aiops.observability.service.metrics.text import printed
from aiops.registry.ports import Cluster, Clusters, EndpointKind, Member, Target

MAX_LINES = 5_000
_HOUR_NS = 3_600 * 1_000_000_000
_STEPS_BY_DEFAULT = 250

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """The clusters that have the endpoint and that the query is about; `without` are those that have none."""

    members: dict[UUID, Member]
    without: list[str]

    @property
    def clusters(self) -> list[Cluster]:
        return [member.cluster for member in self.members.values()]

    def target(self, cluster: Cluster) -> Target:
        member = self.members[cluster.id]
        if member.target is None:
            raise Invalid(member.problem or "There is no way to it.")
        return member.target


async def members_with(
    clusters: Clusters,
    principal: Principal,
    kind: EndpointKind,
    cluster_ids: Sequence[UUID] | None,
    concerns: Callable[[str], bool] = lambda _: True,
) -> Asked:
    members = await clusters.targets(principal, kind, cluster_ids)
    concerned = [one for one in members if concerns(one.cluster.name)]
    found = {one.cluster.id: one for one in concerned if one.target is not None or one.problem is not None}
    return Asked(found, [one.cluster.name for one in concerned if one.cluster.id not in found])


async def gather_answers(
    asked: Asked, timeout_s: float, ask: Callable[[Cluster, Target], Awaitable[Part[T]]]
) -> Gathered[T]:
    """As `gather`; where every cluster refuses the query for the same reason, it is the query that is wrong."""
    refusals: list[Invalid] = []

    async def one(cluster: Cluster) -> Part[T]:
        try:
            return await ask(cluster, asked.target(cluster))
        except Invalid as refusal:
            refusals.append(refusal)
            raise

    gathered = await gather(asked.clusters, timeout_s, one)
    if refusals and len(refusals) == len(asked.members) and len({one.message for one in refusals}) == 1:
        raise Invalid(refusals[0].message)
    return gathered


class LogsService:
    """Implements `ports.Logs`."""

    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteLogs) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote

    async def query(
        self,
        principal: Principal,
        query: str,
        *,
        at_ns: int | None = None,
        limit: int = 100,
        direction: Direction = Direction.BACKWARD,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LogsResult:
        principal.require(Role.VIEWER)
        at_ns = self._now_ns() if at_ns is None else at_ns
        read, asked, deadline = await self._asked(principal, query, cluster_ids, timeout_s)
        if read.of_lines:
            return await self._lines(read, asked, (at_ns - _HOUR_NS, at_ns + 1), limit, direction, deadline)
        return await self._numbers(read, asked, Steps.at(_moment(at_ns)), deadline)

    async def query_range(
        self,
        principal: Principal,
        query: str,
        *,
        start_ns: int,
        end_ns: int,
        step_s: float | None = None,
        limit: int = 100,
        direction: Direction = Direction.BACKWARD,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> LogsResult:
        principal.require(Role.VIEWER)
        if end_ns < start_ns:
            raise Invalid("The end lies before the start.")
        read, asked, deadline = await self._asked(principal, query, cluster_ids, timeout_s)
        if read.of_lines:
            return await self._lines(read, asked, (start_ns, end_ns), limit, direction, deadline)
        step_s = step_s or max(1.0, math.ceil((end_ns - start_ns) / 1e9 / _STEPS_BY_DEFAULT))
        steps = _aligned(Steps.over(_moment(start_ns), _moment(end_ns), step_s))
        return await self._numbers(read, asked, steps, deadline)

    async def _asked(
        self, principal: Principal, query: str, cluster_ids: Sequence[UUID] | None, timeout_s: float
    ) -> tuple[LogQuery, Asked, float]:
        read, deadline = LogQuery(query), deadline_of(timeout_s)
        asked = await members_with(self._clusters, principal, EndpointKind.LOKI, cluster_ids, read.concerns)
        return read, asked, deadline

    async def _lines(
        self,
        read: LogQuery,
        asked: Asked,
        between: tuple[int, int],
        limit: int,
        direction: Direction,
        deadline: float,
    ) -> LogsResult:
        if not 1 <= limit <= MAX_LINES:
            raise Invalid(f"The limit must lie between 1 and {MAX_LINES:,} lines.")

        budget = Budget("ask for fewer lines or clusters, or a shorter time.")

        async def ask(cluster: Cluster, target: Target) -> Part[list[Stream]]:
            text = read.text_for(cluster.name, target.selector)
            check_carved(text, target.selector)
            answer = await self._remote.lines(target, text, *between, limit, direction, deadline)
            budget.take(answer.size)
            return Part(answer.data, answer.warnings)

        gathered = await gather_answers(asked, deadline, ask)
        # Sorting and copying up to limit × clusters lines would hold the loop.
        lines, more, cut = await asyncio.to_thread(merged, gathered.parts, limit, direction)
        notes = [f"These {len(lines)} lines are all that fit into one answer; ask for fewer."] if cut else []
        return LogsResult(lines, [], True, more, gathered.outcomes, notes, asked.without)

    async def _numbers(self, read: LogQuery, asked: Asked, steps: Steps, deadline: float) -> LogsResult:
        plan = plan_numbers(read)
        if plan.local:
            return await self._side_by_side(plan, asked, steps, deadline)
        return await self._across(plan, asked, steps, deadline)

    async def _side_by_side(self, plan: NumbersPlan, asked: Asked, steps: Steps, deadline: float) -> LogsResult:
        push = plan.plan.pushes[0] if plan.plan is not None else None
        budget = Budget()

        async def ask(cluster: Cluster, target: Target) -> Part[list[RangeSeries]]:
            text = plan.text(push, cluster.name, target.selector)
            if text is None:
                return Part([])
            part = await self._series(target, text, steps, deadline, budget)
            for one in part.value:
                numbers.name_cluster(one.metric, cluster.name)
            return Part([RangeSeries(one.metric, one.values) for one in part.value], part.warnings)

        gathered = await gather_answers(asked, deadline, ask)
        series = [one for _, part in gathered.parts for one in part]
        notes = [plan.apart] if plan.apart is not None and len(asked.members) > 1 else []
        if plan.plan is not None and steps.count == 1:
            order = numbers.sorted_as(plan.plan.order, [InstantSeries(one.metric, one.values[0]) for one in series])
            series = [RangeSeries(one.metric, [one.value]) for one in order]
        return LogsResult([], series, False, False, gathered.outcomes, notes, asked.without)

    async def _across(self, plan: NumbersPlan, asked: Asked, steps: Steps, deadline: float) -> LogsResult:
        assert plan.plan is not None
        computation, budget = Computation(plan.plan, steps), Budget()

        async def ask(cluster: Cluster, target: Target) -> Part[list[EvalResult | None]]:
            texts = [plan.text(one.push, cluster.name, target.selector) for one in computation.asks]
            found = await asyncio.gather(
                *(
                    self._vector(target, text, one.steps, deadline, budget)
                    for text, one in zip(texts, computation.asks, strict=True)
                )
            )
            return Part([part.value for part in found], tuple(word for part in found for word in part.warnings))

        gathered = await gather_answers(asked, deadline, ask)

        def compute() -> list[RangeSeries]:
            vectors = [
                united([(cluster.name, part[number]) for cluster, part in gathered.parts], one.steps.count)
                for number, one in enumerate(computation.asks)
            ]
            return _range_series(computation.value(vectors), steps)

        series = await asyncio.to_thread(compute)
        if steps.count == 1:
            order = numbers.sorted_as(plan.plan.order, [InstantSeries(one.metric, one.values[0]) for one in series])
            series = [RangeSeries(one.metric, [one.value]) for one in order]
        return LogsResult([], series, False, False, gathered.outcomes, [], asked.without)

    async def _vector(
        self, target: Target, text: str | None, steps: Steps, deadline: float, budget: Budget
    ) -> Part[EvalResult | None]:
        if text is None or not steps.count:
            return Part(None)
        part = await self._series(target, text, steps, deadline, budget)
        if steps.count == 1:
            vector = [InstantSeries(one.metric, one.values[0]) for one in part.value]
            return Part(numbers.result_of_vector(vector), part.warnings)
        return Part(await asyncio.to_thread(numbers.result_of_matrix, part.value, steps.times), part.warnings)

    async def _series(
        self, target: Target, text: str, steps: Steps, deadline: float, budget: Budget
    ) -> Part[list[RemoteMatrix]]:
        if steps.count == 1:
            at_s = steps.start_ms / 1000
            found = await self._remote.instant(target, text, at_s, deadline)
            budget.take(found.size)
            if isinstance(found.data, VectorResult):
                return Part([RemoteMatrix(one.metric, [one.value]) for one in found.data.result], found.warnings)
            if isinstance(found.data, ScalarResult):
                return Part([RemoteMatrix({}, [found.data.result])], found.warnings)
            raise Invalid("Its Loki gave neither a vector nor a scalar.")
        answer = await self._remote.range(
            target, text, steps.start_ms / 1000, steps.end_ms / 1000, steps.step_ms / 1000, deadline
        )
        budget.take(answer.size)
        return Part(_inside(answer.data, steps), answer.warnings)

    def _now_ns(self) -> int:
        return round(self._clock.now().timestamp() * 1000) * 1_000_000


def _aligned(steps: Steps) -> Steps:
    """Loki moves both ends down to whole multiples of the step; so that all clusters and the hub mean the same."""
    size = steps.step_ms
    return Steps(steps.start_ms // size * size, steps.end_ms // size * size, size)


def _inside(answer: MatrixResult, steps: Steps) -> list[RemoteMatrix]:
    first, last = steps.start_ms / 1000 - 0.001, steps.end_ms / 1000 + 0.001
    return [
        RemoteMatrix(one.metric, [point for point in one.values if first <= point[0] <= last]) for one in answer.result
    ]


def _range_series(result: EvalResult, steps: Steps) -> list[RangeSeries]:
    times = steps.times.tolist()
    return [
        RangeSeries(labels, [(at, printed(value)) for at, value, here in zip(times, row, shown, strict=True) if here])
        for labels, row, shown in zip(result.labels, result.values.tolist(), result.present.tolist(), strict=True)
    ]


def _moment(ns: int) -> datetime:
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        raise Invalid("This time lies outside of what can be said.") from None
