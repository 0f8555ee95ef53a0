"""The host source speaks node_exporter's words and never waits for what hangs."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from aiops.kernel.plugins import Plugins, load_plugins
from aiops.observability.needs import PolledSource
from aiops.observability.ports import Labels, Sample
from aiops.observability.sources.host import Host, Mount
from tests.lab.packages import binary, lab_available


def named(samples: list[Sample], name: str) -> list[Sample]:
    return [sample for sample in samples if sample.labels["__name__"] == name]


@pytest.fixture
def exporter_url() -> Iterator[str]:
    """A real node_exporter on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(binary("node_exporter")), f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        yield f"http://127.0.0.1:{port}/metrics"
        server.terminate()


def scrape(url: str) -> list[tuple[str, Labels, float]]:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                text = reply.read().decode()
            break
        except OSError:
            time.sleep(0.1)
    else:
        raise AssertionError("node_exporter did not answer")
    return [
        (sample.name, {name: value for name, value in sample.labels.items() if value}, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


@pytest.mark.lab
@pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))
async def test_its_names_and_label_names_are_those_of_node_exporter(exporter_url: str) -> None:
    ours = await Host(Host.Config()).collect(1.0)
    theirs = await asyncio.to_thread(scrape, exporter_url)

    label_names = {(name, frozenset(labels)) for name, labels, _ in theirs}
    own = {"__name__", "instance", "job"}
    assert {(s.labels["__name__"], frozenset(s.labels) - own) for s in ours} - label_names == set()


@pytest.mark.lab
@pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))
async def test_what_stands_still_has_node_exporters_values(exporter_url: str) -> None:
    ours = await Host(Host.Config()).collect(1.0)
    theirs = await asyncio.to_thread(scrape, exporter_url)

    still = {
        "node_memory_MemTotal_bytes",
        "node_filesystem_size_bytes",
        "node_uname_info",
        "node_memory_SwapTotal_bytes",
    }
    values = {(name, *sorted(labels.items())): value for name, labels, value in theirs if name in still}
    for sample in (sample for sample in ours if sample.labels["__name__"] in still):
        labels = {k: v for k, v in sample.labels.items() if k not in ("__name__", "instance", "job")}
        key = (sample.labels["__name__"], *sorted(labels.items()))
        assert values.get(key, sample.value) == sample.value
    boot = next(value for name, _, value in theirs if name == "node_boot_time_seconds")
    assert named(ours, "node_boot_time_seconds")[0].value == pytest.approx(boot, abs=2)


async def test_every_sample_says_which_machine_and_when() -> None:
    samples = await Host(Host.Config(instance="ours")).collect(123.5)

    assert {(s.labels["instance"], s.labels["job"], s.timestamp) for s in samples} == {("ours", "node", 123.5)}
    assert len({tuple(sorted(s.labels.items())) for s in samples}) == len(samples)


async def test_it_reads_every_processor_and_counters_only_grow() -> None:
    host = Host(Host.Config())
    first = named(await host.collect(1.0), "node_cpu_seconds_total")
    second = named(await host.collect(2.0), "node_cpu_seconds_total")

    assert {s.labels["cpu"] for s in first} == {str(n) for n in range(psutil.cpu_count() or 0)}
    assert {"idle", "user", "system", "iowait"} <= {s.labels["mode"] for s in first}
    assert all(b.value >= a.value for a, b in zip(first, second, strict=True))


async def test_a_hung_mount_is_left_out_and_stops_nothing() -> None:
    storage_back = threading.Event()
    asked: list[str] = []

    class Dead(Mount, frozen=True):
        def readings(self) -> list[tuple[str, Labels, float]]:
            asked.append(self.mountpoint)
            storage_back.wait()
            return [("node_filesystem_size_bytes", {"mountpoint": self.mountpoint}, 1.0)]

    host = Host(
        Host.Config(timeout_s=0.3),
        mounts=lambda: [Dead("/dev/dead", "/dead", "ext4"), Mount("/dev/root", "/", "ext4")],
    )

    first = await host.collect(1.0)
    second = await host.collect(2.0)

    for samples in (first, second):
        assert [s.labels["mountpoint"] for s in named(samples, "node_filesystem_size_bytes")] == ["/"]
        assert named(samples, "node_load1")
    assert asked == ["/dead"], "a second thread would hang there too"

    storage_back.set()
    for _ in range(100):
        third = await host.collect(3.0)
        if len(named(third, "node_filesystem_size_bytes")) == 2:
            break
    assert len(named(third, "node_filesystem_size_bytes")) == 2


def test_it_is_found_by_its_place() -> None:
    found: Plugins[PolledSource] = load_plugins("sources", package="aiops.observability.sources", contract=PolledSource)

    assert found.broken == ()
    assert "host" in found.usable
