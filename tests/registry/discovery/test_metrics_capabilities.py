"""What discovery says of a cluster of which only a Prometheus is known: asked of a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock
from aiops.kernel.outbound import Outbound
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.needs import Discovered
from aiops.registry.ports import CnfType, EndpointKind, Platform, Target
from tests.lab.kubernetes import KubernetesPeer
from tests.lab.packages import lab_available
from tests.lab.servers import Prometheus
from tests.registry.discovery.test_capabilities import target
from tests.registry.rig import serving

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(lab_available() is not None, reason=str(lab_available())),
]

EAST = """\
DCGM_FI_DEV_GPU_UTIL{cluster="east",Hostname="w1",gpu="0",UUID="GPU-1",modelName="NVIDIA A100"} 5
DCGM_FI_DEV_GPU_UTIL{cluster="east",Hostname="w1",gpu="1",UUID="GPU-2",modelName="NVIDIA A100"} 5
DCGM_FI_DEV_GPU_UTIL{cluster="east",Hostname="w2",gpu="0",UUID="GPU-3",modelName="Tesla T4"} 5
cluster_version{cluster="east",type="current",version="4.20.1"} 1
cluster_version{cluster="east",type="desired",version="4.20.2"} 1
kubernetes_build_info{cluster="east",git_version="v1.33.5"} 1
openshift_ptp_offset_ns{cluster="east",node="w1",iface="ens1"} 12
kube_namespace_status_phase{cluster="east",namespace="du-1",phase="Active"} 1
istio_build{cluster="east",component="pilot"} 1
thanos_build_info{cluster="east"} 1
loki_build_info{cluster="east"} 1
tempo_build_info{cluster="east"} 1
"""
WEST = """\
kube_node_status_capacity{cluster="west",node="n1",resource="cpu"} 8
kubernetes_build_info{cluster="west",git_version="v1.9.10",job="kubelet"} 1
kubernetes_build_info{cluster="west",git_version="v1.31.4",job="apiserver"} 1
kube_namespace_status_phase{cluster="west",namespace="cube",phase="Active"} 1
"""
ODD = """\
kube_node_status_capacity{cluster="a\\"b}",node="n1",resource="nvidia_com_gpu"} 2
kube_node_status_capacity{cluster="a\\"b}",node="n1",resource="cpu"} 8
"""


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """One that holds three clusters, with what they showed a moment ago."""
    lines = sorted((EAST + WEST + ODD).splitlines())
    at = time.time() - 20
    past: list[str] = []
    for line in lines:
        name = line.split("{")[0]
        if not any(f"# TYPE {name} gauge" == one for one in past):
            past.append(f"# TYPE {name} gauge")
        past.append(f"{line} {at:.3f}")
    with Prometheus(past="\n".join([*past, "# EOF"]) + "\n") as server:
        yield server


async def found_in(outbound: Outbound, url: str, **selector: str) -> Discovered:
    asked = Target(UUID(int=1), "x", EndpointKind.PROMETHEUS, url, selector=selector)
    return await KubernetesDiscovery(outbound, SystemClock()).discover(None, asked)


async def test_what_a_cluster_shows_in_its_metrics_is_known(outbound: Outbound, prometheus: Prometheus) -> None:
    found = await found_in(outbound, prometheus.url, cluster="east")
    assert (found.platform, found.platform_version) == (Platform.OPENSHIFT, "4.20.1")
    able = found.capabilities
    assert able.problems == []
    assert (able.has_gpu_nodes, able.gpu_count, able.gpu_types) == (True, 3, ["NVIDIA A100", "Tesla T4"])
    assert (able.has_cnf_workloads, able.cnf_types) == (True, [CnfType.VDU])
    assert (able.has_prometheus, able.has_thanos, able.has_loki, able.has_tempo) == (True, True, True, True)
    assert able.has_service_mesh is True


async def test_what_is_not_in_the_metrics_is_unknown_but_where_its_absence_shows(
    outbound: Outbound, prometheus: Prometheus
) -> None:
    found = await found_in(outbound, prometheus.url, cluster="west")
    able = found.capabilities
    # Whoever tells of CPUs would tell of GPUs.
    assert (able.has_gpu_nodes, able.gpu_count) == (False, 0)
    assert able.has_cnf_workloads is able.has_service_mesh is able.has_loki is None
    # It may be an OpenShift that shows no more of itself.
    assert (found.platform, found.platform_version) == (None, "1.31.4")


async def test_a_selector_narrows_every_question_whatever_its_value(outbound: Outbound, prometheus: Prometheus) -> None:
    able = (await found_in(outbound, prometheus.url, cluster='a"b}')).capabilities
    assert (able.problems, able.gpu_count, able.has_loki) == ([], 2, None)
    able = (await found_in(outbound, prometheus.url, cluster="nowhere")).capabilities
    assert (able.problems, able.has_gpu_nodes, able.has_thanos) == ([], None, None)


async def test_without_a_selector_all_that_it_holds_is_one_cluster(outbound: Outbound, prometheus: Prometheus) -> None:
    able = (await found_in(outbound, prometheus.url)).capabilities
    assert (able.problems, able.gpu_count) == ([], 3)


async def test_the_api_and_the_metrics_complete_each_other(
    outbound: Outbound, prometheus: Prometheus, peer: KubernetesPeer
) -> None:
    api = target(peer, peer.account("nobody"))
    asked = Target(UUID(int=1), "x", EndpointKind.PROMETHEUS, prometheus.url, selector={"cluster": "east"})
    found = await KubernetesDiscovery(outbound, SystemClock()).discover(api, asked)
    # By the API a plain Kubernetes; its nodes could not be read there, but their cards show in the metrics.
    assert (found.platform, found.platform_version) == (Platform.KUBERNETES, "1.34.2")
    assert (found.capabilities.has_gpu_nodes, found.capabilities.gpu_count) == (True, 3)
    assert any("list nodes" in problem for problem in found.capabilities.problems)


async def test_a_prometheus_that_is_away_or_another_thing_leaves_all_unknown(outbound: Outbound) -> None:
    able = (await found_in(outbound, "http://127.0.0.1:1")).capabilities
    assert able.has_prometheus is able.has_gpu_nodes is None
    assert able.problems == ["Metrics: 127.0.0.1:1 refused the connection: nothing listens on that port"]

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>", content_type="text/html")

    async def refusing(_: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "error", "error": "no org id"}, status=401)

    async def nonsense(_: web.Request) -> web.StreamResponse:
        data = {"resultType": "vector", "result": [{"metric": {}, "value": [1, "NaN"]}, {"metric": 5}]}
        return web.json_response({"status": "success", "data": data})

    for handler, said in ((page, "answered a query with 200"), (refusing, "no org id"), (nonsense, "with 200")):
        async with serving(handler) as url:
            able = (await found_in(outbound, url)).capabilities
        assert able.has_prometheus is None
        assert len(able.problems) == 1
        assert said in able.problems[0]
