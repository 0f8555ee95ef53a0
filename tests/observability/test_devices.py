"""GPUs and network functions as exporters show them to a real Prometheus: what is not told is unknown, and never 0."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import NamedTuple
from uuid import uuid4

import aiohttp
import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.errors import NotFound, Unavailable
from aiops.kernel.principal import Principal, Role
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.service.cnf import CnfService
from aiops.observability.service.cnf_shapes import ClockState, cnf_type_of, state_of
from aiops.observability.service.device_metrics import DeviceMetrics, Reading
from aiops.observability.service.gpu import USERS_NOTE, GpuService
from aiops.observability.service.gpu_nodes import nodes_of
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.reuse import ReusedMetrics
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.reuse import Answers
from aiops.observability.store.samples import PostgresSampleStore
from tests.lab.devices import MIB, Devices
from tests.lab.packages import lab_available
from tests.lab.servers import Prometheus, scrape_config
from tests.observability.clusters import Fleet, Ways

lab = pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))


class Asking(NamedTuple):
    fleet: Fleet
    gpu: GpuService
    cnf: CnfService

    @property
    def reader(self) -> Principal:
        return self.fleet.user(Role.VIEWER)


@pytest.fixture(scope="module")
def telco() -> Iterator[str]:
    with ExitStack() as stack:
        devices = stack.enter_context(Devices())
        server = stack.enter_context(Prometheus(scrape_config("none", {}, 1.0) + devices.scrape_jobs()))
        # The hub asks for a moment up to 5 s ago.
        for name in ("DCGM_FI_DEV_GPU_TEMP", "openshift_ptp_offset_ns", "dpdk_ipackets", "kube_pod_info"):
            server.wait_for(f"{name} offset 5s")
        server.wait_for("sriov_kubepoddevice offset 5s")
        yield server.url


@pytest.fixture
async def asking(database: Database, telco: str) -> AsyncIterator[Asking]:
    fleet = Fleet({"telco": Ways(prometheus=telco), "dead": Ways(prometheus="http://127.0.0.1:9"), "own": Ways()})
    async with aiohttp.ClientSession() as session:
        clock = SystemClock()
        remote = ReusedMetrics(PrometheusBackend(session, clock), Answers(clock))
        own = OwnSamples(database, PostgresSampleStore())
        devices = DeviceMetrics(clock, MetricsService(clock, fleet, remote, own))
        yield Asking(fleet, GpuService(fleet, devices), CnfService(devices))


@lab
async def test_gpus_are_told_as_far_as_their_exporter_tells(asking: Asking) -> None:
    found = await asking.gpu.nodes(asking.reader)
    (node,) = found.items
    assert (node.cluster, node.node) == ("telco", "gpu-1")
    first, second = node.gpus
    assert (first.index, first.uuid, first.name) == ("0", "GPU-aaaa", "NVIDIA A100-SXM4-80GB")
    assert (first.driver_version, first.utilization_percent, first.memory_utilization_percent) == ("550.54.15", 87, 41)
    assert (first.memory_total_bytes, first.memory_used_bytes) == (80_000 * MIB, 60_000 * MIB)
    assert (first.temperature_celsius, first.power_watts, first.power_limit_watts) == (61, 301.5, 400)
    assert (first.fan_percent, first.last_xid) == (None, 0)
    assert [(user.namespace, user.pod) for user in first.users] == [("ml", "train-0")]
    assert (second.temperature_celsius, second.memory_used_bytes, second.users) == (35, 0, [])
    assert (second.power_watts, second.utilization_percent, second.memory_total_bytes) == (None, None, None)
    assert all(one.age_s is not None and one.age_s <= 6 for one in found.clusters if one.error is None)
    assert {one.cluster: one.status.value for one in found.clusters} == {
        "telco": "SUCCESS",
        "dead": "ERROR",
        "own": "SUCCESS",
    }


@lab
async def test_sums_count_only_what_is_known(asking: Asking) -> None:
    found = await asking.gpu.summary(asking.reader)
    totals = found.totals
    assert (totals.nodes, totals.gpus, totals.measured, totals.utilization_percent) == (1, 2, 1, 87)
    assert (totals.memory_total_bytes, totals.power_watts, totals.hottest_celsius) == (80_000 * MIB, 301.5, 61)
    assert (totals.models, totals.in_use) == ({"NVIDIA A100-SXM4-80GB": 1, "Tesla T4": 1}, 1)
    assert [(one.cluster, one.totals) for one in found.items] == [("telco", totals)]
    nothing = (await asking.gpu.summary(asking.reader, cluster_ids=[asking.fleet.ids["own"]])).totals
    assert (nothing.gpus, nothing.utilization_percent, nothing.power_watts) == (0, None, None)


@lab
async def test_of_processes_what_is_known_is_told_and_what_is_not_is_said(asking: Asking) -> None:
    found = await asking.gpu.processes(asking.reader)
    (process,) = found.items
    assert (process.namespace, process.pod, process.container, process.gpu_uuid) == (
        "ml",
        "train-0",
        "main",
        "GPU-aaaa",
    )
    assert (process.pid, process.memory_bytes, found.note) == (None, None, USERS_NOTE)


@lab
async def test_one_node_by_the_name_or_the_id_of_its_cluster(asking: Asking) -> None:
    for named in ("telco", str(asking.fleet.ids["telco"])):
        assert len((await asking.gpu.node(asking.reader, named, "gpu-1")).gpus) == 2
    with pytest.raises(NotFound):
        await asking.gpu.node(asking.reader, "telco", "no-such-node")
    with pytest.raises(Unavailable):
        await asking.gpu.node(asking.reader, "dead", "gpu-1")
    stranger = asking.fleet.user(Role.ADMIN, "own")
    for hidden in ("telco", str(asking.fleet.ids["telco"]), "nowhere", str(uuid4())):
        with pytest.raises(NotFound):
            await asking.gpu.node(stranger, hidden, "gpu-1")
    assert [one.cluster for one in (await asking.gpu.nodes(stranger)).clusters] == ["own"]


@lab
async def test_a_clock_is_locked_only_where_nothing_says_otherwise(asking: Asking) -> None:
    found = await asking.cnf.ptp(asking.reader)
    clocks = {(one.interface, one.process): one for one in found.items}
    master = clocks["ens1fx", "ptp4l"]
    assert (master.state, master.offset_ns, master.max_offset_ns, master.clock_class) == ("LOCKED", 12, 31, 6)
    system = clocks["CLOCK_REALTIME", "phc2sys"]
    assert (system.state, system.reported_state, system.offset_ns) == ("FREERUN", "LOCKED", -4500)
    assert (clocks["ens2fx", "ptp4l"].state, clocks["ens2fx", "ptp4l"].offset_ns) == ("HOLDOVER", None)
    assert (clocks["ens1f0", "ptp4l"].role, clocks["ens1f0", "ptp4l"].state) == ("SLAVE", None)
    assert found.counts == {"LOCKED": 1, "FREERUN": 1, "HOLDOVER": 1}


@pytest.mark.parametrize(
    ("offset", "reported", "state"),
    [
        (99.9, None, ClockState.LOCKED),
        (-100.0, None, ClockState.FREERUN),
        (0.0, ClockState.HOLDOVER, ClockState.HOLDOVER),
        (None, ClockState.LOCKED, ClockState.LOCKED),
        (None, None, None),
    ],
)
def test_the_state_of_a_clock(offset: float | None, reported: ClockState | None, state: ClockState | None) -> None:
    assert state_of(offset, reported) is state


@lab
async def test_cards_their_functions_and_the_pods_that_hold_them(asking: Asking) -> None:
    found = await asking.cnf.sriov(asking.reader)
    (card,) = found.items
    assert (card.node, card.interface, card.configured_vfs, card.allocated_vfs) == ("gpu-1", "ens3f0", 4, 1)
    assert (card.total_vfs, card.driver, card.mtu, card.link_speed_bits_per_s) == (None, "ice", 9000, 25e9)
    assert [one.vf for one in card.vfs] == ["0", "1", "2", "10"]
    held = card.vfs[1]
    assert (held.namespace, held.pod, held.rx_packets, held.tx_packets) == ("du-one", "du-0", 101, None)
    assert [(one.resource, one.capacity, one.allocatable) for one in found.pools] == [("openshift_io_du", 8, 7)]


@lab
async def test_ports_of_dpdk_by_either_exporter(asking: Asking) -> None:
    ports = {one.port: one for one in (await asking.cnf.dpdk(asking.reader)).items}
    assert (ports["0000:3b:02.1"].rx_packets, ports["0000:3b:02.1"].rx_missed) == (1000, 3)
    assert (ports["0000:3b:02.1"].rx_errors, ports["0000:3b:02.1"].tx_errors) == (0, None)
    assert (ports["1"].rx_packets, ports["1"].tx_packets) == (7, None)


@lab
async def test_pods_of_network_functions_by_owner(asking: Asking) -> None:
    found = await asking.cnf.workloads(asking.reader)
    (workload,) = found.items
    assert (workload.namespace, workload.cnf_type, workload.owner_kind, workload.owner_name) == (
        "du-one",
        "VDU",
        "StatefulSet",
        "du",
    )
    assert (workload.pods, workload.ready, workload.phases, workload.nodes) == (2, 1, {"Running": 2}, ["gpu-1"])
    assert [cnf_type_of(one) for one in ("upf", "vcu-x", "default")] == ["UPF", "VCU", "OTHER"]


def _reading(name: str, value: float, **labels: str) -> Reading:
    return Reading(uuid4(), "c", name, {"gpu": "0", "instance": "10.0.0.1:9400", **labels}, value)


def test_a_device_that_several_share_is_one_and_partitions_add_up() -> None:
    shared = [_reading("DCGM_FI_DEV_FB_USED", 10, exported_pod=pod, exported_namespace="n") for pod in ("a", "b")]
    same = [Reading(shared[0].cluster_id, "c", one.name, one.labels, one.value) for one in shared]
    (gpu,) = nodes_of(same)[0].gpus
    assert (gpu.memory_used_bytes, [user.pod for user in gpu.users]) == (10 * MIB, ["a", "b"])
    parts = [_reading("DCGM_FI_DEV_FB_USED", 10, GPU_I_ID=part) for part in ("1", "2")]
    parts.append(_reading("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.25, GPU_I_ID="1"))
    (node,) = nodes_of([Reading(parts[0].cluster_id, "c", one.name, one.labels, one.value) for one in parts])
    assert (node.node, node.gpus[0].memory_used_bytes, node.gpus[0].partitions) == ("10.0.0.1", 20 * MIB, 2)
    assert node.gpus[0].utilization_percent == 25
