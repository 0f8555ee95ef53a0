"""A small make-believe plant: nodes with services in a chain, whose load is lively and whose faults are scripted.

Everything follows from the seed, the faults and the time, so two worlds of one seed tell the same story.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

STEP_S = 0.5
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SPREAD = 0.5
_GIB = float(2**30)


class FaultKind(StrEnum):
    CPU_HOG = "cpu_hog"
    MEMORY_LEAK = "memory_leak"
    DISK_FILL = "disk_fill"
    LATENCY = "latency"
    ERROR_BURST = "error_burst"
    SILENCE = "silence"


@dataclass(frozen=True)
class Fault:
    """What is wrong with `target` (a node or a service) from `start` to `end`, in seconds of the world's time.

    `strength`: the share of CPU taken, the GiB leaked or written a minute, the factor on latency, the share of errors.
    """

    kind: FaultKind
    target: str
    start: float
    end: float = math.inf
    strength: float = 1.0

    def acts_at(self, time: float) -> bool:
        return self.start <= time < self.end


class FaultScript:
    """Faults at their times; more can be begun, and all ended, while the world turns."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)

    def add(self, fault: Fault) -> None:
        self._faults = [*self._faults, fault]

    def end_all(self, time: float) -> None:
        self._faults = [
            Fault(fault.kind, fault.target, fault.start, min(fault.end, time), fault.strength)
            for fault in self._faults
            if fault.start < time
        ]

    def strength(self, kind: FaultKind, target: str, time: float) -> float:
        """How strong the faults of this kind on this target are together; 0 where there is none."""
        return sum(f.strength for f in self._faults if f.kind is kind and f.target == target and f.acts_at(time))

    def acting(self, time: float) -> list[Fault]:
        return [fault for fault in self._faults if fault.acts_at(time)]


@dataclass(frozen=True)
class Service:
    """A service on a node, called `rate` times a second, that calls the services it `needs` once a request.

    `passes_on` is the share of their failures that it fails by itself."""

    name: str
    node: str
    rate: float = 40.0
    median_s: float = 0.03
    error_share: float = 0.002
    needs: tuple[str, ...] = ()
    passes_on: float = 0.0


@dataclass
class NodeState:
    """The counters and gauges of one node."""

    cores: int = 4
    cpu: dict[tuple[int, str], float] = field(default_factory=lambda: defaultdict(float))
    memory_total: float = 8 * _GIB
    memory_used: float = 2.4 * _GIB
    disk_size: float = 80 * _GIB
    disk_used: float = 24 * _GIB
    disk_read: float = 0.0
    disk_written: float = 0.0
    disk_busy: float = 0.0
    received: float = 0.0
    sent: float = 0.0
    load1: float = 0.5
    load5: float = 0.5
    load15: float = 0.5
    busy: float = 0.15


@dataclass
class ServiceState:
    """The histogram of one service: for each status code, how often, how long in all, and the buckets."""

    median_s: float = 0.03
    count: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    total_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    buckets: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0] * len(BUCKETS)))


