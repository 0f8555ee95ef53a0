"""What is known around an incident beside its numbers: topology, changes, log patterns, failing traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from aiops.intelligence.domain.anomalies import SEVERITIES
from aiops.intelligence.domain.causes import ChangeSignal, LogSignal, Structure, TopologyView, TraceSignal
from aiops.intelligence.domain.changes import Change
from aiops.intelligence.domain.log_patterns import FindingFilter, FindingKind, LogFinding
from aiops.intelligence.needs_changes import RecentChanges
from aiops.intelligence.needs_patterns import LogFindingStore, LogPatternStore
from aiops.intelligence.needs_topology import CurrentTopology
from aiops.kernel.database import Transactions
from aiops.kernel.errors import AiopsError
from aiops.kernel.principal import Principal
from aiops.observability.ports_signals import Trace, Traces

_log = structlog.get_logger(__name__)
_BEFORE = timedelta(minutes=30)
_TRACED_BEFORE = timedelta(minutes=10)
_MOST_FINDINGS = 30
_MOST_TRACES = 12
_WAIT_S = 3.0
_FAILING = "{ status = error }"
_LEAST_WEIGHT = 0.2


class StructureReader:
    """Each source may be absent; one that does not answer was not used, and the incident is ranked without it."""

    def __init__(
        self,
        transactions: Transactions,
        findings: LogFindingStore,
        patterns: LogPatternStore,
        *,
        topology: CurrentTopology | None = None,
        changes: RecentChanges | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._transactions = transactions
        self._findings = findings
        self._patterns = patterns
        self._topology = topology
        self._changes = changes
        self._traces = traces
        self._principal = Principal.system("ranking")

    async def around(self, clusters: Sequence[UUID], onset: datetime, until: datetime) -> Structure:
        """What is known of these clusters from half an hour before the onset on."""
        return Structure(
            topology=await self._known(),
            changes=await self._changed(clusters, onset - _BEFORE, until),
            logs=await self._logged(clusters, onset - _BEFORE),
            traces=await self._failed(clusters, onset - _TRACED_BEFORE, until),
        )

    def absent(self) -> list[str]:
        """What this hub was not given at all."""
        told = {"topology": self._topology, "changes": self._changes, "traces": self._traces}
        return [name for name, found in told.items() if found is None]

    async def _known(self) -> TopologyView | None:
        if self._topology is None:
            return None
        found = await self._topology.whole()
        return found if len(found) else None

    async def _changed(self, clusters: Sequence[UUID], start: datetime, end: datetime) -> list[ChangeSignal] | None:
        if self._changes is None:
            return None
        found = await self._changes.recent(self._principal, clusters, start, end)
        return [
            ChangeSignal(
                id=str(one.id),
                cluster_id=one.cluster_id,
                title=one.title,
                labels=_labels_of(one),
                at=one.at.timestamp(),
            )
            for one in found
            if one.cluster_id is not None
        ]

    async def _logged(self, clusters: Sequence[UUID], since: datetime) -> list[LogSignal]:
        found: list[LogSignal] = []
        async with self._transactions.begin() as tx:
            for cluster_id in clusters:
                wanted = FindingFilter(cluster_id=cluster_id)
                latest, _ = await self._findings.page(tx, wanted, [cluster_id], _MOST_FINDINGS, None)
                for one in latest:
                    if one.started_at < since or one.kind is FindingKind.VANISHED:
                        continue
                    pattern = await self._patterns.get(tx, one.pattern_id, None)
                    if pattern is not None:
                        found.append(_log_signal(one, dict(pattern.labels)))
        return found

    async def _failed(self, clusters: Sequence[UUID], start: datetime, end: datetime) -> list[TraceSignal] | None:
        if self._traces is None:
            return None
        found: list[TraceSignal] = []
        any_kept = False
        for cluster_id in clusters:
            try:
                told = await self._traces.search(
                    self._principal,
                    _FAILING,
                    start=start,
                    end=end,
                    limit=_MOST_TRACES,
                    cluster_ids=[cluster_id],
                    timeout_s=_WAIT_S,
                )
                any_kept = any_kept or bool(told.clusters)
                traces = [
                    await self._traces.get(self._principal, one.trace_id, cluster_ids=[cluster_id], timeout_s=_WAIT_S)
                    for one in told.traces[:_MOST_TRACES]
                ]
            except AiopsError as error:
                _log.info("causes_without_traces", cluster_id=str(cluster_id), reason=str(error))
                continue
            found += _deepest(cluster_id, traces)
        return found if any_kept else None


def _labels_of(change: Change) -> dict[str, str]:
    named = {"namespace": change.namespace, "service": change.service, "app": change.workload or change.service}
    return {**change.labels, **{name: value for name, value in named.items() if value}}


def _log_signal(finding: LogFinding, labels: dict[str, str]) -> LogSignal:
    worse = 1 - SEVERITIES.index(finding.severity) / (len(SEVERITIES) - 1)
    return LogSignal(
        pattern_id=str(finding.pattern_id),
        cluster_id=finding.cluster_id,
        text=finding.pattern,
        finding=finding.explanation,
        labels=labels,
        at=finding.started_at.timestamp(),
        weight=max(_LEAST_WEIGHT, worse),
    )


def _deepest(cluster_id: UUID, traces: Sequence[Trace]) -> list[TraceSignal]:
    """In which services the traces fail first: of their failing spans those that have no failing child."""
    where: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for trace in traces:
        failing = [span for span in trace.spans if span.status == "ERROR"]
        above = {span.parent_id for span in failing}
        for service in {span.service for span in failing if span.span_id not in above}:
            where[service] += 1
            examples.setdefault(service, []).append(trace.trace_id)
    return [
        TraceSignal(
            cluster_id=cluster_id,
            service=service,
            failed=count,
            looked_at=len(traces),
            query=_FAILING,
            examples=examples[service],
        )
        for service, count in where.most_common(3)
    ]
