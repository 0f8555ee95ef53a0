"""The past of a made fleet in OpenMetrics: ordinary days, faults whose cause is known, and the alerts that they raise.

Every cluster has nodes and services on them; a service calls others. Numbers are made from a seed, so that the same
seed gives the same past.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from tests.lab.packages import LabFailed, binary
from tests.lab.servers import Prometheus

Floats = npt.NDArray[np.float64]

SCRAPE_S = 60.0
NODES = 3
SERVICES = ("web", "cart", "orders", "payments", "stock", "mail")
CALLS = {"web": ("cart", "orders"), "cart": ("stock",), "orders": ("payments", "stock", "mail")}
_MEMORY, _DISK = 64e9, 500e9
_EACH_TAKES_S = 0.04


@dataclass(frozen=True)
class SeededFault:
    """`culprit` is the value of a label of what moved first: a node or a service. Times in Unix seconds."""

    cluster: str
    kind: str
    culprit: str
    start: float
    end: float


@dataclass
class _Cluster:
    name: str
    times: Floats
    random: np.random.Generator
    cpu: dict[str, Floats] = field(default_factory=dict)
    memory: dict[str, Floats] = field(default_factory=dict)
    disk: dict[str, Floats] = field(default_factory=dict)
    rate: dict[str, Floats] = field(default_factory=dict)
    takes: dict[str, Floats] = field(default_factory=dict)
    fails: dict[str, Floats] = field(default_factory=dict)
    alerts: list[tuple[dict[str, str], float, float]] = field(default_factory=list)

    def during(self, fault: SeededFault, ramp_s: float = 120.0) -> Floats:
        """0 before and after, 1 within, with a slope at its beginning."""
        inside = (self.times >= fault.start) & (self.times < fault.end)
        return np.where(inside, np.clip((self.times - fault.start) / ramp_s, 0, 1), 0.0)


def node(cluster: str, place: int) -> str:
    return f"{cluster}-node-{place + 1}"


def hosts_of(place: int) -> list[str]:
    """The services with a part on the node at this place."""
    return [name for at, name in enumerate(SERVICES) if at % NODES == place or (at + 1) % NODES == place]


class Week:
    """`faults` are all that went wrong; `write` gives the past to `promtool tsdb create-blocks-from openmetrics`."""

    def __init__(self, *, clusters: int, start: float, end: float, warm_s: float, faults_each: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.names = [f"c{place + 1:02d}" for place in range(clusters)]
        self.faults: list[SeededFault] = []
        self.noise = 0
        times = np.arange(start - warm_s, end, SCRAPE_S)
        self._clusters = [self._ordinary(name, times) for name in self.names]
        for one in self._clusters:
            for fault in self._faults(one.name, start, end, faults_each):
                self.faults.append(fault)
                _KINDS[fault.kind](one, fault)
            self._flaps(one, start, end)

    def write(self, to: IO[str]) -> None:
        families: dict[str, list[tuple[str, Floats, Floats]]] = {}
        for one in self._clusters:
            for name, labels, values in _series(one):
                families.setdefault(name, []).append((_text(one.name, labels), one.times, values))
            for alert, begin, end in one.alerts:
                times = np.arange(np.ceil(begin / SCRAPE_S) * SCRAPE_S, end, SCRAPE_S)
                firing = _text(one.name, {**alert, "alertstate": "firing"})
                families.setdefault("ALERTS", []).append((firing, times, np.ones(len(times))))
                since = np.full(len(times), begin - 60)
                families.setdefault("ALERTS_FOR_STATE", []).append((_text(one.name, alert), times, since))
        for name, rows in families.items():
            to.write(f"# TYPE {name.removesuffix('_total')} {'counter' if name.endswith('_total') else 'unknown'}\n")
            for text, times, values in rows:
                pairs = zip(values.tolist(), times.tolist(), strict=True)
                to.write("".join(f"{name}{text} {value:.10g} {at:.0f}\n" for value, at in pairs))
        to.write("# EOF\n")

    def prometheus(self) -> Prometheus:
        """One that remembers this past; it is yet to be started."""
        server = Prometheus("global: {scrape_interval: 60s}\n", retention="90d")
        text, data = server.folder / "past.txt", server.folder / "data"
        with text.open("w") as to:
            self.write(to)
        # It goes through the whole text once for every block.
        command = [str(binary("promtool")), "tsdb", "create-blocks-from", "--max-block-duration=64h"]
        command += ["openmetrics", str(text), str(data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode != 0:
            raise LabFailed(f"promtool did not take the past: {(done.stdout + done.stderr)[-800:]}")
        text.unlink()
        return server

    def missed(self, result: Any) -> list[SeededFault]:
        """The faults whose culprit is not among the first three causes of an incident of their time and cluster, in a
        replay's JSON."""
        names = {one["id"]: one["name"] for one in result["clusters"]}
        return [fault for fault in self.faults if not _told_of(fault, result["incidents"], names)]

    @property
    def alerts(self) -> int:
        return sum(len(one.alerts) for one in self._clusters)

    def _ordinary(self, name: str, times: Floats) -> _Cluster:
        random = np.random.default_rng(self._random.integers(2**32))
        one = _Cluster(name, times, random)
        day = 1 + 0.35 * np.sin(2 * np.pi * (times / 86_400 - random.uniform(0.3, 0.4)))
        for place in range(NODES):
            label = node(name, place)
            one.cpu[label] = np.clip(0.25 * day + _wander(random, len(times), 0.015), 0.02, 0.9)
            one.memory[label] = np.clip(0.45 + _wander(random, len(times), 0.01), 0.1, 0.8)
            one.disk[label] = np.clip(0.4 + _wander(random, len(times), 0.001), 0.1, 0.7)
        for service in SERVICES:
            usual = random.uniform(15, 60)
            one.rate[service] = np.clip(usual * day * (1 + _wander(random, len(times), 0.04)), 0.5, None)
            one.takes[service] = np.clip(_EACH_TAKES_S * (1 + _wander(random, len(times), 0.05)), 0.005, None)
            one.fails[service] = np.clip(random.normal(0.001, 0.0005, len(times)), 0, None)
        return one

    def _faults(self, cluster: str, start: float, end: float, count: int) -> Iterator[SeededFault]:
        kinds = list(_KINDS)
        # Spread over the time, with hours between: what comes of two at once nobody can know.
        places = start + (end - start) * (np.arange(count) + self._random.uniform(0.15, 0.8, count)) / max(count, 1)
        for begin in places.tolist():
            kind = kinds[int(self._random.integers(len(kinds)))]
            place = int(self._random.integers(NODES))
            service = SERVICES[int(self._random.integers(len(SERVICES)))]
            culprit = service if kind == "errors" else node(cluster, place)
            lasts = float(self._random.uniform(1200, 4200))
            yield SeededFault(cluster, kind, culprit, begin, min(begin + lasts, end - 300))

    def _flaps(self, one: _Cluster, start: float, end: float) -> None:
        """An alert that nobody acts on: it comes and goes for hours."""
        for _ in range(max(1, round((end - start) / 3.5 / 86_400))):
            begin = float(self._random.uniform(start, max(start, end - 4 * 3600)))
            pod = f"batch-{int(self._random.integers(100))}"
            for at in np.arange(begin, min(begin + 3 * 3600, end - 600), 420.0).tolist():
                one.alerts.append((_alert("CPUThrottlingHigh", "info", namespace="batch", pod=pod), at, at + 90))
                self.noise += 1


