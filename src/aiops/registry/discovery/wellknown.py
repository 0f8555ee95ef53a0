"""Services by which the usual charts and operators publish metrics, logs, traces and alerts. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from aiops.registry.discovery.kubernetes import Metadata
from aiops.registry.ports import EndpointKind


class Port(msgspec.Struct, frozen=True):
    port: int
    name: str = ""
    protocol: str = "TCP"


class ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    type: str = "ClusterIP"
    ports: list[Port] | None = None
    external_name: str = ""


class Service(msgspec.Struct, frozen=True):
    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


class _Known(msgspec.Struct, frozen=True):
    """A service whose name fits; `ports` are tried in this order, `path` is what its API lives under."""

    kind: EndpointKind
    names: str
    ports: tuple[int, ...]
    path: str = ""
    note: str | None = None


_TENANT = "It may want a tenant: give it as the header X-Scope-OrgID."

# The order is the preference: what answers for several Prometheus servers stands before one of them.
_KNOWN = (
    _Known(EndpointKind.PROMETHEUS, r"(.*-)?thanos-query(ier)?-frontend", (9090, 10902, 80)),
    _Known(EndpointKind.PROMETHEUS, r"(.*-)?thanos-query(ier)?", (9090, 10902, 80)),
    _Known(EndpointKind.PROMETHEUS, r"(.*-)?mimir-(gateway|nginx)", (80, 8080), "/prometheus", _TENANT),
    _Known(EndpointKind.PROMETHEUS, r"(.*-)?mimir-query-frontend", (8080,), "/prometheus", _TENANT),
    _Known(EndpointKind.PROMETHEUS, r"vmselect-.*|.*-vmselect", (8481,), "/select/0/prometheus"),
    _Known(EndpointKind.PROMETHEUS, r"vmsingle-.*|.*-victoria-metrics-single-server", (8428, 8429)),
    _Known(EndpointKind.PROMETHEUS, r".*kube-prom.*-prometheus|prometheus-k8s|(.*-)?prometheus-server", (9090, 80)),
    _Known(EndpointKind.PROMETHEUS, r"prometheus(-operated)?", (9090, 80)),
    _Known(EndpointKind.ALERTMANAGER, r".*kube-prom.*-alertmanager|alertmanager-main|(.*-)?alertmanager", (9093, 80)),
    _Known(EndpointKind.ALERTMANAGER, r"alertmanager-operated", (9093,)),
    _Known(EndpointKind.LOKI, r"(.*-)?loki-gateway", (80, 8080), "", _TENANT),
    _Known(EndpointKind.LOKI, r"(.*-)?loki-query-frontend", (3100,), "", _TENANT),
    _Known(EndpointKind.LOKI, r"(.*-)?loki", (3100, 80)),
    _Known(EndpointKind.TEMPO, r"(.*-)?tempo-gateway", (80, 8080), "", _TENANT),
    _Known(EndpointKind.TEMPO, r"(.*-)?tempo-query-frontend", (3200, 3100)),
    _Known(EndpointKind.TEMPO, r"(.*-)?tempo", (3200, 3100)),
)


class Match(msgspec.Struct, frozen=True):
    """A service that should be an endpoint of this kind, at this port and path."""

    kind: EndpointKind
    namespace: str
    name: str
    port: int
    path: str
    secure: bool
    note: str | None

    @property
    def source(self) -> str:
        return f"Service {self.namespace}/{self.name}"

    @property
    def inside_url(self) -> str:
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.name}.{self.namespace}.svc:{self.port}{self.path}"

    def proxied_url(self, api_server: str) -> str:
        """Through the API server, which signs in by itself and reaches every service."""
        which = f"{'https:' if self.secure else ''}{self.name}:{self.port}"
        return f"{api_server.rstrip('/')}/api/v1/namespaces/{self.namespace}/services/{which}/proxy{self.path}"


def matches_of(services: Iterable[Service]) -> list[Match]:
    """Best first within each kind."""
    found: list[tuple[int, Match]] = []
    for service in services:
        ranked = _match(service)
        if ranked is not None:
            found.append(ranked)
    found.sort(key=lambda entry: (entry[0], entry[1].namespace, entry[1].name))
    return [match for _, match in found]


def _match(service: Service) -> tuple[int, Match] | None:
    if service.spec.type == "ExternalName":
        return None
    ports = {port.port: port for port in service.spec.ports or [] if port.protocol == "TCP"}
    for rank, known in enumerate(_KNOWN):
        if not re.fullmatch(known.names, service.metadata.name):
            continue
        number = next((number for number in known.ports if number in ports), None)
        if number is None:
            continue
        match = Match(
            known.kind,
            service.metadata.namespace,
            service.metadata.name,
            number,
            known.path,
            "https" in ports[number].name,
            known.note,
        )
        return rank, match
    return None
