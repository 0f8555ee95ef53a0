"""The same samples, the same queries: the hub's numbers equal those of a real Prometheus."""

from __future__ import annotations

import math
import random
import re
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from aiops.observability.needs import Matcher, StoredSeries
from aiops.observability.ports import Labels
from aiops.observability.promql import evaluate, parse
from tests.lab.packages import binary, lab_available
from tests.lab.servers import Prometheus
from tests.observability.promql_queries import QUERIES

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=lab_available() or "the lab is there"),
]

START_S = 1_700_000_000
CLUSTER = UUID(int=1)


def _samples() -> list[StoredSeries]:
    """Two hours at 15 s: counters with resets, gauges with gaps, NaN and infinity, histograms, sparse series."""
    chance = random.Random(20_231_114)
    series: list[tuple[Labels, list[tuple[int, float]]]] = []
    for job, instance, code in [("a", "1", "200"), ("a", "2", "200"), ("a", "1", "500"), ("b", "3", "200")]:
        labels = {"__name__": "requests_total", "job": job, "instance": instance, "code": code}
        series.append((labels, _counter(chance, offset_ms=int(instance) * 1_300)))
    for instance in ("1", "2", "3"):
        for name, scale in (("temperature", 20.0), ("limit", 30.0)):
            labels = {"__name__": name, "instance": instance, "zone": "x" if instance == "1" else "y"}
            series.append((labels, _gauge(chance, scale)))
    series.append(({"__name__": "odd", "kind": "nan"}, _odd(math.nan)))
    series.append(({"__name__": "odd", "kind": "inf"}, _odd(math.inf)))
    series.append(({"__name__": "odd", "kind": "minus"}, _odd(-math.inf)))
    series.append(({"__name__": "flat"}, [(START_S * 1000 + i * 15_000, 5.0) for i in range(480)]))
    series.append(
        (
            {"__name__": "info", "instance": "1", "version": "v1"},
            [(START_S * 1000 + i * 60_000, 1.0) for i in range(120)],
        )
    )
    series.append(
        (
            {"__name__": "info", "instance": "2", "version": "v2"},
            [(START_S * 1000 + i * 60_000, 1.0) for i in range(120)],
        )
    )
    series.append(({"__name__": "sparse"}, [(START_S * 1000 + i * 400_000, float(i * i)) for i in range(18)]))
    for path in ("/", "/slow"):
        series.extend(_histogram(chance, path))
    return [
        StoredSeries(
            CLUSTER, labels, np.array([t for t, _ in points], dtype=np.int64), np.array([v for _, v in points])
        )
        for labels, points in series
    ]


def _counter(chance: random.Random, offset_ms: int) -> list[tuple[int, float]]:
    value, points = chance.uniform(0, 1000), []
    for i in range(480):
        value = 0.0 if chance.random() < 0.01 else value + chance.uniform(0, 30)
        if not 200 <= i < 240 and chance.random() > 0.03:
            points.append((START_S * 1000 + i * 15_000 + offset_ms + chance.randint(-200, 200), round(value, 6)))
    return points


def _gauge(chance: random.Random, scale: float) -> list[tuple[int, float]]:
    return [
        (START_S * 1000 + i * 15_000, scale + chance.gauss(0, scale / 4))
        for i in range(480)
        if not 300 <= i < 330 and chance.random() > 0.05
    ]


def _odd(value: float) -> list[tuple[int, float]]:
    return [(START_S * 1000 + i * 15_000, value if i % 50 in {7, 8, 9} else float(i % 17)) for i in range(480)]


def _histogram(chance: random.Random, path: str) -> list[tuple[Labels, list[tuple[int, float]]]]:
    bounds = ["0.1", "0.5", "1", "2.5", "+Inf"]
    rows: list[list[tuple[int, float]]] = [[] for _ in bounds]
    counts = [0.0] * len(bounds)
    for i in range(480):
        for _ in range(chance.randint(0, 6)):
            first = chance.randint(0, len(bounds) - 1)
            counts = [count + (place >= first) for place, count in enumerate(counts)]
        for place, count in enumerate(counts):
            rows[place].append((START_S * 1000 + i * 15_000, count))
    return [({"__name__": "seconds_bucket", "path": path, "le": le}, rows[n]) for n, le in enumerate(bounds)]