def _told_of(fault: SeededFault, incidents: Sequence[Any], names: dict[str, str]) -> bool:
    for one in incidents:
        opened = datetime.fromisoformat(one["opened_at"]).timestamp()
        here = fault.cluster in (names[cluster] for cluster in one["clusters"])
        named = (cause["labels"].values() for cause in one["causes"][:3])
        if (
            one["note"] is None
            and here
            and fault.start - 180 <= opened <= fault.start + 1500
            and any(fault.culprit in one for one in named)
        ):
            return True
    return False


def _hog(one: _Cluster, fault: SeededFault) -> None:
    share = one.during(fault)
    one.cpu[fault.culprit] = np.clip(one.cpu[fault.culprit] + 0.72 * share, 0, 0.985)
    place = int(fault.culprit.rsplit("-", 1)[1]) - 1
    for service in hosts_of(place):
        one.takes[service] = one.takes[service] * (1 + 1.6 * np.roll(share, 1))
    _raise(one, fault, 180, _alert("NodeCPUHigh", "warning", instance=fault.culprit))
    _slow(one, fault, hosts_of(place), 300)


def _leak(one: _Cluster, fault: SeededFault) -> None:
    one.memory[fault.culprit] = np.clip(one.memory[fault.culprit] + 0.5 * one.during(fault, 900), 0, 0.985)
    _raise(one, fault, 600, _alert("NodeMemoryHigh", "warning", instance=fault.culprit))
    place = int(fault.culprit.rsplit("-", 1)[1]) - 1
    for service in hosts_of(place):
        for replica in range(8):
            _raise(one, fault, 700 + 20 * replica, _alert("PodEvicted", "warning", service=service,
                   namespace="shop", pod=f"{service}-{replica}", node=fault.culprit))  # fmt: skip


