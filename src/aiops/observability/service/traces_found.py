"""What a search found in many clusters, as one list of traces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from aiops.observability.ports_signals import ServiceShare, TraceSummary
from aiops.observability.service.logs_lines import timestamp_of
from aiops.observability.service.traces_remote import FoundTrace
from aiops.registry.ports import Cluster

_NOT_YET = "<root span not yet received>"


@dataclass(frozen=True)
class FoundIn:
    """What one cluster found. `hides_root`: a trace may have its root in a cluster that the asker does not see."""

    cluster: Cluster
    url: str
    traces: list[FoundTrace]
    hides_root: bool


_Found = tuple[FoundIn, FoundTrace]


def found_traces(parts: Sequence[FoundIn]) -> list[TraceSummary]:
    """One entry a trace, newest first."""
    by_id: dict[str, list[_Found]] = defaultdict(list)
    for part in parts:
        for trace in part.traces:
            by_id[trace.trace_id.lower().zfill(32)].append((part, trace))
    found = [(min(_start(one) for one in held), _summary(id_, held)) for id_, held in by_id.items()]
    return [summary for _, summary in sorted(found, key=lambda one: (-one[0], one[1].trace_id))]


def _summary(trace_id: str, held: list[_Found]) -> TraceSummary:
    start = min(_start(one) for one in held)
    end = max(_start(one) + one[1].duration_ms * 1e6 for one in held)
    # Of several parts the one with the root knows its name.
    root = next((trace for part, trace in held if not part.hides_root and _known(trace.root_trace_name)), None)
    return TraceSummary(
        trace_id,
        timestamp_of(start),
        (end - start) / 1e6,
        None if root is None else root.root_service_name,
        None if root is None else root.root_trace_name,
        sorted({part.cluster.name for part, _ in held}),
        _services(held),
        sum(spans.matched for _, trace in held for spans in trace.sets),
    )


def _services(held: list[_Found]) -> list[ServiceShare]:
    spans: dict[str, int] = defaultdict(int)
    errors: dict[str, int] = defaultdict(int)
    # Clusters that share a Tempo are told the whole trace's numbers, each of them.
    told = {part.url: trace.service_stats for part, trace in held if not part.hides_root}
    for stats_of in told.values():
        for service, stats in stats_of.items():
            spans[service] += stats.span_count
            errors[service] += stats.error_count
    return [ServiceShare(service, count, errors[service]) for service, count in sorted(spans.items())]


def _start(one: _Found) -> int:
    return int(one[1].start_time_unix_nano)


def _known(name: str) -> bool:
    return bool(name) and name != _NOT_YET