def _openmetrics(samples: Sequence[StoredSeries]) -> str:
    lines = []
    for one in samples:
        inner = ",".join(f'{name}="{value}"' for name, value in one.labels.items() if name != "__name__")
        for at, value in zip(one.timestamps.tolist(), one.values.tolist(), strict=True):
            text = "NaN" if math.isnan(value) else repr(value)
            lines.append(f"{one.labels['__name__']}{{{inner}}} {text} {at / 1000:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def samples() -> list[StoredSeries]:
    return _samples()


@pytest.fixture(scope="module")
def oracle(samples: list[StoredSeries]) -> Iterator[Prometheus]:
    server = Prometheus(retention="10y")
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "samples.txt")
        text.write_text(_openmetrics(samples))
        command = [str(binary("promtool")), "tsdb", "create-blocks-from", "openmetrics", "-q", str(text)]
        subprocess.run([*command, str(server.folder / "data")], check=True, capture_output=True)
    with server:
        yield server


def _matches(matcher: Matcher, labels: Labels) -> bool:
    value = labels.get(matcher.name, "")
    if matcher.op in {"=", "!="}:
        return (value == matcher.value) == (matcher.op == "=")
    return bool(re.fullmatch(matcher.value, value)) == (matcher.op == "=~")


def _ours(samples: list[StoredSeries], query: str, start: int, end: int, step: int) -> dict[Any, dict[int, float]]:
    plan = parse(query)
    data = []
    for selector in plan.selectors:
        low, high = selector.bounds(start, end)
        data.append(
            [_cut(one, low, high) for one in samples if all(_matches(m, one.labels) for m in selector.matchers)]
        )
    result = evaluate(plan, data, start, end, step)
    return {
        frozenset(labels.items()): {
            start + column * step: float(values[column]) for column in np.flatnonzero(present).tolist()
        }
        for labels, values, present in zip(result.labels, result.values, result.present, strict=True)
    }


def _cut(one: StoredSeries, low: int, high: int) -> StoredSeries:
    inside = (one.timestamps >= low) & (one.timestamps <= high)
    return StoredSeries(one.cluster_id, one.labels, one.timestamps[inside], one.values[inside])


def _theirs(data: Any, at: int | None = None) -> dict[Any, dict[int, float]]:
    if data["resultType"] in {"scalar", "string"}:
        return {frozenset(): {round(data["result"][0] * 1000): float(data["result"][1])}}
    return {
        frozenset(one["metric"].items()): {
            round(t * 1000): float(v) for t, v in (one["values"] if "values" in one else [one["value"]])
        }
        for one in data["result"]
    }


def _assert_same(ours: dict[Any, dict[int, float]], theirs: dict[Any, dict[int, float]]) -> None:
    assert ours.keys() == theirs.keys()
    for labels, points in theirs.items():
        assert ours[labels].keys() == points.keys(), labels
        for at, value in points.items():
            got = ours[labels][at]
            same = (math.isnan(got) and math.isnan(value)) or got == value
            assert same or math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-12), (labels, at, got, value)


@pytest.mark.parametrize("query", QUERIES)
def test_equals_a_real_prometheus_over_a_range(query: str, oracle: Prometheus, samples: list[StoredSeries]) -> None:
    for start, end, step in ((START_S + 120, START_S + 8000, 60), (START_S + 3000, START_S + 4200, 17)):
        theirs = _theirs(oracle.query_range(query, start, end, step))
        _assert_same(_ours(samples, query, start * 1000, end * 1000, step * 1000), theirs)


@pytest.mark.parametrize("query", QUERIES)
def test_equals_a_real_prometheus_at_one_moment(query: str, oracle: Prometheus, samples: list[StoredSeries]) -> None:
    for at in (START_S + 1815, START_S + 3333, START_S + 7400):
        _assert_same(_ours(samples, query, at * 1000, at * 1000, 1), _theirs(oracle.query(query, at)))


def test_the_oracle_has_an_answer_to_nearly_all_queries(oracle: Prometheus) -> None:
    answered = [query for query in QUERIES if oracle.query(query, START_S + 3333)["result"]]
    assert len(set(answered)) >= 100


def test_a_staleness_marker_ends_a_series_at_once() -> None:
    stale = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
    times = np.array([0, 15_000, 30_000, 90_000], dtype=np.int64)
    one = StoredSeries(CLUSTER, {"__name__": "x"}, times, np.array([1.0, 2.0, stale, 4.0]))
    result = evaluate(parse("x"), [[one]], 0, 120_000, 15_000)
    assert result.present[0].tolist() == [True, True, False, False, False, False, True, True, True]
    counted = evaluate(parse("count_over_time(x[1m])"), [[one]], 60_000, 60_000, 1)
    assert counted.values.tolist() == [[2.0]]
