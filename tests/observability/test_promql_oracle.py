"""The same samples, the same queries: the hub's numbers equal those of a real Prometheus."""

from __future__ import annotations

import math
import random
import re
import struct
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from aiops.kernel.database import Database
from aiops.observability.needs import Matcher, StoredSeries
from aiops.observability.ports import Labels, Sample
from aiops.observability.promql import EvalResult, evaluate, parse
from aiops.observability.store.samples import PostgresSampleStore
from tests.lab.packages import lab_available
from tests.lab.remote_write import RECEIVER, write
from tests.lab.servers import Prometheus
from tests.observability.promql_queries import QUERIES

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=lab_available() or "the lab is there"),
]

START_S = 1_700_000_000
CLUSTER = UUID(int=1)
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
STALE_QUERIES = (
    "vanishing",
    "vanishing offset 2m",
    "count(vanishing)",
    "sum by (how) (vanishing)",
    "absent(vanishing)",
    'absent(vanishing{how="marked"})',
    "rate(vanishing[5m])",
    "increase(vanishing[3m])",
    "irate(vanishing[10m])",
    "delta(vanishing[4m])",
    "deriv(vanishing[10m])",
    "changes(vanishing[10m])",
    "resets(vanishing[10m])",
    "count_over_time(vanishing[5m])",
    "last_over_time(vanishing[5m])",
    "present_over_time(vanishing[1m])",
    "max_over_time(vanishing[2m] offset 1m)",
    "avg_over_time(vanishing[30s])",
    "vanishing > bool 50",
    'vanishing{how="marked"} - ignoring (how) vanishing{how="silent"}',
    'vanishing{how="marked"} or vanishing{how="silent"}',
    'vanishing unless on (instance) vanishing{how="marked"}',
)
"""Of series that end by a marker, by silence, by both in turn, and that come back."""


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
    series.extend(_vanishing())
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


def _vanishing() -> Iterator[tuple[Labels, list[tuple[int, float]]]]:
    """Three that are gone from step 100 to 120, and, past what Prometheus looks back, from 200 to 260."""
    gaps = (range(100, 120), range(200, 260))
    for how, marked in (("marked", (100, 200)), ("silent", ()), ("mixed", (200, 270, 271, 300))):
        points = [
            (START_S * 1000 + i * 15_000, STALE if i in marked else float(i % 90))
            for i in range(400)
            if i in marked or not any(i in gap for gap in gaps)
        ]
        yield {"__name__": "vanishing", "how": how, "instance": "1"}, points


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


@pytest.fixture(scope="module")
def samples() -> list[StoredSeries]:
    return _samples()


@pytest.fixture(scope="module")
def oracle(samples: list[StoredSeries]) -> Iterator[Prometheus]:
    """Written in slices of time: what lies an hour behind the newest sample is no longer taken."""
    with Prometheus(retention="10y", flags=[RECEIVER]) as server:
        for start in range(START_S * 1000 - 60_000, (START_S + 7_300) * 1000, 600_000):
            write(server.url, [(one.labels, _bits(_cut(one, start, start + 599_999))) for one in samples])
        yield server


def _bits(one: StoredSeries) -> list[tuple[int, bytes]]:
    values = one.values.astype("<f8").tobytes()
    return [(at, values[place * 8 : place * 8 + 8]) for place, at in enumerate(one.timestamps.tolist())]


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
    return _by_labels(evaluate(plan, data, start, end, step), start, step)


def _by_labels(result: EvalResult, start: int, step: int) -> dict[Any, dict[int, float]]:
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


@pytest.mark.parametrize("query", [*QUERIES, *STALE_QUERIES])
def test_equals_a_real_prometheus_over_a_range(query: str, oracle: Prometheus, samples: list[StoredSeries]) -> None:
    for start, end, step in ((START_S + 120, START_S + 8000, 60), (START_S + 3000, START_S + 4200, 17)):
        theirs = _theirs(oracle.query_range(query, start, end, step))
        _assert_same(_ours(samples, query, start * 1000, end * 1000, step * 1000), theirs)


@pytest.mark.parametrize("query", [*QUERIES, *STALE_QUERIES])
def test_equals_a_real_prometheus_at_one_moment(query: str, oracle: Prometheus, samples: list[StoredSeries]) -> None:
    for at in (START_S + 1815, START_S + 3333, START_S + 7400):
        _assert_same(_ours(samples, query, at * 1000, at * 1000, 1), _theirs(oracle.query(query, at)))


def test_the_oracle_has_an_answer_to_nearly_all_queries(oracle: Prometheus) -> None:
    queries = {*QUERIES, *STALE_QUERIES}
    answered = [query for query in queries if oracle.query(query, START_S + 3333)["result"]]
    assert len(answered) >= 120


def test_the_oracle_took_the_markers(oracle: Prometheus) -> None:
    """A series that ended by a marker is gone at once; one that fell silent is still told five minutes later."""
    (found,) = oracle.query('vanishing{how=~"marked|silent"}', START_S + 205 * 15)["result"]
    assert found["metric"]["how"] == "silent"
    (found,) = oracle.query("count_over_time(vanishing{how='marked'}[1h])", START_S + 399 * 15)["result"]
    assert float(found["value"][1]) == 241 - 60, "a marker is no sample"


async def test_equals_it_also_with_the_samples_in_the_hubs_own_store(
    oracle: Prometheus, samples: list[StoredSeries], database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    store = PostgresSampleStore()
    async with database.begin() as tx:
        for one in samples:
            points = zip(one.timestamps.tolist(), one.values.tolist(), strict=True)
            await store.append(tx, CLUSTER, [Sample(one.labels, at / 1000, value) for at, value in points])
        await tx.commit()
    equal = 0
    start, end, step = START_S + 600, START_S + 6600, 75
    for query in [*QUERIES, *STALE_QUERIES]:
        plan = parse(query)
        async with database.begin() as tx:
            data = [
                await store.select(tx, [CLUSTER], one.matchers, *one.bounds(start * 1000, end * 1000))
                for one in plan.selectors
            ]
        ours = _by_labels(evaluate(plan, data, start * 1000, end * 1000, step * 1000), start * 1000, step * 1000)
        _assert_same(ours, _theirs(oracle.query_range(query, start, end, step)))
        equal += 1
    with capsys.disabled():
        print(f"\n{equal} queries equal a real Prometheus' answers, {len(STALE_QUERIES)} of them about staleness")


def test_a_staleness_marker_ends_a_series_at_once() -> None:
    times = np.array([0, 15_000, 30_000, 90_000], dtype=np.int64)
    one = StoredSeries(CLUSTER, {"__name__": "x"}, times, np.array([1.0, 2.0, STALE, 4.0]))
    result = evaluate(parse("x"), [[one]], 0, 120_000, 15_000)
    assert result.present[0].tolist() == [True, True, False, False, False, False, True, True, True]
    counted = evaluate(parse("count_over_time(x[1m])"), [[one]], 60_000, 60_000, 1)
    assert counted.values.tolist() == [[2.0]]
