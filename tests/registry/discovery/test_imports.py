"""Clusters found elsewhere: by a hub of Red Hat ACM, and in a Prometheus that several share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.discovery.permissions import MANAGED_CLUSTERS
from aiops.registry.ports import ClusterType, EndpointKind, Platform, Target
from tests.lab.kubernetes import KubernetesPeer, serving
from tests.lab.openshift import DOMAIN, acm_hub, grant, managed
from tests.registry.rig import serving as serving_plainly

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
METRICS = f"https://rbac-query-proxy-open-cluster-management-observability.{DOMAIN}"


def hub(peer: KubernetesPeer, token: str) -> Target:
    headers = {"Authorization": f"Bearer {token}"}
    return Target(UUID(int=1), "hub", EndpointKind.API_SERVER, peer.url, headers, tls=Tls(ca_bundle=peer.authority.pem))


@pytest.fixture
def discovery(outbound: Outbound) -> KubernetesDiscovery:
    return KubernetesDiscovery(outbound, SystemClock())


async def test_the_clusters_of_a_hub_become_clusters_to_add(discovery: KubernetesDiscovery) -> None:
    async with serving(acm_hub()) as peer:
        found = await discovery.managed_clusters(hub(peer, grant(peer, "acm-hub")))
    assert found.problems == []
    assert found.prometheus_url == METRICS
    assert found.alertmanager_url == f"https://alertmanager-open-cluster-management-observability.{DOMAIN}"
    itself, east, eks, _ = found.clusters
    assert (itself.name, itself.cluster_type, itself.platform_version) == ("local-cluster", ClusterType.HUB, "4.20.1")
    assert (east.name, east.known_as, east.cluster_type) == ("prod-east", "prod.east", ClusterType.SPOKE)
    assert (east.platform, east.platform_version, east.region) == (Platform.OPENSHIFT, "4.19.9", "eu-west-1")
    assert east.api_server_url == "https://api.east.example.com:6443"
    assert east.tls.ca_bundle == peer.authority.pem
    assert east.labels == {"vendor": "OpenShift", "region": "eu", "tier": "gold"}
    assert (eks.platform, eks.platform_version, eks.api_server_url) == (Platform.KUBERNETES, "1.32.9", None)
    assert [one.available for one in found.clusters] == [True, True, None, True]
    assert [one.problem for one in found.clusters] == [None, None, None, "The hub has not accepted it."]


async def test_one_thanos_holds_the_metrics_of_all_and_each_is_carved_out(discovery: KubernetesDiscovery) -> None:
    async with serving(acm_hub()) as peer:
        found = await discovery.managed_clusters(hub(peer, grant(peer, "acm-hub")))
    assert {one.prometheus_url for one in found.clusters} == {METRICS}
    assert found.clusters[1].selector == {"cluster": "prod.east"}


async def test_without_observability_the_clusters_come_without_metrics(discovery: KubernetesDiscovery) -> None:
    async with serving(KubernetesPeer()) as peer:
        peer.add(MANAGED_CLUSTERS, managed("a-1", {}, url="https://api.a.example.com:6443"), managed("b-1", {}))
        found = await discovery.managed_clusters(hub(peer, peer.admin()))
    assert found.prometheus_url is None
    assert [(one.selector, one.problem) for one in found.clusters] == [
        ({}, None),
        ({}, "The hub tells no address of its API server, and collects no metrics."),
    ]


async def test_routes_that_may_not_be_read_are_a_problem_and_no_failure(discovery: KubernetesDiscovery) -> None:
    async with serving(acm_hub()) as peer:
        token = grant(peer, "acm-hub")
        peer.rbac.roles = {key: rules for key, rules in peer.rbac.roles.items() if key[0] == "ClusterRole"}
        found = await discovery.managed_clusters(hub(peer, token))
    assert len(found.clusters) == 4
    assert len(found.problems) == 2
    assert "rbac-query-proxy" in found.problems[0]


async def test_a_thousand_clusters_come_page_by_page(discovery: KubernetesDiscovery) -> None:
    async with serving(KubernetesPeer()) as peer:
        peer.add(MANAGED_CLUSTERS, *(managed(f"c-{number}", {}, url="https://a:6443") for number in range(1200)))
        found = await discovery.managed_clusters(hub(peer, peer.admin()))
        assert sum("managedclusters" in seen for seen in peer.seen) == 3
    assert len({one.name for one in found.clusters}) == 1200


async def test_what_is_no_hub_and_who_may_not_ask_are_told(
    discovery: KubernetesDiscovery, peer: KubernetesPeer
) -> None:
    with pytest.raises(Invalid, match="no hub of Red Hat ACM"):
        await discovery.managed_clusters(hub(peer, peer.admin()))
    with pytest.raises(Invalid, match=r"list managedclusters\.cluster\.open-cluster-management\.io"):
        await discovery.managed_clusters(hub(peer, peer.account("nobody")))


def shared(url: str) -> Target:
    return Target(UUID(int=1), "shared", EndpointKind.PROMETHEUS, url)


def answering(body: dict[str, Any], seen: list[str]) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(str(request.rel_url))
        return web.json_response(body)

    return answer


async def test_the_values_of_a_label_become_clusters_of_their_own(discovery: KubernetesDiscovery) -> None:
    seen: list[str] = []
    async with serving_plainly(answering({"status": "success", "data": ["west", "East", "east", ""]}, seen)) as url:
        found = await discovery.carved_clusters(shared(f"{url}/prometheus"), "cluster")
    assert [(one.name, one.selector) for one in found] == [
        ("east", {"cluster": "East"}),
        ("east-2", {"cluster": "east"}),
        ("west", {"cluster": "west"}),
    ]
    assert {one.prometheus_url for one in found} == {f"{url}/prometheus"}
    # Those that are long gone are not asked for.
    assert seen[0].startswith("/prometheus/api/v1/label/cluster/values?start=")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"status": "success", "data": []}, "Nothing of the last hour has the label cluster"),
        ({"status": "success", "data": [str(number) for number in range(5001)]}, "has 5001 values"),
        ({"status": "error", "error": "no org id"}, "no org id"),
        ({"hello": "world"}, "not a Prometheus"),
    ],
)
async def test_where_nothing_can_be_carved_the_reason_is_told(
    discovery: KubernetesDiscovery, body: dict[str, Any], said: str
) -> None:
    async with serving_plainly(answering(body, [])) as url:
        with pytest.raises(Invalid, match=said):
            await discovery.carved_clusters(shared(url), "cluster")


async def test_a_label_that_is_none_is_refused_before_anything_is_asked(discovery: KubernetesDiscovery) -> None:
    for label in ("../x", "", "a-b", "1a"):
        with pytest.raises(Invalid, match="no name of a label"):
            await discovery.carved_clusters(shared("http://127.0.0.1:1"), label)


async def test_a_prometheus_that_is_away_may_be_asked_again(discovery: KubernetesDiscovery) -> None:
    with pytest.raises(Unavailable, match="refused the connection"):
        await discovery.carved_clusters(shared("http://127.0.0.1:1"), "cluster")
