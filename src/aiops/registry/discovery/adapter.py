"""Implements `needs.Discovery`, `.ObjectReader` and `.Finder`: what a cluster is, and which others it knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Unavailable
from aiops.kernel.outbound import Outbound
from aiops.kernel.tls import Tls
from aiops.registry.discovery.acm import managed_clusters
from aiops.registry.discovery.candidates import Candidate, ManagedClusters
from aiops.registry.discovery.capabilities import capabilities_of
from aiops.registry.discovery.carving import carved_clusters
from aiops.registry.discovery.faults import KubernetesFault
from aiops.registry.discovery.findings import Findings, Suggestion, merged
from aiops.registry.discovery.kubernetes import Kubernetes
from aiops.registry.discovery.metrics import capabilities_by_metrics
from aiops.registry.discovery.monitoring import monitoring_of
from aiops.registry.discovery.objects import objects_of
from aiops.registry.discovery.rights import rights_steps
from aiops.registry.discovery.wire import PlainWay, Way
from aiops.registry.needs import Discovered, FreshToken, Step
from aiops.registry.ports import Capabilities, EndpointKind, Target
from aiops.registry.ports_objects import ClusterObjects

_TIMEOUT_S = 15.0
_MOST_PROBLEMS = 20
_LONGEST_PROBLEM = 500
_MOST_TYPES = 50
_LONGEST_WORD = 64
_OWN_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class OwnCluster(msgspec.Struct, frozen=True):
    """The Kubernetes cluster that the hub itself runs in, as it tells its pods."""

    url: str
    folder: Path = _OWN_FOLDER

    @classmethod
    def told_by(cls, environment: Mapping[str, str], folder: Path = _OWN_FOLDER) -> OwnCluster | None:
        host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (folder / "token").exists():
            return None
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}", folder)

    def way(self) -> PlainWay:
        """Read anew each time: the token is replaced every hour."""
        try:
            token = (self.folder / "token").read_text().strip()
            authority = (self.folder / "ca.crt").read_text()
        except OSError as error:
            raise Unavailable(f"The hub can't read its own service account: {error.strerror}.") from None
        return PlainWay(self.url, {"Authorization": f"Bearer {token}"}, Tls(ca_bundle=authority))


class KubernetesDiscovery:
    """Reads only; asks each cluster with what is the cluster's own."""

    def __init__(self, outbound: Outbound, clock: Clock, own: OwnCluster | None = None) -> None:
        self._outbound = outbound
        self._clock = clock
        self._own = own

    async def discover(self, api: Target | None, prometheus: Target | None) -> Discovered:
        found = merged(*await asyncio.gather(self._by_api(api), self._by_metrics(prometheus)))
        return Discovered(
            _capabilities(found, self._clock),
            found.platform,
            _clean(found.platform_version),
            _clean(found.region),
            _sure(found.offers),
        )

    async def check_rights(self, api: Target) -> list[Step]:
        try:
            return await rights_steps(self._api(api))
        except AiopsError as error:
            return [Step("tls", False, error.message)]

    async def look(self, api: Target) -> ClusterObjects:
        try:
            return await objects_of(self._api(api))
        except KubernetesFault as fault:
            raise fault.stated() from None

    async def renew_token(self, api: Target, namespace: str, account: str, lasts_s: int) -> FreshToken:
        try:
            made = await self._api(api).new_token(namespace, account, lasts_s=lasts_s)
        except KubernetesFault as fault:
            raise fault.stated() from None
        return FreshToken(made.token, made.expires_at)

    async def read_secret(self, namespace: str, name: str) -> dict[str, bytes]:
        if self._own is None:
            raise Unavailable("The hub runs in no Kubernetes cluster, so there is no Secret that it could read.")
        try:
            return await self._api(self._own.way()).secret(namespace, name)
        except KubernetesFault as fault:
            raise fault.stated() from None

    async def suggestions(self, api: Target) -> list[Suggestion]:
        """Every address where an endpoint should be, for a person to choose from; raises an `AiopsError`."""
        try:
            found = await self._look(api)
        except KubernetesFault as fault:
            raise fault.stated() from None
        return list(found.offers)

    async def managed_clusters(self, hub: Target) -> ManagedClusters:
        """The clusters that a hub of Red Hat ACM manages; raises an `AiopsError`."""
        try:
            return await managed_clusters(self._api(hub))
        except KubernetesFault as fault:
            raise fault.stated() from None

    async def carved_clusters(self, prometheus: Target, label: str) -> list[Candidate]:
        """The clusters that share a Prometheus, told apart by a label; raises an `AiopsError`."""
        return await carved_clusters(self._outbound, self._clock, prometheus, label=label)

    async def _by_api(self, api: Target | None) -> Findings:
        if api is None:
            return Findings()
        try:
            return await self._look(api)
        except KubernetesFault as fault:
            return Findings(problems=(f"API server: {fault.detail}",))
        except AiopsError as error:
            return Findings(problems=(f"API server: {error.message}",))

    async def _look(self, api: Target) -> Findings:
        client = self._api(api)
        found = await capabilities_of(client)
        return merged(found, await monitoring_of(client, api.url, found.platform, found.groups))

    async def _by_metrics(self, prometheus: Target | None) -> Findings:
        if prometheus is None:
            return Findings()
        try:
            return await capabilities_by_metrics(self._outbound, prometheus, prometheus.selector, timeout_s=_TIMEOUT_S)
        except AiopsError as error:
            return Findings(problems=(f"Metrics: {error.message}",))

    def _api(self, way: Way) -> Kubernetes:
        return Kubernetes(self._outbound, self._clock, way, timeout_s=_TIMEOUT_S)


def _sure(offers: tuple[Suggestion, ...]) -> dict[EndpointKind, str]:
    """The best of each kind among those that may be tried with the cluster's credentials unasked."""
    found: dict[EndpointKind, str] = {}
    for offer in offers:
        if offer.sure:
            found.setdefault(offer.kind, offer.url)
    return found


def _capabilities(found: Findings, clock: Clock) -> Capabilities:
    problems = [_printable(problem)[:_LONGEST_PROBLEM] for problem in found.problems]
    if len(problems) > _MOST_PROBLEMS:
        problems = [*problems[:_MOST_PROBLEMS], f"and {len(problems) - _MOST_PROBLEMS} more"]
    return Capabilities(
        discovered_at=clock.now(),
        has_prometheus=found.has_prometheus,
        has_thanos=found.has_thanos,
        has_loki=found.has_loki,
        has_tempo=found.has_tempo,
        has_service_mesh=found.has_service_mesh,
        has_gpu_nodes=found.has_gpu_nodes,
        has_cnf_workloads=found.has_cnf_workloads,
        gpu_count=found.gpu_count,
        gpu_types=[kind for name in found.gpu_types[:_MOST_TYPES] if (kind := _clean(name))],
        cnf_types=list(found.cnf_types),
        problems=problems,
    )


def _clean(word: str | None) -> str | None:
    """A word of a cluster as it may be kept and shown: what others run may say anything."""
    return _printable(word)[:_LONGEST_WORD] or None if word else None


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
