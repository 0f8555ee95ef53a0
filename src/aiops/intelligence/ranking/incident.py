"""The causes of an incident, ranked: statistics of its series, and beside them what is known of their structure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import numpy as np

from aiops.intelligence.domain.causes import (
    MAX_CAUSES,
    MAX_SIGNALS,
    AlertSignal,
    LogSignal,
    Signal,
    Structure,
    Verdict,
)
from aiops.intelligence.ranking.departures import FEWEST, Departure, departures
from aiops.intelligence.ranking.relating import (
    TOGETHER,
    HiddenNeed,
    correlation,
    hidden_need,
    without_topology,
)
from aiops.intelligence.ranking.subjects import Key, Subject, Subjects
from aiops.intelligence.ranking.telling import cause_of, name_of
from aiops.intelligence.ranking.weighing import DEFAULT, Balance, Weighed, same_cluster, weigh

_NEAR_S = 300.0
_NEAR_LOGS_S = 900.0
_NAMED_IN_LOGS = 0.6
_TALKS_OF_DNS = re.compile(
    r"no such host|nxdomain|servfail|\bdns\b|name resolution|getaddrinfo|\blookup\b", re.IGNORECASE
)


def rank(
    signals: Sequence[Signal],
    alerts: Sequence[AlertSignal],
    onset: float,
    structure: Structure | None = None,
    balance: Balance = DEFAULT,
) -> Verdict:
    """The likeliest causes, and why they decide nothing where they don't.

    `signals` are all watched series of the incident's clusters, moved or not; `onset` (Unix seconds) is when its first
    member began. Nothing of one cluster is told about another's.
    """
    structure = structure or Structure()
    moved = departures(signals, onset)[:MAX_SIGNALS]
    subjects = _gather(moved, alerts, onset, structure)
    candidates_of = [one for one in subjects.known.values() if one.moved or one.alerts or _tells(one)]
    if not moved and not any(_tells(subject) for subject in candidates_of):
        return Verdict([], _why_nothing(signals, alerts))
    _company(moved, onset)
    placed = structure.topology is not None
    weighed = weigh({one.key: one for one in candidates_of}, onset, balance, placed=placed)
    if not placed:
        without_topology(weighed, onset)
    candidates = sorted(weighed.values(), key=lambda one: -one.points)
    hidden = hidden_need(candidates, subjects, signals, structure.topology)
    shares = _shares(candidates, hidden.points if hidden else 0.0, balance)
    first = min((at for one in candidates if (at := one.subject.at) is not None), default=onset)
    causes = [
        cause_of(one, share, candidates, first, signals)
        for one, share in zip(candidates[:MAX_CAUSES], shares, strict=False)
    ]
    return Verdict(causes, _doubt(candidates, shares, hidden, balance))


def _gather(moved: Sequence[Departure], alerts: Sequence[AlertSignal], onset: float, structure: Structure) -> Subjects:
    subjects = Subjects(structure.topology)
    for found in moved:
        subjects.of(found.signal.cluster_id, found.signal.labels, found.signal.title).moved.append(found)
    for alert in alerts:
        subjects.of(alert.cluster_id, alert.labels, f"alert {alert.name}").alerts.append(alert)
    for change in structure.changes or ():
        if change.at >= onset - 2 * _NEAR_LOGS_S and change.labels:
            subjects.of(change.cluster_id, change.labels).changes.append(change)
    near = [log for log in structure.logs or () if log.at >= onset - _NEAR_LOGS_S]
    for log in near:
        subjects.of(log.cluster_id, log.labels, "log lines").logs.append(log)
    for trace in structure.traces or ():
        subjects.of(trace.cluster_id, {"service": trace.service}).traces.append(trace)
    subjects.fold()
    _name_in_logs(subjects, near)
    subjects.relate()
    return subjects


def _name_in_logs(subjects: Subjects, logs: Sequence[LogSignal]) -> None:
    """What others' new log lines name, or speak of where they speak of names, has to do with it."""
    for log in logs:
        words = set(re.findall(r"[\w.-]+", log.text.lower()))
        about_dns = _TALKS_OF_DNS.search(log.text) is not None
        for subject in subjects.known.values():
            if subject.key.cluster_id not in (None, log.cluster_id) or log in subject.logs:
                continue
            if subject.is_dns if about_dns else subject.key.name.lower() in words:
                weaker = msgspec.structs.replace(log, weight=_NAMED_IN_LOGS * log.weight)
                subject.logs.append(weaker)


