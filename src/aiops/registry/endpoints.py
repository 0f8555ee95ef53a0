"""The addresses of endpoints: how one is written, and where the hub does not go. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

import msgspec

from aiops.kernel.addresses import address_of, refusal
from aiops.kernel.errors import Invalid
from aiops.registry.ports import URL_FIELDS, EndpointKind

_LONGEST_URL = 2048
PROXY_FIELD = "proxy_url"

# Names under which clouds publish their metadata; an address behind any other name is checked when it is connected to.
_METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)


class _Words(msgspec.Struct, frozen=True):
    """What an endpoint is called, and the ends of paths that people paste and that the hub adds itself."""

    called: str
    example: str
    surplus: str


_WORDS = {
    "api_server_url": _Words("API server", "https://api.prod-1.example.com:6443", r"/(api|apis|readyz|version)(/|$)"),
    "prometheus_url": _Words("Prometheus", "https://prometheus.example.com:9090", r"/api/v1(/|$)|/graph/?$"),
    "alertmanager_url": _Words("Alertmanager", "https://alertmanager.example.com:9093", r"/api/v[12](/|$)"),
    "alertmanager_peer_url": _Words(
        "second Alertmanager", "https://alertmanager-1.example.com:9093", r"/api/v[12](/|$)"
    ),
    "loki_url": _Words("Loki", "https://loki.example.com:3100", r"/loki/api(/|$)"),
    "tempo_url": _Words("Tempo", "https://tempo.example.com:3200", r"/api(/|$)"),
    PROXY_FIELD: _Words("proxy", "http://proxy.example.com:3128", r"[^/]"),
    "token_url": _Words("token", "https://sso.example.com/realms/fleet/protocol/openid-connect/token", r"(?!)"),
}
_NO_KIND = "prometheus_url"


class UrlRules(msgspec.Struct, frozen=True):
    """`loopback_ports` are ports of this machine that the hub itself offers, whatever `allow_loopback` says."""

    allow_loopback: bool
    loopback_ports: frozenset[int] = frozenset()

    def check(self, url: str, field: str) -> str:
        return check_url(url, field, allow_loopback=self.allow_loopback, loopback_ports=self.loopback_ports)


def check_url(url: str, field: str = _NO_KIND, *, allow_loopback: bool, loopback_ports: Collection[int] = ()) -> str:
    """The URL in its stored form (no slash at the end); raises `Invalid` saying what to change."""
    example = _WORDS[field].example
    if not url.isprintable() or " " in url or len(url) > _LONGEST_URL:
        raise _bad_url(field, "It has a space or a control character in it, or is very long: paste it again.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad_url(field, f"It is not a URL: write it like {example}.") from None
    if parts.scheme not in ("http", "https"):
        raise _bad_url(field, f"It must start with http:// or https://, like {example}.")
    if parts.scheme != "https" and field == URL_FIELDS[EndpointKind.API_SERVER]:
        raise _bad_url(field, f"An API server speaks TLS: write it like {example}.")
    _check_parts(parts, field)
    assert parts.hostname is not None
    port = port or (443 if parts.scheme == "https" else 80)
    _check_host(parts.hostname, port, field, allow_loopback=allow_loopback, loopback_ports=loopback_ports)
    return url.rstrip("/")


def origin_of(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port: where a secret would be sent."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _check_parts(parts: SplitResult, field: str) -> None:
    words = _WORDS[field]
    if "@" in parts.netloc:
        raise _bad_url(field, "Leave the user name and password out of it: give them in their own fields.")
    if not parts.hostname or not re.fullmatch(r"[^\s/?#%\\]{1,253}", parts.hostname):
        raise _bad_url(field, f"It names no host: write it like {words.example}.")
    if parts.fragment:
        raise _bad_url(field, f"Leave out the part from the # on: {parts.scheme}://{parts.netloc}{parts.path}")
    if parts.query:
        raise _bad_url(field, "Leave out the part from the ? on: the hub asks its own queries.")
    if re.search(words.surplus, parts.path):
        raise _bad_url(field, f"Give the base address, like {words.example}, without {_shown(words, parts.path)}.")


def _shown(words: _Words, path: str) -> str:
    found = re.search(words.surplus, path)
    assert found is not None
    return f"{path[found.start() :].rstrip('/')}: the hub adds the path itself" if words.called != "proxy" else path


def _check_host(host: str, port: int, field: str, *, allow_loopback: bool, loopback_ports: Collection[int]) -> None:
    name = host.rstrip(".").lower()
    if name in _METADATA_NAMES:
        raise _bad_url(field, f"The hub does not connect to {host}: it is a cloud's metadata service.")
    named_loopback = name == "localhost" or name.endswith(".localhost")
    address = address_of("127.0.0.1" if named_loopback else host)
    if address is None:
        return
    reason = refusal(address, port, allow_loopback=allow_loopback, loopback_ports=loopback_ports)
    if reason is None:
        return
    advice = " Allow it with AIOPS_ALLOW_LOCAL_TARGETS=true." if "this very machine" in reason else ""
    raise _bad_url(field, f"The hub does not connect to {host}: it {reason}.{advice}")


def _bad_url(field: str, reason: str) -> Invalid:
    return Invalid(f"The {_WORDS[field].called} URL can't be used. {reason}", details={"field": field})
