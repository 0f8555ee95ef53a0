"""Which series or alert moved first, how far, and what moved with it: a ranking that says how sure it is."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.anomalies import duration, selector_of
from aiops.intelligence.ranking.moves import usual
from aiops.observability.ports import Floats, Labels

WINDOW_S = 3600.0
MAX_SIGNALS = 50
MAX_CAUSES = 5
_BEFORE_ONSET_S = 120.0
_NEAR_S = 300.0
_FEWEST = 10
_TOGETHER = 0.6
_AFTER = 0.1
_STILL_OUT = 0.5


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A query that can be run again, and what it showed."""

    title: str
    query: str
    cluster_id: UUID
    start: datetime
    end: datetime
    step_s: float
    finding: str


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    cluster_id: UUID
    watch: str | None = None
    alert_fingerprint: str | None = None
    labels: Labels
    confidence: float
    moved_at: datetime
    reasons: list[str]
    evidence: list[Evidence]


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A watched series in the window; `anomaly_at` is when an anomaly on it began, `symptom` as on its watch."""

    cluster_id: UUID
    watch: str
    title: str
    labels: Labels
    minimum: float
    interval_s: float
    times: Floats
    values: Floats
    anomaly_at: float | None = None
    symptom: bool = False


class AlertSignal(msgspec.Struct, frozen=True, kw_only=True):
    cluster_id: UUID
    fingerprint: str
    name: str
    labels: Labels
    started_at: float


class Moved(msgspec.Struct, kw_only=True):
    """A signal that left its own past: when, how many of its usual spreads, how much past there was."""

    signal: Signal
    at: float
    spreads: float
    past: int
    company: list[tuple[str, float]]
    score: float = 0.0
    follows: str | None = None


def rank(signals: list[Signal], alerts: list[AlertSignal], onset: float) -> tuple[list[Cause], str | None]:
    """The causes, best first, or none and the reason why the data decides nothing."""
    moved = [found for signal in signals[:MAX_SIGNALS] if (found := movement(signal, onset))]
    if not moved:
        return [], _why_nothing(signals, alerts)
    _company(moved, onset)
    first = min([found.at for found in moved] + [alert.started_at for alert in alerts])
    for found in moved:
        found.score = _score(found, first)
    _explain_symptoms(moved, onset)
    alert_scores = [0.5 * float(np.exp(-(alert.started_at - first) / 30)) for alert in alerts]
    weights = np.exp(6 * np.array([found.score for found in moved] + alert_scores))
    shares = weights / weights.sum()
    causes = [_cause(found, moved, float(share)) for found, share in zip(moved, shares, strict=False)]
    causes += [_alert_cause(a, first, float(s)) for a, s in zip(alerts, shares[len(moved) :], strict=True)]
    causes.sort(key=lambda cause: -cause.confidence)
    return causes[:MAX_CAUSES], None


def movement(signal: Signal, onset: float) -> Moved | None:
    """When the series left its own past for at least two values, near the onset; `None` where it did not."""
    finite = np.isfinite(signal.values)
    times, values = signal.times[finite], signal.values[finite]
    started = min(onset, signal.anomaly_at) if signal.anomaly_at else onset
    past = values[times < started - _BEFORE_ONSET_S / 2]
    if len(past) < _FEWEST:
        return None
    level, spread = usual(past)
    near = times >= onset - _BEFORE_ONSET_S
    threshold = max(4 * spread, signal.minimum / 3)
    out = near & (np.abs(values - level) > threshold)
    sustained = out & np.append(out[1:], out[-1:] & signal_is_fresh(signal))
    if not sustained.any():
        return None
    peak = float(np.abs(values[out] - level).max())
    first = _left_at(values - level, int(np.argmax(sustained)), _STILL_OUT * threshold, int(np.argmax(near)))
    return Moved(
        signal=signal,
        at=float(times[first]),
        spreads=peak / max(spread, signal.minimum / 10),
        past=len(past),
        company=[],
    )


def _left_at(distance: Floats, decided: int, still_out: float, earliest: int) -> int:
    """Where the way out began: a rate over a window climbs for as long as the window, and a large move is seen sooner.

    So the value that decides comes late by more the smaller the move is, and order in time would follow size.
    """
    side = np.sign(distance[decided])
    while decided > earliest and side * distance[decided - 1] > still_out:
        decided -= 1
    return decided


def signal_is_fresh(signal: Signal) -> bool:
    """A lone last value counts only on a series that is already known to be anomalous."""
    return signal.anomaly_at is not None


def _company(moved: list[Moved], onset: float) -> None:
    """Who moves with whom around the onset; only within one cluster, so that a reason names nothing of another."""
    for index, one in enumerate(moved):
        for other in moved[index + 1 :]:
            if one.signal.cluster_id != other.signal.cluster_id:
                continue
            correlation = _correlation(one.signal, other.signal, onset - _NEAR_S)
            if correlation is not None and abs(correlation) >= _TOGETHER:
                one.company.append((other.signal.title, correlation))
                other.company.append((one.signal.title, correlation))


def _correlation(one: Signal, other: Signal, start: float) -> float | None:
    grid = one.times[one.times >= start]
    if len(grid) < 6 or len(other.times) < 6:
        return None
    a = one.values[one.times >= start]
    at = np.clip(np.searchsorted(other.times, grid + 1e-6, side="right") - 1, 0, None)
    b = other.values[at]
    both = np.isfinite(a) & np.isfinite(b) & (grid - other.times[at] <= 30)
    if both.sum() < 6 or a[both].std() < 1e-12 or b[both].std() < 1e-12:
        return None
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _score(found: Moved, first: float) -> float:
    early = float(np.exp(-(found.at - first) / 30))
    far = found.spreads / (found.spreads + 10)
    together = float(np.mean([abs(rho) for _, rho in found.company])) if found.company else 0.0
    return 0.5 * early + 0.2 * far + 0.15 * together + (0.15 if found.signal.anomaly_at is not None else 0.0)


def _explain_symptoms(moved: list[Moved], onset: float) -> None:
    """A symptom comes after what may explain it: no resource gets busy because a service is slow.

    A small resource and a large symptom leave their bands in either order, and sampling blurs it further; so what
    moved with it and at most two samples later may still be the explanation.
    """
    resources = [found for found in moved if not found.signal.symptom]
    for found in moved:
        if not found.signal.symptom:
            continue
        explaining = [other for other in resources if _may_explain(other, found, onset)]
        if explaining:
            best = max(explaining, key=lambda other: other.score)
            found.follows = best.signal.title
            found.score = min(found.score, best.score - _AFTER)


def _may_explain(resource: Moved, symptom: Moved, onset: float) -> bool:
    if resource.signal.cluster_id != symptom.signal.cluster_id:
        return False
    slack = 2 * max(resource.signal.interval_s, symptom.signal.interval_s)
    if resource.at > symptom.at + slack:
        return False
    correlation = _correlation(resource.signal, symptom.signal, onset - _NEAR_S)
    return correlation is not None and abs(correlation) >= _TOGETHER


def _cause(found: Moved, moved: list[Moved], share: float) -> Cause:
    signal = found.signal
    mine = [other for other in moved if other.signal.cluster_id == signal.cluster_id and other is not found]
    alone = 0.6 if len(moved) == 1 else 1.0
    confidence = 0.9 * share * alone * min(1.0, found.past / 60)
    end = float(signal.times[-1])
    far = f"{found.spreads:.0f} times as far from its normal as it usually strays"
    reasons = [_order(found, mine), f"went {far}"]
    if found.company:
        best = sorted(found.company, key=lambda pair: -abs(pair[1]))[:3]
        names = ", ".join(f"{name} (correlation {rho:.2f})" for name, rho in best)
        reasons.append(f"moved together with {names}")
    if found.follows:
        reasons.append(f"may follow from {found.follows}, which moved with it")
    if found.past < 60:
        reasons.append(f"only {found.past} earlier values to compare with")
    evidence = Evidence(
        title=signal.title,
        query=selector_of(signal.watch, signal.labels),
        cluster_id=signal.cluster_id,
        start=_time(max(float(signal.times[0]), found.at - WINDOW_S)),
        end=_time(end),
        step_s=signal.interval_s,
        finding=f"left its usual range at {_time(found.at):%H:%M:%S} UTC and went {far}",
    )
    return Cause(
        title=signal.title,
        cluster_id=signal.cluster_id,
        watch=signal.watch,
        labels=signal.labels,
        confidence=round(confidence, 3),
        moved_at=_time(found.at),
        reasons=reasons,
        evidence=[evidence],
    )


def _order(found: Moved, others: list[Moved]) -> str:
    if not others:
        return "the only watched series here that moved"
    earliest = min(other.at for other in others)
    if found.at < earliest:
        return f"moved first, {duration(earliest - found.at)} before the next"
    if found.at == earliest:
        return "moved first, together with others"
    return f"moved {duration(found.at - earliest)} after the first"


def _alert_cause(alert: AlertSignal, first: float, share: float) -> Cause:
    late = alert.started_at - first
    when = f"started {duration(late)} after the first movement" if late > 0 else "started before anything else moved"
    return Cause(
        title=f"Alert {alert.name}",
        cluster_id=alert.cluster_id,
        alert_fingerprint=alert.fingerprint,
        labels=alert.labels,
        confidence=round(0.5 * share, 3),
        moved_at=_time(alert.started_at),
        reasons=[when],
        evidence=[],
    )


def _why_nothing(signals: list[Signal], alerts: list[AlertSignal]) -> str:
    if not signals:
        return "Inconclusive: no watched series of these clusters in the last hour."
    if all(np.isfinite(signal.values).sum() < _FEWEST for signal in signals):
        return "Inconclusive: too few values before the onset to compare with."
    about = "the alert" if alerts else "it"
    return f"Inconclusive: none of {len(signals)} watched series left its own past when {about} started."


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
