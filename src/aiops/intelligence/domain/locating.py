"""Which nodes the labels of an alert or a series name.

Labels are those of kube-state-metrics, cAdvisor, node_exporter, snmp_exporter, blackbox_exporter, Telegraf and
OpenTelemetry. Where an exporter tells of something else than itself (`job` says so), the labels that say where the
exporter runs are not taken for what the alert is about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from aiops.intelligence.domain.things import Node, NodeKind

_ORDER = {kind: at for at, kind in enumerate(NodeKind)}

_NAMESPACES = ("exported_namespace", "namespace", "k8s_namespace_name", "k8s.namespace.name", "service_namespace")
_PODS = ("exported_pod", "pod", "pod_name", "k8s_pod_name", "k8s.pod.name")
_WORKLOADS = (
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "cronjob",
    "job_name",
    "workload",
    "k8s_deployment_name",
    "k8s_statefulset_name",
    "k8s_daemonset_name",
    "app_kubernetes_io_name",
    "app",
)
_SERVICES = (
    "exported_service",
    "service",
    "service_name",
    "service.name",
    "destination_service_name",
    "kubernetes_name",
)
_MACHINES = (
    "exported_node",
    "node",
    "kubernetes_node",
    "k8s_node_name",
    "k8s.node.name",
    "nodename",
    "Hostname",
    "hostname",
    "host",
    "host_name",
    "host.name",
    "exported_instance",
    "instance",
)
_DEVICES = ("device", "switch", "router", "sysName", "agent_host", "target", "server", "host", "hostname", "instance")

_MACHINE_KINDS = frozenset({NodeKind.NODE, NodeKind.HOST})
_DEVICE_KINDS = frozenset({NodeKind.DEVICE, NodeKind.SWITCH, NodeKind.ROUTER, NodeKind.STORAGE, NodeKind.SITE})

_OF_OBJECTS = re.compile(r"kube-?_?state-?_?metrics|openshift-state-metrics", re.IGNORECASE)
"""Jobs whose `instance`, `service`, `container` are the exporter's own."""
_OF_MACHINES = re.compile(r"(node|windows|dcgm|ipmi|smartctl|nvidia)[-_]?(gpu[-_]?)?exporter|kubelet", re.IGNORECASE)
"""Jobs that tell of the machine they run on; what they say of pods beside `exported_…` is where they run."""
_KUBELET = re.compile(r"kubelet|cadvisor", re.IGNORECASE)
"""Its `pod` is the pod that it tells of, its `service` its own."""

_HASH = re.compile(r"^(?=.*\d|[^aeiou]+$)[a-z0-9]{5,10}$")
_REPLICA_SET = re.compile(r"^(?P<name>.+)-[a-z0-9]{5,10}$")
_PORT = re.compile(r":\d+$")
_ADDRESS = re.compile(r"^[\d.]+$|:")

_Key = tuple[int, str, str]
_NOWHERE = -1


