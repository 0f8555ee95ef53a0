"""A small make-believe cluster on a virtual clock: services that call each other, on nodes, under a load that wavers.

All of its past is worked out at once, as arrays over time. What it gives are the series that the hub's own watches
give, with their labels, scraped with noise and gaps. Everything follows from the random numbers that come in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from aiops.intelligence.domain.causes import Signal
from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind, Topology, node_id

Floats = npt.NDArray[np.float64]

PAST_S = 4500.0
AFTER_S = 1500.0
BEGAN = 1_800_000_000.0
"""The fault's time, Unix seconds."""
_IDS = UUID("9c1f6a3e-7e8b-4d43-9f0e-3b0a6e5f2d11")
_WORDS = """
front cart orders users catalogue payments shipping search queue-master pricing stock mailer ledger profile media
"""
_NAMES = _WORDS.split()
_NAMESPACE = "shop"
_RATIOS = ("node_cpu", "node_memory", "node_disk_space", "node_disk_io", "service_errors", "dns_errors")
_BATCH = ("nightly-report", "thumbnailer", "reindex", "exporter-job")


@dataclass
class Service:
    name: str
    node: str
    base_s: float
    cpu_per_request: float
    memory: float
    calls: list[str] = field(default_factory=list)


@dataclass
class Faults:
    """What is wrong, as arrays over time by name; what is not named is as always."""

    slower: dict[str, Floats] = field(default_factory=dict)
    failing: dict[str, Floats] = field(default_factory=dict)
    refusing: dict[str, Floats] = field(default_factory=dict)
    """Share of requests that never reach the service, so that its callers alone see them fail."""
    cpu: dict[str, Floats] = field(default_factory=dict)
    """Cores more, of a node or a container."""
    memory: dict[str, Floats] = field(default_factory=dict)
    disk: dict[str, Floats] = field(default_factory=dict)
    """Share of the disk of a node more in use."""
    disk_busy: dict[str, Floats] = field(default_factory=dict)
    cut_off: dict[str, Floats] = field(default_factory=dict)
    """Share of what a node sends and gets that is lost."""
    gone: dict[str, Floats] = field(default_factory=dict)
    """1 where a node or a service gives no samples."""
    restarts: dict[str, Floats] = field(default_factory=dict)
    dns_failing: Floats | None = None


