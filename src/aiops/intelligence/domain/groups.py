"""What moves together: the anomalies of one workload or one node are one finding."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.intelligence.domain.anomalies import Anomaly
from aiops.observability.ports import Labels, Severity

TOGETHER = timedelta(minutes=10)
"""What begins so soon after another of the same place, or while it lasts, belongs to it."""

_WORKLOADS = (
    "workload", "deployment", "statefulset", "daemonset", "destination_service_name", "service", "app", "pod",
)  # fmt: skip
_NAMESPACES = ("namespace", "destination_service_namespace", "exported_namespace")
_NODES = ("node", "nodename", "Hostname", "host", "hostname", "instance")
_OF_REPLICA_SET = re.compile(r"-[a-f0-9]{6,10}-[a-z0-9]{5}$")
_OF_STATEFUL_SET = re.compile(r"-\d{1,4}$")
_PORT = re.compile(r":\d{1,5}$")


class PlaceKind(StrEnum):
    WORKLOAD = "WORKLOAD"
    NODE = "NODE"
    SERIES = "SERIES"
    """Neither a workload nor a node is named: the series stands for itself."""


class Place(msgspec.Struct, frozen=True):
    kind: PlaceKind
    name: str


class AnomalyGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Anomalies of one place on one cluster that go together; `leading` are the first of them by rank.

    Members are ranked by severity, then by how far out of their band they are, then by who moved first.
    """

    id: UUID
    cluster_id: UUID
    kind: PlaceKind
    name: str
    severity: Severity
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    members: int
    leading: list[Anomaly] = []


class GroupFilter(msgspec.Struct, frozen=True):
    cluster_id: UUID | None = None
    kind: PlaceKind | None = None
    active: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


def place_of(labels: Labels, subject: str) -> Place:
    """The workload that a series names, a pod's owner by the form of its name, else its node without the port."""
    for label in _WORKLOADS:
        if name := labels.get(label):
            namespace = next((labels[one] for one in _NAMESPACES if labels.get(one)), "")
            owner = _OF_STATEFUL_SET.sub("", _OF_REPLICA_SET.sub("", name)) if label == "pod" else name
            return Place(PlaceKind.WORKLOAD, f"{namespace}/{owner}" if namespace else owner)
    for label in _NODES:
        if name := labels.get(label):
            return Place(PlaceKind.NODE, _PORT.sub("", name))
    return Place(PlaceKind.SERIES, subject)
