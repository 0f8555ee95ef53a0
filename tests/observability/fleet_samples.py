"""Samples of three clusters that differ: in what they have, when, and how much."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from contextlib import ExitStack

from tests.lab.servers import Prometheus

CLUSTERS = ("east", "west", "north")
START_S = 1_700_000_000
_STEP_S = 15
_COUNT = 480

Points = list[tuple[float, float]]
Series = list[tuple[dict[str, str], Points]]


def samples_of(cluster: str) -> Series:
    """Two hours at 15 s: counters with resets, gauges with gaps, a histogram; `odd` with NaN only in `north`."""
    chance = random.Random(cluster)
    instances = {"east": ("1", "2"), "west": ("2", "3", "4"), "north": ("5",)}[cluster]
    series: Series = []
    for instance in instances:
        for code in ("200", "500") if cluster != "north" else ("200",):
            labels = {"job": "a" if instance < "4" else "b", "instance": instance, "code": code}
            series.append(({"__name__": "requests_total", **labels}, _counter(chance)))
        place = {"instance": instance, "zone": "x" if instance in {"1", "3"} else "y"}
        series.append(({"__name__": "temperature", **place}, _gauge(chance, 20)))
        if instance != "4":
            series.append(({"__name__": "limit", **place}, _gauge(chance, 30)))
        version = {"instance": instance, "version": f"v{instance}"}
        if (cluster, instance) != ("west", "2"):
            series.append(({"__name__": "info", **version}, [(_at(i), 1.0) for i in range(_COUNT)]))
    for path in ("/", "/slow"):
        series.extend(_histogram(chance, path))
    # Never the same in two clusters: which of two equal values topk takes is anyone's choice.
    values = [
        math.nan if cluster == "north" and i % 40 < 4 else i % 17 + CLUSTERS.index(cluster) / 8 for i in range(_COUNT)
    ]
    series.append(({"__name__": "odd", "kind": cluster}, [(_at(i), value) for i, value in enumerate(values)]))
    return series


def _at(step: int) -> float:
    return START_S + step * _STEP_S


def _counter(chance: random.Random) -> Points:
    value, points = chance.uniform(0, 1000), []
    begin = chance.randint(100, 300)
    for i in range(_COUNT):
        value = 0.0 if chance.random() < 0.01 else value + chance.uniform(0, 30)
        if not begin <= i < begin + 40 and chance.random() > 0.03:
            points.append((_at(i) + round(chance.uniform(-0.2, 0.2), 3), round(value, 6)))
    return points


def _gauge(chance: random.Random, scale: float) -> Points:
    begin = chance.randint(100, 400)
    return [
        (_at(i), scale + chance.gauss(0, scale / 4))
        for i in range(_COUNT)
        if not begin <= i < begin + 30 and chance.random() > 0.05
    ]


def _histogram(chance: random.Random, path: str) -> Series:
    bounds = ["0.1", "0.5", "1", "2.5", "+Inf"]
    rows: list[Points] = [[] for _ in bounds]
    counts = [0.0] * len(bounds)
    for i in range(_COUNT):
        for _ in range(chance.randint(0, 6)):
            first = chance.randint(0, len(bounds) - 1)
            counts = [count + (place >= first) for place, count in enumerate(counts)]
        for place, count in enumerate(counts):
            rows[place].append((_at(i), count))
    return [({"__name__": "seconds_bucket", "path": path, "le": le}, rows[n]) for n, le in enumerate(bounds)]


def prometheus_with(series: Iterable[tuple[dict[str, str], Points]], stack: ExitStack) -> Prometheus:
    """A real Prometheus that holds these samples."""
    past = "\n".join([*_lines(series), "# EOF", ""])
    return stack.enter_context(Prometheus(past=past, retention="10y"))


def _lines(series: Iterable[tuple[dict[str, str], Points]]) -> Iterable[str]:
    for labels, points in series:
        inner = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
        for at, value in points:
            yield f"{labels['__name__']}{{{inner}}} {'NaN' if math.isnan(value) else repr(value)} {at:.3f}"
