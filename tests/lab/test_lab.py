"""The lab itself: its servers are real, and its faults show where they were put."""

from __future__ import annotations

import signal

import pytest

from tests.lab.exporters import Exporter, chain
from tests.lab.packages import lab_available
from tests.lab.servers import Alertmanager, NodeExporter, Prometheus, get_status, scrape_config
from tests.lab.world import Fault, FaultKind, FaultScript, World

_BUSY = '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[4s]))'
_QUIET = "route: {receiver: none}\nreceivers: [{name: none}]\n"
needs_lab = pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))


@pytest.mark.lab
@needs_lab
def test_the_real_servers_run_without_root_and_keep_their_data_through_a_kill() -> None:
    with (
        NodeExporter() as exporter,
        Prometheus(scrape_config("node", {"here": (exporter.target, "/metrics")}, 0.5)) as prometheus,
        Alertmanager(_QUIET) as alertmanager,
    ):
        assert get_status(f"{alertmanager.url}/api/v2/status") == 200
        prometheus.wait_for('node_memory_MemTotal_bytes{instance="here"}')
        before = prometheus.url
        seen = int(prometheus.wait_for("count_over_time(up[1h]) > 2")[0]["value"][1])
        prometheus.stop(signal.SIGKILL)
        prometheus.start()
        assert prometheus.url == before
        assert int(prometheus.query("count_over_time(up[1h])")["result"][0]["value"][1]) >= seen
        pids = [exporter.pid, prometheus.pid, alertmanager.pid]
        folders = [exporter.folder, prometheus.folder, alertmanager.folder]
    assert len(set(pids)) == 3
    assert not any(folder.exists() for folder in folders)


@pytest.mark.lab
@needs_lab
def test_a_scripted_cpu_hog_is_seen_by_a_real_prometheus_on_its_node_alone() -> None:
    with Exporter(World(chain())) as exporter, Prometheus(exporter.prometheus_config(0.5)) as prometheus:
        prometheus.wait_for(f"count({_BUSY} < 0.4) == 3")
        exporter.begin(FaultKind.CPU_HOG, "node-orders", 0.8)
        hot = prometheus.wait_for(f"{_BUSY} > 0.8")
        assert [row["metric"]["instance"] for row in hot] == ["node-orders"]
        slow = prometheus.wait_for(
            "sum by (service) (rate(http_request_duration_seconds_sum[4s]))"
            " / sum by (service) (rate(http_request_duration_seconds_count[4s])) > 0.12"
        )
        assert {row["metric"]["service"] for row in slow} <= {"orders", "web"}


def _page(seed: int, *faults: Fault, path: str = "/node/node-web", at: float = 300.0) -> str:
    times = iter([0.0, *[at] * 10])
    exporter = Exporter(World(chain(), seed=seed, script=FaultScript(faults)), now=lambda: next(times))
    with exporter:
        page = exporter.page(path)
    assert page is not None
    return page


def _value(page: str, start: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(start))


def test_two_worlds_of_one_seed_tell_the_same_story_and_another_seed_tells_another() -> None:
    assert _page(7) == _page(7)
    assert _page(7) != _page(8)


def test_a_leak_takes_memory_until_it_ends() -> None:
    leak = Fault(FaultKind.MEMORY_LEAK, "node-web", start=100, end=250, strength=1.0)
    during, after = _page(1, leak, at=220), _page(1, leak, at=300)
    assert _value(during, "node_memory_MemAvailable_bytes") < 4 * 2**30
    assert _value(after, "node_memory_MemAvailable_bytes") > 5 * 2**30


def test_an_error_burst_counts_as_server_errors() -> None:
    burst = Fault(FaultKind.ERROR_BURST, "orders", start=0, strength=0.5)
    page = _page(1, burst, path="/service/orders")
    failed = _value(page, 'http_requests_total{service="orders",method="GET",code="500"}')
    served = _value(page, 'http_requests_total{service="orders",method="GET",code="200"}')
    assert 0.45 < failed / (failed + served) < 0.55
