"""The rules of a fleet: names, addresses, what probes say about a cluster, how often to ask. No I/O."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

import msgspec

from aiops.kernel.addresses import address_of, refusal
from aiops.kernel.errors import Invalid
from aiops.registry.ports import (
    ClusterStatus,
    ClusterType,
    Connectivity,
    EndpointStatus,
    Platform,
    State,
)

LOCAL_NAME = "local"
PROMETHEUS = "prometheus"
SAMPLES = "samples"

HOST_FRESH_S = 30.0
HOST_INTERVAL_S = 10.0
RECENT_PROBES = 6
_FLIPS_OF_INTERMITTENT = 2

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,127}")
_MOST_LABELS = 50
_LONGEST_URL = 2048
_WEIGHTS = {"api_server": 50, PROMETHEUS: 20, "loki": 15, "tempo": 15}
# The first of these that a cluster has decides whether it is offline.
_JUDGES = ("api_server", PROMETHEUS, SAMPLES)


class Pace(msgspec.Struct, frozen=True):
    """How often a cluster is probed and how long a probe may take."""

    interval_s: float
    timeout_s: float


_PACES = {
    ClusterType.HUB: Pace(15, 5),
    ClusterType.SPOKE: Pace(30, 10),
    ClusterType.EDGE: Pace(60, 15),
    ClusterType.FAR_EDGE: Pace(120, 30),
}


def pace_of(cluster_type: ClusterType, platform: Platform) -> Pace:
    pace = _PACES[cluster_type]
    return Pace(HOST_INTERVAL_S, pace.timeout_s) if platform is Platform.HOST else pace


def first_status() -> ClusterStatus:
    """What is known of a cluster before its first probe."""
    return ClusterStatus(State.PROVISIONING, Connectivity.DISCONNECTED, None, {}, None)


def status_of(endpoints: Mapping[str, EndpointStatus], recent: Sequence[bool], at: datetime) -> ClusterStatus:
    """Judge a cluster by its endpoints; `recent` are its judge's last outcomes, this one included, oldest first."""
    judge = next((endpoints[name] for name in _JUDGES if name in endpoints), None)
    if judge is None:
        return ClusterStatus(State.UNKNOWN, Connectivity.DISCONNECTED, None, dict(endpoints), at)
    if not judge.ok:
        state = State.OFFLINE
    elif all(endpoint.ok for endpoint in endpoints.values()):
        state = State.ONLINE
    else:
        state = State.DEGRADED
    return ClusterStatus(state, connectivity_of(recent), health_score(endpoints), dict(endpoints), at)


def judged_ok(endpoints: Mapping[str, EndpointStatus]) -> bool:
    """Whether the endpoint that decides about a cluster answered."""
    return next((endpoints[name].ok for name in _JUDGES if name in endpoints), False)


def connectivity_of(recent: Sequence[bool]) -> Connectivity:
    """INTERMITTENT while the last probes went back and forth, otherwise as the last one."""
    last = recent[-RECENT_PROBES:]
    flips = sum(before != after for before, after in itertools.pairwise(last))
    if flips >= _FLIPS_OF_INTERMITTENT:
        return Connectivity.INTERMITTENT
    return Connectivity.CONNECTED if last and last[-1] else Connectivity.DISCONNECTED


def health_score(endpoints: Mapping[str, EndpointStatus]) -> int:
    """100, less the weight of each endpoint that is down; 0 where no API server stands beside a judge that is down."""
    if "api_server" not in endpoints and not judged_ok(endpoints):
        return 0
    return 100 - sum(_WEIGHTS.get(name, 0) for name, endpoint in endpoints.items() if not endpoint.ok)


def freshness(last_seen_at: datetime | None, now: datetime) -> EndpointStatus:
    """Judge a HOST by the age of its newest sample."""
    if last_seen_at is None:
        return EndpointStatus(ok=False, checked_at=now, error="No samples have arrived yet")
    age = (now - last_seen_at).total_seconds()
    if age < HOST_FRESH_S:
        return EndpointStatus(ok=True, checked_at=now)
    return EndpointStatus(ok=False, checked_at=now, error=f"No samples for {_span(age)}")


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    if not is_name(name):
        raise Invalid(
            "A name has 3 to 63 characters: lower-case letters, digits and hyphens, with no hyphen at either end.",
            details={"field": "name"},
        )


def check_display_name(text: str) -> None:
    if not 1 <= len(text) <= 128 or not text.isprintable():
        raise Invalid("A display name has 1 to 128 printable characters.", details={"field": "display_name"})


def check_region(text: str | None) -> None:
    if text is not None and (not 1 <= len(text) <= 64 or not text.isprintable()):
        raise Invalid("A region has 1 to 64 printable characters.", details={"field": "region"})


def check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > _MOST_LABELS:
        raise Invalid(f"A cluster has at most {_MOST_LABELS} labels.", details={"field": "labels"})
    for name, value in labels.items():
        if not _LABEL.fullmatch(name):
            raise Invalid(
                f"The label name {name[:40]!r} can't be: letters, digits, _ . / - and a letter or _ first.",
                details={"field": "labels"},
            )
        if len(value) > 256 or "\x00" in value:
            raise Invalid(f"The value of the label {name} has more than 256 characters.", details={"field": "labels"})


def check_url(url: str, *, allow_loopback: bool, loopback_ports: Collection[int] = ()) -> str:
    """The URL in its stored form (no slash at the end); raises `Invalid` saying what to change."""
    if not url.isprintable() or " " in url or len(url) > _LONGEST_URL:
        raise _bad_url("It has a space or a control character in it, or is very long: paste it again.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad_url("It is not a URL: write it like https://prometheus.example.com:9090.") from None
    if parts.scheme not in ("http", "https"):
        raise _bad_url("It must start with http:// or https://, like https://prometheus.example.com:9090.")
    _check_parts(parts)
    assert parts.hostname is not None
    port = port or (443 if parts.scheme == "https" else 80)
    _check_host(parts.hostname, port, allow_loopback=allow_loopback, loopback_ports=loopback_ports)
    return url.rstrip("/")


def origin_of(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port: where a secret would be sent."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _check_parts(parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise _bad_url("Leave the user name and password out of it: give them in their own fields.")
    if not parts.hostname or not re.fullmatch(r"[^\s/?#%\\]{1,253}", parts.hostname):
        raise _bad_url("It names no host: write it like https://prometheus.example.com:9090.")
    if parts.fragment:
        raise _bad_url(f"Leave out the part from the # on: {parts.scheme}://{parts.netloc}{parts.path}")
    if parts.query:
        raise _bad_url("Leave out the part from the ? on: the hub asks its own queries.")
    if re.search(r"/api/v1(/|$)", parts.path) or parts.path.rstrip("/").endswith("/graph"):
        raise _bad_url("Give the base address, without /api/v1 or /graph: the hub adds the path itself.")


def _check_host(host: str, port: int, *, allow_loopback: bool, loopback_ports: Collection[int]) -> None:
    named_loopback = host == "localhost" or host.endswith(".localhost")
    address = address_of("127.0.0.1" if named_loopback else host)
    if address is None:
        return
    reason = refusal(address, port, allow_loopback=allow_loopback, loopback_ports=loopback_ports)
    if reason is None:
        return
    advice = " Allow it with AIOPS_ALLOW_LOCAL_TARGETS=true." if address.is_loopback else ""
    raise _bad_url(f"The hub does not connect to {host}: it {reason}.{advice}")


def _bad_url(reason: str) -> Invalid:
    return Invalid(f"The Prometheus URL can't be used. {reason}", details={"field": "prometheus_url"})
