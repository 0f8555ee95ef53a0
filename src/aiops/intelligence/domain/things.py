"""The things of a topology and what they need of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

_IDS = UUID("6f1f4d0e-52e6-5a57-9d3c-3e0f6a1c7b52")


class NodeKind(StrEnum):
    """Most specific first: the order in which `Topology.locate` gives what labels name."""

    POD = "POD"
    WORKLOAD = "WORKLOAD"
    """A Deployment, StatefulSet, DaemonSet, Job, CronJob … whose pods do one thing."""
    SERVICE = "SERVICE"
    """What is called by a name: of Kubernetes, or as its traces name it."""
    DEVICE = "DEVICE"
    NODE = "NODE"
    """A machine of a Kubernetes cluster."""
    HOST = "HOST"
    SWITCH = "SWITCH"
    ROUTER = "ROUTER"
    STORAGE = "STORAGE"
    SITE = "SITE"


class EdgeKind(StrEnum):
    """Of each, the source needs the target: where the target fails, the source may."""

    CALLS = "CALLS"
    RUNS_ON = "RUNS_ON"
    CONSISTS_OF = "CONSISTS_OF"
    """A workload works by its pods."""
    PART_OF = "PART_OF"
    """A port of its switch, a rack of its site."""
    CONNECTED_TO = "CONNECTED_TO"
    DEPENDS_ON = "DEPENDS_ON"


def node_id(kind: NodeKind, name: str, *, cluster_id: UUID | None = None, namespace: str = "") -> UUID:
    """The same for the same thing, whoever tells of it."""
    return uuid5(_IDS, "\0".join((kind.value, str(cluster_id or ""), namespace, name)))


@dataclass(frozen=True, slots=True)
class Node:
    """`namespace` is "" where the kind has none; `attributes` may hold `ip`, several parted by commas.

    `matchers`: labels that name this node beside those that its kind has; one whole matcher is enough.
    """

    id: UUID
    kind: NodeKind
    name: str
    cluster_id: UUID | None = None
    namespace: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    matchers: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        kind: NodeKind,
        name: str,
        *,
        cluster_id: UUID | None = None,
        namespace: str = "",
        attributes: Mapping[str, str] | None = None,
        matchers: tuple[Mapping[str, str], ...] = (),
    ) -> Node:
        """A node with the id that its kind, cluster, namespace and name give it."""
        identity = node_id(kind, name, cluster_id=cluster_id, namespace=namespace)
        return cls(identity, kind, name, cluster_id, namespace, attributes or {}, matchers)


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` depends on `target`; `origin` tells who says so (`file:net`, `kubernetes`, `traces`)."""

    source: UUID
    target: UUID
    kind: EdgeKind
    origin: str = ""
