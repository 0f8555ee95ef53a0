"""How much speaks for each subject as the cause: what its numbers did, and what is known of what depends on what."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from aiops.intelligence.domain.causes import ChangeSignal
from aiops.intelligence.ranking.departures import Departure
from aiops.intelligence.ranking.names import RESOURCES, Kind
from aiops.intelligence.ranking.subjects import Key, Subject


@dataclass(frozen=True)
class Balance:
    """Points for a subject; chosen on the lab's scenarios of seeds below 1,000 (`bench/scenarios.py`)."""

    second: float = 0.4
    early: float = 0.6
    anomaly: float = 0.2
    # Of what failed, the share that needs this one.
    coverage: float = 1.6
    # What it needs has moved, too: so it may only suffer.
    explained: float = 2.6
    change: float = 1.6
    log: float = 0.8
    trace: float = 1.0
    alert: float = 0.3
    condition: float = 0.9
    most_spreads: float = 30.0
    # What no member of the incident is or needs.
    unrelated: float = 2.0
    common: float = 0.5
    # Points become odds as exp(points / temperature), beside those of a cause that nothing here shows.
    temperature: float = 0.7
    elsewhere: float = 6.0
    least_share: float = 0.4


DEFAULT = Balance()
_UP = {Kind.LATENCY: 0.9, Kind.ERRORS: 0.9, Kind.LOAD: 0.6, Kind.OTHER: 0.8}
_DOWN = {Kind.LATENCY: 0.3, Kind.ERRORS: 0.3, Kind.LOAD: 0.5, Kind.OTHER: 0.5}
_SYMPTOMS = frozenset({Kind.LATENCY, Kind.ERRORS})
_STARVED, _NEARLY_ALL = 0.9, 0.8
_EARLY_S = 60.0
_SOME_COVERAGE = 0.2
# Of a need that is known, what counts of one that may be.
_MAY = 0.5
_AS_CLEAR = 0.7
_BESIDE = 0.8
_AT_ONCE_S, _FADES_S = 180.0, 240.0
_CLEAR = 2.5
_CONDITION = 1.5
_SLACK_S = 30.0
_CHANGED_WITHIN_S = 1800.0
_CHANGE_FADES_S = 900.0
_ENOUGH_ALIKE = 4
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_CONDITION_WORDS = """
cpu memory oom disk filesystem inode inodes volume full crash crashing looping crashloop restarting restarts
certificate cert tls expired expiry expiring notready ready unreachable down dead failed switch link port
raid smart temperature fan power pressure evicted readonly replication dns coredns
"""
_FELT_WORDS = "latency slow duration error errors rate 5xx slo budget burn timeout probe"
_CONDITIONS, _FELT = frozenset(_CONDITION_WORDS.split()), frozenset(_FELT_WORDS.split())


@dataclass
class Weighed:
    """A subject with what speaks for and against it; `points` in all."""

    subject: Subject
    far: float = 0.0
    lead: Departure | None = None
    early: float = 0.0
    covered: list[Key] = field(default_factory=list)
    # What may run on this machine: nothing says where that runs.
    may_carry: list[Key] = field(default_factory=list)
    coverage: float = 0.0
    explained: float = 0.0
    explained_by: Key | None = None
    change: ChangeSignal | None = None
    change_weight: float = 0.0
    log: float = 0.0
    trace: float = 0.0
    alert: float = 0.0
    points: float = 0.0

    @property
    def at(self) -> float | None:
        """When what leads moved; of what did not move, when its first alert began."""
        return self.lead.at if self.lead is not None else self.subject.at