def _fill(one: _Cluster, fault: SeededFault) -> None:
    one.disk[fault.culprit] = np.clip(one.disk[fault.culprit] + 0.56 * one.during(fault, 600), 0, 0.995)
    _raise(one, fault, 420, _alert("NodeDiskFull", "critical", instance=fault.culprit, mountpoint="/"))
    place = int(fault.culprit.rsplit("-", 1)[1]) - 1
    for service in hosts_of(place):
        one.fails[service] = np.clip(one.fails[service] + 0.2 * np.roll(one.during(fault, 600), 4), 0, 0.9)
        _raise(one, fault, 780, _alert("ErrorRateHigh", "critical", namespace="shop", service=service))
        for replica in range(6):
            _raise(one, fault, 800 + 15 * replica, _alert("WriteFailed", "warning", namespace="shop", service=service,
                   pod=f"{service}-{replica}"))  # fmt: skip


def _errors(one: _Cluster, fault: SeededFault) -> None:
    share = one.during(fault, 60)
    one.fails[fault.culprit] = np.clip(one.fails[fault.culprit] + 0.5 * share, 0, 0.95)
    _raise(one, fault, 180, _alert("ErrorRateHigh", "critical", namespace="shop", service=fault.culprit))
    callers = _callers(fault.culprit)
    for caller in callers:
        one.fails[caller] = np.clip(one.fails[caller] + 0.18 * np.roll(share, 1), 0, 0.9)
        _raise(one, fault, 300, _alert("ErrorRateHigh", "critical", namespace="shop", service=caller))
    for endpoint in range(24):
        _raise(one, fault, 240 + 10 * endpoint, _alert("EndpointFailing", "warning", namespace="shop",
               service=fault.culprit, endpoint=f"/v1/{endpoint}"))  # fmt: skip


def _callers(service: str) -> list[str]:
    direct = [caller for caller, called in CALLS.items() if service in called]
    return sorted({*direct, *(above for one in direct for above in _callers(one))})


_KINDS: dict[str, Callable[[_Cluster, SeededFault], None]] = {
    "hog": _hog,
    "leak": _leak,
    "fill": _fill,
    "errors": _errors,
}


def _slow(one: _Cluster, fault: SeededFault, services: list[str], after_s: float) -> None:
    for service in services:
        _raise(one, fault, after_s, _alert("LatencyHigh", "warning", namespace="shop", service=service))
        for endpoint in range(8):
            _raise(one, fault, after_s + 10 * endpoint, _alert("EndpointSlow", "warning", namespace="shop",
                   service=service, endpoint=f"/v1/{endpoint}"))  # fmt: skip


def _raise(one: _Cluster, fault: SeededFault, after_s: float, labels: dict[str, str]) -> None:
    begin = fault.start + after_s
    if begin < fault.end:
        one.alerts.append((labels, begin, fault.end + 60))


def _alert(name: str, severity: str, **labels: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, **labels}


def _wander(random: np.random.Generator, count: int, size: float) -> Floats:
    """Noise that remembers a little of itself."""
    white = random.normal(0, size, count)
    return np.asarray(white * 0.6 + 0.4 * np.convolve(white, np.ones(8) / 8, "same") * 2.8, dtype=np.float64)


def _series(one: _Cluster) -> Iterator[tuple[str, dict[str, str], Floats]]:
    for label, cpu in one.cpu.items():
        where = {"instance": label, "job": "node"}
        idle = np.cumsum((1 - cpu) * SCRAPE_S)
        yield "node_cpu_seconds_total", {**where, "cpu": "0", "mode": "idle"}, idle
        yield "node_cpu_seconds_total", {**where, "cpu": "0", "mode": "user"}, np.cumsum(cpu * SCRAPE_S)
        yield "node_load1", where, cpu * 1.1
        yield "node_memory_MemAvailable_bytes", where, np.round((1 - one.memory[label]) * _MEMORY)
        yield "node_memory_MemTotal_bytes", where, np.full(len(cpu), _MEMORY)
        disk = {**where, "mountpoint": "/", "fstype": "ext4", "device": "/dev/sda1"}
        yield "node_filesystem_avail_bytes", disk, np.round((1 - one.disk[label]) * _DISK)
        yield "node_filesystem_size_bytes", disk, np.full(len(cpu), _DISK)
    for service, rate in one.rate.items():
        where = {"namespace": "shop", "service": service, "job": service}
        asked, failed = rate * SCRAPE_S, one.fails[service]
        good, bad = np.cumsum(asked * (1 - failed)), np.cumsum(asked * failed)
        took = np.cumsum(asked * one.takes[service])
        yield "http_request_duration_seconds_count", {**where, "code": "200"}, np.round(good)
        yield "http_request_duration_seconds_count", {**where, "code": "500"}, np.round(bad)
        yield "http_request_duration_seconds_sum", {**where, "code": "200"}, took
        for called in CALLS.get(service, ()):
            graph = {"client": service, "server": called, "job": "tempo"}
            yield "traces_service_graph_request_total", graph, np.cumsum(np.round(asked))


def _text(cluster: str, labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in {"cluster": cluster, **labels}.items()) + "}"
