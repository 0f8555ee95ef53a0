"""The bare numbers of one cluster, for detectors."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import numpy as np

from aiops.kernel.errors import TimedOut, Unavailable
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import Floats, Labels
from aiops.observability.promql import EvalResult
from aiops.observability.promql.fleet import text_alone
from aiops.observability.service.fanout import way_to
from aiops.observability.service.metrics import numbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.question import SHORT_CHARACTERS, Question, deadline_of
from aiops.observability.service.metrics.remote import RemoteMetrics
from aiops.observability.service.metrics.steps import Steps
from aiops.registry.ports import Clusters, EndpointKind, Target


class ClusterNumbers:
    """Implements `needs.InstantQueries`; without `own` for clusters alone that have a Prometheus."""

    def __init__(self, clusters: Clusters, remote: RemoteMetrics, own: OwnSamples | None) -> None:
        self._clusters = clusters
        self._remote = remote
        self._own = own

    async def evaluate_instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime, *, timeout_s: float = 30.0
    ) -> tuple[list[Labels], Floats]:
        """The labels of each series and its value at `at`. Raises `Retriable` where the cluster does not answer."""
        principal.require(Role.VIEWER)
        deadline, steps = deadline_of(timeout_s), Steps.at(at)
        target, text = await self._single(principal, query, cluster_id)
        if target is None:
            result = await self._kept(cluster_id, text, steps, deadline)
            return result.labels, result.values[:, 0]
        answer = await self._remote.instant(target, text, steps.start_ms / 1000, deadline)
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
        deadline, steps = deadline_of(timeout_s), Steps.over(start, end, step_s)
        target, text = await self._single(principal, query, cluster_id)
        if target is None:
            result = await self._kept(cluster_id, text, steps, deadline)
            return steps.times, result.labels, np.where(result.present, result.values, np.nan)
        answer = await self._remote.range(
            target, text, steps.start_ms / 1000, steps.end_ms / 1000, steps.step_ms / 1000, deadline
        )
        found = answer.data.result
        return steps.times, [one.metric for one in found], numbers.matrix_of(found, steps.times)

    async def _single(self, principal: Principal, query: str, cluster_id: UUID) -> tuple[Target | None, str]:
        """The way to one cluster and what it is asked, as if there were no other."""
        question = Question.of(query)
        (member,) = await self._clusters.targets(principal, EndpointKind.PROMETHEUS, [cluster_id])
        if question.own_only:
            return None, _text_alone(query, member.cluster.name, ())
        target = way_to(member)
        return target, _text_alone(query, member.cluster.name, tuple(target.selector.items()) if target else ())

    async def _kept(self, cluster_id: UUID, text: str, steps: Steps, deadline: float) -> EvalResult:
        if self._own is None:
            raise Unavailable("It has no Prometheus.")
        try:
            async with asyncio.timeout(deadline):
                return await self._own.evaluate(cluster_id, text, steps)
        except TimeoutError:
            raise TimedOut(f"The hub's own samples took longer than {deadline:g} s.", code="QUERY_TIMEOUT") from None


def _text_alone(query: str, cluster: str, selector: tuple[tuple[str, str], ...]) -> str:
    read = _written_once if len(query) <= SHORT_CHARACTERS else _written
    return read(query, cluster, selector)


def _written(query: str, cluster: str, selector: tuple[tuple[str, str], ...]) -> str:
    return text_alone(query, cluster, dict(selector))


# A watch is asked of every cluster every 15 s; to write its query anew costs more than to send it.
_written_once = lru_cache(maxsize=4096)(_written)
