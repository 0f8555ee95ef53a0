"""What a cluster is and can do, asked of its API. What may not be read is unknown, with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec

from aiops.registry.discovery.faults import (
    KubernetesFault,
    Missing,
    NotKubernetes,
    NotSignedIn,
    Unreached,
)
from aiops.registry.discovery.findings import Findings, either, merged
from aiops.registry.discovery.kubernetes import Kubernetes, Listing, Named
from aiops.registry.discovery.permissions import (
    CLUSTER_VERSIONS,
    CONFIG_MAPS,
    GPU_NAMESPACES,
    INFRASTRUCTURES,
    MICROSHIFT_VERSION,
    NAMESPACES,
    NODES,
    PODS,
    PUBLIC_NAMESPACE,
    SRIOV_POLICIES,
)
from aiops.registry.discovery.workloads import Node, cnf_types_of, gpus_of, meshed, policies_of
from aiops.registry.ports import CnfType, Platform

T = TypeVar("T")
Groups = dict[str, list[str]]

_OPENSHIFT = "config.openshift.io"
_MICROSHIFT = frozenset({"route.openshift.io", "security.openshift.io"})
_PTP = "ptp.openshift.io"
_MESHES = {
    "networking.istio.io": "Istio",
    "maistra.io": "OpenShift Service Mesh",
    "sailoperator.io": "OpenShift Service Mesh",
    "linkerd.io": "Linkerd",
    "policy.linkerd.io": "Linkerd",
}


class _Update(msgspec.Struct):
    version: str = ""
    state: str = ""


class _VersionStatus(msgspec.Struct):
    desired: _Update = msgspec.field(default_factory=_Update)
    history: list[_Update] | None = None


class _ClusterVersion(msgspec.Struct):
    status: _VersionStatus = msgspec.field(default_factory=_VersionStatus)


class _PlatformStatus(msgspec.Struct):
    type: str = ""
    aws: dict[str, Any] | None = None
    gcp: dict[str, Any] | None = None
    ibmcloud: dict[str, Any] | None = None


class _InfrastructureStatus(msgspec.Struct, rename="camel"):
    platform_status: _PlatformStatus | None = None


class _Infrastructure(msgspec.Struct):
    status: _InfrastructureStatus = msgspec.field(default_factory=_InfrastructureStatus)


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


class Problems:
    """Collects why something could not be looked at, each reason once."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def add(self, problem: str) -> None:
        self._said[problem] = None

    def all(self) -> tuple[str, ...]:
        return tuple(self._said)

    async def or_unknown(self, asked: Awaitable[T]) -> T | None:
        """The answer, or `None` and a problem noted."""
        try:
            return await asked
        except KubernetesFault as fault:
            self.add(fault.detail)
            return None

    async def listed(self, asked: Awaitable[Listing[T]]) -> list[T] | None:
        """As `or_unknown`; a kind of object that the cluster does not know has no objects."""
        listing = await self.or_unknown(_empty_if_missing(asked))
        if listing is not None and not listing.complete:
            self.add(f"There are too many {listing.what}: only the first {len(listing.items)} were looked at")
        return None if listing is None else listing.items


async def capabilities_of(api: Kubernetes) -> Findings:
    """Raises a `KubernetesFault` where the API can't be reached, does not let the hub in, or is none."""
    problems = Problems()
    git_version = await _git_version(api, problems)
    groups = await problems.or_unknown(api.groups())
    platform = platform_of(groups)
    namespaces = await problems.listed(api.every(NAMESPACES, Named, metadata_only=True))
    identity, gpu, cnf = await asyncio.gather(
        _identity(api, platform, git_version, problems),
        _gpu(api, namespaces, problems),
        _cnf(api, groups, namespaces, problems),
    )
    found = merged(merged(identity, gpu), merged(cnf, mesh_of(groups, namespaces)))
    return msgspec.structs.replace(found, problems=problems.all(), groups=groups)


async def _git_version(api: Kubernetes, problems: Problems) -> str | None:
    """The first question: who can't be asked this can't be asked anything."""
    try:
        return await api.version()
    except (Unreached, NotSignedIn, NotKubernetes):
        raise
    except KubernetesFault as fault:
        problems.add(fault.detail)
        return None


def platform_of(groups: Groups | None) -> Platform | None:
    """OpenShift describes itself by `config.openshift.io/v1`; MicroShift has routes and constraints without it."""
    if groups is None:
        return None
    # Operators bring kinds of an older version of this group to any cluster, cert-manager's to MicroShift.
    if "v1" in groups.get(_OPENSHIFT, ()):
        return Platform.OPENSHIFT
    return Platform.MICROSHIFT if groups.keys() >= _MICROSHIFT else Platform.KUBERNETES


