"""Fits the shipped watches to a cluster: which of their metrics it has, and which range suits its sampling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.principal import Principal
from aiops.observability.needs import InstantQueries
from aiops.observability.ports import Labels, Watch
from aiops.observability.watches.templates import Variant, WatchTemplate
from aiops.registry.ports import Cluster, Platform

QUERY_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 15.0
_LAST_PAUSE_S = 600.0
_LAST_PAUSE_OF_NONE_S = 60.0
_HOST_WINDOW = "1m"
_UNKNOWN_WINDOW = "5m"
_STATUS_LABELS = ("code", "status", "status_code", "http_response_status_code", "http_status_code", "response_code")


class Found(msgspec.Struct, frozen=True):
    """What a cluster has: metric names, each with the labels that tell an answer's status."""

    status_labels: dict[str, frozenset[str]]


class _Fit(msgspec.Struct, frozen=True):
    watches: tuple[Watch, ...]
    pause_s: float
    due: float


class Fitting:
    """Keeps each cluster's watches, and looks again after 15, 30, … at most 600 s, or 60 s where there are none."""

    def __init__(self, catalogue: Sequence[WatchTemplate], queries: InstantQueries, clock: Clock) -> None:
        self._catalogue = catalogue
        self._queries = queries
        self._clock = clock
        self._fits: dict[UUID, _Fit] = {}

    async def of(self, principal: Principal, cluster: Cluster, at: datetime) -> tuple[Watch, ...]:
        """The watches that this cluster can answer; raises what the cluster's Prometheus raises."""
        known = self._fits.get(cluster.id)
        now = self._clock.monotonic()
        if known is not None and now < known.due:
            return known.watches
        watches = await self._look(principal, cluster, at)
        # A new cluster is looked at again soon: its first scrapes and its first requests may still be to come.
        longest = _LAST_PAUSE_S if watches else _LAST_PAUSE_OF_NONE_S
        pause = min(known.pause_s * 2, longest) if known else _FIRST_PAUSE_S
        self._fits[cluster.id] = _Fit(watches, pause, now + pause)
        return watches

    def keep_only(self, cluster_ids: Iterable[UUID]) -> None:
        """Forget clusters that are no more."""
        kept = set(cluster_ids)
        self._fits = {key: fit for key, fit in self._fits.items() if key in kept}

    async def _look(self, principal: Principal, cluster: Cluster, at: datetime) -> tuple[Watch, ...]:
        names = sorted(
            {need for template in self._catalogue for variant in template.variants for need in variant.needs}
        )
        series, _ = await self._ask(principal, cluster, discovery_query(names), at)
        found = found_in(series)
        if not found.status_labels:
            return ()
        window = await self._window(principal, cluster, at)
        remote = cluster.prometheus_url is not None
        fitted = (fit(template, found, window, remote=remote) for template in self._catalogue)
        return tuple(watch for watch in fitted if watch is not None)

    async def _window(self, principal: Principal, cluster: Cluster, at: datetime) -> str:
        if cluster.platform is Platform.HOST:
            return _HOST_WINDOW
        if cluster.prometheus_url is None:
            return _UNKNOWN_WINDOW
        _, in_one = await self._ask(principal, cluster, "max(count_over_time(up[1m]))", at)
        _, in_ten = await self._ask(principal, cluster, "max(count_over_time(up[10m]))", at)
        return window_for(max(in_one, default=0.0), max(in_ten, default=0.0))

    async def _ask(
        self, principal: Principal, cluster: Cluster, query: str, at: datetime
    ) -> tuple[list[Labels], list[float]]:
        labels, values = await self._queries.evaluate_instant(
            principal, cluster.id, query, at, timeout_s=QUERY_TIMEOUT_S
        )
        return labels, [float(value) for value in values]


def discovery_query(names: Sequence[str]) -> str:
    """Which of `names` there are, and with which status labels; of a histogram's buckets only the last is counted."""
    by = ", ".join(("__name__", *_STATUS_LABELS))
    return f'count by ({by}) ({{__name__=~"{"|".join(names)}",le=~"|[+]Inf"}})'


def found_in(series: Sequence[Labels]) -> Found:
    labels: dict[str, frozenset[str]] = {}
    for one in series:
        name = one.get("__name__", "")
        labels[name] = labels.get(name, frozenset()) | {label for label in _STATUS_LABELS if one.get(label)}
    return Found(labels)


def window_for(scrapes_in_1m: float, scrapes_in_10m: float) -> str:
    """At least four scrapes, and at least two minutes: a rate over a shorter range is noise, or nothing."""
    if scrapes_in_1m >= 2:
        return "2m"
    if scrapes_in_10m < 1:
        return _UNKNOWN_WINDOW
    interval_s = 600 / scrapes_in_10m
    return f"{max(2, min(60, math.ceil(4 * interval_s / 60)))}m"


def fit(template: WatchTemplate, found: Found, window: str, *, remote: bool) -> Watch | None:
    """The watch for a cluster with what was `found`; `None` where it has no variant's metrics."""
    for variant in template.variants:
        if all(need in found.status_labels for need in variant.needs):
            query = (remote and variant.prometheus_query) or variant.query
            labels = found.status_labels[variant.needs[0]]
            if "$good" not in query or labels:
                return as_watch(template, variant, query, {"$window": window, "$good": _good(labels)})
    return None


def unfitted(template: WatchTemplate) -> Watch:
    """As it is listed: its first variant, as the hub's own machine would be asked."""
    variant = template.variants[0]
    return as_watch(template, variant, variant.query, {"$window": _HOST_WINDOW, "$good": _good({"code"})})


def as_watch(template: WatchTemplate, variant: Variant, query: str, places: Mapping[str, str]) -> Watch:
    for place, text in places.items():
        query = query.replace(place, text)
    return Watch(
        name=template.name,
        title=variant.title or template.title,
        query=query,
        unit=template.unit,
        worse=template.worse,
        minimum=template.minimum,
        subject_labels=template.subject_labels,
        symptom=template.symptom,
        silence_s=template.silence_s,
    )


def _good(labels: Iterable[str]) -> str:
    return ",".join(f'{label}!~"5.."' for label in sorted(labels))
