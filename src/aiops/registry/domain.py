"""The rules of a fleet: names, labels, platforms, what probes say about a cluster, how often to ask. No I/O."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from aiops.kernel.errors import Invalid
from aiops.registry.ports import (
    Cluster,
    ClusterStatus,
    ClusterType,
    Connectivity,
    CredentialKind,
    EndpointKind,
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
_METRIC_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST_LABELS = 50
_MOST_SELECTOR_LABELS = 10
METRICS_ONLY = frozenset({ClusterType.EDGE, ClusterType.FAR_EDGE})
LOGS_AND_TRACES = frozenset({EndpointKind.LOKI, EndpointKind.TEMPO})
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


def is_host_name(text: str) -> bool:
    return len(text) <= 253 and re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", text) is not None


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


def check_selector(selector: Mapping[str, str]) -> None:
    """The labels that carve a cluster out of a shared Prometheus: matched exactly, so neither part may be empty."""
    if len(selector) > _MOST_SELECTOR_LABELS:
        raise Invalid(f"A selector has at most {_MOST_SELECTOR_LABELS} labels.", details={"field": "selector"})
    for name, value in selector.items():
        if not _METRIC_LABEL.fullmatch(name) or name.startswith("__"):
            raise Invalid(
                f"{name[:40]!r} is no label of a metric: letters, digits and _, a letter or _ first, and not two _.",
                details={"field": "selector"},
            )
        if not value or len(value) > 256 or not value.isprintable():
            raise Invalid(
                f"The value of the selector's label {name} has 1 to 256 printable characters.",
                details={"field": "selector"},
            )


def check_platform(cluster: Cluster) -> None:
    """Whether such a platform, and such a type, has these endpoints."""
    given = {kind for kind in EndpointKind if cluster.url(kind) is not None}
    if cluster.platform is Platform.HOST:
        if given or cluster.selector or cluster.proxy_url or cluster.credential_kind is not CredentialKind.NONE:
            raise Invalid(
                "A HOST is judged by the samples that it pushes: leave its Prometheus out, or add it as STANDALONE.",
                details={"field": "prometheus_url"},
            )
        return
    if cluster.platform is Platform.STANDALONE:
        if EndpointKind.PROMETHEUS not in given:
            raise Invalid("Give the URL of its Prometheus.", details={"field": "prometheus_url"})
        if EndpointKind.API_SERVER in given:
            raise Invalid(
                "A STANDALONE Prometheus has no API server: choose KUBERNETES, OPENSHIFT or MICROSHIFT.",
                details={"field": "api_server_url"},
            )
    elif not given & {EndpointKind.API_SERVER, EndpointKind.PROMETHEUS}:
        raise Invalid(
            "Give the URL of its API server, of its Prometheus, or both.", details={"field": "api_server_url"}
        )
    if EndpointKind.ALERTMANAGER_PEER in given and EndpointKind.ALERTMANAGER not in given:
        raise Invalid("Give the URL of its first Alertmanager.", details={"field": "alertmanager_url"})
    if cluster.cluster_type in METRICS_ONLY and given & LOGS_AND_TRACES:
        raise Invalid(
            f"A cluster of type {cluster.cluster_type.value} is metrics-only: leave its Loki and its Tempo out.",
            details={"field": "loki_url" if EndpointKind.LOKI in given else "tempo_url"},
        )
