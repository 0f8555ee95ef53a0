"""What discovery says of clusters, with the rights that deploy/spoke grants and with fewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.discovery.permissions import NAMESPACES, NODES, PODS, Resource
from aiops.registry.ports import CnfType, EndpointKind, Platform, Target
from tests.lab.kubernetes import KubernetesPeer, named, serving, status
from tests.lab.openshift import DOMAIN, acm_hub, grant, microshift, openshift

ALL = ("openshift", "nvidia-gpu-operator")


def target(peer: KubernetesPeer, token: str, url: str | None = None) -> Target:
    headers = {"Authorization": f"Bearer {token}"}
    return Target(
        UUID(int=1), "east", EndpointKind.API_SERVER, url or peer.url, headers, tls=Tls(ca_bundle=peer.authority.pem)
    )


@pytest.fixture
def discovery(outbound: Outbound) -> KubernetesDiscovery:
    return KubernetesDiscovery(outbound, SystemClock())


async def test_an_openshift_is_known_with_all_that_it_can_do(discovery: KubernetesDiscovery) -> None:
    async with serving(openshift()) as peer:
        found = await discovery.discover(target(peer, grant(peer, *ALL)), None)
    # Not the version that it is on the way to.
    assert (found.platform, found.platform_version, found.region) == (Platform.OPENSHIFT, "4.20.1", "eu-west-1")
    able = found.capabilities
    assert able.problems == []
    # Four cards that are shared by sixteen are four.
    assert (able.has_gpu_nodes, able.gpu_count, able.gpu_types) == (True, 6, ["NVIDIA-A100-SXM4-80GB", "Tesla-T4"])
    assert (able.has_cnf_workloads, able.cnf_types) == (True, [CnfType.UPF, CnfType.VDU])
    assert (able.has_service_mesh, able.has_prometheus, able.has_thanos) == (True, True, True)
    assert (able.has_loki, able.has_tempo) == (True, True)


async def test_its_monitoring_is_found_and_only_what_its_administrators_made_is_sure(
    discovery: KubernetesDiscovery,
) -> None:
    async with serving(openshift()) as peer:
        api = target(peer, grant(peer, *ALL))
        found = await discovery.discover(api, None)
        offers = await discovery.suggestions(api)
    assert found.offers == {
        EndpointKind.PROMETHEUS: f"https://thanos-querier-openshift-monitoring.{DOMAIN}",
        EndpointKind.ALERTMANAGER: f"https://alertmanager-main-openshift-monitoring.{DOMAIN}",
        EndpointKind.LOKI: f"https://logging-loki-openshift-logging.{DOMAIN}/api/logs/v1/application",
    }
    tempo = next(offer for offer in offers if offer.kind is EndpointKind.TEMPO)
    assert tempo.url == f"https://tempo-traces-gateway-team.{DOMAIN}/api/traces/v1/dev/tempo"
    assert (tempo.sure, tempo.source) == (False, "TempoStack team/traces")
    assert "cluster-monitoring-view" in (offers[0].note or "")


async def test_what_may_not_be_read_is_unknown_with_the_reason_and_not_absent(discovery: KubernetesDiscovery) -> None:
    async with serving(openshift()) as peer:
        found = await discovery.discover(target(peer, peer.account("nobody")), None)
    able = found.capabilities
    assert found.platform is Platform.OPENSHIFT
    assert found.platform_version is found.region is None
    assert able.has_gpu_nodes is able.gpu_count is None
    assert able.has_prometheus is able.has_loki is None
    # The PTP operator shows by its API group, which everyone may see.
    assert able.has_cnf_workloads is True
    assert any("list nodes" in problem and "403" in problem for problem in able.problems)
    assert any("thanos-querier" in problem for problem in able.problems)


async def test_a_cluster_without_anything_says_no_where_it_could_look(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    found = await discovery.discover(target(peer, grant(peer, "base")), None)
    able = found.capabilities
    assert (found.platform, found.platform_version) == (Platform.KUBERNETES, "1.34.2")
    assert (able.has_gpu_nodes, able.gpu_count, able.has_cnf_workloads, able.has_service_mesh) == (
        False,
        0,
        False,
        False,
    )
    # One under another name may be there.
    assert able.has_prometheus is None
    assert able.problems == []


async def test_a_microshift_is_told_from_an_openshift(discovery: KubernetesDiscovery) -> None:
    async with serving(microshift()) as peer:
        found = await discovery.discover(target(peer, grant(peer, "microshift")), None)
        assert (found.platform, found.platform_version) == (Platform.MICROSHIFT, "4.20.3")
        assert found.capabilities.problems == []
        found = await discovery.discover(target(peer, peer.account("nobody")), None)
        assert (found.platform, found.platform_version) == (Platform.MICROSHIFT, None)


async def test_an_operator_of_openshift_makes_no_openshift(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    certificates = Resource("config.openshift.io", "v1alpha1", "certmanagers")
    peer.serve(certificates)
    assert (await discovery.discover(target(peer, peer.admin()), None)).platform is Platform.KUBERNETES
    async with serving(microshift()) as edge:
        edge.serve(certificates)
        found = await discovery.discover(target(edge, grant(edge, "microshift")), None)
    assert (found.platform, found.platform_version) == (Platform.MICROSHIFT, "4.20.3")


async def test_slices_of_cards_make_a_gpu_node_though_their_number_is_not_told(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    peer.add(NODES, named("mig", status={"capacity": {"nvidia.com/mig-1g.10gb": "7"}}))
    able = (await discovery.discover(target(peer, peer.admin()), None)).capabilities
    assert (able.has_gpu_nodes, able.gpu_count) == (True, 0)


async def test_gpu_operator_pods_are_read_where_its_namespace_is(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    peer.add(NAMESPACES, named("gpu-operator"))
    peer.add(PODS, named("nvidia-device-plugin-daemonset-1", "gpu-operator"))
    able = (await discovery.discover(target(peer, grant(peer, "base", "gpu-operator")), None)).capabilities
    assert able.has_gpu_nodes is True
    assert "GET /api/v1/namespaces/gpu-operator/pods" in peer.seen


@pytest.mark.parametrize(
    ("names", "types"),
    [
        (["du-1", "vdu-2", "cu-x", "vcu-y"], [CnfType.VCU, CnfType.VDU]),
        (["amf-1", "smf"], [CnfType.AMF, CnfType.SMF]),
        (["duty", "cube", "my-upf", "upfront"], []),
    ],
)
async def test_network_functions_show_by_their_namespaces(
    discovery: KubernetesDiscovery, peer: KubernetesPeer, names: list[str], types: list[CnfType]
) -> None:
    peer.add(NAMESPACES, *(named(name) for name in names))
    able = (await discovery.discover(target(peer, peer.admin()), None)).capabilities
    assert (able.has_cnf_workloads, able.cnf_types) == (bool(types), types)


async def test_a_mesh_shows_by_the_namespaces_that_it_takes_in(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    peer.add(NAMESPACES, named("shop", labels={"istio.io/dataplane-mode": "ambient"}))
    assert (await discovery.discover(target(peer, peer.admin()), None)).capabilities.has_service_mesh is True


async def test_a_cluster_that_cannot_be_asked_is_all_unknown_and_the_reason_is_told(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    for asked, said in (
        (target(peer, "nonsense"), "refused these credentials"),
        (target(peer, "x", "https://127.0.0.1:1"), "refused the connection"),
    ):
        found = await discovery.discover(asked, None)
        assert found.platform is None
        assert found.capabilities.has_gpu_nodes is None
        assert len(found.capabilities.problems) == 1
        assert said in found.capabilities.problems[0]


async def test_with_nobody_to_ask_all_is_unknown(discovery: KubernetesDiscovery) -> None:
    found = await discovery.discover(None, None)
    assert (found.platform, found.capabilities.has_gpu_nodes, found.offers) == (None, None, {})


async def test_the_test_of_a_connection_names_the_right_that_is_missing(discovery: KubernetesDiscovery) -> None:
    async with serving(openshift()) as peer:
        steps = await discovery.check_rights(target(peer, grant(peer, "openshift")))
        assert [(step.name, step.ok) for step in steps] == [("rights", False)]
        assert steps[-1].detail == (
            "It may not list pods in nvidia-gpu-operator (to see the GPU operator at work):"
            " apply deploy/spoke/nvidia-gpu-operator to the cluster"
        )
        steps = await discovery.check_rights(target(peer, grant(peer, "nvidia-gpu-operator")))
        assert [(step.name, step.ok) for step in steps] == [("rights", True), ("changes", True)]
        assert "apply deploy/spoke/changes, deploy/spoke/config-changes" in steps[-1].detail


@pytest.mark.parametrize(
    ("make", "folders"),
    [(openshift, ("openshift", "nvidia-gpu-operator")), (microshift, ("microshift",)), (acm_hub, ("base", "acm-hub"))],
)
async def test_with_what_its_folders_grant_no_right_is_missing_and_none_is_too_much(
    discovery: KubernetesDiscovery, make: Callable[[], KubernetesPeer], folders: tuple[str, ...]
) -> None:
    async with serving(make()) as peer:
        steps = await discovery.check_rights(target(peer, grant(peer, *folders, "changes", "config-changes")))
    assert all(step.ok for step in steps)
    assert steps[-1].name == "rights"


async def test_an_account_that_could_change_things_is_advised_against(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    steps = await discovery.check_rights(target(peer, peer.admin()))
    assert (steps[-1].name, steps[-1].ok) == ("least_privilege", True)
    assert "could also change things" in steps[-1].detail


async def test_where_rights_cannot_be_asked_for_the_reason_is_told(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    refused = await discovery.check_rights(target(peer, "nonsense"))
    assert [(step.name, step.ok) for step in refused] == [("rights", False)]
    assert "refused these credentials" in refused[0].detail
    unreached = await discovery.check_rights(target(peer, "x", "https://127.0.0.1:1"))
    assert [(step.name, step.ok) for step in unreached] == [("connect", False)]


async def test_whatever_a_cluster_says_of_itself_is_bounded_and_printable(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    peer.version = "v1.34\x00" + "9" * 10_000
    odd = {"nvidia.com/gpu.product": "\x00\x1b[31m" + "A" * 10_000, "nvidia.com/gpu.count": "9" * 10_000}
    peer.add(NODES, named("odd", labels=odd), *(_card(number) for number in range(300)))

    async def shouting(_: web.Request) -> web.StreamResponse:
        return status(403, "no\x00 " * 10_000)

    peer.faults["/api/v1/services"] = shouting
    found = await discovery.discover(target(peer, peer.admin()), None)
    assert found.platform_version is not None
    words = [found.platform_version, *found.capabilities.gpu_types, *found.capabilities.problems]
    assert all(word.isprintable() and len(word) <= 500 for word in words)
    assert len(found.capabilities.gpu_types) <= 50
    assert found.capabilities.gpu_count == 300
    assert len(msgspec.json.encode(found)) < 20_000


async def test_a_list_without_end_is_cut_off_and_that_is_said(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    async def endless(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "NodeList", "metadata": {"continue": "more"}, "items": []})

    peer.faults["/api/v1/nodes"] = endless
    found = await discovery.discover(target(peer, peer.admin()), None)
    assert peer.seen.count("GET /api/v1/nodes") == 500
    assert found.capabilities.problems == ["There are too many nodes: only the first 0 were looked at"]


def _card(number: int) -> dict[str, Any]:
    labels = {"nvidia.com/gpu.product": f"Card {number}", "nvidia.com/gpu.count": "1"}
    return named(f"card-{number}", labels=labels)
