"""Finds where a cluster's metrics, alerts, logs and traces are: offered to whoever adds it, never silently taken."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from aiops.registry.discovery.capabilities import Groups, Problems
from aiops.registry.discovery.faults import Missing
from aiops.registry.discovery.findings import Findings, How, Suggestion
from aiops.registry.discovery.kubernetes import Kubernetes, Metadata
from aiops.registry.discovery.permissions import (
    INGRESSES,
    LOKI_STACKS,
    MONITORING,
    ROUTES,
    SERVICES,
    TEMPO_MONOLITHICS,
    TEMPO_STACKS,
    Resource,
)
from aiops.registry.discovery.wellknown import Match, Service, matches_of
from aiops.registry.ports import EndpointKind, Platform

T = TypeVar("T")

_MOST_OF_A_KIND = 4
_ROUTES = {"thanos-querier": EndpointKind.PROMETHEUS, "alertmanager-main": EndpointKind.ALERTMANAGER}
_MONITORING_NOTE = "The account needs the cluster role cluster-monitoring-view."
_INSIDE_NOTE = "It can be reached where the hub runs in the same cluster."
_PROXY_NOTE = "The account needs the right to get services/proxy of this service."


class _RouteSpec(msgspec.Struct):
    host: str = ""
    path: str = ""
    tls: dict[str, object] | None = None


class Route(msgspec.Struct):
    """A Route of OpenShift."""

    metadata: Metadata
    spec: _RouteSpec

    @property
    def url(self) -> str | None:
        if not self.spec.host:
            return None
        # The hub adds /api itself; other paths belong to the address.
        path = "" if self.spec.path in ("/", "/api") else self.spec.path.rstrip("/")
        return f"{'https' if self.spec.tls is not None else 'http'}://{self.spec.host}{path}"

    @property
    def domain(self) -> str | None:
        """Where the cluster's routers publish, where the host is the one that OpenShift makes up."""
        own = f"{self.metadata.name}-{self.metadata.namespace}."
        return self.spec.host.removeprefix(own) if self.spec.host.startswith(own) else None


class _Tenant(msgspec.Struct, rename="camel"):
    tenant_name: str = ""


class _Tenants(msgspec.Struct):
    mode: str = ""
    authentication: list[_Tenant] | None = None


class _Multitenancy(msgspec.Struct):
    enabled: bool = False
    mode: str = ""
    authentication: list[_Tenant] | None = None


class _StackSpec(msgspec.Struct):
    tenants: _Tenants | None = None
    multitenancy: _Multitenancy | None = None


class _Stack(msgspec.Struct):
    metadata: Metadata
    spec: _StackSpec = msgspec.field(default_factory=_StackSpec)


class _ServicePort(msgspec.Struct):
    number: int | None = None
    name: str | None = None


class _IngressService(msgspec.Struct):
    name: str
    port: _ServicePort | None = None


class _IngressBackend(msgspec.Struct):
    service: _IngressService | None = None


class _IngressPath(msgspec.Struct):
    backend: _IngressBackend
    path: str = "/"


class _IngressHttp(msgspec.Struct):
    paths: list[_IngressPath]


class _IngressRule(msgspec.Struct):
    host: str = ""
    http: _IngressHttp | None = None


class _IngressTls(msgspec.Struct):
    hosts: list[str] | None = None


class _IngressSpec(msgspec.Struct):
    rules: list[_IngressRule] | None = None
    tls: list[_IngressTls] | None = None


class _Ingress(msgspec.Struct):
    metadata: Metadata
    spec: _IngressSpec = msgspec.field(default_factory=_IngressSpec)


async def monitoring_of(api: Kubernetes, api_server: str, platform: Platform | None, groups: Groups | None) -> Findings:
    """Never raises for a cluster that answers; what can't be read is among the problems."""
    problems = Problems()
    routed: list[Suggestion] = []
    domain: str | None = None
    if platform is Platform.OPENSHIFT:
        routed, domain = await _monitoring_routes(api, problems)
    stacks, suggested = await asyncio.gather(
        _stack_offers(api, groups, domain, problems), _suggestions(api, api_server, platform, problems)
    )
    offers = [*routed, *stacks, *suggested]
    kinds = {offer.kind for offer in offers}
    return Findings(
        has_prometheus=_has(EndpointKind.PROMETHEUS, kinds),
        has_thanos=True if any("thanos" in offer.source for offer in offers) else None,
        has_loki=_has(EndpointKind.LOKI, kinds),
        has_tempo=_has(EndpointKind.TEMPO, kinds),
        problems=problems.all(),
        offers=tuple(offers),
    )


def _has(kind: EndpointKind, kinds: set[EndpointKind]) -> bool | None:
    # One under another name may be there: that none was found proves nothing.
    return True if kind in kinds else None


async def route_or_none(api: Kubernetes, namespace: str, name: str, problems: Problems) -> Route | None:
    async def asked() -> Route | None:
        try:
            return await api.one(ROUTES, name, Route, namespace=namespace)
        except Missing:
            return None

    return await problems.or_unknown(asked())


async def _monitoring_routes(api: Kubernetes, problems: Problems) -> tuple[list[Suggestion], str | None]:
    offers: list[Suggestion] = []
    domain = None
    for name, kind in _ROUTES.items():
        route = await route_or_none(api, MONITORING, name, problems)
        if route is not None and route.url:
            domain = domain or route.domain
            offers.append(
                Suggestion(kind, route.url, How.ROUTE, f"Route {MONITORING}/{name}", _MONITORING_NOTE, sure=True)
            )
    return offers, domain


