"""Twelve faults of a small cluster on a virtual clock, each with its cause known, and cases whose cause nobody sees.

A case is what the hub would rank an incident from, and nothing more: series of its watches, alerts that fired, changes,
log patterns, failing traces and a topology; with noise, gaps, seasons, and what happens at the same time by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from aiops.intelligence.domain.causes import AlertSignal, ChangeSignal, LogSignal, Signal, Structure, TraceSignal
from tests.lab.made_fleet import BEGAN, Faults, Fleet, Floats, Service


class MadeIncident(NamedTuple):
    """`causes` are the names of the things that are the right answer; none where the cause is not in the data."""

    scenario: str
    seed: int
    signals: list[Signal]
    alerts: list[AlertSignal]
    onset: float
    structure: Structure
    causes: frozenset[str]


@dataclass
class Scene:
    """A fleet in which something goes wrong at `BEGAN`."""

    fleet: Fleet
    faults: Faults = field(default_factory=Faults)
    causes: frozenset[str] = frozenset()
    alerts: list[AlertSignal] = field(default_factory=list)
    changes: list[ChangeSignal] = field(default_factory=list)
    logs: list[LogSignal] = field(default_factory=list)
    traces: list[TraceSignal] = field(default_factory=list)
    unseen: set[str] = field(default_factory=set)
    """Things whose series are not scraped."""
    hidden: dict[str, list[str]] = field(default_factory=dict)
    slow: bool = False
    """It takes a quarter of an hour until anyone notices."""

    @property
    def rng(self) -> np.random.Generator:
        return self.fleet.rng

    def one(self, *, called: bool = False) -> Service:
        """A service by chance; `called`: one that others call."""
        first = 1 if called else 0
        return self.fleet.services[int(self.rng.integers(first, len(self.fleet.services)))]

    def busy_node(self) -> str:
        """A node with services on it that others call."""
        return str(self.rng.choice(sorted({service.node for service in self.fleet.services[1:]})))

    def slower(self, service: Service) -> float:
        """So many times slower that people mind: by 0.2 to 2 seconds."""
        return float(np.exp(self.rng.uniform(np.log(0.2), np.log(2.0))) / service.base_s)

    def since(self, delay_s: float = 0.0, ramp_s: float = 0.0) -> Floats:
        """0 before the fault, 1 after it: at once, or in a straight line."""
        passed = self.fleet.times - BEGAN - delay_s
        return (passed >= 0).astype(float) if ramp_s <= 0 else np.clip(passed / ramp_s, 0, 1)

    def alert(self, name: str, labels: dict[str, str], *, after_s: float, likely: float = 0.8) -> None:
        if self.rng.random() < likely:
            fingerprint = f"{name}-{len(self.alerts)}"
            at = BEGAN + after_s
            alert = AlertSignal(
                cluster_id=self.fleet.cluster_id, fingerprint=fingerprint, name=name, labels=labels, started_at=at
            )
            self.alerts.append(alert)

    def log(self, of: str, text: str, *, after_s: float = 20.0, likely: float = 0.6, weight: float = 0.7) -> None:
        if self.rng.random() < likely:
            log = LogSignal(
                pattern_id=f"p{len(self.logs)}",
                cluster_id=self.fleet.cluster_id,
                text=text,
                finding="new",
                labels={"namespace": "shop", "app": of},
                at=BEGAN + after_s + float(self.rng.uniform(0, 60)),
                weight=weight,
            )
            self.logs.append(log)

    def fails_in(self, service: str, *, likely: float = 0.5) -> None:
        """Some traces fail, and most of them deepest in this service."""
        if self.rng.random() < likely:
            looked = int(self.rng.integers(5, 20))
            failed = int(np.ceil(self.rng.uniform(0.6, 1) * looked))
            trace = TraceSignal(
                cluster_id=self.fleet.cluster_id,
                service=service,
                failed=failed,
                looked_at=looked,
                query="{ status = error }",
                examples=[],
            )
            self.traces.append(trace)

    def changed(self, name: str, *, at: float, title: str | None = None) -> None:
        title = title or f"Deployment of {name}"
        labels = {"namespace": "shop", "app": name}
        change = ChangeSignal(
            id=f"c{len(self.changes)}", cluster_id=self.fleet.cluster_id, title=title, labels=labels, at=BEGAN + at
        )
        self.changes.append(change)


def _cpu_hog(scene: Scene) -> None:
    node = scene.busy_node()
    used = scene.fleet.cores * scene.rng.uniform(0.5, 0.9)
    scene.faults.cpu[node] = used * scene.since(ramp_s=scene.rng.uniform(0, 60))
    scene.alert("NodeCPUHighUsage", {"instance": f"{node}:9100", "job": "node-exporter"}, after_s=300)
    scene.causes = frozenset({node})


def _leak(scene: Scene) -> None:
    service = scene.one()
    grown = scene.rng.uniform(1, 4) * service.memory * scene.since(ramp_s=scene.rng.uniform(400, 1000))
    scene.faults.memory[service.name] = grown
    scene.faults.slower[service.name] = 0.5 * scene.slower(service) * scene.since(scene.rng.uniform(200, 500), 200)
    scene.alert("ContainerMemoryNearLimit", {"namespace": "shop", "container": service.name}, after_s=400, likely=0.6)
    scene.log(service.name, "java.lang.OutOfMemoryError: GC overhead limit exceeded", after_s=400, likely=0.4)
    scene.causes, scene.slow = frozenset({service.name}), True


def _full_disk(scene: Scene) -> None:
    node = scene.busy_node()
    ramp = scene.rng.uniform(120, 700)
    scene.faults.disk[node] = scene.since(ramp_s=ramp)
    scene.faults.disk_busy[node] = scene.rng.uniform(0.1, 0.6) * scene.since(ramp_s=30)
    for service in scene.fleet.services:
        if service.node == node:
            scene.faults.failing[service.name] = scene.rng.uniform(0.05, 0.4) * scene.since(ramp * 0.7, 30)
            scene.log(service.name, "write /var/lib/data: no space left on device", after_s=ramp, likely=0.6)
    scene.alert("NodeFilesystemAlmostOutOfSpace", {"instance": f"{node}:9100", "mountpoint": "/"}, after_s=ramp)
    scene.causes, scene.slow = frozenset({node}), ramp > 300


def _latency(scene: Scene) -> None:
    service = scene.one(called=True)
    scene.faults.slower[service.name] = scene.slower(service) * scene.since(ramp_s=scene.rng.uniform(0, 40))
    scene.log(service.name, "slow query took 2310 ms", likely=0.4, weight=0.4)
    scene.causes = frozenset({service.name})


def _errors(scene: Scene) -> None:
    service = scene.one(called=True)
    scene.faults.failing[service.name] = scene.rng.uniform(0.1, 0.6) * scene.since()
    scene.fails_in(service.name)
    scene.log(service.name, "unhandled exception in handler: NullPointerException")
    scene.causes = frozenset({service.name})


def _crash_loop(scene: Scene) -> None:
    service = scene.one(called=True)
    period = scene.rng.uniform(60, 150)
    down = scene.since() * (((scene.fleet.times - BEGAN) % period) < 0.7 * period)
    scene.faults.refusing[service.name] = 0.9 * down
    scene.faults.restarts[service.name] = scene.since(30) * scene.rng.uniform(1, 3)
    scene.faults.failing[service.name] = 0.1 * scene.since()
    labels = {"namespace": "shop", "container": service.name, "pod": f"{service.name}-7d9c5bb6f4-x2x4z"}
    scene.alert("KubePodCrashLooping", {**labels, "job": "kube-state-metrics"}, after_s=180)
    scene.log(service.name, "panic: runtime error: invalid memory address or nil pointer dereference")
    for caller in scene.fleet.callers_of(service.name):
        scene.log(caller, f"dial tcp: connect: connection refused calling {service.name}", likely=0.4, weight=0.5)
    scene.causes = frozenset({service.name})


def _bad_rollout(scene: Scene) -> None:
    service = scene.one()
    scene.changed(service.name, at=-scene.rng.uniform(5, 150), title=f"Rollout of {service.name} 2.4.1")
    how = int(scene.rng.integers(3))
    if how != 1:
        scene.faults.failing[service.name] = scene.rng.uniform(0.05, 0.5) * scene.since(ramp_s=60)
        scene.fails_in(service.name, likely=0.4)
    if how != 0:
        scene.faults.slower[service.name] = scene.slower(service) * scene.since(ramp_s=60)
    if how == 2:
        scene.faults.cpu[service.name] = scene.rng.uniform(0.1, 0.3) * scene.fleet.cores * scene.since(ramp_s=60)
    scene.log(service.name, "configuration key pricing.mode is unknown", likely=0.5)
    scene.causes = frozenset({service.name})


def _partition(scene: Scene) -> None:
    node = scene.busy_node()
    scene.faults.cut_off[node] = scene.rng.uniform(0.6, 1) * scene.since()
    if scene.rng.random() < 0.5:
        scene.faults.gone[node] = scene.since(20)
        scene.alert("TargetDown", {"instance": f"{node}:9100", "job": "node-exporter"}, after_s=120)
    scene.alert("KubeNodeUnreachable", {"node": node, "job": "kube-state-metrics"}, after_s=100, likely=0.7)
    for service in scene.fleet.services:
        if service.node == node:
            for caller in scene.fleet.callers_of(service.name):
                scene.log(caller, f"i/o timeout calling {service.name}", likely=0.4, weight=0.5)
    scene.causes = frozenset({node})


def _node_down(scene: Scene) -> None:
    node = scene.busy_node()
    scene.faults.gone[node] = scene.since(10)
    for service in scene.fleet.services:
        if service.node == node:
            scene.faults.refusing[service.name] = scene.rng.uniform(0.5, 1) * scene.since()
    scene.alert("KubeNodeNotReady", {"node": node, "job": "kube-state-metrics"}, after_s=90, likely=0.8)
    scene.alert("TargetDown", {"instance": f"{node}:9100", "job": "node-exporter"}, after_s=120, likely=0.6)
    scene.causes = frozenset({node})


def _dns(scene: Scene) -> None:
    scene.faults.dns_failing = scene.rng.uniform(0.1, 0.7) * scene.since(ramp_s=scene.rng.uniform(0, 40))
    scene.alert("CoreDNSErrorsHigh", {"namespace": "kube-system", "service": "coredns"}, after_s=150, likely=0.6)
    for service in scene.fleet.services:
        if service.calls:
            scene.log(service.name, f"dial tcp: lookup {service.calls[0]}: no such host", likely=0.4)
    scene.causes = frozenset({"coredns"})


def _certificate(scene: Scene) -> None:
    service = scene.one(called=True)
    scene.faults.refusing[service.name] = scene.rng.uniform(0.95, 1) * scene.since()
    labels = {"namespace": "shop", "service": service.name}
    scene.alert("CertificateExpired", labels, after_s=60, likely=0.6)
    for caller in scene.fleet.callers_of(service.name):
        scene.log(caller, f"Get https://{service.name}: x509: certificate has expired or is not yet valid", likely=0.7)
    scene.causes = frozenset({service.name})


def _neighbour(scene: Scene) -> None:
    job = str(scene.rng.choice(sorted(scene.fleet.batch)))
    node = scene.busy_node()
    scene.fleet.batch[job] = node
    used = scene.fleet.cores * scene.rng.uniform(0.6, 0.9) * scene.since(ramp_s=scene.rng.uniform(0, 60))
    scene.faults.cpu[job] = used
    scene.faults.disk_busy[node] = scene.rng.uniform(0, 0.4) * scene.since(ramp_s=30)
    scene.alert("NodeCPUHighUsage", {"instance": f"{node}:9100", "job": "node-exporter"}, after_s=300, likely=0.6)
    scene.causes = frozenset({job})


def _nothing_watched(scene: Scene) -> None:
    """Something outside fails that a service needs: its callers suffer, it has no series."""
    service = scene.one(called=True)
    scene.hidden = {"api.bank.example": [service.name]}
    if scene.rng.random() < 0.5:
        scene.faults.slower[service.name] = scene.slower(service) * scene.since()
    else:
        scene.faults.failing[service.name] = scene.rng.uniform(0.1, 0.6) * scene.since()


def _culprit_not_scraped(scene: Scene) -> None:
    """A service that nobody scrapes fails; those that call it suffer."""
    service = scene.one(called=True)
    _latency_of(scene, service)
    scene.unseen = {service.name}


def _latency_of(scene: Scene, service: Service) -> None:
    scene.faults.slower[service.name] = scene.slower(service) * scene.since()
    scene.faults.failing[service.name] = scene.rng.uniform(0, 0.4) * scene.since()


def _false_alert(scene: Scene) -> None:
    """A probe from afar fails; nothing here has to do with it."""
    scene.alert("ProbeFailed", {"instance": "https://shop.example", "job": "blackbox"}, after_s=60, likely=1)


def _unrelated_alert(scene: Scene) -> None:
    """Something that has no metrics is reported for a service whose series stay as they are."""
    service = scene.one()
    scene.alert("OrdersNotBooked", {"namespace": "shop", "service": service.name}, after_s=60, likely=1)


SCENARIOS: dict[str, Callable[[Scene], None]] = {
    "CPU hog": _cpu_hog,
    "leak": _leak,
    "full disk": _full_disk,
    "latency chain": _latency,
    "error burst": _errors,
    "crash loop": _crash_loop,
    "bad rollout": _bad_rollout,
    "network partition": _partition,
    "node down": _node_down,
    "DNS": _dns,
    "certificate expired": _certificate,
    "noisy neighbour": _neighbour,
}
WITHOUT_CAUSE: dict[str, Callable[[Scene], None]] = {
    "a need outside, not watched": _nothing_watched,
    "the culprit is not scraped": _culprit_not_scraped,
    "an alert from afar": _false_alert,
    "an alert on what has no metrics": _unrelated_alert,
}


def made_incident(scenario: str, seed: int) -> MadeIncident:
    """The case of a scenario and seed: another fleet, load, noise and size of the fault for each seed."""
    begin = {**SCENARIOS, **WITHOUT_CAUSE}[scenario]
    rng = np.random.default_rng([seed, sum(scenario.encode())])
    scene = Scene(Fleet(rng))
    begin(scene)
    _by_chance(scene)
    fleet = scene.fleet
    fleet.live(scene.faults)
    signals = [_moved_by_chance(scene, signal) for signal in fleet.series(scene.faults)]
    signals = [signal for signal in signals if not scene.unseen & set(signal.labels.values())]
    _alerts_on_symptoms(scene, signals)
    noticed = _noticed(scene, signals)
    end = max(noticed, BEGAN + (600 if scene.slow else 60)) + float(rng.uniform(60, 300))
    kept = fleet.times <= end
    signals = [
        msgspec.structs.replace(
            signal,
            times=fleet.times[kept],
            values=signal.values[kept],
            anomaly_at=signal.anomaly_at if signal.anomaly_at is not None and signal.anomaly_at <= end else None,
        )
        for signal in signals
    ]
    alerts = [alert for alert in scene.alerts if alert.started_at <= end]
    structure = Structure(
        topology=fleet.topology(dns=bool(rng.random() < 0.5), hidden=scene.hidden),
        changes=[change for change in scene.changes if change.at <= end],
        logs=[log for log in scene.logs if log.at <= end],
        traces=scene.traces,
    )
    return MadeIncident(scenario, seed, signals, alerts, noticed, structure, scene.causes)


def _by_chance(scene: Scene) -> None:
    """What happens anyway: deployments, new log lines, an alert of something else, a need that nobody watches."""
    rng, services = scene.rng, scene.fleet.services
    if rng.random() < 0.2 and not scene.hidden:
        scene.hidden = {"mail.example": [str(rng.choice([s.name for s in services]))]}
    for _ in range(int(rng.poisson(1.2))):
        scene.changed(str(rng.choice([s.name for s in services])), at=-float(rng.uniform(0, 3000)))
    for _ in range(int(rng.poisson(0.7))):
        name = str(rng.choice([s.name for s in services]))
        scene.log(name, "cache entry expired, reloading", after_s=-float(rng.uniform(0, 600)), weight=0.3)
    if rng.random() < 0.2:
        node = str(rng.choice(scene.fleet.nodes))
        scene.alert("NodeClockSkewDetected", {"instance": f"{node}:9100"}, after_s=float(rng.uniform(-120, 240)))


def _moved_by_chance(scene: Scene, signal: Signal) -> Signal:
    """One series in a hundred steps at about the same time, for reasons of its own."""
    rng = scene.rng
    if rng.random() >= 0.01:
        return signal
    start = BEGAN + float(rng.uniform(-600, 400))
    moved = np.where(signal.times >= start, np.exp(rng.normal(0, 0.5)), 1.0)
    values = signal.values * moved
    most = 1.0 if signal.watch in ("node_cpu", "node_memory", "node_disk_space", "node_disk_io") else np.inf
    return msgspec.structs.replace(signal, values=np.minimum(values, most))


def _alerts_on_symptoms(scene: Scene, signals: Sequence[Signal]) -> None:
    """The rules that most people have: slow for two minutes, failing for two minutes."""
    for signal in signals:
        before = signal.times < BEGAN
        if signal.watch == "service_duration":
            limit = max(0.25, 3 * float(np.nanmedian(signal.values[before])))
        elif signal.watch == "service_errors":
            limit = 0.05
        else:
            continue
        above = np.nan_to_num(signal.values) > limit
        since = BEGAN + 120
        out = np.flatnonzero(above & (signal.times >= BEGAN))
        if len(out) and scene.rng.random() < 0.7:
            name = "HighRequestLatency" if signal.watch == "service_duration" else "HighErrorRate"
            fired = max(since, float(signal.times[out[0]]) + 120)
            scene.alert(name, dict(signal.labels), after_s=fired - BEGAN, likely=1)


def _noticed(scene: Scene, signals: list[Signal]) -> float:
    """When the incident's first member began: an alert, or in most cases an anomaly before it."""
    times = [alert.started_at for alert in scene.alerts if alert.started_at >= BEGAN - 300]
    if scene.rng.random() < 0.7:
        for place, signal in enumerate(signals):
            before = signal.values[signal.times < BEGAN]
            if np.isfinite(before).sum() < 20:
                continue
            level = float(np.nanmedian(before))
            limit = max(8 * 1.4826 * float(np.nanmedian(np.abs(before - level))), signal.minimum)
            out = np.flatnonzero((np.abs(signal.values - level) > limit) & (signal.times >= BEGAN - 300))
            lasting = [int(at) for at in out if at + 1 in set(out.tolist())]
            if lasting and scene.rng.random() < 0.8:
                at = float(signal.times[lasting[0]])
                signals[place] = msgspec.structs.replace(signal, anomaly_at=at)
                times.append(at)
    near = [at for at in times if at >= BEGAN - 300]
    return min(near, default=BEGAN + (900.0 if scene.slow else 180.0))
