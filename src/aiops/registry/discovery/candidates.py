"""A cluster that was found somewhere and can be added, whichever way it was found."""

from __future__ import annotations

import msgspec

from aiops.kernel.tls import Tls
from aiops.registry.ports import ClusterType, Platform


class Candidate(msgspec.Struct, frozen=True):
    """`name` is allowed and distinct among those found with it; `known_as` is what its finder calls it.

    `selector` carves the cluster out of a Prometheus that several share. `problem` says why it should not be added as
    it stands. It holds no credentials: where they are needed, whoever adds it gives them.
    """

    name: str
    known_as: str
    cluster_type: ClusterType = ClusterType.SPOKE
    platform: Platform | None = None
    platform_version: str | None = None
    region: str | None = None
    labels: dict[str, str] = {}
    api_server_url: str | None = None
    tls: Tls = Tls()
    prometheus_url: str | None = None
    alertmanager_url: str | None = None
    selector: dict[str, str] = {}
    available: bool | None = None
    problem: str | None = None


class ManagedClusters(msgspec.Struct, frozen=True):
    """What a hub of Red Hat ACM offers: its clusters, where the metrics of all of them are, what could not be read."""

    clusters: list[Candidate]
    prometheus_url: str | None
    alertmanager_url: str | None
    problems: list[str]
