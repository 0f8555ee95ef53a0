"""Systems made by chance: who calls whom, what its metrics do under a wavering load, and one fault in one service.

Nothing here is fitted to a data set. What is true of most systems is built in: a slow callee makes its callers slow and
everybody's load smaller, percentiles are noisy, rates are smoothed, memory has another level after a restart, some
metrics are missing, and some move for reasons of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FAULTS = ("cpu", "mem", "disk", "delay", "loss")


class MadeCase(NamedTuple):
    """`before` and `after` are rows × `names`; `fault` is one of `FAULTS`, or none where nothing happened."""

    names: list[str]
    before: Floats
    after: Floats
    edges: list[tuple[str, str]]
    service: str
    fault: str | None


def made_case(seed: int, *, faulty: bool = True) -> MadeCase:
    """The system of a seed; a different call graph, sampling, load and fault for each."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 36))
    calls = _calls(rng, count)
    rows = (int(rng.integers(60, 700)), int(rng.integers(60, 700)))
    culprit = int(rng.integers(0, count))
    fault = FAULTS[int(rng.integers(len(FAULTS)))] if faulty else None
    strength = _strength(rng, rows, fault)
    columns = _System(rng, count, calls, rows).metrics(culprit, fault, strength, another_day=bool(rng.random() < 0.3))
    services = [f"s{place}" for place in rng.permutation(count)]
    kept = {
        (place, metric) for place, metric in columns if rng.random() > 0.1 or _told_by(fault, metric, place == culprit)
    }
    names = [f"{services[place]}_{metric}" for place, metric in columns if (place, metric) in kept]
    table = np.column_stack([values for key, values in columns.items() if key in kept])
    edges = [(services[caller], services[callee]) for caller in range(count) for callee in calls[caller]]
    return MadeCase(names, table[: rows[0]], table[rows[0] :], edges, services[culprit], fault)


def _calls(rng: np.random.Generator, count: int) -> list[list[int]]:
    """Callees of each; a caller's number is lower than its callees', and only the first is called by nobody."""
    calls: list[list[int]] = [[] for _ in range(count)]
    for callee in range(1, count):
        callers = rng.choice(callee, size=min(callee, int(rng.integers(1, 3))), replace=False)
        for caller in callers:
            calls[int(caller)].append(callee)
    return calls


def _told_by(fault: str | None, metric: str, culprits: bool) -> bool:
    """Whether the fault is seen in this metric: a cause that no column shows can't be asked for."""
    shown = {"cpu": "cpu", "mem": "mem", "disk": "diskio", "delay": "latency-90", "loss": "error"}
    return culprits and fault is not None and metric == shown[fault]


def _strength(rng: np.random.Generator, rows: tuple[int, int], fault: str | None) -> Floats:
    """0 before; after, from a moment of its own, 1 at once or by and by."""
    found = np.zeros(sum(rows))
    start = rows[0] + int(rng.uniform(0, 0.3) * rows[1])
    ramp = max(1, int(rng.uniform(0, 0.5 if fault == "mem" else 0.1) * rows[1]))
    found[start:] = np.minimum(1, np.arange(1, len(found) - start + 1) / ramp)
    return found


