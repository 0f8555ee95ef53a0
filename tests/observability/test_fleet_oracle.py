"""The fleet answers as one Prometheus would that holds the samples of all, each with its `cluster`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.ports import ClusterOutcome, QueryStatus
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.store.samples import PostgresSampleStore
from tests.lab.packages import LabFailed, lab_available
from tests.lab.servers import Prometheus
from tests.observability.clusters import Fleet
from tests.observability.fleet_generator import Generator, Vocabulary
from tests.observability.fleet_queries import ACROSS, LOCAL, QUERIES
from tests.observability.fleet_samples import CLUSTERS, START_S, prometheus_with, samples_of

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=lab_available() or "the lab is there"),
]

SYSTEM = Principal.system("test")
Points = dict[frozenset[tuple[str, str]], dict[int, float]]


class Servers:
    def __init__(self, stack: ExitStack) -> None:
        samples = {cluster: samples_of(cluster) for cluster in CLUSTERS}
        self.urls = {cluster: prometheus_with(samples[cluster], stack).url for cluster in CLUSTERS}
        whole = [
            ({**labels, "cluster": cluster}, points) for cluster in CLUSTERS for labels, points in samples[cluster]
        ]
        self.oracle: Prometheus = prometheus_with(whole, stack)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture
async def hub(servers: Servers) -> Any:
    async with aiohttp.ClientSession() as session:
        yield _hub(Fleet(dict(servers.urls)), session)


def _hub(fleet: Fleet, session: aiohttp.ClientSession) -> MetricsService:
    clock = SystemClock()
    # Every cluster has a Prometheus of its own, so the hub's samples are never looked at.
    own = OwnSamples(Database("postgresql://nowhere.invalid/none"), PostgresSampleStore())
    return MetricsService(clock, fleet, PrometheusBackend(session, clock), own)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _theirs(data: Any) -> Points:
    if data["resultType"] == "scalar":
        return {frozenset(): {round(data["result"][0] * 1000): float(data["result"][1])}}
    return {
        frozenset(one["metric"].items()): {
            round(at * 1000): float(value) for at, value in (one["values"] if "values" in one else [one["value"]])
        }
        for one in data["result"]
    }


def _difference(ours: Points, theirs: Points) -> str | None:
    if ours.keys() != theirs.keys():
        return f"series {[dict(k) for k in ours.keys() ^ theirs.keys()][:4]}"
    for labels, points in theirs.items():
        if ours[labels].keys() != points.keys():
            return f"points of {dict(labels)}"
        for at, value in points.items():
            got = ours[labels][at]
            same = got == value or (math.isnan(got) and math.isnan(value))
            if not same and not math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-12):
                return f"{dict(labels)} at {at}: {got} is not {value}"
    return None


def _all_answered(outcomes: list[ClusterOutcome]) -> None:
    assert [one for one in outcomes if one.status is not QueryStatus.SUCCESS] == []


async def _range(hub: MetricsService, query: str, start: int, end: int, step: int) -> Points:
    result = await hub.query_range(SYSTEM, query, start=_time(start), end=_time(end), step_s=step)
    _all_answered(result.clusters)
    return {
        frozenset(one.metric.items()): {round(at * 1000): float(value) for at, value in one.values}
        for one in result.series
    }


async def _instant(hub: MetricsService, query: str, at: int) -> Points:
    result = await hub.query(SYSTEM, query, at=_time(at))
    _all_answered(result.clusters)
    return {frozenset(one.metric.items()): {round(one.value[0] * 1000): float(one.value[1])} for one in result.series}


@pytest.mark.parametrize("query", QUERIES)
async def test_the_fleet_answers_as_one_prometheus(query: str, hub: MetricsService, servers: Servers) -> None:
    for start, end, step in ((START_S + 1200, START_S + 6600, 60), (START_S + 3000, START_S + 3600, 17)):
        theirs = _theirs(servers.oracle.query_range(query, start, end, step))
        assert _difference(await _range(hub, query, start, end, step), theirs) is None
    for at in (START_S + 3333, START_S + 6400):
        theirs = _theirs(servers.oracle.query(query, at))
        assert _difference(await _instant(hub, query, at), theirs) is None


GENERATED = 150
WORDS = Vocabulary(
    gauges=("temperature", "limit"),
    counters=("requests_total",),
    buckets=("seconds_bucket",),
    labels={"instance": ("1", "2", "5"), "zone": ("x", "y"), "job": ("a", "b")},
    clusters=CLUSTERS,
    epoch_s=START_S + 3000,
)


async def test_queries_made_by_chance_are_answered_as_one_prometheus_would(
    hub: MetricsService, servers: Servers
) -> None:
    generator, at, wrong = Generator(WORDS, seed=20_261_121), START_S + 3333, []
    refused = answered = 0
    for _ in range(GENERATED):
        query = generator.query()
        try:
            expected: Points | None = _theirs(servers.oracle.query(query, at))
        except LabFailed:
            expected = None
        try:
            difference = _difference(await _instant(hub, query, at), expected or {})
            answered += bool(expected)
        except Invalid as error:
            refused, difference = refused + 1, None if expected is None else str(error)
        except AssertionError as error:
            # A query that fails on every Prometheus says so for each cluster.
            difference = None if expected is None else str(error)
        if difference:
            wrong.append(f"{query}\n    {difference}")
    assert not wrong, f"{len(wrong)} of {GENERATED}:\n" + "\n".join(wrong)
    assert refused <= GENERATED / 20
    assert answered >= GENERATED / 2, "most have something to compare"


def test_the_table_is_no_easy_one(servers: Servers) -> None:
    answered = [query for query in QUERIES if servers.oracle.query(query, START_S + 3333)["result"]]
    assert len(set(QUERIES)) == len(QUERIES) >= 150
    assert len(answered) >= 0.9 * len(QUERIES)
    assert len(ACROSS) > len(LOCAL)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sum(temperature", "position"),
        ("predict_linear(sum(temperature)[10m:1m], 60)", "predict_linear of what spans clusters can't be computed"),
        ("temperature + fill(0) limit", "The modifier fill can't"),
        ('sort_by_label(temperature, "zone")', "sort_by_label can't be computed across clusters .position 1"),
        ("max_over_time(sum(temperature @ end())[10m:1m])", "within a subquery of what spans clusters can't"),
        ("max_over_time(sum(max_over_time(temperature[5m:1m] @ start()))[10m:1m])", "within a subquery"),
        ('temperature{exported_cluster="x"}', "A matcher on exported_cluster"),
        ("temperature + on (zone) limit", "many-to-many|unique on that side"),
    ],
)
async def test_what_cannot_be_answered_rightly_is_refused_with_the_reason(
    query: str, says: str, hub: MetricsService
) -> None:
    with pytest.raises(Invalid, match=says):
        await hub.query(SYSTEM, query, at=_time(START_S + 3333))


ORDERED = (
    "sort(temperature)",
    "sort_desc(temperature)",
    "topk(3, temperature)",
    "bottomk(3, temperature)",
    "topk(9, odd)",
)


@pytest.mark.parametrize("query", ORDERED)
async def test_what_is_ordered_comes_in_the_order_of_one_prometheus(
    query: str, hub: MetricsService, servers: Servers
) -> None:
    at = START_S + 3333
    result = await hub.query(SYSTEM, query, at=_time(at))
    theirs = [one["metric"] for one in servers.oracle.query(query, at)["result"]]
    assert [one.metric for one in result.series] == theirs


async def test_a_cluster_label_of_the_series_own_is_told_apart_however_it_is_named() -> None:
    own = [
        ({"__name__": "m", "cluster": name, "i": "1"}, [(float(START_S), value)])
        for name, value in (("a", 1.0), ("b", 2.0))
    ]
    with ExitStack() as stack:
        fleet = Fleet({name: prometheus_with(own, stack).url for name in ("east", "west")})
        async with aiohttp.ClientSession() as session:
            hub = _hub(fleet, session)

            async def answer(query: str) -> dict[tuple[str, ...], float]:
                found = await hub.query(SYSTEM, query, at=_time(START_S + 1))
                _all_answered(found.clusters)
                return {tuple(sorted(one.metric.values())): float(one.value[1]) for one in found.series}

            assert await answer("sum by (exported_cluster) (m)") == {("a",): 2, ("b",): 4}
            assert await answer("max by (cluster, exported_cluster) (m)") == {
                (own, hub): value for own, value in (("a", 1), ("b", 2)) for hub in ("east", "west")
            }
            assert await answer("sum without (exported_cluster) (m)") == {("1", "east"): 3, ("1", "west"): 3}
            assert await answer("sum without (cluster) (m)") == {("1", "a"): 2, ("1", "b"): 4}
            assert await answer("count(m / on (cluster, exported_cluster) m)") == {(): 4}


async def test_a_cluster_that_fails_is_named_and_the_rest_is_summed(servers: Servers) -> None:
    urls: dict[str, str | None] = {**servers.urls, "gone": "http://127.0.0.1:1"}
    async with aiohttp.ClientSession() as session:
        result = await _hub(Fleet(urls), session).query(SYSTEM, "avg(temperature)", at=_time(START_S + 3333))
    assert {one.cluster: one.status for one in result.clusters if one.status is not QueryStatus.SUCCESS} == {
        "gone": QueryStatus.ERROR
    }
    theirs = _theirs(servers.oracle.query("avg(temperature)", START_S + 3333))
    ((ours,), (expected,)) = ([float(one.value[1]) for one in result.series], next(iter(theirs.values())).values())
    assert math.isclose(ours, expected, rel_tol=1e-9)


async def test_a_cluster_that_the_query_leaves_out_is_not_asked(hub: MetricsService) -> None:
    result = await hub.query(SYSTEM, 'sum(temperature{cluster="east"})', at=_time(START_S + 3333))
    assert [one.cluster for one in result.clusters] == ["east"]
