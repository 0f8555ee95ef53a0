"""What people say about a cluster when they add or change it, and what is checked of it."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from aiops.kernel.errors import Invalid
from aiops.kernel.tls import Tls, context_of
from aiops.registry import domain
from aiops.registry.credentials import (
    Basic,
    Bearer,
    ClientCertificate,
    Credentials,
    Direct,
    Kubeconfig,
    Oidc,
    SecretRef,
    ServiceAccount,
    check,
    credentials_from,
)
from aiops.registry.discovery.kubeconfig import KubeContext, contexts_of
from aiops.registry.endpoints import PROXY_FIELD, UrlRules, origin_of
from aiops.registry.ports import URL_FIELDS, Cluster, ClusterType, EndpointKind, Environment, Platform, TlsSettings

_MOST_CA_BYTES = 64 * 1024


class KubeconfigGiven(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="KUBECONFIG"
):
    """A kubeconfig as it is: `context` or its current one is used, and nothing else of it kept."""

    kubeconfig: str
    context: str | None = None


Given = Bearer | Basic | ClientCertificate | ServiceAccount | Oidc | SecretRef | KubeconfigGiven
"""Credentials as people give them, told apart by `kind`."""


def resolved(given: Given, rules: UrlRules) -> tuple[Credentials, KubeContext | None]:
    """What is kept of the given credentials, checked; of a kubeconfig also what it says about the cluster."""
    if not isinstance(given, KubeconfigGiven):
        if isinstance(given, Oidc):
            given = msgspec.structs.replace(given, token_url=rules.check(given.token_url, "token_url"))
        check(given)
        return given, None
    contexts = contexts_of(given.kubeconfig)
    wanted = [one for one in contexts if (one.current if given.context is None else one.context == given.context)]
    if not wanted and given.context is None and len(contexts) == 1:
        wanted = contexts
    if not wanted:
        names = ", ".join(one.context for one in contexts[:20])
        raise Invalid(f"Say which context of the kubeconfig: {names}.", details={"field": "context"})
    found = wanted[0]
    if found.problem is not None:
        raise Invalid(f"The context {found.context} can't be used: {found.problem}", details={"field": "kubeconfig"})
    kept = Kubeconfig(
        token=found.token,
        username=found.username,
        password=found.password,
        certificate=found.tls.client_certificate,
        key=found.tls.client_key,
    )
    check(kept)
    return kept, found


class CredentialsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bearer token, or a user name and password, or `credentials` of any kind, sent to all endpoints but those that
    have `endpoint_credentials` of their own. Kept encrypted, never shown again."""

    bearer_token: str | None = None
    username: str | None = None
    password: str | None = None
    credentials: Given | None = None
    endpoint_credentials: dict[EndpointKind, Direct] = {}

    def given(self) -> Given | None:
        short = credentials_from(self.bearer_token, self.username, self.password)
        return _one_of(self.credentials, short)


class NewCluster(CredentialsGiven, frozen=True, kw_only=True):
    """`prometheus_url` or `api_server_url` is needed, except for a HOST, whose samples are pushed to the hub."""

    name: str
    display_name: str | None = None
    cluster_type: ClusterType = ClusterType.SPOKE
    platform: Platform = Platform.STANDALONE
    environment: Environment = Environment.PRODUCTION
    region: str | None = None
    labels: dict[str, str] = {}
    api_server_url: str | None = None
    prometheus_url: str | None = None
    alertmanager_url: str | None = None
    alertmanager_peer_url: str | None = None
    loki_url: str | None = None
    tempo_url: str | None = None
    selector: dict[str, str] = {}
    tls: TlsSettings = TlsSettings()
    proxy_url: str | None = None
    headers: dict[str, str] = {}
    managed_by: str | None = None


class ClusterChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. `bearer_token: null` (or `username: null`) drops the stored credentials; `headers`
    replaces all extra headers, `endpoint_credentials` all that single endpoints have of their own."""

    name: str | UnsetType = UNSET
    display_name: str | UnsetType = UNSET
    cluster_type: ClusterType | UnsetType = UNSET
    platform: Platform | UnsetType = UNSET
    environment: Environment | UnsetType = UNSET
    region: str | UnsetType | None = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    api_server_url: str | UnsetType | None = UNSET
    prometheus_url: str | UnsetType | None = UNSET
    alertmanager_url: str | UnsetType | None = UNSET
    alertmanager_peer_url: str | UnsetType | None = UNSET
    loki_url: str | UnsetType | None = UNSET
    tempo_url: str | UnsetType | None = UNSET
    selector: dict[str, str] | UnsetType = UNSET
    tls: TlsSettings | UnsetType = UNSET
    proxy_url: str | UnsetType | None = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    bearer_token: str | UnsetType | None = UNSET
    username: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET
    credentials: Given | UnsetType | None = UNSET
    endpoint_credentials: dict[EndpointKind, Direct] | UnsetType = UNSET

    def described(self) -> dict[str, object]:
        """What is to be changed of the cluster itself."""
        names = (
            "name", "display_name", "cluster_type", "platform", "environment", "region", "labels", *URL_FIELDS.values(),
            "selector", "tls", PROXY_FIELD,
        )  # fmt: skip
        return {name: value for name in names if (value := getattr(self, name)) is not UNSET}

    def is_for_admins(self) -> bool:
        """Whether it says where secrets go, or what others' data the cluster shows."""
        touched = set(self.described()) & {"name", "platform", *URL_FIELDS.values(), "selector", "tls", PROXY_FIELD}
        return bool(touched) or self.touches_secrets()

    def touches_secrets(self) -> bool:
        return self.touches_credentials() or self.headers is not UNSET or self.endpoint_credentials is not UNSET

    def touches_credentials(self) -> bool:
        given = (self.bearer_token, self.username, self.password, self.credentials)
        return any(one is not UNSET for one in given)

    def given(self) -> Given | None:
        short = credentials_from(_given(self.bearer_token), _given(self.username), _given(self.password))
        return _one_of(None if self.credentials is UNSET else self.credentials, short)


def checked(cluster: Cluster, rules: UrlRules) -> Cluster:
    """The cluster with its addresses in their stored form; raises `Invalid` for the first thing that can't be."""
    domain.check_name(cluster.name)
    domain.check_display_name(cluster.display_name)
    domain.check_region(cluster.region)
    domain.check_labels(cluster.labels)
    domain.check_selector(cluster.selector)
    domain.check_platform(cluster)
    check_tls(cluster.tls)
    urls = {
        field: rules.check(url, field)
        for field in (*URL_FIELDS.values(), PROXY_FIELD)
        if (url := getattr(cluster, field)) is not None
    }
    return msgspec.structs.replace(cluster, **urls)


def check_tls(tls: TlsSettings) -> None:
    if tls.ca_bundle is not None:
        if len(tls.ca_bundle) > _MOST_CA_BYTES:
            raise Invalid("A CA bundle has at most 64 KB.", details={"field": "tls.ca_bundle"})
        if "PRIVATE KEY" in tls.ca_bundle:
            raise Invalid(
                "The CA bundle holds a private key: give the certificates alone.", details={"field": "tls.ca_bundle"}
            )
        context_of(Tls(ca_bundle=tls.ca_bundle))
    if tls.server_name is not None and not (tls.server_name.isascii() and domain.is_host_name(tls.server_name)):
        raise Invalid("A server name is one of DNS, like api.example.com.", details={"field": "tls.server_name"})


def secret_would_travel(before: Cluster, after: Cluster) -> bool:
    """Whether the cluster's secrets would go where nobody has sent them yet."""
    known = {origin_of(url) for field in URL_FIELDS.values() if (url := getattr(before, field))}
    asked = {origin_of(url) for field in URL_FIELDS.values() if (url := getattr(after, field))}
    by_proxy = after.proxy_url is not None and after.proxy_url != before.proxy_url
    unverified = after.tls.skip_verify and not before.tls.skip_verify
    return not asked <= known or by_proxy or unverified


def check_direct(given: dict[EndpointKind, Direct]) -> None:
    for credentials in given.values():
        check(credentials)


def _one_of(given: Given | None, short: Bearer | Basic | None) -> Given | None:
    if given is not None and short is not None:
        raise Invalid("Give `credentials`, or a token or password, not both.", details={"field": "credentials"})
    return given or short


def _given(value: str | UnsetType | None) -> str | None:
    return None if value is UNSET else value


def as_the_kubeconfig_says(cluster: Cluster, said: KubeContext | None) -> Cluster:
    """Fill in what the kubeconfig knows and nobody has given."""
    if said is None:
        return cluster
    given = cluster.tls != TlsSettings()
    tls = TlsSettings(said.tls.ca_bundle, said.tls.skip_verify, said.tls.server_name)
    return msgspec.structs.replace(
        cluster,
        api_server_url=cluster.api_server_url or said.server or None,
        proxy_url=cluster.proxy_url or said.proxy_url,
        tls=cluster.tls if given else tls,
    )
