"""The shipped queries are understood by the own engine and by Prometheus, and say what they claim of real samples."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import promql_parser
import psutil
import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.principal import Principal
from aiops.observability.needs import StoredSeries
from aiops.observability.ports import Floats, Labels, Sample, Watch
from aiops.observability.promql import evaluate, parse
from aiops.observability.service.watches.bounds import fair_cap
from aiops.observability.service.watches.fitting import Fitting, Found, fit, window_for
from aiops.observability.sources.host import Host
from aiops.observability.watches import CATALOGUE
from aiops.registry.ports import Cluster
from tests.observability.watching import cluster

ME = Principal.system("test")
SAMPLES_UNTIL = 1_800_000_000.0

MATCHES: dict[str, Callable[[str, str], bool]] = {
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    "=~": lambda have, want: re.fullmatch(want, have) is not None,
    "!~": lambda have, want: re.fullmatch(want, have) is None,
}


class Engine:
    """`InstantQueries` over samples in memory, by the hub's own engine."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        columns: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
        for sample in samples:
            columns.setdefault(tuple(sorted(sample.labels.items())), []).append(sample)
        self._series = [
            StoredSeries(
                uuid4(),
                dict(labels),
                np.array([round(s.timestamp * 1000) for s in found], dtype=np.int64),
                np.array([s.value for s in found]),
            )
            for labels, found in columns.items()
        ]

    async def evaluate_instant(
        self, principal: Principal, cluster_id: Any, query: str, at: datetime, *, timeout_s: float = 30.0
    ) -> tuple[list[Labels], Floats]:
        plan = parse(query)
        data = [
            [one for one in self._series if all(MATCHES[m.op](one.labels.get(m.name, ""), m.value) for m in s.matchers)]
            for s in plan.selectors
        ]
        moment = round(at.timestamp() * 1000)
        result = evaluate(plan, data, moment, moment, 1000)
        return result.labels, result.values[:, 0]

    async def evaluate_range(self, *args: Any, **options: Any) -> tuple[Floats, list[Labels], Floats]:
        raise AssertionError("not asked here")


async def evaluated(samples: Sequence[Sample], where: Cluster) -> dict[str, tuple[Watch, dict[str, float]]]:
    """Watch name → the watch and its values by the joined subject labels."""
    engine, at = Engine(samples), datetime.fromtimestamp(SAMPLES_UNTIL, UTC)
    results = {}
    for watch in await Fitting(CATALOGUE, engine, VirtualClock()).of(ME, where, at):
        labels, values = await engine.evaluate_instant(ME, where.id, watch.query, at)
        assert all(set(one) <= set(watch.subject_labels) for one in labels)
        found = zip(labels, values, strict=True)
        results[watch.name] = (watch, {"/".join(one.values()): float(value) for one, value in found})
    return results


def counter(name: str, per_second: float, **labels: str) -> list[Sample]:
    return [
        Sample({"__name__": name, **labels}, SAMPLES_UNTIL - age, per_second * (10_000 - age))
        for age in range(600, -1, -15)
    ]


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("template", CATALOGUE, ids=lambda template: template.name)
def test_every_query_is_understood_where_it_is_asked(template: Any, remote: bool) -> None:
    for variant in template.variants:
        found = Found({need: frozenset({"code", "status"}) for need in variant.needs})
        watch = fit(template, found, "2m", remote=remote)
        assert watch is not None
        assert "$" not in watch.query
        promql_parser.parse(watch.query)
        if not remote:
            parse(watch.query)


def test_names_are_unique() -> None:
    assert len({template.name for template in CATALOGUE}) == len(CATALOGUE)


async def test_every_node_watch_tells_the_truth_about_this_machine() -> None:
    host = Host(Host.Config(instance="here"))
    first = await host.collect(SAMPLES_UNTIL - 5)
    second = await host.collect(SAMPLES_UNTIL)

    found = await evaluated([*first, *second], cluster("local", host=True))

    assert set(found) == {template.name for template in CATALOGUE if template.name.startswith("node_")}
    memory = psutil.virtual_memory()
    assert found["node_memory"][1]["here"] == pytest.approx(1 - memory.available / memory.total, abs=0.05)
    assert found["node_load"][1]["here"] == pytest.approx(os.getloadavg()[0] / (psutil.cpu_count() or 1), abs=0.5)
    assert all(0 <= value <= 1 for value in found["node_disk_space"][1].values())
    assert found["node_disk_space"][1]
    assert list(found["node_cpu"][1]) == ["here"]


async def test_a_service_is_watched_by_rate_errors_and_duration() -> None:
    count, bucket = "http_request_duration_seconds_count", "http_request_duration_seconds_bucket"
    samples = [
        *counter(count, 9.0, job="shop", code="200"),
        *counter(count, 1.0, job="shop", code="503"),
        *counter(count, 5.0, job="calm", code="200"),
        *counter(bucket, 5.0, job="shop", code="200", le="0.1"),
        *counter(bucket, 10.0, job="shop", code="200", le="0.2"),
        *counter(bucket, 10.0, job="shop", code="200", le="+Inf"),
    ]

    found = await evaluated(samples, cluster("pushed"))

    assert set(found) == {"service_rate", "service_errors", "service_duration"}
    assert found["service_rate"][1] == pytest.approx({"shop": 10.0, "calm": 5.0})
    assert found["service_errors"][1] == pytest.approx({"shop": 0.1, "calm": 0.0})
    assert found["service_duration"][1] == pytest.approx({"shop": 0.19})
    assert "percentile" in found["service_duration"][0].title