async def _stack_offers(
    api: Kubernetes, groups: Groups | None, domain: str | None, problems: Problems
) -> list[Suggestion]:
    """Loki and Tempo as their operators run them on OpenShift, behind gateways whose hosts follow from their names.

    Their Routes lie in namespaces that only the cluster knows, and Routes may hold private keys: so no right to read
    them is asked for, and the address is made as OpenShift makes it.
    """
    if domain is None:
        return []
    offers: list[Suggestion] = []
    for stack in await _stacks(api, LOKI_STACKS, groups, problems):
        tenants = stack.spec.tenants
        if tenants is None:
            continue
        name, space = stack.metadata.name, stack.metadata.namespace
        for tenant in _loki_tenants(tenants):
            url = f"https://{name}-{space}.{domain}/api/logs/v1/{tenant}"
            note = f"The account needs the right to get {tenant}.loki.grafana.com."
            offers.append(
                Suggestion(EndpointKind.LOKI, url, How.ROUTE, f"LokiStack {space}/{name}", note, _guarded(space))
            )
    for resource, called in ((TEMPO_STACKS, "TempoStack"), (TEMPO_MONOLITHICS, "TempoMonolithic")):
        for stack in await _stacks(api, resource, groups, problems):
            name, space = stack.metadata.name, stack.metadata.namespace
            for tenant in _tempo_tenants(stack.spec):
                url = f"https://tempo-{name}-gateway-{space}.{domain}/api/traces/v1/{tenant}/tempo"
                note = f"The account needs the right to get {tenant}.tempo.grafana.com."
                offers.append(
                    Suggestion(EndpointKind.TEMPO, url, How.ROUTE, f"{called} {space}/{name}", note, _guarded(space))
                )
    return offers


def _guarded(namespace: str) -> bool:
    """Namespaces that OpenShift lets nobody but its administrators make: elsewhere, whoever owns one could publish
    such an address, and catch what the hub shows there."""
    return namespace.startswith("openshift-")


def _loki_tenants(tenants: _Tenants) -> list[str]:
    if tenants.mode == "openshift-logging":
        return ["application", "infrastructure", "audit"]
    if tenants.mode == "openshift-network":
        return ["network"]
    return [tenant.tenant_name for tenant in tenants.authentication or [] if tenant.tenant_name]


def _tempo_tenants(spec: _StackSpec) -> list[str]:
    if spec.tenants is not None:
        entries = spec.tenants.authentication
    elif spec.multitenancy is not None and spec.multitenancy.enabled:
        entries = spec.multitenancy.authentication
    else:
        entries = None
    return [tenant.tenant_name for tenant in entries or [] if tenant.tenant_name]


async def _stacks(api: Kubernetes, resource: Resource, groups: Groups | None, problems: Problems) -> list[_Stack]:
    if groups is not None and resource.group not in groups:
        return []
    return await problems.listed(api.every(resource, _Stack)) or []


async def _suggestions(
    api: Kubernetes, api_server: str, platform: Platform | None, problems: Problems
) -> list[Suggestion]:
    services = await problems.listed(api.every(SERVICES, Service)) or []
    matches = matches_of(
        service
        for service in services
        # What OpenShift ships has its routes; its services want another sign-in inside.
        if platform is not Platform.OPENSHIFT or not service.metadata.namespace.startswith("openshift-")
    )
    if not matches:
        return []
    ingresses = await problems.listed(api.every(INGRESSES, _Ingress)) or []
    offers: list[Suggestion] = []
    for kind in EndpointKind:
        for match in [match for match in matches if match.kind is kind][:_MOST_OF_A_KIND]:
            offers += _ways_to(match, api_server, ingresses)
    return offers


def _ways_to(match: Match, api_server: str, ingresses: Iterable[_Ingress]) -> list[Suggestion]:
    offers = [
        Suggestion(match.kind, url, How.INGRESS, f"Ingress {match.namespace}/{name}", match.note)
        for name, url in _ingress_urls(match, ingresses)
    ]
    offers.append(
        Suggestion(match.kind, match.inside_url, How.SERVICE, match.source, _joined(_INSIDE_NOTE, match.note))
    )
    offers.append(
        Suggestion(
            match.kind,
            match.proxied_url(api_server),
            How.API_PROXY,
            match.source,
            _joined(_PROXY_NOTE, match.note),
        )
    )
    return offers


def _joined(*notes: str | None) -> str:
    return " ".join(note for note in notes if note)


def _ingress_urls(match: Match, ingresses: Iterable[_Ingress]) -> Iterable[tuple[str, str]]:
    for ingress in ingresses:
        if ingress.metadata.namespace != match.namespace:
            continue
        secured = {host for entry in ingress.spec.tls or [] for host in entry.hosts or []}
        for rule in ingress.spec.rules or []:
            for path in rule.http.paths if rule.http else []:
                service = path.backend.service
                # A path with a pattern in it is rewritten on the way: nobody can say to what.
                if not rule.host or rule.host.startswith("*") or service is None or set(path.path) & set("()*$^"):
                    continue
                if service.name == match.name:
                    scheme = "https" if rule.host in secured else "http"
                    yield ingress.metadata.name, f"{scheme}://{rule.host}{path.path.rstrip('/')}{match.path}"
