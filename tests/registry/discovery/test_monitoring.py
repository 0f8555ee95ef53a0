"""Where the monitoring of a plain Kubernetes is: suggested by the services that usual charts make, never taken."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from aiops.kernel.clock import SystemClock
from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.discovery.findings import How, Suggestion
from aiops.registry.discovery.kubernetes import Metadata
from aiops.registry.discovery.permissions import INGRESSES, SERVICES
from aiops.registry.discovery.wellknown import Port, Service, ServiceSpec, matches_of
from aiops.registry.discovery.wire import ask
from aiops.registry.ports import EndpointKind, Target
from tests.lab.kubernetes import KubernetesPeer, named
from tests.lab.openshift import grant


def service(name: str, namespace: str, *ports: tuple[int, str], kind: str = "ClusterIP") -> dict[str, Any]:
    found = [{"port": port, "name": called, "protocol": "TCP"} for port, called in ports]
    return named(name, namespace, spec={"type": kind, "ports": found})


def ingress(
    name: str, namespace: str, host: str, backend: str, *, path: str = "/", secure: bool = True
) -> dict[str, Any]:
    paths = [{"path": path, "backend": {"service": {"name": backend, "port": {"number": 80}}}}]
    tls = [{"hosts": [host]}] if secure else []
    return named(name, namespace, spec={"rules": [{"host": host, "http": {"paths": paths}}], "tls": tls})


async def suggested(outbound: Outbound, peer: KubernetesPeer, token: str | None = None) -> list[Suggestion]:
    headers = {"Authorization": f"Bearer {token or grant(peer, 'base')}"}
    tls = Tls(ca_bundle=peer.authority.pem)
    api = Target(UUID(int=1), "east", EndpointKind.API_SERVER, peer.url, headers, tls=tls)
    discovery = KubernetesDiscovery(outbound, SystemClock())
    # Nobody confirmed any of it, so nothing is handed on as an address to try.
    assert (await discovery.discover(api, None)).offers == {}
    return await discovery.suggestions(api)


async def test_a_service_is_suggested_by_its_name_and_through_the_api_server(
    outbound: Outbound, peer: KubernetesPeer
) -> None:
    peer.add(
        SERVICES, service("kube-prometheus-stack-prometheus", "monitoring", (9090, "http-web"), (8080, "reloader"))
    )
    peer.add(SERVICES, service("web", "shop", (9090, "http")))
    offers = await suggested(outbound, peer)
    assert [(offer.kind, offer.how, offer.url) for offer in offers] == [
        (
            EndpointKind.PROMETHEUS,
            How.SERVICE,
            "http://kube-prometheus-stack-prometheus.monitoring.svc:9090",
        ),
        (
            EndpointKind.PROMETHEUS,
            How.API_PROXY,
            f"{peer.url}/api/v1/namespaces/monitoring/services/kube-prometheus-stack-prometheus:9090/proxy",
        ),
    ]
    assert [offer.source for offer in offers] == ["Service monitoring/kube-prometheus-stack-prometheus"] * 2
    assert not any(offer.sure for offer in offers)
    assert "services/proxy" in (offers[1].note or "")


async def test_an_address_from_outside_comes_first(outbound: Outbound, peer: KubernetesPeer) -> None:
    peer.add(SERVICES, service("prometheus-server", "monitoring", (80, "http")))
    peer.add(
        INGRESSES,
        ingress("public", "monitoring", "metrics.example.com", "prometheus-server", path="/prom/"),
        ingress("other", "elsewhere", "wrong.example.com", "prometheus-server"),
        ingress("pattern", "monitoring", "odd.example.com", "prometheus-server", path="/x(/|$)(.*)"),
        ingress("all", "monitoring", "*.example.com", "prometheus-server"),
        ingress("plain", "monitoring", "plain.example.com", "prometheus-server", secure=False),
    )
    offers = await suggested(outbound, peer)
    assert [offer.url for offer in offers if offer.how is How.INGRESS] == [
        "https://metrics.example.com/prom",
        "http://plain.example.com",
    ]
    assert offers[0].how is How.INGRESS


async def test_every_kind_of_endpoint_is_suggested_with_its_tenant_where_it_has_one(
    outbound: Outbound, peer: KubernetesPeer
) -> None:
    peer.add(
        SERVICES,
        service("mimir-gateway", "mimir", (80, "http")),
        service("alertmanager-operated", "monitoring", (9093, "http-web")),
        service("loki-gateway", "loki", (80, "http")),
        service("tempo-query-frontend", "tempo", (3200, "http")),
    )
    offers = [offer for offer in await suggested(outbound, peer) if offer.how is How.SERVICE]
    assert [(offer.kind, offer.url) for offer in offers] == [
        (EndpointKind.PROMETHEUS, "http://mimir-gateway.mimir.svc:80/prometheus"),
        (EndpointKind.ALERTMANAGER, "http://alertmanager-operated.monitoring.svc:9093"),
        (EndpointKind.LOKI, "http://loki-gateway.loki.svc:80"),
        (EndpointKind.TEMPO, "http://tempo-query-frontend.tempo.svc:3200"),
    ]
    assert ["X-Scope-OrgID" in (offer.note or "") for offer in offers] == [True, False, True, False]


def test_what_answers_for_several_stands_before_one_of_them() -> None:
    def of(name: str, *ports: int, kind: str = "ClusterIP") -> Service:
        return Service(Metadata(name, "m"), ServiceSpec(kind, [Port(port) for port in ports]))

    services = [
        of("prometheus-operated", 9090),
        of("x-kube-prometheus-prometheus", 9090),
        of("thanos-query", 9090),
        of("thanos-query-frontend", 9090),
        of("prometheus", 12345),
        of("prometheus-outside", 9090, kind="ExternalName"),
        of("prometheus-server", 80, kind="ExternalName"),
    ]
    assert [match.name for match in matches_of(services)] == [
        "thanos-query-frontend",
        "thanos-query",
        "x-kube-prometheus-prometheus",
        "prometheus-operated",
    ]


async def test_without_the_right_to_look_nothing_is_suggested_and_nothing_fails(
    outbound: Outbound, peer: KubernetesPeer
) -> None:
    assert await suggested(outbound, peer, peer.account("nobody")) == []


async def test_a_suggestion_through_the_api_server_works_for_who_may_use_it(
    outbound: Outbound, peer: KubernetesPeer
) -> None:
    async def prometheus(request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "success", "query": request.query.get("query")})

    peer.add(SERVICES, service("prometheus-k8s", "monitoring", (9090, "web")))
    peer.services["monitoring/prometheus-k8s:9090"] = prometheus
    token = grant(peer, "base")
    url = next(offer.url for offer in await suggested(outbound, peer, token) if offer.how is How.API_PROXY)

    async def asked() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        way = Target(UUID(int=1), "", EndpointKind.PROMETHEUS, url, headers, tls=Tls(ca_bundle=peer.authority.pem))
        answer = await ask(outbound, way, "GET", "/api/v1/query", timeout_s=5, params={"query": "up"})
        return answer.status

    assert await asked() == 403
    # As deploy/spoke/README.md words it.
    rule = {
        "apiGroups": [""],
        "resources": ["services/proxy"],
        "resourceNames": ["prometheus-k8s:9090"],
        "verbs": ["get"],
    }
    subject = {"kind": "ServiceAccount", "name": "aiops-spoke", "namespace": "aiops-spoke"}
    peer.rbac.apply({"kind": "Role", "metadata": {"name": "p", "namespace": "monitoring"}, "rules": [rule]})
    peer.rbac.apply(
        {
            "kind": "RoleBinding",
            "metadata": {"name": "p", "namespace": "monitoring"},
            "roleRef": {"kind": "Role", "name": "p"},
            "subjects": [subject],
        }
    )
    assert await asked() == 200


async def test_suggestions_of_a_cluster_that_cannot_be_asked_say_why(outbound: Outbound, peer: KubernetesPeer) -> None:
    tls = Tls(ca_bundle=peer.authority.pem)
    discovery = KubernetesDiscovery(outbound, SystemClock())
    wrong = Target(UUID(int=1), "", EndpointKind.API_SERVER, peer.url, {"Authorization": "Bearer x"}, tls=tls)
    with pytest.raises(Invalid, match="refused these credentials"):
        await discovery.suggestions(wrong)
    gone = Target(UUID(int=1), "", EndpointKind.API_SERVER, "https://127.0.0.1:1")
    with pytest.raises(Unavailable, match="refused the connection"):
        await discovery.suggestions(gone)
