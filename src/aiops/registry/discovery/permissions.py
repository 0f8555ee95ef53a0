"""What discovery reads in a cluster, in one list: the client asks by it, and `deploy/spoke` grants it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Part(StrEnum):
    """Which manifest of deploy/spoke grants a rule, and so where a cluster needs it at all."""

    BASE = "base"
    OPENSHIFT = "openshift"
    MICROSHIFT = "microshift"
    GPU_OPERATOR = "gpu-operator"
    NVIDIA_GPU_OPERATOR = "nvidia-gpu-operator"
    TOKEN_RENEWAL = "token-renewal"  # noqa: S105
    ACM_HUB = "acm-hub"
    CHANGES = "changes"
    CONFIG_CHANGES = "config-changes"


class Resource(msgspec.Struct, frozen=True):
    """A kind of object of the API: its group (empty for the core), version, and plural."""

    group: str
    version: str
    plural: str

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def name(self) -> str:
        """As RBAC and kubectl write it: `clusterversions.config.openshift.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Rule(msgspec.Struct, frozen=True):
    """One right that the hub asks for, where, and what it is for. `name` narrows it to one object."""

    resource: Resource
    verb: str
    purpose: str
    part: Part = Part.BASE
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    def __str__(self) -> str:
        what = f"{self.resource.name}/{self.subresource}" if self.subresource else self.resource.name
        which = f" {self.name}" if self.name else ""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{which}{where}"


NODES = Resource("", "v1", "nodes")
NAMESPACES = Resource("", "v1", "namespaces")
SERVICES = Resource("", "v1", "services")
CONFIG_MAPS = Resource("", "v1", "configmaps")
PODS = Resource("", "v1", "pods")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets")
DAEMON_SETS = Resource("apps", "v1", "daemonsets")
EVENTS = Resource("", "v1", "events")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses")
CLUSTER_VERSIONS = Resource("config.openshift.io", "v1", "clusterversions")
INFRASTRUCTURES = Resource("config.openshift.io", "v1", "infrastructures")
ROUTES = Resource("route.openshift.io", "v1", "routes")
LOKI_STACKS = Resource("loki.grafana.com", "v1", "lokistacks")
TEMPO_STACKS = Resource("tempo.grafana.com", "v1alpha1", "tempostacks")
TEMPO_MONOLITHICS = Resource("tempo.grafana.com", "v1alpha1", "tempomonolithics")
SRIOV_POLICIES = Resource("sriovnetwork.openshift.io", "v1", "sriovnetworknodepolicies")
MANAGED_CLUSTERS = Resource("cluster.open-cluster-management.io", "v1", "managedclusters")

MONITORING = "openshift-monitoring"
OBSERVABILITY = "open-cluster-management-observability"
MONITORING_ROUTES = ("thanos-querier", "alertmanager-main")
OBSERVABILITY_ROUTES = ("rbac-query-proxy", "alertmanager")
PUBLIC_NAMESPACE = "kube-public"
MICROSHIFT_VERSION = "microshift-version"
GPU_NAMESPACES = (Part.GPU_OPERATOR.value, Part.NVIDIA_GPU_OPERATOR.value)
SPOKE_NAMESPACE = "aiops-spoke"
SPOKE_ACCOUNT = "aiops-spoke"

READS: tuple[Rule, ...] = (
    Rule(NODES, "list", "count GPUs and tell their types"),
    Rule(NAMESPACES, "list", "find network functions and operators"),
    Rule(SERVICES, "list", "suggest where metrics, logs, traces and alerts are"),
    Rule(INGRESSES, "list", "suggest addresses that can be reached from outside"),
    Rule(SRIOV_POLICIES, "list", "tell that the cluster does SR-IOV"),
    Rule(LOKI_STACKS, "list", "find Loki"),
    Rule(TEMPO_STACKS, "list", "find Tempo"),
    Rule(TEMPO_MONOLITHICS, "list", "find Tempo"),
    Rule(CLUSTER_VERSIONS, "get", "read the version of OpenShift", Part.OPENSHIFT, name="version"),
    Rule(INFRASTRUCTURES, "get", "read region and provider", Part.OPENSHIFT, name="cluster"),
    Rule(CONFIG_MAPS, "get", "read the version of MicroShift", Part.MICROSHIFT, PUBLIC_NAMESPACE, MICROSHIFT_VERSION),
    *(
        Rule(ROUTES, "get", "find the way to metrics and alerts", Part.OPENSHIFT, MONITORING, name)
        for name in MONITORING_ROUTES
    ),
    *(Rule(PODS, "list", "see the GPU operator at work", Part(space), space) for space in GPU_NAMESPACES),
    Rule(MANAGED_CLUSTERS, "list", "import the clusters that this hub manages", Part.ACM_HUB),
    *(
        Rule(ROUTES, "get", "find the metrics of all managed clusters", Part.ACM_HUB, OBSERVABILITY, name)
        for name in OBSERVABILITY_ROUTES
    ),
    Rule(DEPLOYMENTS, "list", "see rollouts", Part.CHANGES),
    Rule(STATEFUL_SETS, "list", "see rollouts", Part.CHANGES),
    Rule(DAEMON_SETS, "list", "see rollouts", Part.CHANGES),
    Rule(EVENTS, "list", "see what happens to nodes and pods", Part.CHANGES),
    Rule(CONFIG_MAPS, "list", "see that configuration was written", Part.CONFIG_CHANGES),
)
OPTIONAL = (Part.CHANGES, Part.CONFIG_CHANGES)
"""Parts that a cluster may do without: then the hub sees less."""

RENEWAL = Rule(
    SERVICE_ACCOUNTS,
    "create",
    "renew the hub's own token before it expires",
    Part.TOKEN_RENEWAL,
    SPOKE_NAMESPACE,
    SPOKE_ACCOUNT,
    "token",
)


def rule_for(resource: Resource, verb: str, namespace: str | None = None, name: str | None = None) -> Rule:
    """The rule under which discovery reads this; a read that no rule covers is a fault of ours: `LookupError`."""
    for rule in READS:
        if (rule.resource, rule.verb, rule.namespace, rule.name) == (resource, verb, namespace, name):
            return rule
    raise LookupError(f"discovery has no rule to {verb} {resource.name} (namespace {namespace}, name {name})")
