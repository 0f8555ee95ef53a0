"""What an incident's causes are ranked from, and what a ranked cause is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from aiops.intelligence.domain.things import Node
from aiops.observability.ports import Floats, Labels

WINDOW_S = 3600.0
MAX_SIGNALS = 50
MAX_CAUSES = 5


class EvidenceKind(StrEnum):
    """The first is of statistics, the others are of structure."""

    METRIC = "METRIC"
    ALERT = "ALERT"
    TOPOLOGY = "TOPOLOGY"
    CHANGE = "CHANGE"
    LOG_PATTERN = "LOG_PATTERN"
    TRACE = "TRACE"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, and how to see it again.

    `query` is PromQL (METRIC) or TraceQL (TRACE), else empty. `ids` are those of what it speaks of: nodes of the
    topology, a change, a log pattern, an alert's fingerprint. `start` to `end` is the stretch of time that was looked
    at; `step_s` is 0 where there are no samples.
    """

    kind: EvidenceKind = EvidenceKind.METRIC
    title: str
    query: str = ""
    ids: list[str] = []
    cluster_id: UUID | None
    start: datetime
    end: datetime
    step_s: float = 0.0
    finding: str


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that may be the cause. `title` names it by what it shows best, `subject` is its own name.

    `cluster_id` is `None` for what several clusters share; `watch` and `alert_fingerprint` are of what leads.
    """

    title: str
    cluster_id: UUID | None
    subject: str = ""
    watch: str | None = None
    alert_fingerprint: str | None = None
    labels: Labels
    confidence: float
    moved_at: datetime
    reasons: list[str]
    evidence: list[Evidence]
    node_id: UUID | None = None


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A watched series in the window; `anomaly_at` is when an anomaly on it began, `symptom` as on its watch."""

    cluster_id: UUID
    watch: str
    title: str
    labels: Labels
    minimum: float
    interval_s: float
    times: Floats
    values: Floats
    anomaly_at: float | None = None
    symptom: bool = False
    unit: str = ""


class AlertSignal(msgspec.Struct, frozen=True, kw_only=True):
    cluster_id: UUID
    fingerprint: str
    name: str
    labels: Labels
    started_at: float


class ChangeSignal(msgspec.Struct, frozen=True, kw_only=True):
    """Someone changed something: `labels` name what."""

    id: str
    cluster_id: UUID | None
    title: str
    labels: Labels
    at: float


class LogSignal(msgspec.Struct, frozen=True, kw_only=True):
    """A log pattern that is new or surges; `weight` from 0 to 1 by how bad its lines are."""

    pattern_id: str
    cluster_id: UUID
    text: str
    finding: str
    labels: Labels
    at: float
    weight: float


class TraceSignal(msgspec.Struct, frozen=True, kw_only=True):
    """`failed` of `looked_at` failing or slow traces of a cluster have their deepest failing span in `service`."""

    cluster_id: UUID
    service: str
    failed: int
    looked_at: int
    query: str
    examples: list[str]


class TopologyView(Protocol):
    """What the ranking asks of `domain.topology.Topology`."""

    def __len__(self) -> int: ...

    def locate(self, cluster_id: UUID | None, labels: Mapping[str, str]) -> list[UUID]: ...

    def depends_on(self, node: UUID, depth: int = ...) -> dict[UUID, int]: ...

    def dependants(self, node: UUID, depth: int = ...) -> dict[UUID, int]: ...

    def node(self, node: UUID) -> Node | None: ...


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside numbers. `None`: nobody keeps it here, so that it was not used; `[]`: there was nothing."""

    topology: TopologyView | None = None
    changes: list[ChangeSignal] | None = None
    logs: list[LogSignal] | None = None
    traces: list[TraceSignal] | None = None

    def missing(self) -> list[str]:
        """What was not used."""
        told = {
            "topology": self.topology,
            "changes": self.changes,
            "log patterns": self.logs,
            "traces": self.traces,
        }
        return [name for name, found in told.items() if found is None]


class Verdict(NamedTuple):
    """`causes`, likeliest first. `note`: why they decide nothing ("Inconclusive: …"), or `None` where they do."""

    causes: list[Cause]
    note: str | None
