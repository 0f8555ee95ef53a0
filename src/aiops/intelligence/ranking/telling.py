"""A weighed subject in words: why it ranks where it does, and what shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from aiops.intelligence.domain.anomalies import duration, number, selector_of
from aiops.intelligence.domain.causes import WINDOW_S, Cause, Evidence, EvidenceKind, Signal
from aiops.intelligence.ranking.departures import Departure
from aiops.intelligence.ranking.subjects import Key
from aiops.intelligence.ranking.weighing import Weighed

_MOST_SERIES = 3
_FEW_VALUES = 60
_ASSUMED_END_S = 300.0


def cause_of(
    one: Weighed, share: float, candidates: Sequence[Weighed], first: float, signals: Sequence[Signal]
) -> Cause:
    """`share` is its part of the odds, `first` when the first of all candidates moved."""
    subject = one.subject
    lead = one.lead
    alert = min(subject.alerts, key=lambda alert: alert.started_at, default=None)
    at = subject.at if subject.at is not None else first
    fewest = min((found.past for found in subject.moved), default=_FEW_VALUES)
    end = max((float(signal.times[-1]) for signal in signals if len(signal.times)), default=at + _ASSUMED_END_S)
    if lead is not None:
        title, labels = lead.signal.title, lead.signal.labels
    elif alert is not None:
        title, labels = f"Alert {alert.name}", alert.labels
    else:
        title, labels = name_of(subject.key), {}
    return Cause(
        title=title,
        cluster_id=_cluster_of(one),
        subject=subject.key.name,
        watch=lead.signal.watch if lead else None,
        alert_fingerprint=alert.fingerprint if alert and lead is None else None,
        labels=labels,
        confidence=round(0.98 * share * min(1.0, fewest / _FEW_VALUES), 3),
        moved_at=_time(at),
        reasons=_reasons(one, candidates, first, fewest),
        evidence=[*_of_series(one), *_of_structure(one, at, end)],
        node_id=min(subject.nodes, default=None),
    )


def _cluster_of(one: Weighed) -> UUID | None:
    """Whose what leads is: who may not see that cluster may not read of it."""
    if one.lead is not None:
        return one.lead.signal.cluster_id
    if one.subject.alerts:
        return min(one.subject.alerts, key=lambda alert: alert.started_at).cluster_id
    return one.subject.key.cluster_id


def _covered(one: Weighed) -> str:
    """Names only where all are of one cluster."""
    if one.subject.key.cluster_id is None:
        return f"{len(one.covered)} things"
    return _named(one.covered)


def _named(keys: Sequence[Key]) -> str:
    return _some(sorted({name_of(key) for key in keys}))


def name_of(key: Key) -> str:
    return key.name or "the cluster"


def _reasons(one: Weighed, candidates: Sequence[Weighed], first: float, fewest: int) -> list[str]:
    subject = one.subject
    found = []
    if subject.moved:
        found.append(_order(one, candidates))
        found.append(f"{_watch_title(one.lead)} {_how_far(one.lead)}" if one.lead else "")
    elif subject.at is not None:
        late = subject.at - first
        found.append(
            f"started {duration(late)} after the first movement" if late > 0 else "started before anything else moved"
        )
    if one.covered:
        found.append(f"what suffers needs it: {_covered(one)}")
    if one.may_carry:
        found.append(f"may carry what suffers since, of which nothing says where it runs: {_named(one.may_carry)}")
    if one.change:
        found.append(f"changed {_ago(one.change.at, subject.at)}: {one.change.title}")
    if one.log:
        found.append("its log lines, or those that name it, are new or surge")
    if one.trace:
        found.append(f"{one.trace:.0%} of the failing traces fail in it first")
    company = sorted(one.lead.company if one.lead else [], key=lambda pair: -abs(pair[1]))
    own = {moved.signal.title for moved in subject.moved}
    others = [(name, rho) for name, rho in company if name not in own]
    if others:
        names = [f"{name} (correlation {rho:.2f})" for name, rho in dict(others).items()]
        found.append(f"moved together with {_some(names)}")
    if one.explained >= 0.5 and one.explained_by is not None:
        why = next(other for other in candidates if other.subject.key == one.explained_by)
        title = why.lead.signal.title if why.lead else name_of(one.explained_by)
        found.append(f"may follow from {title}, which moved with it")
    if subject.moved and fewest < _FEW_VALUES:
        found.append(f"only {fewest} earlier values to compare with")
    return [reason for reason in found if reason]


def _order(one: Weighed, candidates: Sequence[Weighed]) -> str:
    mine = one.subject
    others = [
        at
        for other in candidates
        if other is not one and other.subject.moved and other.subject.key.cluster_id == mine.key.cluster_id
        if (at := other.subject.at) is not None
    ]
    at = mine.at
    assert at is not None
    if not others:
        return "the only thing watched here that moved"
    if at < min(others):
        return f"moved first, {duration(min(others) - at)} before the next"
    if at == min(others):
        return "moved first, together with others"
    return f"moved {duration(at - min(others))} after the first"


def _how_far(found: Departure | None) -> str:
    if found is None:
        return ""
    if found.stopped:
        return "gives no values any more"
    way = "rose" if found.side > 0 else "fell"
    return f"{way} {found.spreads:.0f} times as far from its normal as it usually strays"


def _watch_title(found: Departure | None) -> str:
    return found.signal.title.partition(" of ")[0] if found else ""


def _of_series(one: Weighed) -> list[Evidence]:
    moved = sorted(one.subject.moved, key=lambda found: (found is not one.lead, -found.spreads))
    return [
        Evidence(
            kind=EvidenceKind.METRIC,
            title=found.signal.title,
            query=selector_of(found.signal.watch, found.signal.labels),
            cluster_id=found.signal.cluster_id,
            start=_time(max(float(found.signal.times[0]), found.at - WINDOW_S)),
            end=_time(float(found.signal.times[-1])),
            step_s=found.signal.interval_s,
            finding=f"left its usual range at {_time(found.at):%H:%M:%S} UTC and {_how_far(found)}{_from_to(found)}",
        )
        for found in moved[:_MOST_SERIES]
    ]


def _from_to(found: Departure) -> str:
    if not math.isfinite(found.peak):
        return ""
    unit = found.signal.unit
    level, peak = ((number(value, unit) if unit else f"{value:.3g}") for value in (found.level, found.peak))
    return f": from {level} to {peak}"


def _of_structure(one: Weighed, at: float, end: float) -> list[Evidence]:
    subject = one.subject
    start, until = _time(at - WINDOW_S / 2), _time(max(end, at))
    found = [
        Evidence(
            kind=EvidenceKind.ALERT,
            title=f"Alert {alert.name}",
            ids=[alert.fingerprint],
            cluster_id=alert.cluster_id,
            finding=f"fired at {_time(alert.started_at):%H:%M:%S} UTC",
            start=start,
            end=until,
        )
        for alert in subject.alerts[:_MOST_SERIES]
    ]
    if one.covered:
        found.append(
            Evidence(
                kind=EvidenceKind.TOPOLOGY,
                title="Who needs it",
                ids=[str(node) for node in sorted(subject.nodes)],
                cluster_id=subject.key.cluster_id,
                finding=f"{one.coverage:.0%} of what suffers depends on it: {_covered(one)}",
                start=start,
                end=until,
            )
        )
    if one.change:
        found.append(
            Evidence(
                kind=EvidenceKind.CHANGE,
                title=one.change.title,
                ids=[one.change.id],
                cluster_id=one.change.cluster_id,
                finding=f"at {_time(one.change.at):%H:%M:%S} UTC, {_ago(one.change.at, at)}",
                start=start,
                end=until,
            )
        )
    for log in sorted(subject.logs, key=lambda log: -log.weight)[:_MOST_SERIES]:
        found.append(
            Evidence(
                kind=EvidenceKind.LOG_PATTERN,
                title=log.text[:200],
                ids=[log.pattern_id],
                cluster_id=log.cluster_id,
                finding=log.finding,
                start=start,
                end=until,
            )
        )
    for trace in subject.traces[:1]:
        found.append(
            Evidence(
                kind=EvidenceKind.TRACE,
                title=f"Traces that fail in {trace.service}",
                query=trace.query,
                ids=trace.examples[:_MOST_SERIES],
                cluster_id=trace.cluster_id,
                finding=f"{trace.failed} of {trace.looked_at} failing traces have their deepest failing span there",
                start=start,
                end=until,
            )
        )
    return found


def _ago(at: float, moved_at: float | None) -> str:
    if moved_at is None or at > moved_at:
        return "as it began"
    return f"{duration(moved_at - at)} before it moved"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
