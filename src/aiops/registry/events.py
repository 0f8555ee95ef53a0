"""The facts that the registry states."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from aiops.kernel.events import Event


class _ClusterEvent(Event, frozen=True, kw_only=True):
    channel: ClassVar[str] = "cluster"
    cluster_id: UUID
    name: str


class ClusterRegistered(_ClusterEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "CLUSTER_REGISTERED"


class ClusterUpdated(_ClusterEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "CLUSTER_UPDATED"


class ClusterDeleted(_ClusterEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "CLUSTER_DELETED"


class ClusterStatusChanged(_ClusterEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "CLUSTER_STATUS_CHANGED"
    state: str
    previous_state: str
    health_score: int | None


class ClusterCredentialsUpdated(_ClusterEvent, frozen=True, kw_only=True):
    """`change` is SET, ROTATED, REMOVED, or EXPIRING where a week is left and nobody renews them."""

    event_type: ClassVar[str] = "CLUSTER_CREDENTIALS_UPDATED"
    change: str
    kind: str
    expires_at: datetime | None


class ClusterCapabilitiesChanged(_ClusterEvent, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "CLUSTER_CAPABILITIES_CHANGED"
    has_gpu_nodes: bool | None
    has_cnf_workloads: bool | None


EVENTS = (
    ClusterRegistered,
    ClusterUpdated,
    ClusterDeleted,
    ClusterStatusChanged,
    ClusterCredentialsUpdated,
    ClusterCapabilitiesChanged,
)