def weigh(
    subjects: dict[Key, Subject], onset: float, balance: Balance = DEFAULT, *, placed: bool = True
) -> dict[Key, Weighed]:
    """All subjects of which anything was seen, each against the others; `placed`: a topology says what needs what."""
    found = {key: Weighed(subject) for key, subject in subjects.items()}
    _distances(found, onset, balance)
    for one in found.values():
        _own_structure(one)
    _coverage(found)
    _explained(found)
    _order(found)
    for one in found.values():
        one.points = (
            one.far
            + balance.early * one.early
            + balance.coverage * one.coverage
            - balance.explained * one.explained
            + balance.change * one.change_weight
            + balance.log * one.log
            + balance.trace * one.trace
            + one.alert * (balance.alert if one.alert <= 1 else balance.condition / 2)
        )
    if placed and any(is_member(one) for one in found.values()):
        for one in found.values():
            if not is_member(one) and one.coverage < _SOME_COVERAGE / 2:
                # It only moved at the same time.
                one.points -= balance.unrelated
    _follow(found, balance)
    return found


def _follow(found: dict[Key, Weighed], balance: Balance) -> None:
    """What follows from another never ranks before it."""
    for one in sorted(found.values(), key=lambda one: -one.points):
        if one.explained >= _BESIDE and one.explained_by is not None:
            one.points = min(one.points, found[one.explained_by].points - balance.temperature)


def weight_of(found: Departure, balance: Balance = DEFAULT) -> float:
    """Points of one series: by how far it went, of what kind it is, and whether anyone minds."""
    far = np.log1p(min(found.spreads, balance.most_spreads)) + 0.5 * np.log1p(min(found.ratio, 10.0))
    anomaly = balance.anomaly if found.signal.anomaly_at is not None else 0.0
    noticeable = min(1.0, 0.5 + 0.25 * found.matters)
    return _kind_weight(found) * float(far) * noticeable + anomaly


def _kind_weight(found: Departure) -> float:
    if found.stopped:
        return 1.0
    if found.side < 0:
        return _STARVED if starved(found) else _DOWN.get(found.kind, 0.5)
    if found.kind in RESOURCES and found.signal.unit == "ratio":
        # What is half full hurts nobody.
        return float(np.clip(0.4 + 1.5 * (found.peak - 0.5), 0.4, 1.0))
    return _UP.get(found.kind, 1.0)


def starved(found: Departure) -> bool:
    """Whether nearly nothing arrives any more."""
    return found.kind is Kind.LOAD and found.side < 0 and found.ratio >= _NEARLY_ALL


def _soon(cause: Departure, at: float) -> float:
    """What jumps has its effects at once, what creeps by the time it is there: from 1 to 0, the later they come."""
    return float(np.exp(-max(0.0, at - cause.at - cause.took_s - _AT_ONCE_S) / _FADES_S))


def _distances(found: dict[Key, Weighed], onset: float, balance: Balance) -> None:
    """The best series of a subject, and a part of the best of another kind; less what the same watch did everywhere."""
    alike: dict[tuple[object, str], list[float]] = defaultdict(list)
    for one in found.values():
        for moved in one.subject.moved:
            alike[moved.signal.cluster_id, moved.signal.watch].append(weight_of(moved, balance))
    for one in found.values():
        kinds: dict[Kind, float] = {}
        weights: list[tuple[float, Departure]] = []
        for moved in one.subject.moved:
            weight = weight_of(moved, balance) * (0.4 + 0.6 * _soon(moved, onset))
            others = alike[moved.signal.cluster_id, moved.signal.watch]
            if len(others) >= _ENOUGH_ALIKE:
                weight = max(0.0, weight - balance.common * float(np.median(others)))
            weights.append((weight, moved))
            kinds[moved.kind] = max(kinds.get(moved.kind, 0.0), weight)
        best, second, *_ = [*sorted(kinds.values(), reverse=True), 0.0, 0.0]
        one.far = best + balance.second * second
        clear = [moved for weight, moved in weights if weight >= _AS_CLEAR * best]
        one.lead = min(clear, key=lambda moved: moved.at, default=None)


def _order(found: dict[Key, Weighed]) -> None:
    """Who moved first, of those that moved far and may be why others suffer: what strays a little is always first."""
    farthest = max((one.far for one in found.values()), default=0.0)
    starts = [
        one.lead.at
        for one in found.values()
        if one.lead and one.far >= 0.5 * farthest and one.coverage >= _SOME_COVERAGE
    ]
    for one in found.values():
        if one.lead is not None and starts:
            near = float(np.exp(-max(0.0, one.lead.at - min(starts)) / _EARLY_S))
            one.early = near * min(1.0, one.coverage / 0.5)