def _tells(subject: Subject) -> bool:
    """Whether something beside series and alerts points at it."""
    return bool(subject.logs or subject.traces or (subject.changes and subject.alerts))


def _shares(candidates: Sequence[Weighed], hidden: float, balance: Balance) -> list[float]:
    """Of each candidate, its part of the odds; the rest is of what nothing here shows.

    What fails on one cluster is no rival of what fails on another: each has its own odds, with what all share among
    them; what is shared has the mean of its parts.
    """
    clusters = list(dict.fromkeys(one.subject.key.cluster_id for one in candidates if one.subject.key.cluster_id))
    if len(clusters) < 2:
        return _odds(candidates, hidden, balance)
    parts: dict[Key, list[float]] = {one.subject.key: [] for one in candidates}
    for cluster_id in clusters:
        here = [one for one in candidates if one.subject.key.cluster_id in (None, cluster_id)]
        for one, share in zip(here, _odds(here, hidden if candidates[0] in here else 0.0, balance), strict=True):
            parts[one.subject.key].append(share)
    return [float(np.mean(parts[one.subject.key])) for one in candidates]


def _odds(candidates: Sequence[Weighed], hidden: float, balance: Balance) -> list[float]:
    # What the first leaves unexplained speaks for another.
    elsewhere = balance.elsewhere - balance.coverage * candidates[0].coverage
    points = np.array([one.points for one in candidates] + [elsewhere, hidden])
    odds = np.exp((points - points.max()) / balance.temperature)
    if not hidden:
        odds[-1] = 0.0
    found: list[float] = (odds / odds.sum())[:-2].tolist()
    return found


def _company(moved: Sequence[Departure], onset: float) -> None:
    """Who moves with whom around the onset; only within one cluster, so that a reason names nothing of another."""
    for index, one in enumerate(moved):
        for other in moved[index + 1 :]:
            if one.signal.cluster_id != other.signal.cluster_id:
                continue
            found = correlation(one.signal, other.signal, onset - _NEAR_S)
            if found is not None and abs(found) >= TOGETHER:
                one.company.append((other.signal.title, found))
                other.company.append((one.signal.title, found))


def _doubt(
    candidates: Sequence[Weighed], shares: Sequence[float], hidden: HiddenNeed | None, balance: Balance
) -> str | None:
    """Why the first is no answer; `None` where it is one."""
    if shares[0] >= balance.least_share:
        return None
    # Who reads this may see one of several clusters only.
    named = len({one.subject.key.cluster_id for one in candidates}) == 1
    first = name_of(candidates[0].subject.key) if named else "the first"
    if hidden is not None and hidden.points > candidates[0].points - 2 * balance.temperature:
        need = hidden.name if named else "something"
        return f"Inconclusive: {first} may only suffer from {need}, which it needs and of which nothing is watched."
    place = next((place for place, one in enumerate(candidates) if place and same_cluster(one, candidates[0])), None)
    if place is not None and shares[place] > 0.6 * shares[0]:
        other = name_of(candidates[place].subject.key) if named else "another of its cluster"
        return f"Inconclusive: nothing decides between {first} ({shares[0]:.0%}) and {other} ({shares[place]:.0%})."
    return f"Inconclusive: too little speaks for {first}; the cause may be where nothing is watched."


def _why_nothing(signals: Sequence[Signal], alerts: Sequence[AlertSignal]) -> str:
    if not signals:
        return "Inconclusive: no watched series of these clusters in the last hour."
    if all(np.isfinite(signal.values).sum() < FEWEST for signal in signals):
        return "Inconclusive: too few values before the onset to compare with."
    about = "the alert" if alerts else "it"
    return f"Inconclusive: none of {len(signals)} watched series left its own past when {about} started."
