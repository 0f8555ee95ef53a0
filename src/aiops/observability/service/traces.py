"""Traces of the fleet: searched in all clusters, and put together from the parts that each holds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid, NotFound, TimedOut, Unavailable
from aiops.kernel.principal import Principal, Role
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.ports_signals import Trace, TracesFound
from aiops.observability.service.fanout import Part
from aiops.observability.service.logs import Asked, gather_answers, members_with
from aiops.observability.service.logs_labels import Kept
from aiops.observability.service.logs_lines import timestamp_of
from aiops.observability.service.metrics.question import deadline_of
from aiops.observability.service.traces_found import FoundIn, found_traces
from aiops.observability.service.traces_remote import (
    FoundTrace,
    RemoteTrace,
    RemoteTraces,
    attributes_of,
)
from aiops.observability.service.traces_tree import MAX_SPANS, tree_of
from aiops.observability.traceql import composed, narrowed, sets_of_spans
from aiops.registry.ports import Cluster, Clusters, EndpointKind, Target

MAX_TRACES = 500
_BACK = timedelta(hours=1)
_NAMES_KEPT_S = 60.0
_SETTLE_S = 2.0
_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")
_SERVICE = "resource.service.name"
_NAMES_BY_SEARCH = 200
_APART = (
    "Each cluster is searched by itself: a trace whose sets of spans lie in different clusters is not among these. "
    "Search for one set, and open the trace."
)


class TraceNames(msgspec.Struct, frozen=True):
    values: list[str]
    clusters: list[ClusterOutcome]
    notes: list[str]
    without: list[str]


class TracesService:
    """Implements `ports_signals.Traces`."""

    def __init__(self, clock: Clock, clusters: Clusters, remote: RemoteTraces, *, settle_s: float = _SETTLE_S) -> None:
        self._clock = clock
        self._clusters = clusters
        self._remote = remote
        self._settle_s = settle_s
        self._kept = Kept(clock, _NAMES_KEPT_S)

    async def search(
        self,
        principal: Principal,
        query: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 20,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> TracesFound:
        principal.require(Role.VIEWER)
        narrowed(query, {})
        if not 1 <= limit <= MAX_TRACES:
            raise Invalid(f"The limit must lie between 1 and {MAX_TRACES} traces.")
        between, deadline = self._between(start, end), deadline_of(timeout_s)
        asked = await self._members(principal, cluster_ids)

        async def ask(_: Cluster, target: Target) -> Part[list[FoundTrace]]:
            text = narrowed(query, target.selector)
            return Part(await self._remote.search(target, text, *between, limit, deadline))

        gathered = await gather_answers(asked, deadline, ask)
        parts = []
        for cluster, part in gathered.parts:
            target = asked.target(cluster)
            parts.append(FoundIn(cluster, target.url, part, bool(target.selector) and principal.clusters is not None))
        traces = found_traces(parts)
        more = len(traces) > limit or any(len(part) >= limit for _, part in gathered.parts)
        apart = len(asked.members) > 1 and sets_of_spans(query) > 1
        notes = [_APART] if apart else []
        return TracesFound(traces[:limit], more, query, gathered.outcomes, notes, asked.without)

    async def get(
        self,
        principal: Principal,
        trace_id: str,
        *,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> Trace:
        principal.require(Role.VIEWER)
        trace_id, deadline = trace_id_of(trace_id), deadline_of(timeout_s)
        asked = await self._members(principal, cluster_ids)
        somewhere = asyncio.Event()

        async def ask(_: Cluster, target: Target) -> Part[RemoteTrace | None]:
            found = await self._unless_found(self._remote.trace(target, trace_id, deadline), somewhere)
            share = _share_of(found, target)
            if share is not None:
                somewhere.set()
            return Part(share, () if share is None or share.partial is None else (share.partial,))

        gathered = await gather_answers(asked, deadline, ask)
        parts = [(cluster.name, part) for cluster, part in gathered.parts if part is not None]
        silent = [one.cluster for one in gathered.outcomes if one.status in {QueryStatus.ERROR, QueryStatus.TIMEOUT}]
        if not parts and silent:
            told = "None of the clusters that answered has this trace"
            raise Unavailable(f"{told}; these did not answer: {', '.join(silent)}.", code="CLUSTER_UNREACHABLE")
        tree = await asyncio.to_thread(tree_of, parts)
        if not tree.spans:
            raise NotFound(f"No cluster has the trace {trace_id}.", code="TRACE_NOT_FOUND")
        notes = [f"Only the first {MAX_SPANS:,} spans are shown; {tree.left_out:,} more are there."]
        return Trace(
            trace_id,
            timestamp_of(tree.started_ns),
            tree.duration_ms,
            tree.services,
            tree.spans,
            gathered.outcomes,
            notes if tree.left_out else [],
            asked.without,
        )

    async def services(
        self,
        principal: Principal,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> TraceNames:
        """The names of services that have spans."""
        return await self._names(principal, _SERVICE, "{ }", (start, end), cluster_ids, timeout_s)

    async def operations(
        self,
        principal: Principal,
        service: str | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> TraceNames:
        """The names of spans, of one service or of all."""
        query = composed(service=service)
        return await self._names(principal, "name", query, (start, end), cluster_ids, timeout_s)

    async def _names(
        self,
        principal: Principal,
        tag: str,
        query: str,
        given: tuple[datetime | None, datetime | None],
        cluster_ids: Sequence[UUID] | None,
        timeout_s: float,
    ) -> TraceNames:
        principal.require(Role.VIEWER)
        between, deadline = self._between(*given), deadline_of(timeout_s)
        asked = await self._members(principal, cluster_ids)

        async def ask(cluster: Cluster, target: Target) -> Part[list[str]]:
            async def look_up() -> list[str]:
                text = narrowed(query, target.selector)
                if target.selector:
                    # An older Tempo leaves the query of its tags' values out of account, and a share must not leak.
                    return await self._names_by_search(target, tag, text, between, deadline)
                return sorted(await self._remote.tag_values(target, tag, text, *between, deadline))

            key = (str(cluster.id), target.url, tag, query, *(str(one) for one in given))
            return await self._kept.get(key, look_up)

        gathered = await gather_answers(asked, deadline, ask)
        shared = [name for name in (_shared_name(one, asked) for one in gathered.outcomes) if name]
        notes = [f"Of what is shared ({', '.join(shared)}), the names are those of the last {_NAMES_BY_SEARCH} traces."]
        values = sorted({value for _, part in gathered.parts for value in part})
        return TraceNames(values, gathered.outcomes, notes if shared else [], asked.without)

    async def _names_by_search(
        self, target: Target, tag: str, query: str, between: tuple[int, int], deadline: float
    ) -> list[str]:
        text = f"{query} | select({tag})"
        found = await self._remote.search(target, text, *between, _NAMES_BY_SEARCH, deadline)
        spans = [span for one in found for spans in one.sets for span in spans.spans]
        if tag == "name":
            return sorted({span.name for span in spans if span.name})
        return sorted({str(attributes_of(span.attributes).get("service.name") or "") for span in spans} - {""})

    async def _unless_found(
        self, asking: Coroutine[Any, Any, RemoteTrace | None], somewhere: asyncio.Event
    ) -> RemoteTrace | None:
        """Wait for it; once another cluster has the trace, only a little longer."""
        task, found = asyncio.create_task(asking), asyncio.create_task(somewhere.wait())
        try:
            await asyncio.wait({task, found}, return_when=asyncio.FIRST_COMPLETED)
            done, _ = await asyncio.wait({task}, timeout=0 if task.done() else self._settle_s)
            if not done:
                raise TimedOut("Others had the trace, and it was not waited for.")
            return task.result()
        finally:
            task.cancel()
            found.cancel()
            await asyncio.gather(task, found, return_exceptions=True)

    async def _members(self, principal: Principal, cluster_ids: Sequence[UUID] | None) -> Asked:
        return await members_with(self._clusters, principal, EndpointKind.TEMPO, cluster_ids)

    def _between(self, start: datetime | None, end: datetime | None) -> tuple[int, int]:
        end = end or self._clock.now()
        start = start or end - _BACK
        if start > end:
            raise Invalid("The end lies before the start.")
        # Tempo takes whole seconds, and leaves the last one out.
        return int(start.timestamp()), int(end.timestamp()) + 1


def trace_id_of(text: str) -> str:
    """As 32 hexadecimal digits: Tempo's own search strips leading zeros."""
    if not _TRACE_ID.fullmatch(text):
        raise Invalid(f"{text[:64]!r} is not the id of a trace: that is up to 32 hexadecimal digits.")
    return text.lower().zfill(32)


def _share_of(trace: RemoteTrace | None, target: Target) -> RemoteTrace | None:
    """What of a trace is this cluster's own, in a Tempo that it shares."""
    if trace is None or not target.selector:
        return trace
    own = []
    for part in trace.parts:
        attributes = attributes_of(part.resource.attributes)
        if all(attributes.get(name) == value for name, value in target.selector.items()):
            own.append(part)
    return RemoteTrace(own, trace.partial) if own else None


def _shared_name(outcome: ClusterOutcome, asked: Asked) -> str | None:
    target = asked.members[outcome.cluster_id].target
    return outcome.cluster if target is not None and target.selector else None