def _own_structure(one: Weighed) -> None:
    """What is known of the subject itself: alerts, changes, log patterns, traces."""
    subject = one.subject
    if subject.alerts:
        one.alert = 2.0 if any(is_condition(alert.name) for alert in subject.alerts) else 1.0
    at = one.at
    if at is not None or subject.logs:
        began = at if at is not None else min(log.at for log in subject.logs)
        near = [change for change in subject.changes if began - _CHANGED_WITHIN_S <= change.at <= began + _SLACK_S]
        if near:
            one.change = max(near, key=lambda change: change.at)
            one.change_weight = float(np.exp(-max(0.0, began - one.change.at) / _CHANGE_FADES_S))
    one.log = max((log.weight for log in subject.logs), default=0.0)
    one.trace = max((trace.failed / max(1, trace.looked_at) for trace in subject.traces), default=0.0)


def is_condition(alert: str) -> bool:
    """Whether the alert's name tells of a state of the thing itself, and not of what its callers feel."""
    words = {word.lower() for word in _WORDS.findall(alert)}
    return bool(words & _CONDITIONS) and not words & _FELT


def suffers(one: Weighed) -> bool:
    """Whether something is wrong with it that may come from elsewhere."""
    moved = any(found.stopped or (found.kind in _SYMPTOMS and found.side > 0) for found in one.subject.moved)
    return moved or bool(one.subject.alerts)


def is_member(one: Weighed) -> bool:
    """Whether the incident is made of it: an alert or an anomaly is its own."""
    return bool(one.subject.alerts) or any(found.signal.anomaly_at is not None for found in one.subject.moved)


def _coverage(found: dict[Key, Weighed]) -> None:
    """What all that suffers is or needs, and what moved when that began, may be the cause of it all."""
    suffering = {one.subject.key: _weight_of_suffering(one) for one in found.values() if suffers(one) or is_member(one)}
    for one in found.values():
        mine = {key: weight for key, weight in suffering.items() if same_cluster(found[key], one)}
        total = sum(mine.values())
        if not total:
            continue
        reached = 0.0
        for key, weight in mine.items():
            if key == one.subject.key:
                reached += weight
            elif one.subject.key in needs_of(found[key].subject, one.subject):
                matching = _in_time(one, found[key]) * _not_long_before(one, found[key])
                reached += weight * matching
                if matching >= 0.5:
                    one.covered.append(key)
            elif found[key].subject.may_run_on(one.subject) and short(one):
                matching = _in_time(one, found[key]) * _not_long_before(one, found[key])
                reached += _MAY * weight * matching
                if matching >= 0.5:
                    one.may_carry.append(key)
        one.coverage = reached / total


def short(one: Weighed) -> bool:
    """Whether it ran short of something itself, is gone, or an alert tells of its state."""
    own = any(moved.stopped or (moved.kind in RESOURCES and moved.side > 0) for moved in one.subject.moved)
    return own or one.alert >= 2.0


def _weight_of_suffering(one: Weighed) -> float:
    if one.subject.alerts:
        return 1.0
    # Someone minded enough to write a rule; what a detector or the eye finds may be chance.
    return 0.6 * (1.0 if is_member(one) else min(1.0, _hurts(one) / _CLEAR))


def _not_long_before(cause: Weighed, effect: Weighed) -> float:
    if cause.lead is None or effect.at is None:
        return 1.0
    return _soon(cause.lead, effect.at)


def needs_of(subject: Subject, asked: Subject) -> dict[Key, int]:
    """What it depends on; all of a cluster depends on its DNS, whether a topology says so or not."""
    if asked.is_dns and asked.key.cluster_id == subject.key.cluster_id and asked is not subject and not subject.is_dns:
        return {**subject.needs, asked.key: 1}
    return subject.needs