class Fleet:
    """Its cluster, from a generator; `series` after `live`."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.cluster_id = uuid5(_IDS, str(rng.integers(1 << 60)))
        self.step_s = float(rng.choice((10.0, 15.0, 30.0)))
        self.times: Floats = BEGAN + np.arange(-PAST_S, AFTER_S, self.step_s)
        self.cores = int(rng.choice((4, 8, 16)))
        self.nodes = [f"node-{place}" for place in range(1, int(rng.integers(4, 9)))]
        count = int(rng.integers(7, 15))
        self.services = [self._service(name) for name in _NAMES[:count]]
        for place, service in enumerate(self.services[1:], 1):
            callers = rng.choice(place, size=min(place, int(rng.integers(1, 3))), replace=False)
            for caller in callers:
                self.services[int(caller)].calls.append(service.name)
        self.batch = {str(name): str(rng.choice(self.nodes)) for name in rng.choice(_BATCH, size=2, replace=False)}
        self.dns_node = str(rng.choice(self.nodes))
        self.by_name = {service.name: service for service in self.services}
        self.error: dict[str, Floats] = {}
        self.latency: dict[str, Floats] = {}
        self.load: dict[str, Floats] = {}
        self.node_cpu: dict[str, Floats] = {}
        self._slow = float(rng.uniform(0.9, 0.985))
        self._noise = float(rng.uniform(0.01, 0.06))

    def _service(self, name: str) -> Service:
        rng = self.rng
        return Service(
            name=name,
            node=str(rng.choice(self.nodes)),
            base_s=float(np.exp(rng.normal(-3.6, 0.7))),
            cpu_per_request=float(np.exp(rng.normal(-5.3, 0.5))),
            memory=float(np.exp(rng.normal(19.5, 0.7))),
        )

    def wander(self, size: float) -> Floats:
        """Slow noise: most of what a metric does, it does for minutes."""
        noise = self.rng.normal(0, size * np.sqrt(1 - self._slow**2), len(self.times))
        found = np.empty_like(noise)
        value = self.rng.normal(0, size)
        for row, one in enumerate(noise):
            value = self._slow * value + one
            found[row] = value
        return found

    def zeros(self) -> Floats:
        return np.zeros(len(self.times))

    def callers_of(self, name: str) -> list[str]:
        return [service.name for service in self.services if name in service.calls]

    def live(self, faults: Faults) -> None:
        """Work out load, latency, errors and the nodes' CPU under the faults."""
        zeros = self.zeros()
        self._spread_load()
        for node in self.nodes:
            used = sum((self._container_cpu(s, faults) for s in self.services if s.node == node), zeros)
            used = used + sum((faults.cpu.get(job, zeros) + 0.1 for job, at in self.batch.items() if at == node), zeros)
            host = faults.cpu.get(node, zeros)
            self.node_cpu[node] = np.clip(0.06 + (used + host) / self.cores, 0, 0.99)
        for service in reversed(self.services):
            self._serve(service, faults)
        # People who wait ask less.
        front = self.services[0].name
        usual = np.median(self.latency[front][: len(self.times) // 2])
        waiting = (usual / np.maximum(self.latency[front], usual)) ** self.rng.uniform(0, 0.4)
        for name in self.load:
            lost = 1 - faults.refusing.get(name, zeros)
            for caller in self.callers_of(name):
                lost = lost * (1 - 0.5 * np.clip(self.error[caller] - 0.02, 0, 1))
            self.load[name] = self.load[name] * waiting * lost

    def _spread_load(self) -> None:
        rng = self.rng
        phase, day = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.4)
        season = 1 + day * np.sin(2 * np.pi * (self.times - BEGAN) / rng.uniform(7200, 86_400) + phase)
        self.load = {service.name: self.zeros() for service in self.services}
        self.load[self.services[0].name] = rng.uniform(20, 200) * season * np.exp(self.wander(rng.uniform(0.02, 0.1)))
        for service in self.services:
            for callee in service.calls:
                self.load[callee] = self.load[callee] + rng.uniform(0.3, 1.3) * self.load[service.name]

    def _container_cpu(self, service: Service, faults: Faults) -> Floats:
        own = np.minimum(service.cpu_per_request * self.load[service.name], 0.3 * self.cores)
        return own + faults.cpu.get(service.name, self.zeros())

    def _serve(self, service: Service, faults: Faults) -> None:
        zeros = self.zeros()
        busy = self.node_cpu[service.node]
        crowd = 1 + 8 * np.clip(busy - 0.7, 0, 1) / 0.3 + 3 * faults.disk_busy.get(service.node, zeros)
        own = service.base_s * np.exp(self.wander(self._noise)) * crowd * (1 + faults.slower.get(service.name, zeros))
        errors = 0.001 * np.exp(self.wander(0.3)) + faults.failing.get(service.name, zeros)
        if faults.dns_failing is not None and service.calls:
            own, errors = own + 0.5 * faults.dns_failing, errors + 0.6 * faults.dns_failing
        for callee in service.calls:
            lost = faults.refusing.get(callee, zeros)
            cut = faults.cut_off.get(self.by_name[callee].node, zeros)
            cut = cut * (self.by_name[callee].node != service.node)
            own = own + self.rng.uniform(0.5, 1) * self.latency[callee] + 2.0 * cut
            passed_on = self.rng.uniform(0.4, 1) * np.clip(self.error[callee], 0, 1)
            errors = errors + passed_on + 0.8 * lost + 0.7 * cut
        self.latency[service.name], self.error[service.name] = own, np.clip(errors, 0, 1)

    def series(self, faults: Faults) -> list[Signal]:
        """What the hub's watches give, up to the end; scraped with noise, gaps, and moves of their own."""
        zeros = self.zeros()
        found: list[Signal] = []
        for service in self.services:
            found += self._of_service(service, faults)
        for job in self.batch:
            labels = {"namespace": "batch", "container": job}
            cpu = 0.1 * np.exp(self.wander(0.3)) + faults.cpu.get(job, zeros)
            found.append(self._signal("container_cpu", "CPU of containers", labels, cpu, 0.1, gone=zeros))
        dns = self.rng.uniform(0.0, 0.004) * np.exp(self.wander(0.5))
        if faults.dns_failing is not None:
            dns = dns + faults.dns_failing
        labels = {"namespace": "kube-system", "service": "coredns"}
        found.append(self._signal("dns_errors", "DNS answers that failed", labels, dns, 0.02, symptom=True, gone=zeros))
        for node in self.nodes:
            found += self._of_node(node, faults)
        return found

    def _of_service(self, service: Service, faults: Faults) -> list[Signal]:
        name, zeros = service.name, self.zeros()
        asked = {"namespace": _NAMESPACE, "service": name, "job": name}
        held = {"namespace": _NAMESPACE, "container": name}
        gone = np.maximum(faults.gone.get(name, zeros), faults.gone.get(service.node, zeros))
        memory = service.memory * np.exp(self.wander(0.01)) + faults.memory.get(name, zeros)
        cpu = self._container_cpu(service, faults) * np.exp(self.wander(0.05))
        restarts = faults.restarts.get(name, zeros)
        wait = self.latency[name] * np.exp(np.abs(self.rng.normal(0, 0.06, len(zeros)))) * 2.2
        return [
            self._signal("service_rate", "Requests", asked, self.load[name], 1.0, gone=gone),
            self._signal(
                "service_errors", "Requests that failed (5xx)", asked, self.error[name], 0.02, symptom=True, gone=gone
            ),
            self._signal(
                "service_duration", "Request duration (95th percentile)", asked, wait, 0.05, symptom=True, gone=gone
            ),
            self._signal("container_cpu", "CPU of containers", held, cpu, 0.1, gone=gone),
            self._signal("container_memory", "Memory of containers", held, memory, 5e7, gone=gone),
            self._signal("container_restarts", "Restarts of containers", held, restarts, 0.5, gone=zeros),
        ]

    def _of_node(self, node: str, faults: Faults) -> list[Signal]:
        labels, zeros = {"instance": f"{node}:9100"}, self.zeros()
        gone = faults.gone.get(node, zeros)
        total = sum(service.memory for service in self.services if service.node == node) + 2e9
        held = sum((faults.memory.get(s.name, zeros) for s in self.services if s.node == node), zeros)
        memory = np.clip((total * np.exp(self.wander(0.01)) + held) / (2.2 * total), 0, 0.99)
        space = np.clip(self.rng.uniform(0.3, 0.7) + self.wander(0.002) + faults.disk.get(node, zeros), 0, 1)
        traffic = 1e4 * sum((self.load[s.name] for s in self.services if s.node == node), zeros) + 2e5
        traffic = traffic * (1 - faults.cut_off.get(node, zeros)) * np.exp(self.wander(0.05))
        cpu = self.node_cpu[node] * np.exp(self.wander(self._noise))
        writing = np.clip(0.05 * np.exp(self.wander(0.4)) + faults.disk_busy.get(node, zeros), 0, 1)
        mounted, device = {**labels, "mountpoint": "/"}, {**labels, "device": "sda"}
        waiting = np.where(cpu > 0.9, cpu * 1.6, cpu)
        return [
            self._signal("node_cpu", "CPU in use", labels, np.clip(cpu, 0, 1), 0.1, gone=gone),
            self._signal("node_load", "Load per core", labels, waiting, 0.5, gone=gone, window_s=60.0),
            self._signal("node_memory", "Memory in use", labels, memory, 0.05, gone=gone),
            self._signal("node_disk_space", "Disk space in use", mounted, space, 0.02, gone=gone),
            self._signal("node_disk_io", "Disk busy", device, writing, 0.15, gone=gone),
            self._signal("node_network_receive", "Network received", labels, traffic, 1e6, gone=gone),
            self._signal("node_network_transmit", "Network sent", labels, 0.7 * traffic, 1e6, gone=gone),
        ]

    def _signal(
        self,
        watch: str,
        title: str,
        labels: dict[str, str],
        values: Floats,
        minimum: float,
        *,
        gone: Floats,
        symptom: bool = False,
        window_s: float | None = None,
    ) -> Signal:
        rng = self.rng
        smoothed = _trailing(values, max(1, int((window_s or 4 * self.step_s) / self.step_s)))
        scraped = smoothed * np.exp(rng.normal(0, rng.uniform(0.002, 0.03), len(values)))
        if rng.random() < 0.1:
            # Seldom and sparse: some metrics jump now and then for a sample or three.
            for at in np.flatnonzero(rng.random(len(values)) < 0.01):
                scraped[at : at + int(rng.integers(1, 4))] *= rng.uniform(1.5, 6)
        scraped = np.where(rng.random(len(values)) < rng.choice((0.0, 0.01, 0.08)), np.nan, scraped)
        subject = " ".join(value for name, value in labels.items() if name not in ("namespace", "job"))
        return Signal(
            cluster_id=self.cluster_id,
            watch=watch,
            title=f"{title} of {subject}",
            labels=labels,
            minimum=minimum,
            interval_s=self.step_s,
            times=self.times,
            values=np.where(gone > 0.5, np.nan, scraped),
            symptom=symptom,
            unit="ratio" if watch in _RATIOS else "load" if watch == "node_load" else "",
        )

    def topology(self, *, dns: bool, batch: bool = True, hidden: dict[str, list[str]] | None = None) -> Topology:
        """As an inventory and traces tell it; `hidden` are services that callers need and that give no series."""
        nodes = {name: Node.of(NodeKind.NODE, name, cluster_id=self.cluster_id) for name in self.nodes}
        switch = Node.of(NodeKind.SWITCH, "leaf-1")
        every, edges = [*nodes.values(), switch], []

        def runs(name: str, namespace: str, on: str) -> Node:
            workload = Node.of(NodeKind.WORKLOAD, name, cluster_id=self.cluster_id, namespace=namespace)
            every.append(workload)
            edges.append(Edge(workload.id, nodes[on].id, EdgeKind.RUNS_ON, "kubernetes"))
            return workload

        def called(name: str) -> UUID:
            return node_id(NodeKind.SERVICE, name, cluster_id=self.cluster_id)

        for service in self.services:
            every.append(Node.of(NodeKind.SERVICE, service.name, cluster_id=self.cluster_id))
            workload = runs(service.name, _NAMESPACE, service.node)
            edges.append(Edge(called(service.name), workload.id, EdgeKind.DEPENDS_ON, "kubernetes"))
            edges += [Edge(called(service.name), called(callee), EdgeKind.CALLS, "traces") for callee in service.calls]
        for job, on in self.batch.items() if batch else ():
            runs(job, "batch", on)
        dns_node = runs("coredns", "kube-system", self.dns_node)
        if dns:
            edges += [Edge(called(s.name), dns_node.id, EdgeKind.DEPENDS_ON, "file") for s in self.services]
        for name, callers in (hidden or {}).items():
            every.append(Node.of(NodeKind.SERVICE, name, cluster_id=self.cluster_id))
            edges += [Edge(called(caller), called(name), EdgeKind.CALLS, "traces") for caller in callers]
        edges += [Edge(node.id, switch.id, EdgeKind.CONNECTED_TO, "file") for node in nodes.values()]
        return Topology(every, edges)


def calls_alone(topology: Topology) -> Topology:
    """As service graphs tell it: which service calls which, and nothing of what they run on."""
    services = [node for node in topology.nodes if node.kind is NodeKind.SERVICE]
    return Topology(services, topology.edges_among(node.id for node in services))


def _trailing(values: Floats, rows: int) -> Floats:
    """As a rate over a window is: the mean of the latest rows."""
    summed = np.cumsum(np.concatenate([np.zeros(1), np.repeat(values[:1], rows - 1), values]))
    found: Floats = (summed[rows:] - summed[:-rows]) / rows
    return found