class World:
    """Nodes and services advanced in steps of half a second; `advance` never goes back."""

    def __init__(self, services: Iterable[Service], *, seed: int = 1, script: FaultScript | None = None) -> None:
        self.services = list(services)
        self.script = script or FaultScript()
        self.nodes = {service.node: NodeState() for service in self.services}
        self.states = {service.name: ServiceState(median_s=service.median_s) for service in self.services}
        self._seed = seed
        self._step = 0

    @property
    def time(self) -> float:
        return self._step * STEP_S

    def advance(self, time: float) -> None:
        """Live on until `time` seconds after the beginning."""
        while (self._step + 1) * STEP_S <= time:
            self._step += 1
            for name, node in self.nodes.items():
                self._live(name, node)
            for service in reversed(self.services):
                self._serve(service)

    def _live(self, name: str, node: NodeState) -> None:
        wave = 0.03 * math.sin(self.time / 37 + self._noise(name, "phase", step=0) * 3)
        calm = 0.16 + wave + 0.02 * self._noise(name, "cpu")
        node.busy = min(0.99, max(0.02, calm + self.script.strength(FaultKind.CPU_HOG, name, self.time)))
        for core in range(node.cores):
            node.cpu[core, "user"] += STEP_S * node.busy * 0.8
            node.cpu[core, "system"] += STEP_S * node.busy * 0.2
            node.cpu[core, "iowait"] += STEP_S * 0.002
            node.cpu[core, "idle"] += STEP_S * max(0.0, 1 - node.busy - 0.002)
        self._remember(name, node)
        self._move_bytes(name, node)
        for minutes in (1, 5, 15):
            decay = math.exp(-STEP_S / (60 * minutes))
            wanted = node.busy * node.cores * (1.4 if node.busy > 0.9 else 1.0)
            setattr(node, f"load{minutes}", getattr(node, f"load{minutes}") * decay + wanted * (1 - decay))

    def _remember(self, name: str, node: NodeState) -> None:
        leak = self.script.strength(FaultKind.MEMORY_LEAK, name, self.time)
        calm = 2.4 * _GIB + 0.04 * _GIB * self._noise(name, "memory")
        # A leak fills memory up to a little below its end; when it ends, the process was restarted.
        node.memory_used = min(node.memory_used + leak * _GIB / 60 * STEP_S, 0.97 * node.memory_total) if leak else calm
        fill = self.script.strength(FaultKind.DISK_FILL, name, self.time)
        calm_disk = 24 * _GIB + 0.02 * _GIB * self._noise(name, "disk")
        node.disk_used = min(node.disk_used + fill * _GIB / 60 * STEP_S, 0.99 * node.disk_size) if fill else calm_disk

    def _move_bytes(self, name: str, node: NodeState) -> None:
        filling = self.script.strength(FaultKind.DISK_FILL, name, self.time)
        written = 400_000 * (1 + 0.1 * self._noise(name, "written")) + filling * _GIB / 60
        node.disk_written += STEP_S * written
        node.disk_read += STEP_S * 150_000 * (1 + 0.1 * self._noise(name, "read"))
        node.disk_busy += STEP_S * min(1.0, 0.02 + written / 150e6)
        node.received += STEP_S * 900_000 * (1 + 0.08 * self._noise(name, "received"))
        node.sent += STEP_S * 700_000 * (1 + 0.08 * self._noise(name, "sent"))

    def _serve(self, service: Service) -> None:
        state = self.states[service.name]
        own = service.median_s * (1 + 0.05 * self._noise(service.name, "latency"))
        own *= max(1.0, self.script.strength(FaultKind.LATENCY, service.name, self.time))
        own *= _crowding(self.nodes[service.node].busy)
        wanted = own + sum(self.states[need].median_s for need in service.needs)
        # Queues fill and drain over some seconds, so a caller moves visibly later than whom it calls.
        state.median_s += (wanted - state.median_s) * (1 - math.exp(-STEP_S / 2.0))
        errors = self._error_share(service)
        requests = STEP_S * service.rate * (1 + 0.05 * self._noise(service.name, "rate"))
        for code, share in (("200", 1 - errors), ("500", errors)):
            _observe(state, code, requests * share)

    def _error_share(self, service: Service) -> float:
        own = service.error_share * (1 + 0.3 * self._noise(service.name, "errors"))
        own += self.script.strength(FaultKind.ERROR_BURST, service.name, self.time)
        if service.passes_on:
            needed = [one for one in self.services if one.name in service.needs]
            own += service.passes_on * sum(self._error_share(one) for one in needed)
        return min(0.95, own)

    def _noise(self, name: str, what: str, step: int | None = None) -> float:
        """Between -1 and 1, the same for the same seed, thing and step."""
        key = f"{self._seed}:{name}:{what}:{self._step if step is None else step}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big") / 2**31 - 1


def _crowding(busy: float) -> float:
    """How much slower everything gets on a node that is this busy."""
    return 1.0 if busy < 0.6 else 1 + 6 * (busy - 0.6) / 0.4


def _observe(state: ServiceState, code: str, requests: float) -> None:
    state.count[code] += requests
    state.total_s[code] += requests * state.median_s * math.exp(_SPREAD**2 / 2)
    for at, bound in enumerate(BUCKETS):
        below = 0.5 * (1 + math.erf(math.log(bound / state.median_s) / (_SPREAD * math.sqrt(2))))
        state.buckets[code][at] += requests * below