class NameIndex:
    """Finds nodes by labels; `needs[i]` are the numbers of what node i depends on."""

    def __init__(self, nodes: Sequence[Node], needs: Sequence[Sequence[int]]) -> None:
        self._nodes = nodes
        self._needs = needs
        self._spaced: dict[NodeKind, dict[_Key, int]] = {
            kind: {} for kind in (NodeKind.POD, NodeKind.WORKLOAD, NodeKind.SERVICE)
        }
        self._any_space: dict[NodeKind, dict[tuple[int, str], list[int]]] = {
            kind: defaultdict(list) for kind in self._spaced
        }
        self._plain: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._addressed: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._matchers: dict[tuple[str, str], list[tuple[int, Mapping[str, str]]]] = defaultdict(list)
        for at, node in enumerate(nodes):
            self._add(at, node)

    def _add(self, at: int, node: Node) -> None:
        cluster = _number(node.cluster_id)
        if node.kind in self._spaced:
            self._spaced[node.kind][cluster, node.namespace, node.name] = at
            self._any_space[node.kind][cluster, node.name].append(at)
        else:
            self._plain[cluster, node.name.lower()].append(at)
            short = _short(node.name)
            if short != node.name:
                self._plain[cluster, short.lower()].append(at)
        for address in node.attributes.get("ip", "").split(","):
            if address.strip():
                self._addressed[cluster, address.strip()].append(at)
        for matcher in node.matchers:
            if matcher:
                self._matchers[min(matcher.items())].append((at, matcher))

    def named_by(self, cluster_id: UUID | None, labels: Mapping[str, str]) -> list[int]:
        """Numbers of the nodes, without doubles: those of matchers first (the longest), then by the order of kinds."""
        ranked: dict[int, tuple[int, int]] = {}
        for at, matcher in self._matched(labels):
            if self._nodes[at].cluster_id in (None, cluster_id):
                ranked[at] = min(ranked.get(at, (0, 0)), (-len(matcher), 0))
        for cluster in dict.fromkeys((_number(cluster_id), _NOWHERE)):
            for at in self._by_labels(cluster, labels):
                ranked.setdefault(at, (0, _ORDER[self._nodes[at].kind]))
        return sorted(ranked, key=lambda at: (ranked[at], self._nodes[at].name, self._nodes[at].id))

    def _matched(self, labels: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, str]]]:
        if self._matchers:
            for item in labels.items():
                for at, matcher in self._matchers.get(item, ()):
                    if all(labels.get(name) == value for name, value in matcher.items()):
                        yield at, matcher

    def _by_labels(self, cluster: int, labels: Mapping[str, str]) -> Iterator[int]:
        job = labels.get("exported_job") or labels.get("job", "")
        of_objects = _OF_OBJECTS.search(job) is not None
        of_kubelet = _KUBELET.search(job) is not None
        of_machines = _OF_MACHINES.search(job) is not None and not of_kubelet
        about = _only_exported(labels) if of_machines else labels
        namespace = _first(about, _NAMESPACES)
        pod = self._pod(cluster, namespace, about)
        if pod is not None:
            yield pod
        yield from self._spaced_named(NodeKind.WORKLOAD, cluster, namespace, about, _WORKLOADS)
        if not (of_objects or of_kubelet):
            yield from self._spaced_named(NodeKind.SERVICE, cluster, namespace, about, _SERVICES)
        left_out = ("instance", "host", "hostname") if of_objects else ()
        machine = list(self._plain_named(cluster, labels, _MACHINES, _MACHINE_KINDS, left_out))
        yield from machine
        yield from self._plain_named(cluster, labels, _DEVICES, _DEVICE_KINDS, left_out)
        if of_machines and not machine:
            yield from self._machine_of(cluster, labels)
        if not of_objects and not of_machines and pod is None:
            yield from self._addressed.get((cluster, _host(labels.get("instance", ""))), ())

    def _pod(self, cluster: int, namespace: str, labels: Mapping[str, str]) -> int | None:
        name = _first(labels, _PODS)
        return self._spaced[NodeKind.POD].get((cluster, namespace, name)) if name else None

    def _spaced_named(
        self, kind: NodeKind, cluster: int, namespace: str, labels: Mapping[str, str], names: Sequence[str]
    ) -> Iterator[int]:
        wanted = [labels[name] for name in names if labels.get(name)]
        pod = _first(labels, _PODS)
        if kind is NodeKind.WORKLOAD and pod and self._pod(cluster, namespace, labels) is None:
            # The pod is gone, or was never seen: its name tells whose it was.
            wanted += [name for name in _owners(pod) if self._in_space(kind, cluster, namespace, name) is not None][:1]
        if kind is NodeKind.WORKLOAD and (replica_set := _REPLICA_SET.match(labels.get("replicaset", ""))):
            wanted.append(replica_set["name"])
        if kind is NodeKind.SERVICE and not wanted and labels.get("job"):
            wanted.append(labels["job"].rpartition("/")[2])
        for name in wanted:
            found = self._in_space(kind, cluster, namespace, name)
            if found is not None:
                yield found

    def _in_space(self, kind: NodeKind, cluster: int, namespace: str, name: str) -> int | None:
        exact = self._spaced[kind].get((cluster, namespace, name))
        if exact is not None or not namespace:
            alone = self._any_space[kind].get((cluster, name), [])
            return exact if exact is not None else alone[0] if len(alone) == 1 else None
        # What traces name has no namespace.
        return self._spaced[kind].get((cluster, "", name))

    def _plain_named(
        self,
        cluster: int,
        labels: Mapping[str, str],
        names: Sequence[str],
        kinds: frozenset[NodeKind],
        left_out: Sequence[str],
    ) -> Iterator[int]:
        for name in names:
            value = labels.get(name)
            if value and name not in left_out:
                host = _host(value)
                found = (
                    self._plain.get((cluster, host.lower()))
                    or self._addressed.get((cluster, host))
                    or self._plain.get((cluster, _short(host).lower()))
                    or []
                )
                yield from (at for at in found if self._nodes[at].kind in kinds)

    def _machine_of(self, cluster: int, labels: Mapping[str, str]) -> Iterator[int]:
        """Where the exporter's own pod runs."""
        exporter = self._spaced[NodeKind.POD].get((cluster, labels.get("namespace", ""), labels.get("pod", "")))
        if exporter is not None:
            yield from (at for at in self._needs[exporter] if self._nodes[at].kind in _MACHINE_KINDS)


def _number(cluster_id: UUID | None) -> int:
    """UUID's own hash is Python and slow; its number's is not."""
    return _NOWHERE if cluster_id is None else cluster_id.int


def _first(labels: Mapping[str, str], names: Sequence[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _only_exported(labels: Mapping[str, str]) -> Mapping[str, str]:
    """`exported_pod` and its like: what such an exporter says of others than itself."""
    return {name: value for name, value in labels.items() if name.startswith("exported_")}


def _host(value: str) -> str:
    """Of `host:port`, `[v6]:port` and `scheme://host:port/path` the host."""
    value = value.partition("://")[2].partition("/")[0] if "://" in value else value
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return _PORT.sub("", value) if value.count(":") <= 1 else value


def _short(name: str) -> str:
    """The first part of a name of DNS; addresses stay whole."""
    return name if _ADDRESS.search(name) else name.partition(".")[0]


def _owners(pod: str) -> list[str]:
    """By what names its owner may go: of `web-7d9c5bb-x2x4z` by `web-7d9c5bb` or `web`, of `db-0` by `db`."""
    owner = pod.rpartition("-")[0]
    above, _, last = owner.rpartition("-")
    return [name for name in (owner, above if _HASH.match(last) else "") if name]
