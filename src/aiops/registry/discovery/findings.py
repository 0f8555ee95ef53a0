"""What was found out about one cluster. Unknown is a value here: `None` says that nobody could look."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aiops.registry.ports import CnfType, EndpointKind, Platform


class How(StrEnum):
    """The kind of way that leads to an offered endpoint, the best first."""

    ROUTE = "ROUTE"
    INGRESS = "INGRESS"
    SERVICE = "SERVICE"
    API_PROXY = "API_PROXY"


class Suggestion(msgspec.Struct, frozen=True):
    """An address where an endpoint of the cluster should be: for a person, or a probe, to confirm.

    `source` names the object that led there; `note` says what must hold for it to work. `sure` says that only those
    who run the cluster could have put it there, so that the hub may show its credentials to it unasked.
    """

    kind: EndpointKind
    url: str
    how: How
    source: str
    note: str | None = None
    sure: bool = False


class Findings(msgspec.Struct, frozen=True):
    """`True` and `False` were seen; `None` could not be. `problems` say what could not be looked at, and why."""

    platform: Platform | None = None
    platform_version: str | None = None
    region: str | None = None
    provider: str | None = None
    has_prometheus: bool | None = None
    has_thanos: bool | None = None
    has_loki: bool | None = None
    has_tempo: bool | None = None
    has_service_mesh: bool | None = None
    has_gpu_nodes: bool | None = None
    has_cnf_workloads: bool | None = None
    gpu_count: int | None = None
    gpu_types: tuple[str, ...] = ()
    cnf_types: tuple[CnfType, ...] = ()
    evidence: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    offers: tuple[Suggestion, ...] = ()
    groups: dict[str, list[str]] | None = None


_SEEN = (
    "has_prometheus",
    "has_thanos",
    "has_loki",
    "has_tempo",
    "has_service_mesh",
    "has_gpu_nodes",
    "has_cnf_workloads",
)
_FIRST = ("platform", "platform_version", "region", "provider", "groups")
_JOINED = ("gpu_types", "cnf_types", "evidence", "problems", "offers")


def merged(first: Findings, second: Findings) -> Findings:
    """What both say together: seen by one is seen, and not seen by one that looked is not there."""
    values: dict[str, object] = {name: _seen(getattr(first, name), getattr(second, name)) for name in _SEEN}
    for name in _FIRST:
        known = getattr(first, name)
        values[name] = getattr(second, name) if known is None else known
    for name in _JOINED:
        values[name] = tuple(dict.fromkeys((*getattr(first, name), *getattr(second, name))))
    # Both count the same cards; whoever sees fewer does not see all of them.
    counts = [count for count in (first.gpu_count, second.gpu_count) if count is not None]
    values["gpu_count"] = max(counts, default=None)
    return msgspec.structs.replace(first, **values)


def _seen(first: bool | None, second: bool | None) -> bool | None:
    if first or second:
        return True
    return first if second is None else second


def either(*seen: bool | None) -> bool | None:
    """Of several signs of one thing: True where one was seen, False where all were looked for, else unknown."""
    if any(seen):
        return True
    return None if any(one is None for one in seen) else False
