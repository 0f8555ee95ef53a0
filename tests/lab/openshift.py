"""What OpenShift, MicroShift and ACM add to the peer of the Kubernetes API: their groups, objects and shipped roles."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from aiops.registry.discovery.permissions import (
    CLUSTER_VERSIONS,
    CONFIG_MAPS,
    INFRASTRUCTURES,
    INGRESSES,
    LOKI_STACKS,
    MANAGED_CLUSTERS,
    NAMESPACES,
    NODES,
    PODS,
    ROUTES,
    SERVICES,
    SRIOV_POLICIES,
    TEMPO_MONOLITHICS,
    TEMPO_STACKS,
    Resource,
)
from tests.lab.kubernetes import KubernetesPeer, named

SPOKE = Path(__file__).parents[2] / "deploy" / "spoke"
DOMAIN = "apps.east.invalid"
SECURITY = Resource("security.openshift.io", "v1", "securitycontextconstraints")
PTP = Resource("ptp.openshift.io", "v1", "ptpconfigs")
ISTIO = Resource("networking.istio.io", "v1", "virtualservices")


def manifests(folder: str, *, with_bases: bool = True) -> list[dict[str, Any]]:
    """What a kustomization of deploy/spoke builds."""
    found: list[dict[str, Any]] = []
    described = yaml.safe_load((SPOKE / folder / "kustomization.yaml").read_text())
    for entry in described["resources"]:
        if entry.endswith(".yaml"):
            found += yaml.safe_load_all((SPOKE / folder / entry).read_text())
        elif with_bases:
            found += manifests(str((SPOKE / folder / entry).resolve().relative_to(SPOKE.resolve())))
    return found


def grant(peer: KubernetesPeer, *folders: str) -> str:
    """Apply these folders of deploy/spoke, and a token of the account that they make."""
    for folder in folders:
        for manifest in manifests(folder):
            peer.rbac.apply(manifest)
    return peer.service_account("aiops-spoke", "aiops-spoke")


def openshift() -> KubernetesPeer:
    """An OpenShift with GPUs, network functions, logs and traces."""
    peer = KubernetesPeer(version="v1.33.5+openshift")
    peer.serve(SECURITY, PTP, ISTIO, TEMPO_MONOLITHICS, INGRESSES, SERVICES)
    spaces = (
        "default",
        "openshift-monitoring",
        "nvidia-gpu-operator",
        "du-north-1",
        "upf-a",
        "openshift-logging",
        "team",
    )
    peer.add(NAMESPACES, *(named(name) for name in spaces))
    gpu = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.count": "4"}
    peer.add(
        NODES,
        named("w1", labels=gpu, status={"capacity": {"cpu": "64", "nvidia.com/gpu": "16"}}),
        named("w2", labels={"nvidia.com/gpu.product": "Tesla-T4"}, status={"capacity": {"nvidia.com/gpu": "2"}}),
        named("m1", status={"capacity": {"cpu": "8"}}),
    )
    peer.add(
        PODS, *(named(name, "nvidia-gpu-operator") for name in ("nvidia-device-plugin-daemonset-x", "gpu-operator-y"))
    )
    history = [{"state": "Partial", "version": "4.20.2"}, {"state": "Completed", "version": "4.20.1"}]
    peer.add(CLUSTER_VERSIONS, named("version", status={"desired": {"version": "4.20.2"}, "history": history}))
    peer.add(
        INFRASTRUCTURES,
        named("cluster", status={"platformStatus": {"type": "AWS", "aws": {"region": "eu-west-1"}}}),
    )
    for name in ("thanos-querier", "alertmanager-main"):
        host = f"{name}-openshift-monitoring.{DOMAIN}"
        peer.add(ROUTES, route(name, "openshift-monitoring", host, path="/api"))
    peer.add(LOKI_STACKS, named("logging-loki", "openshift-logging", spec={"tenants": {"mode": "openshift-logging"}}))
    tenants = {"mode": "openshift", "authentication": [{"tenantName": "dev", "tenantId": "1"}]}
    peer.add(TEMPO_STACKS, named("traces", "team", spec={"tenants": tenants}), named("plain", "team", spec={}))
    peer.add(SRIOV_POLICIES, named("default", "openshift-sriov"), named("fronthaul", "openshift-sriov"))
    return peer


def microshift() -> KubernetesPeer:
    peer = KubernetesPeer(version="v1.33.4")
    peer.serve(ROUTES, SECURITY, NODES, SERVICES, INGRESSES)
    peer.add(NAMESPACES, named("default"), named("openshift-ingress"))
    peer.add(CONFIG_MAPS, named("microshift-version", "kube-public", data={"major": "4", "version": "4.20.3"}))
    return peer


def acm_hub() -> KubernetesPeer:
    """A hub of ACM with itself, an OpenShift, an EKS without address, and one that it has not accepted."""
    peer = KubernetesPeer(version="v1.33.5+openshift")
    peer.serve(NODES, NAMESPACES, SERVICES, INGRESSES)
    observability = "open-cluster-management-observability"
    peer.add(NAMESPACES, named(observability))
    for name in ("rbac-query-proxy", "alertmanager"):
        peer.add(ROUTES, route(name, observability, f"{name}-{observability}.{DOMAIN}"))
    authority = base64.b64encode(peer.authority.pem.encode()).decode()
    peer.add(
        MANAGED_CLUSTERS,
        managed(
            "local-cluster",
            {"local-cluster": "true", "vendor": "OpenShift", "openshiftVersion": "4.20.1"},
            url="https://api.hub.example.com:6443",
        ),
        managed(
            "prod.east",
            {"vendor": "OpenShift", "region": "eu", "tier": "gold", "feature.open-cluster-management.io/x": "y"},
            url="https://api.east.example.com:6443",
            authority=authority,
            claims={
                "product.open-cluster-management.io": "OpenShift",
                "version.openshift.io": "4.19.9",
                "region.open-cluster-management.io": "eu-west-1",
            },
        ),
        managed("eks-1", {"vendor": "EKS"}, available="Unknown", claims={"product.open-cluster-management.io": "EKS"}),
        managed("new", {}, url="https://api.new.example.com:6443", accepted=False),
    )
    return peer


def managed(
    name: str,
    labels: dict[str, str],
    *,
    url: str | None = None,
    authority: str | None = None,
    claims: dict[str, str] | None = None,
    available: str = "True",
    accepted: bool = True,
) -> dict[str, Any]:
    client = {"url": url, **({"caBundle": authority} if authority else {})}
    conditions = [
        {"type": "HubAcceptedManagedCluster", "status": str(accepted)},
        {"type": "ManagedClusterConditionAvailable", "status": available},
    ]
    return named(
        name,
        labels=labels,
        spec={"hubAcceptsClient": accepted, "managedClusterClientConfigs": [client] if url else []},
        status={
            "conditions": conditions,
            "clusterClaims": [{"name": key, "value": value} for key, value in (claims or {}).items()],
            "version": {"kubernetes": "v1.32.9"},
        },
    )


def route(name: str, namespace: str, host: str, path: str | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"host": host, "tls": {"termination": "reencrypt"}}
    return named(name, namespace, spec={**spec, **({"path": path} if path else {})})
