"""A cluster's past, asked of its own metric store: the alerts that fired, and what the watches would have given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from aiops.kernel.clock import Clock
from aiops.kernel.principal import Principal, Role
from aiops.observability.domain import alert_fingerprint, severity_of
from aiops.observability.needs import InstantQueries
from aiops.observability.ports import Floats, Labels, Watch, WatchHistory
from aiops.observability.ports_past import PastAlert
from aiops.observability.service.watches.bounds import PER_WATCH, in_order, subjects
from aiops.observability.service.watches.fitting import Fitting
from aiops.observability.watches import CATALOGUE
from aiops.registry.ports import Clusters

# A scrape or two that were missed, or a server that was started again, end no episode.
BRIDGED_S = 300.0
_A_PIECE = timedelta(days=1)
_TIMEOUT_S = 60.0
_FIRING = 'ALERTS{alertstate="firing"}'
_SINCE = "ALERTS_FOR_STATE"
# Those of a pair of servers differ by the last three alone.
_NOT_THE_ALERTS = frozenset({"__name__", "alertstate", "replica", "prometheus_replica", "__replica__"})


class PastService:
    """Implements `ports_past.Past`."""

    def __init__(
        self, *, queries: InstantQueries, clusters: Clusters, clock: Clock, series_limit: int = PER_WATCH
    ) -> None:
        self._queries = queries
        self._clusters = clusters
        self._clock = clock
        self._series_limit = series_limit

    async def alerts(
        self, principal: Principal, cluster_id: UUID, *, start: datetime, end: datetime, step_s: float
    ) -> list[PastAlert]:
        principal.require(Role.VIEWER)
        runs: dict[str, list[Run]] = {}
        labels_of: dict[str, Labels] = {}
        at = start
        while at <= end:
            until = min(at + _A_PIECE, end)
            firing = await self._range(principal, cluster_id, _FIRING, at, until, step_s)
            if firing[1]:
                since = await self._range(principal, cluster_id, _SINCE, at, until, step_s)
                for labels, found in runs_of(firing, since, step_s):
                    mark = alert_fingerprint(labels)
                    labels_of[mark] = labels
                    runs.setdefault(mark, []).extend(found)
            at = at + _A_PIECE + timedelta(seconds=step_s)
        last = end.timestamp() - step_s
        alerts = [
            _episode(cluster_id, mark, labels_of[mark], run, run.end < last)
            for mark, found in runs.items()
            for run in joined(found, max(BRIDGED_S, 2 * step_s))
        ]
        return sorted(alerts, key=lambda alert: (alert.starts_at, alert.fingerprint))

    async def watches(self, principal: Principal, cluster_id: UUID, at: datetime) -> list[Watch]:
        principal.require(Role.VIEWER)
        cluster = await self._clusters.get(principal, cluster_id)
        # A new one each time: what a cluster had then is not what it has now.
        return list(await Fitting(CATALOGUE, self._queries, self._clock).of(principal, cluster, at))

    async def history(
        self, principal: Principal, cluster_id: UUID, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        principal.require(Role.VIEWER)
        times, labels, matrix = await self._range(principal, cluster_id, watch.query, start, end, step_s)
        if not labels:
            return WatchHistory(times, [], np.empty((0, len(times))))
        matrix = np.where(np.isfinite(matrix), matrix, np.nan)
        alive = np.flatnonzero(~np.isnan(matrix).all(axis=1))
        series = subjects([labels[i] for i in alive], watch.subject_labels)
        kept = in_order(series, watch.subject_labels)[: self._series_limit]
        return WatchHistory(times, [series[i] for i in kept], matrix[alive[kept]], len(series) - len(kept))

    async def instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime
    ) -> list[tuple[Labels, float]]:
        principal.require(Role.VIEWER)
        labels, values = await self._queries.evaluate_instant(principal, cluster_id, query, at, timeout_s=_TIMEOUT_S)
        return list(zip(labels, values.tolist(), strict=True))

    async def _range(
        self, principal: Principal, cluster_id: UUID, query: str, start: datetime, end: datetime, step_s: float
    ) -> tuple[Floats, list[Labels], Floats]:
        return await self._queries.evaluate_range(
            principal, cluster_id, query, start, end, step_s, timeout_s=_TIMEOUT_S
        )


@dataclass(frozen=True)
class Run:
    """Firing without a gap from `start` to `end`, in Unix seconds; `since` is when its condition began, where known."""

    start: float
    end: float
    since: float | None = None


def runs_of(
    firing: tuple[Floats, list[Labels], Floats], since: tuple[Floats, list[Labels], Floats], step_s: float
) -> Iterable[tuple[Labels, list[Run]]]:
    """The stretches of each alert; one that two servers of a pair tell of comes once for each of them."""
    began = {alert_fingerprint(_of_alert(one)): row for one, row in zip(since[1], since[2], strict=True)}
    times = firing[0]
    for one, row in zip(firing[1], firing[2], strict=True):
        labels = _of_alert(one)
        seen = np.flatnonzero(np.isfinite(row))
        if not len(seen):
            continue
        breaks = np.flatnonzero(np.diff(seen) > 1)
        firsts, lasts = seen[np.append(0, breaks + 1)], seen[np.append(breaks, len(seen) - 1)]
        known = began.get(alert_fingerprint(labels))
        yield (
            labels,
            [
                Run(float(times[first]), float(times[last]), _since(known, first))
                for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
            ],
        )


def joined(runs: Sequence[Run], bridged_s: float) -> list[Run]:
    """Episodes: what has waited since the same moment is one, and, where nobody tells, what lies at most `bridged_s`
    apart."""
    found: list[Run] = []
    for run in sorted(runs, key=lambda one: (one.start, one.end)):
        last = found[-1] if found else None
        if last is not None and _same_episode(last, run, bridged_s):
            found[-1] = replace(last, end=max(last.end, run.end), since=last.since or run.since)
        else:
            found.append(run)
    return found


def _same_episode(last: Run, run: Run, bridged_s: float) -> bool:
    if run.start <= last.end:
        return True
    if last.since is not None and run.since is not None:
        return last.since == run.since
    return run.start - last.end <= bridged_s


def _since(row: Floats | None, place: int) -> float | None:
    if row is None or not np.isfinite(row[place]):
        return None
    return float(row[place])


def _of_alert(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name not in _NOT_THE_ALERTS}


def _episode(cluster_id: UUID, mark: str, labels: Labels, run: Run, over: bool) -> PastAlert:
    return PastAlert(
        cluster_id=cluster_id,
        fingerprint=mark,
        name=labels.get("alertname", "unnamed"),
        severity=severity_of(labels.get("severity")),
        labels=labels,
        starts_at=datetime.fromtimestamp(run.start, UTC),
        ends_at=datetime.fromtimestamp(run.end, UTC) if over else None,
        waited_since=None if run.since is None else _moment(run.since),
    )


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
