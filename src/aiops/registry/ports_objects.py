"""What the registry tells of the objects in a Kubernetes cluster: what runs there, as it was last written."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal


class ObjectKind(StrEnum):
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    CONFIG_MAP = "ConfigMap"
    EVENT = "Event"


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """`generation` counts what was written of its spec; `template` is a fingerprint of what its pods are made from.

    `written_at` and `written_by` tell of the last write that was not of its status, as far as the API keeps that.
    `rolled_out`: whether the pods are as the spec wants them, False where the cluster gave up, `None` while under way.
    `images` are by container, `config_maps` those that its pods read.
    """

    kind: ObjectKind
    namespace: str
    name: str
    uid: str
    generation: int
    template: str
    images: dict[str, str] = {}
    replicas: int | None = None
    restarted_at: str = ""
    config_maps: tuple[str, ...] = ()
    service: str = ""
    written_at: datetime | None = None
    written_by: str = ""
    rolled_out: bool | None = None


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """A ConfigMap: `version` is another after each write. What it holds is not read."""

    namespace: str
    name: str
    uid: str
    version: str
    written_at: datetime | None = None
    written_by: str = ""


class ObjectEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the cluster itself told of an object: `count` times, the last at `at`."""

    uid: str
    reason: str
    kind: str
    namespace: str
    name: str
    message: str
    count: int
    at: datetime


class ClusterObjects(msgspec.Struct, frozen=True, kw_only=True):
    """`read` are the kinds that were read, `whole` those of them that no limit cut off; `problems` say why others were
    not."""

    workloads: list[Workload] = []
    configurations: list[Configuration] = []
    events: list[ObjectEvent] = []
    read: frozenset[ObjectKind] = frozenset()
    whole: frozenset[ObjectKind] = frozenset()
    problems: list[str] = []


class Objects(Protocol):
    async def look(self, principal: Principal, cluster_id: UUID) -> ClusterObjects | None:
        """What lives in the cluster now, by its Kubernetes API; `None` for one that has none. Raises `NotFound`, and
        another `AiopsError` where it can't be asked."""