def gauge(name: str, value: float, **labels: str) -> list[Sample]:
    return [Sample({"__name__": name, **labels}, SAMPLES_UNTIL - age, value) for age in (30, 15, 0)]


async def test_gpus_are_watched_by_temperature_use_and_memory_and_clocks_by_their_offset() -> None:
    device = {"Hostname": "node-1", "gpu": "3", "UUID": "GPU-1", "instance": "10.0.0.1:9400"}
    samples = [
        *gauge("DCGM_FI_DEV_GPU_TEMP", 71.0, **device, pod="a"),
        *gauge("DCGM_FI_DEV_GPU_UTIL", 90.0, **device, pod="a"),
        *gauge("DCGM_FI_DEV_FB_USED", 60.0, **device, pod="a"),
        *gauge("DCGM_FI_DEV_FB_FREE", 20.0, **device, pod="a"),
        *gauge("openshift_ptp_offset_ns", -250.0, node="node-1", iface="ens1fx", process="ptp4l", **{"from": "master"}),
    ]

    found = await evaluated(samples, cluster("pushed"))

    told = {name: values for name, (_, values) in found.items()}
    device_name = {"gpu_temperature": 71.0, "gpu_utilization": 0.9, "gpu_memory": 0.75}
    assert {name: list(told[name].values()) for name in device_name} == {
        name: pytest.approx([value]) for name, value in device_name.items()
    }
    assert list(told["ptp_offset"].values()) == pytest.approx([2.5e-7])
    assert set(told) == {*device_name, "ptp_offset"}


async def test_containers_are_watched_by_restarts_and_lost_memory_and_dns_by_what_it_answers() -> None:
    shop = {"namespace": "shop", "container": "cart", "uid": "1", "job": "kube-state-metrics"}
    dns = {"namespace": "kube-system", "service": "kube-dns", "job": "coredns"}
    bucket = "coredns_dns_request_duration_seconds_bucket"
    samples = [
        *counter("kube_pod_container_status_restarts_total", 1 / 120, **shop, pod="cart-1"),
        *counter("kube_pod_container_status_restarts_total", 1 / 120, **shop, pod="cart-2"),
        *counter("container_oom_events_total", 1 / 300, namespace="shop", container="cart", pod="cart-1"),
        *counter("container_oom_events_total", 1 / 300, namespace="shop", container="", pod="cart-1"),
        *counter("coredns_dns_responses_total", 6.0, **dns, pod="a", rcode="NOERROR"),
        *counter("coredns_dns_responses_total", 2.0, **dns, pod="a", rcode="NXDOMAIN"),
        *counter("coredns_dns_responses_total", 2.0, **dns, pod="b", rcode="SERVFAIL"),
        *counter(bucket, 5.0, **dns, le="0.001"),
        *counter(bucket, 10.0, **dns, le="0.002"),
        *counter(bucket, 10.0, **dns, le="+Inf"),
    ]

    told = {name: list(values.values()) for name, (_, values) in (await evaluated(samples, cluster("pushed"))).items()}

    assert told == {
        "container_restarts": [pytest.approx(10.0, rel=0.05)],
        "container_oom": [pytest.approx(2.0, rel=0.05)],
        "dns_errors": [pytest.approx(0.2)],
        "dns_duration": [pytest.approx(0.0019)],
    }


async def test_without_buckets_the_duration_is_the_mean_and_says_so() -> None:
    base = "http_server_requests_seconds"
    samples = [
        *counter(f"{base}_count", 10.0, job="j", status="200"),
        *counter(f"{base}_sum", 3.0, job="j", status="200"),
    ]

    found = await evaluated(samples, cluster("pushed"))

    watch, values = found["service_duration_spring"]
    assert values == pytest.approx({"j": 0.3})
    assert "mean" in watch.title


async def test_without_a_status_label_nothing_is_claimed_about_errors() -> None:
    found = await evaluated(counter("http_requests_total", 10.0, job="j"), cluster("pushed"))

    assert set(found) == {"service_rate"}


def test_of_two_names_for_one_thing_the_first_that_is_there_is_asked() -> None:
    rate = next(template for template in CATALOGUE if template.name == "service_rate")
    both = Found({"http_request_duration_seconds_count": frozenset(), "http_requests_total": frozenset()})
    one = Found({"http_requests_total": frozenset()})

    for found, name in ((both, "http_request_duration_seconds_count"), (one, "http_requests_total")):
        watch = fit(rate, found, "2m", remote=True)
        assert watch is not None
        assert name in watch.query
    assert fit(rate, Found({}), "2m", remote=True) is None


@pytest.mark.parametrize(
    ("in_1m", "in_10m", "window"),
    [(12, 120, "2m"), (4, 40, "2m"), (2, 20, "2m"), (1, 10, "4m"), (0, 5, "8m"), (0, 1, "40m"), (0, 0, "5m")],
)
def test_the_window_spans_four_scrapes_and_two_minutes(in_1m: float, in_10m: float, window: str) -> None:
    assert window_for(in_1m, in_10m) == window


@pytest.mark.parametrize(
    ("counts", "cap"), [([], 200), ([500] * 4, 200), ([500] * 10, 100), ([10] * 5 + [500] * 19, 50), ([1] * 2000, 1)]
)
def test_the_bound_of_a_cluster_is_shared_fairly(counts: list[int], cap: int) -> None:
    assert fair_cap(counts) == cap
