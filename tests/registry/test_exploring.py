"""What clusters can do: found out in time, kept with its age, counted over the fleet, and filtered by."""

from __future__ import annotations

import pytest
from aiohttp import web

from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Role
from aiops.registry.needs import Discovered, Filters
from aiops.registry.ports import Capabilities, CnfType, Connectivity, EndpointKind, Platform, State
from aiops.registry.service import ClusterChange
from tests.registry.rig import ADMIN, FakePrometheus, Rig, person, serving

KUBERNETES = {"platform": "KUBERNETES", "api_server_url": "https://127.0.0.1:1"}


def can(rig: Rig, **more: object) -> Capabilities:
    return Capabilities(discovered_at=rig.clock.now(), **more)  # type: ignore[arg-type]


async def names(rig: Rig, filters: Filters) -> list[str]:
    page = await rig.fleet.page(ADMIN, filters, page_size=100, cursor=None)
    assert page.total == len(page.items)
    return [cluster.name for cluster in page.items]


async def test_a_new_cluster_is_explored_at_once_and_again_after_a_day(rig: Rig, prometheus_url: str) -> None:
    rig.discovery.found = Discovered(
        can(rig, has_gpu_nodes=True, has_prometheus=True, gpu_count=8, gpu_types=["H100"]),
        Platform.OPENSHIFT, "4.19.3", "eu-west-1",
    )  # fmt: skip
    added = await rig.add("prod-1", prometheus_url, **KUBERNETES)
    assert added.capabilities is None
    await rig.upkeep.tick()
    found = await rig.fleet.get(ADMIN, added.id)
    assert (found.platform, found.platform_version, found.region) == (Platform.OPENSHIFT, "4.19.3", "eu-west-1")
    assert found.capabilities is not None
    assert (found.capabilities.gpu_count, found.capabilities.has_loki) == (8, None)
    assert ("CLUSTER_CAPABILITIES_CHANGED", "") in await rig.events()
    asked = len(rig.discovery.asked)
    await rig.clock.advance(20 * 3600)
    await rig.upkeep.tick()
    assert len(rig.discovery.asked) == asked
    await rig.clock.advance(6 * 3600)
    await rig.upkeep.tick()
    assert len(rig.discovery.asked) == asked + 1
    assert (await rig.events()).count(("CLUSTER_CAPABILITIES_CHANGED", "")) == 1


async def test_what_was_known_stays_with_its_age_where_nobody_can_look(rig: Rig, prometheus_url: str) -> None:
    added = await rig.add("prod-1", prometheus_url, **KUBERNETES)
    rig.discovery.found = Discovered(can(rig, has_gpu_nodes=True, gpu_count=8))
    await rig.exploring.explore(ADMIN, added.id)
    since = rig.clock.now()
    await rig.clock.advance(3600)
    rig.discovery.found = Discovered(can(rig, problems=["API server: it refused the connection"]))
    await rig.exploring.explore(ADMIN, added.id)
    found = (await rig.fleet.get(ADMIN, added.id)).capabilities
    assert found is not None
    assert (found.gpu_count, found.discovered_at) == (8, since)
    assert found.problems == ["API server: it refused the connection"]


async def test_an_address_that_was_found_is_taken_only_where_it_answers(rig: Rig, prometheus: FakePrometheus) -> None:
    async def loki(request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "success", "data": []})

    async with serving(prometheus.answer) as url, serving(loki) as loki_url:
        added = await rig.add("prod-1", None, **KUBERNETES)
        edge = await rig.add("edge-1", None, **KUBERNETES, cluster_type="EDGE")
        offers = {
            EndpointKind.PROMETHEUS: url,
            EndpointKind.LOKI: loki_url,
            EndpointKind.TEMPO: "http://127.0.0.1:1",
            EndpointKind.ALERTMANAGER: "http://169.254.169.254",
        }
        rig.discovery.found = Discovered(can(rig, has_prometheus=True), offers=offers)
        for cluster in (added, edge):
            await rig.exploring.explore(ADMIN, cluster.id)
        found = await rig.fleet.get(ADMIN, added.id)
        assert (found.prometheus_url, found.loki_url, found.tempo_url) == (url, loki_url, None)
        assert found.alertmanager_url is None
        found = await rig.fleet.get(ADMIN, edge.id)
        assert (found.prometheus_url, found.loki_url) == (url, None)


