"""From what was gathered to what people read: incidents with their causes, the worst first."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.anomalies import Anomaly, rank_of, subject_of, worst
from aiops.intelligence.domain.causes import (
    WINDOW_S,
    AlertSignal,
    Cause,
    Evidence,
    EvidenceKind,
    Signal,
    Structure,
)
from aiops.intelligence.domain.correlation import ArrivalKind
from aiops.intelligence.domain.feedback import Key, key_of
from aiops.intelligence.domain.incidents import Named, title_of
from aiops.intelligence.domain.replays import NoisyAlert, ReplayedIncident, ReplayedMember
from aiops.intelligence.ranking.incident import rank
from aiops.intelligence.ranking.moves import usual
from aiops.intelligence.service.replays.collecting import OfCluster, Watched
from aiops.intelligence.service.replays.gathering import Episode, Joined
from aiops.observability.ports import Floats
from aiops.observability.ports_past import PastAlert

_AFTER_S = 900.0
_MOST_MEMBERS = 200
_MOST_ALERTS = 500
_MOST_RANKED = 2_000
_WATCH = re.compile(r'watch="([^"]+)"')
_MOST_NOISY = 20
_FEWEST = 10


def incidents_of(
    episodes: Sequence[Episode],
    clusters: Mapping[UUID, OfCluster],
    structures: Sequence[Structure | None],
    without: Sequence[Episode] | None = None,
) -> list[ReplayedIncident]:
    """The worst first: by severity, then by how much was affected; numbered in the order of time. `structures` are what
    is known around each; `without` are the episodes as they would be without a change that is tried."""
    both = zip(episodes, structures, strict=True)
    told = [_incident(number, episode, clusters, structure) for number, (episode, structure) in enumerate(both, 1)]
    if without is not None:
        home = {_same(one): episode.id for episode in without for one in episode.members}
        counts = [len({home[_same(one)] for one in episode.members}) for episode in episodes]
        told = [msgspec.structs.replace(one, before=count) for one, count in zip(told, counts, strict=True)]
    return sorted(told, key=lambda one: (rank_of(one.severity), -one.subjects, one.opened_at))


def noisy(alerts: Sequence[PastAlert], episodes: Sequence[Episode], until: datetime) -> list[NoisyAlert]:
    """The alerts that fired most often."""
    spans: dict[str, list[float]] = defaultdict(list)
    for alert in alerts:
        spans[alert.name].append(((alert.ends_at or until) - alert.starts_at).total_seconds())
    within: Counter[str] = Counter()
    for episode in episodes:
        within.update({one.arrival.name for one in episode.members if one.arrival.kind is ArrivalKind.ALERT})
    found = [
        NoisyAlert(name=name, episodes=len(all_of), incidents=within[name], median_s=median(all_of))
        for name, all_of in spans.items()
    ]
    return sorted(found, key=lambda one: (-one.episodes, one.name))[:_MOST_NOISY]


def _incident(
    number: int, episode: Episode, clusters: Mapping[UUID, OfCluster], structure: Structure | None
) -> ReplayedIncident:
    members = episode.members
    causes, note = _causes(members, clusters, structure)
    found = Counter(one.arrival.kind for one in members)
    by_cluster = Counter(one.arrival.cluster_id for one in members)
    return ReplayedIncident(
        number=number,
        title=title_of(_of_title(members)),
        severity=worst([one.arrival.severity for one in members]),
        opened_at=episode.opened_at,
        ended_at=episode.ended_at,
        clusters=[cluster for cluster, _ in by_cluster.most_common()],
        alerts=found[ArrivalKind.ALERT],
        anomalies=found[ArrivalKind.ANOMALY],
        subjects=len({one.arrival.mark for one in members}),
        causes=causes,
        note=note,
        members=[_member(one) for one in members[:_MOST_MEMBERS]],
    )


def _same(one: Joined) -> tuple[tuple[UUID, str, str], datetime]:
    return one.arrival.mark, one.arrival.started_at


def _of_title(members: Sequence[Joined]) -> list[Named]:
    """As live: what is called the same on one cluster is told together, what started first comes first."""
    found: dict[tuple[UUID, str], list[Joined]] = {}
    for one in sorted(members, key=lambda joined: joined.arrival.started_at):
        found.setdefault((one.arrival.cluster_id, one.arrival.name), []).append(one)
    return [
        Named(same[0].arrival.phrase, same[0].arrival.short, len({one.arrival.mark for one in same}))
        for same in found.values()
    ]


def _member(one: Joined) -> ReplayedMember:
    alert = isinstance(one.member, PastAlert)
    return ReplayedMember(
        at=one.arrival.started_at,
        ended_at=one.ended_at,
        kind=one.arrival.kind.value,
        name=one.arrival.short,
        subject=_about(one.member.labels) if alert else one.arrival.subject,
        cluster_id=one.arrival.cluster_id,
        severity=one.arrival.severity,
        reason=one.reason,
    )


_PLAIN = frozenset({"alertname", "severity", "cluster", "prometheus", "job", "endpoint", "uid", "container"})


def _about(labels: Mapping[str, str]) -> str:
    return " ".join(value for name, value in sorted(labels.items()) if name not in _PLAIN) or "the cluster"


def _causes(
    members: Sequence[Joined], clusters: Mapping[UUID, OfCluster], structure: Structure | None
) -> tuple[list[Cause], str | None]:
    onset = min(one.arrival.started_at.timestamp() for one in members)
    involved = {one.arrival.cluster_id for one in members}
    anomalies = [one.member for one in members if isinstance(one.member, Anomaly)]
    signals = _signals(onset, [clusters[one] for one in involved if one in clusters], anomalies)
    alerts = [_alert(one.member) for one in members if isinstance(one.member, PastAlert)]
    alerts.sort(key=lambda alert: alert.started_at)
    causes, note = rank(signals, alerts[:_MOST_ALERTS], onset, structure)
    queries = {
        (of.cluster.id, watched.watch.name): watched.watch.query for of in clusters.values() for watched in of.watched
    }
    return [_asked_there(cause, queries) for cause in causes], note


def _alert(alert: PastAlert) -> AlertSignal:
    return AlertSignal(
        cluster_id=alert.cluster_id,
        fingerprint=alert.fingerprint,
        name=alert.name,
        labels=alert.labels,
        started_at=alert.starts_at.timestamp(),
    )


def _asked_there(cause: Cause, queries: Mapping[tuple[UUID, str], str]) -> Cause:
    """The hub kept nothing of this past: its evidence is found where it was read."""

    def there(one: Evidence) -> Evidence:
        named = _WATCH.search(one.query)
        if one.kind is not EvidenceKind.METRIC or one.cluster_id is None or named is None:
            return one
        return msgspec.structs.replace(one, query=queries.get((one.cluster_id, named[1]), one.query))

    return msgspec.structs.replace(cause, evidence=[there(one) for one in cause.evidence])


def _signals(onset: float, clusters: Sequence[OfCluster], anomalies: Sequence[Anomaly]) -> list[Signal]:
    """The anomalous series first, then those that left their own past the farthest around the onset."""
    began = {(one.cluster_id, one.watch, key_of(one.labels)): one.started_at.timestamp() for one in anomalies}
    found: list[tuple[float, Signal]] = []
    for of in clusters:
        for watched in of.watched:
            times = watched.past.times
            first, last = np.searchsorted(times, (onset - WINDOW_S, onset + _AFTER_S)).tolist()
            if last - first >= _FEWEST:
                found += _of_watch(of.cluster.id, watched, slice(first, last), onset, began)
    found.sort(key=lambda pair: -pair[0])
    return [signal for _, signal in found[:_MOST_RANKED]]


def _of_watch(
    cluster_id: UUID, watched: Watched, window: slice, onset: float, began: Mapping[tuple[UUID, str, Key], float]
) -> list[tuple[float, Signal]]:
    watch, times = watched.watch, watched.past.times[window]
    interval_s = float(times[1] - times[0])
    found = []
    for labels, row in zip(watched.past.series, watched.past.values[:, window].astype(np.float64), strict=True):
        at = began.get((cluster_id, watch.name, key_of(labels)))
        signal = Signal(
            cluster_id=cluster_id,
            watch=watch.name,
            title=f"{watch.title} of {subject_of(watch, labels)}",
            labels=labels,
            minimum=watch.minimum,
            symptom=watch.symptom,
            unit=watch.unit,
            interval_s=interval_s,
            times=times,
            values=row,
            anomaly_at=at,
        )
        found.append((1e9 if at is not None else _strayed(times, row, onset, watch.minimum), signal))
    return found


def _strayed(times: Floats, values: Floats, onset: float, minimum: float) -> float:
    before = values[(times < onset) & np.isfinite(values)]
    after = values[(times >= onset) & np.isfinite(values)]
    if len(before) < _FEWEST or not len(after):
        return 0.0
    level, spread = usual(before)
    return float(np.abs(after - level).max() / max(spread, minimum / 10, 1e-12))