class _System:
    def __init__(self, rng: np.random.Generator, count: int, calls: list[list[int]], rows: tuple[int, int]) -> None:
        self._rng, self._count, self._calls, self._rows = rng, count, calls, rows
        self._length = sum(rows)
        self._drift = self._wander(count, 0.01)

    def metrics(
        self, culprit: int, fault: str | None, strength: Floats, *, another_day: bool
    ) -> dict[tuple[int, str], Floats]:
        rng, count = self._rng, self._count

        def factor(low: float, high: float) -> Floats:
            found: Floats = 1 + (np.exp(rng.uniform(np.log(low), np.log(high))) - 1) * strength
            return found

        own = np.exp(rng.normal(-4, 1, count))[:, None] * np.exp(self._wander(count, 0.05))
        if fault in ("cpu", "disk", "mem"):
            own[culprit] *= factor(1.02, 3)
        if fault in ("delay", "loss"):
            own[culprit] *= factor(1.2, 60) if fault == "delay" else factor(1.05, 8)
        latency = own.copy()
        for place in reversed(range(count)):
            for callee in self._calls[place]:
                latency[place] += rng.uniform(0.3, 1) * latency[callee]
        load = self._load(latency, another_day=another_day)
        found: dict[tuple[int, str], Floats] = {}
        smooth = int(rng.integers(1, 15))
        for place in range(count):
            mine = fault if place == culprit else None
            own_metrics = self._service(place, mine, factor, load[place], latency[place], smooth, another_day)
            found |= {(place, name): values for name, values in own_metrics.items()}
        self._decoys(found)
        return found

    def _wander(self, count: int, size: float) -> Floats:
        """Slow noise, a row each: most of what a metric does, it does for minutes."""
        slow = self._rng.uniform(0.8, 0.98)
        noise = self._rng.normal(0, size * np.sqrt(1 - slow**2), (count, self._length))
        found = np.empty_like(noise)
        found[:, 0] = noise[:, 0]
        for row in range(1, self._length):
            found[:, row] = slow * found[:, row - 1] + noise[:, row]
        return found

    def _load(self, latency: Floats, *, another_day: bool) -> Floats:
        rng = self._rng
        usual = np.median(latency[0, : self._rows[0]])
        people = 100 * np.exp(self._wander(1, rng.uniform(0.03, 0.15))[0]) * (usual / latency[0]) ** rng.uniform(0, 0.7)
        if another_day:
            people[self._rows[0] :] *= np.exp(rng.normal(0, 0.25))
        load = np.zeros((self._count, self._length))
        load[0] = people
        for place in range(self._count):
            for callee in self._calls[place]:
                load[callee] += rng.uniform(0.3, 1.5) * load[place] * np.exp(rng.normal(0, 0.03, self._length))
        return load

    def _service(
        self,
        place: int,
        fault: str | None,
        factor: Callable[[float, float], Floats],
        load: Floats,
        latency: Floats,
        smooth: int,
        another_day: bool,
    ) -> dict[str, Floats]:
        rng, length = self._rng, self._length

        def noise(size: float) -> Floats:
            return np.exp(rng.normal(0, size, length))

        cpu = (0.02 + load * np.exp(rng.normal(-6, 1))) * noise(rng.uniform(0.03, 0.2))
        memory = np.exp(rng.normal(19, 1)) * np.exp(self._drift[place])
        if another_day:
            memory[self._rows[0] :] *= np.exp(rng.normal(0, 0.4))
        disk = (1 + load * np.exp(rng.normal(-3, 1))) * noise(0.3) * (rng.random(length) > 0.1)
        errors = load * 0.01 * (rng.random(length) < rng.uniform(0, 0.1)) * rng.pareto(3, length)
        if fault in ("cpu", "mem", "disk"):
            cpu = cpu * (factor(1.3, 40) if fault == "cpu" else factor(1, 3))
        if fault == "mem":
            memory = memory * factor(1.05, 3)
        if fault == "disk":
            disk = disk * factor(1.3, 30)
        if fault == "loss":
            errors = errors + load * 0.05 * (factor(1.1, 10) - 1) * noise(0.5)
        tails = latency * noise(0.1) * (1 + rng.pareto(4, length))
        found = {"cpu": cpu, "mem": memory, "load": load * noise(0.05), "latency-50": latency * noise(0.1)}
        found |= {"latency-90": 2 * tails, "error": errors, "diskio": disk}
        return {name: values if name == "mem" else _smoothed(values, smooth) for name, values in found.items()}

    def _decoys(self, found: dict[tuple[int, str], Floats]) -> None:
        """Some metrics spike now and then, and a few change in the time after for reasons of their own."""
        rng, keys = self._rng, list(found)
        for place in rng.choice(len(keys), size=len(keys) // 10, replace=False):
            values = found[keys[place]]
            values[rng.random(self._length) < 0.01] *= rng.uniform(2, 10)
        for place in rng.choice(len(keys), size=int(rng.integers(0, 9)), replace=False):
            start = self._rows[0] + int(rng.uniform(0, 0.9) * self._rows[1])
            found[keys[place]][start:] *= np.exp(rng.normal(0, 1))


def _smoothed(values: Floats, rows: int) -> Floats:
    """As a rate over a window is: the mean of the latest rows."""
    summed = np.cumsum(np.concatenate([np.repeat(values[:1], rows), values]))
    found: Floats = (summed[rows:] - summed[:-rows]) / rows
    return found
