"""How far the hub gets on the way to endpoints that are not registered yet."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import AiopsError, Invalid
from aiops.kernel.principal import Principal, Role
from aiops.registry import domain
from aiops.registry.credentials import Access, Credentials, Oidc, access_of, check_headers
from aiops.registry.endpoints import PROXY_FIELD, UrlRules
from aiops.registry.needs import Discovery, Prober, Step, TokenIssuer
from aiops.registry.ports import URL_FIELDS, Cluster, ClusterType, EndpointKind, Environment, Platform, TlsSettings
from aiops.registry.service.description import (
    CredentialsGiven,
    as_the_kubeconfig_says,
    check_direct,
    check_tls,
    resolved,
)
from aiops.registry.service.fleet import build_target
from aiops.registry.service.sign_ins import EndpointTrial
from aiops.registry.vault import Secrets

_TIMEOUT_S = 10.0
_NO_CLUSTER = UUID(int=0)


class ConnectionTest(CredentialsGiven, frozen=True, kw_only=True):
    """At least one address, or a kubeconfig, which has that of the API server."""

    api_server_url: str | None = None
    prometheus_url: str | None = None
    alertmanager_url: str | None = None
    alertmanager_peer_url: str | None = None
    loki_url: str | None = None
    tempo_url: str | None = None
    selector: dict[str, str] = msgspec.field(default_factory=dict)
    tls: TlsSettings = TlsSettings()
    proxy_url: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Diagnosis(msgspec.Struct, frozen=True):
    """`steps` are those of the first endpoint that fails, or else of the first, in order, up to the first that failed;
    `endpoints` has all of them."""

    ok: bool
    steps: list[Step]
    endpoints: dict[EndpointKind, EndpointTrial] = {}


class ConnectionTests:
    def __init__(
        self, clock: Clock, prober: Prober, discovery: Discovery, issuer: TokenIssuer, rules: UrlRules
    ) -> None:
        self._clock = clock
        self._prober = prober
        self._discovery = discovery
        self._issuer = issuer
        self._rules = rules

    async def run(self, principal: Principal, test: ConnectionTest) -> Diagnosis:
        """Say precisely how far the hub gets; registers nothing. As adding, for those who see the whole fleet."""
        principal.require(Role.OPERATOR)
        principal.require_whole_fleet()
        given = test.given()
        credentials, said = (None, None) if given is None else resolved(given, self._rules)
        check_headers(test.headers)
        check_tls(test.tls)
        domain.check_selector(test.selector)
        cluster = as_the_kubeconfig_says(self._cluster(test), said)
        try:
            access = await self._access(credentials)
        except AiopsError as error:
            return Diagnosis(False, [Step("sign-in", False, error.message)])
        check_direct(test.endpoint_credentials)
        secrets = Secrets(credentials, test.headers, access, test.endpoint_credentials)
        targets = [
            build_target(cluster, kind, url, secrets.sent(kind))
            for kind in EndpointKind
            if (url := cluster.url(kind)) is not None
        ]
        if not targets:
            raise Invalid("Give the address of an endpoint.", details={"field": "prometheus_url"})
        found = await asyncio.gather(*(self._prober.diagnose(target, _TIMEOUT_S) for target in targets))
        steps = {target.kind: one for target, one in zip(targets, found, strict=True)}
        if EndpointKind.API_SERVER in steps and all(step.ok for step in steps[EndpointKind.API_SERVER]):
            steps[EndpointKind.API_SERVER] += await self._discovery.check_rights(targets[0])
        trials = {kind: EndpointTrial(all(step.ok for step in one), one) for kind, one in steps.items()}
        first = next((trial for trial in trials.values() if not trial.ok), next(iter(trials.values())))
        return Diagnosis(first.ok, first.steps, trials)

    async def _access(self, credentials: Credentials | None) -> Access:
        if isinstance(credentials, Oidc):
            fresh = await self._issuer.fetch(credentials)
            return Access(f"Bearer {fresh.token}", expires_at=fresh.expires_at)
        found = access_of(credentials)
        if found is None:
            raise Invalid("A Secret of the hub's own cluster is read when the cluster is added; test it there.")
        return found

    def _cluster(self, test: ConnectionTest) -> Cluster:
        now = self._clock.now()
        proxy_url = None if test.proxy_url is None else self._rules.check(test.proxy_url, PROXY_FIELD)
        return Cluster(
            id=_NO_CLUSTER,
            name="",
            display_name="",
            cluster_type=ClusterType.SPOKE,
            platform=Platform.STANDALONE,
            environment=Environment.LAB,
            region=None,
            labels={},
            status=domain.first_status(),
            created_at=now,
            updated_at=now,
            last_seen_at=None,
            selector=test.selector,
            tls=test.tls,
            proxy_url=proxy_url,
            **{field: getattr(test, field) for field in URL_FIELDS.values()},
        )
