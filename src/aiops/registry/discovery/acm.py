"""The clusters that a hub of Red Hat ACM (or Open Cluster Management) manages, as clusters to add."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aiops.kernel.tls import Tls
from aiops.registry.discovery.candidates import Candidate, ManagedClusters
from aiops.registry.discovery.capabilities import Problems
from aiops.registry.discovery.faults import KubernetesFault, Missing
from aiops.registry.discovery.kubernetes import Kubernetes, Metadata
from aiops.registry.discovery.monitoring import route_or_none
from aiops.registry.discovery.naming import distinct, name_from
from aiops.registry.discovery.permissions import MANAGED_CLUSTERS, OBSERVABILITY
from aiops.registry.ports import ClusterType, Platform

SELECTOR_LABEL = "cluster"

_AVAILABLE = "ManagedClusterConditionAvailable"
_ACCEPTED = "HubAcceptedManagedCluster"
_PRODUCT = "product.open-cluster-management.io"
_REGION = "region.open-cluster-management.io"
_OPENSHIFT_VERSION = "version.openshift.io"
_MICROSHIFT_VERSION = "version.microshift.io"
_PRODUCTS = {
    "openshift": Platform.OPENSHIFT,
    "rosa": Platform.OPENSHIFT,
    "aro": Platform.OPENSHIFT,
    "roks": Platform.OPENSHIFT,
    "openshiftdedicated": Platform.OPENSHIFT,
    "microshift": Platform.MICROSHIFT,
}
# Labels of ACM's own machinery say nothing to people.
_MACHINERY = re.compile(r"(feature|addon|velero|open-cluster-management)\b.*|.*\.open-cluster-management\.io/.*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,127}")


class _Client(msgspec.Struct, rename="camel"):
    url: str = ""
    ca_bundle: str | None = None


class _Spec(msgspec.Struct, rename="camel"):
    managed_cluster_client_configs: list[_Client] | None = None
    hub_accepts_client: bool = False


class _Condition(msgspec.Struct):
    type: str
    status: str
    message: str = ""


class _Claim(msgspec.Struct):
    name: str
    value: str = ""


class _Version(msgspec.Struct):
    kubernetes: str = ""


class _Status(msgspec.Struct, rename="camel"):
    conditions: list[_Condition] | None = None
    cluster_claims: list[_Claim] | None = None
    version: _Version | None = None


class ManagedCluster(msgspec.Struct):
    metadata: Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


async def managed_clusters(hub: Kubernetes) -> ManagedClusters:
    """Raises a `KubernetesFault` where the hub can't be asked, or is no hub."""
    try:
        listing = await hub.every(MANAGED_CLUSTERS, ManagedCluster)
    except Missing:
        raise KubernetesFault(
            "That cluster is no hub of Red Hat ACM or Open Cluster Management: it knows no ManagedClusters"
        ) from None
    problems = Problems()
    if not listing.complete:
        problems.add(f"Only the first {len(listing.items)} clusters were read")
    metrics = await route_or_none(hub, OBSERVABILITY, "rbac-query-proxy", problems)
    alerts = await route_or_none(hub, OBSERVABILITY, "alertmanager", problems)
    prometheus_url = metrics.url if metrics else None
    names = distinct(name_from(found.metadata.name) for found in listing.items)
    clusters = [_candidate(found, name, prometheus_url) for found, name in zip(listing.items, names, strict=True)]
    return ManagedClusters(clusters, prometheus_url, alerts.url if alerts else None, list(problems.all()))


def _candidate(found: ManagedCluster, name: str, prometheus_url: str | None) -> Candidate:
    labels = found.metadata.labels or {}
    claims = {claim.name: claim.value for claim in found.status.cluster_claims or []}
    client = next(iter(found.spec.managed_cluster_client_configs or []), _Client())
    api_server = client.url.rstrip("/")
    platform, version = _platform(claims, labels, found.status.version)
    return Candidate(
        name,
        found.metadata.name,
        ClusterType.HUB if labels.get("local-cluster") == "true" else ClusterType.SPOKE,
        platform,
        version,
        claims.get(_REGION) or labels.get("region") or None,
        _kept(labels),
        api_server if api_server.startswith("https://") else None,
        Tls(ca_bundle=_authority(client.ca_bundle)),
        prometheus_url,
        # ACM's Alertmanager holds the alerts of all clusters under one name each; a selector can't be sent to it.
        selector={SELECTOR_LABEL: found.metadata.name} if prometheus_url else {},
        available=_condition(found.status.conditions, _AVAILABLE),
        problem=_problem(found, api_server, prometheus_url),
    )


def _problem(found: ManagedCluster, api_server: str, prometheus_url: str | None) -> str | None:
    if _condition(found.status.conditions, _ACCEPTED) is False or not (
        found.spec.hub_accepts_client or found.status.conditions
    ):
        return "The hub has not accepted it."
    if not api_server and prometheus_url is None:
        return "The hub tells no address of its API server, and collects no metrics."
    if api_server and not api_server.startswith("https://"):
        return "The address of its API server is not https."
    return None


def _condition(conditions: Sequence[_Condition] | None, kind: str) -> bool | None:
    status = next((entry.status for entry in conditions or [] if entry.type == kind), "Unknown")
    return {"True": True, "False": False}.get(status)


def _platform(
    claims: Mapping[str, str], labels: Mapping[str, str], version: _Version | None
) -> tuple[Platform | None, str | None]:
    product = (claims.get(_PRODUCT) or labels.get("vendor") or "").lower()
    if claims.get(_MICROSHIFT_VERSION):
        return Platform.MICROSHIFT, claims[_MICROSHIFT_VERSION]
    openshift = claims.get(_OPENSHIFT_VERSION) or labels.get("openshiftVersion")
    if openshift:
        return Platform.OPENSHIFT, openshift
    kubernetes = (version.kubernetes if version else "").removeprefix("v") or None
    if product in _PRODUCTS:
        # Its own version is not told, and Kubernetes' is another count.
        return _PRODUCTS[product], None
    return (Platform.KUBERNETES if product or kubernetes else None), kubernetes


def _kept(labels: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in sorted(labels.items())
        if not _MACHINERY.fullmatch(name) and _LABEL.fullmatch(name) and name != "local-cluster"
    }
    return dict(list(kept.items())[:50])


def _authority(bundle: Any) -> str | None:
    if not bundle:
        return None
    try:
        text = base64.b64decode(bundle, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return text if "-----BEGIN CERTIFICATE-----" in text else None