async def test_the_fleet_is_filtered_and_counted_by_what_it_can_do(rig: Rig, prometheus_url: str) -> None:
    for name, abilities in (
        ("gpu-1", can(rig, has_gpu_nodes=True, gpu_count=4, gpu_types=["A100"], has_cnf_workloads=False)),
        ("gpu-2", can(rig, has_gpu_nodes=True, gpu_count=2, gpu_types=["A100", "H100"], has_cnf_workloads=False)),
        ("ran-1", can(rig, has_gpu_nodes=False, has_cnf_workloads=True, cnf_types=[CnfType.VDU, CnfType.UPF])),
    ):
        cluster = await rig.add(name, prometheus_url, **KUBERNETES, labels={"team": name[:3], "tier": "1"})
        rig.discovery.found = Discovered(abilities)
        await rig.exploring.explore(ADMIN, cluster.id)
    plain = await rig.add("plain-1", labels={"team": "core"})

    assert await names(rig, Filters(has_gpu=True)) == ["gpu-1", "gpu-2"]
    assert await names(rig, Filters(has_gpu=False)) == ["plain-1", "ran-1"]
    assert await names(rig, Filters(has_cnf=True)) == ["ran-1"]
    assert await names(rig, Filters(labels={"team": "gpu"})) == ["gpu-1", "gpu-2"]
    assert await names(rig, Filters(labels={"team": "gpu", "tier": "2"})) == []

    counted = await rig.fleet.capabilities(ADMIN)
    assert (counted.total, counted.undiscovered, counted.gpu_count) == (4, 1, 6)
    assert (counted.clusters_with["gpu_nodes"], counted.clusters_with["cnf_workloads"]) == (2, 1)
    assert counted.gpu_types == {"A100": 2, "H100": 1}
    assert counted.cnf_types == {"UPF": 1, "VDU": 1}
    limited = await rig.fleet.capabilities(person(Role.VIEWER, plain.id))
    assert (limited.total, limited.gpu_count, limited.gpu_types) == (1, 0, {})


async def test_the_health_of_the_fleet_names_the_worst_first_and_only_those_in_scope(
    rig: Rig, prometheus: FakePrometheus, prometheus_url: str
) -> None:
    await rig.add("good", prometheus_url)
    await rig.add("down")
    part = await rig.add("part", prometheus_url, loki_url="http://127.0.0.1:1", tempo_url=prometheus_url)
    await rig.job.tick()
    health = await rig.fleet.health(ADMIN)
    assert (health.total, health.health_score) == (3, round((100 + 0 + 70) / 3))
    assert [(one.name, one.health_score) for one in health.worst] == [("down", 0), ("part", 70)]
    assert health.by_state[State.DEGRADED] == 1
    assert health.by_connectivity[Connectivity.CONNECTED] == 2
    assert (health.endpoints["prometheus"].total, health.endpoints["prometheus"].down) == (3, 1)
    assert set(health.worst[1].errors) == {"loki", "tempo"}
    limited = await rig.fleet.health(person(Role.VIEWER, part.id))
    assert [one.name for one in limited.worst] == ["part"]


async def test_an_api_server_that_is_down_puts_its_cluster_offline_and_costs_half(
    rig: Rig, prometheus_url: str
) -> None:
    added = await rig.add("prod-1", prometheus_url, **KUBERNETES)
    found = (await rig.probing.refresh(ADMIN, added.id)).status
    assert (found.state, found.health_score) == (State.OFFLINE, 50)
    assert found.endpoints["prometheus"].latency_ms is not None
    assert "refused the connection" in (found.endpoints["api_server"].error or "")


@pytest.mark.parametrize("field", ["loki_url", "tempo_url"])
async def test_a_cluster_at_the_edge_is_metrics_only(rig: Rig, prometheus_url: str, field: str) -> None:
    with pytest.raises(Invalid, match="metrics-only"):
        await rig.add("edge-1", prometheus_url, cluster_type="FAR_EDGE", **{field: prometheus_url})
    spoke = await rig.add("spoke-1", prometheus_url, **{field: prometheus_url})
    with pytest.raises(Invalid, match="metrics-only"):
        await rig.membership.change(ADMIN, spoke.id, ClusterChange(cluster_type=spoke.cluster_type.EDGE))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"platform": "KUBERNETES", "prometheus_url": None}, "API server, of its Prometheus, or both"),
        ({"api_server_url": "https://api.example.com:6443"}, "has no API server"),
        ({"platform": "KUBERNETES", "api_server_url": "http://api.example.com"}, "speaks TLS"),
        ({"selector": {"__name__": "x"}}, "no label of a metric"),
        ({"selector": {"cluster-name": "x"}}, "no label of a metric"),
        ({"selector": {"cluster": ""}}, "1 to 256"),
        ({"tls": {"ca_bundle": "not a certificate"}}, "no certificate in PEM form"),
        ({"tls": {"ca_bundle": "kein Zertifikat, aber schön"}}, "no certificate in PEM form"),
        ({"tls": {"server_name": "a b"}}, "server name"),
        ({"proxy_url": "http://me:secret@proxy:3128"}, "user name and password out"),
        ({"proxy_url": "socks5://proxy:1080"}, "start with http"),
        ({"loki_url": "http://loki:3100/loki/api/v1/push"}, "without /loki/api"),
        ({"alertmanager_url": "http://alerts:9093/api/v2/alerts"}, "without /api/v2"),
    ],
)
async def test_a_description_that_can_not_be_is_refused_with_advice(
    rig: Rig, given: dict[str, object], said: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await rig.add("prod-1", **{"url": "http://prometheus:9090"} | _with_url(given))  # type: ignore[arg-type]
    assert said in caught.value.message


def _with_url(given: dict[str, object]) -> dict[str, object]:
    given = dict(given)
    return {"url": given.pop("prometheus_url")} | given if "prometheus_url" in given else given
