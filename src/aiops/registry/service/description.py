"""What people say about a cluster when they add or change it, and what is checked of it."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from aiops.kernel.errors import Invalid
from aiops.kernel.tls import Tls, context_of
from aiops.registry import domain
from aiops.registry.credentials import Credentials, check, check_headers, credentials_from
from aiops.registry.endpoints import PROXY_FIELD, UrlRules, origin_of
from aiops.registry.ports import URL_FIELDS, Cluster, ClusterType, Environment, Platform, TlsSettings

_MOST_CA_BYTES = 64 * 1024


class CredentialsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bearer token, or a user name and password, or `credentials` of any kind. Kept encrypted, never shown again."""

    bearer_token: str | None = None
    username: str | None = None
    password: str | None = None

    def given(self) -> Credentials | None:
        return credentials_from(self.bearer_token, self.username, self.password)


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
    loki_url: str | None = None
    tempo_url: str | None = None
    selector: dict[str, str] = {}
    tls: TlsSettings = TlsSettings()
    proxy_url: str | None = None
    headers: dict[str, str] = {}
    managed_by: str | None = None


class ClusterChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. `bearer_token: null` (or `username: null`) drops the stored credentials; `headers`
    replaces all extra headers."""

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
    loki_url: str | UnsetType | None = UNSET
    tempo_url: str | UnsetType | None = UNSET
    selector: dict[str, str] | UnsetType = UNSET
    tls: TlsSettings | UnsetType = UNSET
    proxy_url: str | UnsetType | None = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    bearer_token: str | UnsetType | None = UNSET
    username: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET

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
        return bool(touched) or self.headers is not UNSET or self.touches_credentials()

    def touches_credentials(self) -> bool:
        return any(given is not UNSET for given in (self.bearer_token, self.username, self.password))

    def given(self) -> Credentials | None:
        return credentials_from(_given(self.bearer_token), _given(self.username), _given(self.password))


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


def check_secrets(credentials: Credentials | None, headers: dict[str, str]) -> None:
    if credentials is not None:
        check(credentials)
    check_headers(headers)


def _given(value: str | UnsetType | None) -> str | None:
    return None if value is UNSET else value