def mesh_of(groups: Groups | None, namespaces: list[Named] | None) -> Findings:
    taken_in = meshed((space.metadata.name, space.metadata.labels or {}) for space in namespaces or [])
    evidence = [f"The namespace {name} belongs to a service mesh" for name in taken_in[:3]]
    if groups is not None:
        evidence += [f"{mesh} is installed ({group})" for group, mesh in _MESHES.items() if group in groups]
    if evidence:
        return Findings(has_service_mesh=True, evidence=tuple(evidence))
    return Findings(has_service_mesh=None if groups is None else False)


async def _identity(
    api: Kubernetes, platform: Platform | None, git_version: str | None, problems: Problems
) -> Findings:
    if platform is Platform.OPENSHIFT:
        version, (provider, region) = await asyncio.gather(
            _openshift_version(api, problems), _infrastructure(api, problems)
        )
        return Findings(platform=platform, platform_version=version, provider=provider, region=region)
    if platform is Platform.MICROSHIFT:
        return Findings(platform=platform, platform_version=await _microshift_version(api, problems))
    return Findings(platform=platform, platform_version=git_version.removeprefix("v") if git_version else None)


async def _openshift_version(api: Kubernetes, problems: Problems) -> str | None:
    found = await problems.or_unknown(api.one(CLUSTER_VERSIONS, "version", _ClusterVersion))
    if found is None:
        return None
    # While it updates, `desired` is what it is not yet.
    done = next((past.version for past in found.status.history or [] if past.state == "Completed"), "")
    return done or found.status.desired.version or None


async def _infrastructure(api: Kubernetes, problems: Problems) -> tuple[str | None, str | None]:
    found = await problems.or_unknown(api.one(INFRASTRUCTURES, "cluster", _Infrastructure))
    status = found.status.platform_status if found else None
    if status is None:
        return None, None
    described: dict[str, Any] = status.aws or status.gcp or {}
    region = described.get("region") or (status.ibmcloud or {}).get("location")
    return status.type or None, region if isinstance(region, str) else None


async def _microshift_version(api: Kubernetes, problems: Problems) -> str | None:
    found = await problems.or_unknown(api.one(CONFIG_MAPS, MICROSHIFT_VERSION, _ConfigMap, namespace=PUBLIC_NAMESPACE))
    return (found.data or {}).get("version") if found else None


async def _gpu(api: Kubernetes, namespaces: list[Named] | None, problems: Problems) -> Findings:
    nodes = await problems.listed(api.every(NODES, Node))
    operator = await _gpu_operator(api, namespaces, problems)
    if nodes is None:
        return Findings(has_gpu_nodes=True if operator else None, evidence=tuple(operator))
    gpus = gpus_of(nodes)
    evidence = list(operator)
    if gpus.nodes:
        evidence.insert(0, f"{gpus.nodes} of {len(nodes)} nodes offer nvidia.com/gpu")
    return Findings(
        has_gpu_nodes=gpus.nodes > 0 or bool(operator),
        gpu_count=gpus.count,
        gpu_types=gpus.types,
        evidence=tuple(evidence),
    )


async def _gpu_operator(api: Kubernetes, namespaces: list[Named] | None, problems: Problems) -> list[str]:
    present = {space.metadata.name for space in namespaces or []}
    evidence = []
    for name in GPU_NAMESPACES:
        if name not in present:
            continue
        pods = await problems.listed(api.every(PODS, Named, namespace=name, metadata_only=True))
        # Its device plugin runs on nodes that have a card, and nowhere else.
        plugins = [pod for pod in pods or [] if "device-plugin" in pod.metadata.name]
        if plugins:
            evidence.append(f"The GPU operator serves {len(plugins)} nodes ({name})")
    return evidence


async def _cnf(api: Kubernetes, groups: Groups | None, namespaces: list[Named] | None, problems: Problems) -> Findings:
    names = None if namespaces is None else [space.metadata.name for space in namespaces]
    types = list(cnf_types_of(names or []))
    policies = await _policies(api, groups, problems)
    clock = None if groups is None else _PTP in groups
    evidence = [f"There are namespaces of network functions ({', '.join(types)})"] if types else []
    if policies:
        evidence.append(f"SR-IOV is configured ({', '.join(policies[:5])})")
    if clock:
        evidence.append(f"The PTP operator is installed ({_PTP})")
    if (policies or clock) and not types:
        types.append(CnfType.OTHER)
    seen = either(None if names is None else bool(types), None if policies is None else bool(policies), clock)
    return Findings(has_cnf_workloads=seen, cnf_types=tuple(types), evidence=tuple(evidence))


async def _policies(api: Kubernetes, groups: Groups | None, problems: Problems) -> list[str] | None:
    if groups is not None and SRIOV_POLICIES.group not in groups:
        return []
    found = await problems.listed(api.every(SRIOV_POLICIES, Named, metadata_only=True))
    return None if found is None else policies_of(found)


async def _empty_if_missing(asked: Awaitable[Listing[T]]) -> Listing[T]:
    try:
        return await asked
    except Missing:
        return Listing([])