def same_cluster(one: Weighed, other: Weighed) -> bool:
    """Also where several share one of them."""
    clusters = {one.subject.key.cluster_id, other.subject.key.cluster_id}
    return None in clusters or len(clusters) == 1


def _explained(found: dict[Key, Weighed]) -> None:
    """A subject suffers from what it needs, where that moved as far and no later; a machine is busy by its tenants."""
    for one in found.values():
        for other in found.values():
            if other is one:
                continue
            strength = _explains(other, one)
            if strength > one.explained:
                one.explained, one.explained_by = strength, other.subject.key
            if _uses(other, one) and _in_time(other, one) > 0.5:
                # Who uses a machine up harms all that runs on it.
                others = [key for key in one.covered if key != other.subject.key]
                if one.coverage > other.coverage:
                    other.coverage, other.covered = one.coverage, others


def _explains(other: Weighed, one: Weighed) -> float:
    """From 0 to 1, how far `other` may be why `one` moved."""
    if _uses(other, one):
        return _in_time(other, one) * _not_long_before(other, one)
    if other.subject.key not in needs_of(one.subject, other.subject) or _uses(one, other):
        return 0.0
    strong = _hurts(other) + (_CONDITION if other.alert >= 2.0 else 0.0)
    share = min(1.0, strong / max(min(_hurts(one), _CLEAR), 1e-9))
    # What uses itself up has a reason of its own.
    own_reason = 0.5 if _used_up(one) else 1.0
    return share * own_reason * _in_time(other, one) * _not_long_before(other, one)


def _hurts(one: Weighed) -> float:
    """How far it went in a way that others feel: a lower load is not one, unless nearly nothing is left."""
    found = 0.0
    for moved in one.subject.moved:
        if moved.kind is Kind.LOAD and not moved.stopped:
            share = 1.0 if starved(moved) else 0.0
        elif moved.side < 0 and not moved.stopped:
            share = 0.2
        else:
            share = 1.0
        found = max(found, share * weight_of(moved))
    return found


def _used_up(one: Weighed) -> bool:
    """Whether it ran short of something itself, no later and nearly as clearly as it suffered."""
    felt = max((weight_of(moved) for moved in one.subject.moved if moved.kind in _SYMPTOMS), default=0.0)
    began = min((moved.at for moved in one.subject.moved if moved.kind in _SYMPTOMS), default=np.inf)
    return any(
        moved.kind in RESOURCES
        and moved.side > 0
        and weight_of(moved) >= 0.7 * felt
        and began - _FADES_S <= moved.at <= began + _SLACK_S
        for moved in one.subject.moved
    )


def _uses(tenant: Weighed, machine: Weighed) -> bool:
    """Whether the tenant uses more of what the machine has less of."""
    there = machine.subject.key in tenant.subject.needs or tenant.subject.may_run_on(machine.subject)
    if not there or tenant.subject.key.sort != "service":
        return False
    if machine.subject.key.sort == "service":
        return False
    mine = {moved.kind for moved in tenant.subject.moved if moved.kind in RESOURCES and moved.side > 0}
    its = {moved.kind for moved in machine.subject.moved if moved.side > 0}
    asked_less = any(starved(moved) for moved in tenant.subject.moved) and machine.alert < 2.0
    quieter = all(moved.kind is Kind.LOAD and moved.side < 0 and not moved.stopped for moved in machine.subject.moved)
    if not (mine & its or (asked_less and quieter)):
        return False
    titles = {moved.signal.title for moved in tenant.subject.moved if moved.kind in RESOURCES or starved(moved)}
    return any(title in titles and rho >= _BESIDE for moved in machine.subject.moved for title, rho in moved.company)


def _in_time(cause: Weighed, effect: Weighed) -> float:
    """1 where the cause moved no later, as far as samples tell; less, the later it did."""
    if cause.at is None or effect.at is None:
        return 0.7
    slack = _SLACK_S + 2 * max([moved.signal.interval_s for moved in cause.subject.moved] or [15.0])
    return float(np.exp(-max(0.0, cause.at - effect.at - slack) / 60.0))
