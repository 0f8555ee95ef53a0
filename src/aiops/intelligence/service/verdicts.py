"""From scores and rules to findings: one a series at a time, named after the strongest reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain.anomalies import (
    END_REASONS,
    Anomaly,
    Kind,
    explain,
    explain_breach,
    explain_silence,
    rank_of,
    selector_of,
    severity_of,
    subject_of,
    worst,
)
from aiops.intelligence.domain.rules import Said
from aiops.intelligence.needs import Ended, Floats, Scores, Way
from aiops.intelligence.service.tracks import Track
from aiops.kernel.ids import new_id
from aiops.observability.ports import Severity

_WAYS = {Way.TREND_CHANGE: Kind.TREND_CHANGE, Way.PATTERN_BREAK: Kind.PATTERN_BREAK}
_MOST_SCORE = 1e6
# Of a series that a new detector has not seen yet: so many values are missed before it is gone.
_GONE_AFTER = 20


@dataclass(frozen=True)
class Seen:
    """One moment of a track, scored; `factors` say how many times as wide as learned the bands are."""

    track: Track
    at: float
    values: Floats
    scores: Scores
    said: Said
    factors: Floats


@dataclass
class Changes:
    """What a moment changes, by row; `reasons` by the ids of those that end."""

    reasons: dict[UUID, str] = field(default_factory=dict)
    trend_changes: list[UUID] = field(default_factory=list)
    begun: dict[int, Anomaly] = field(default_factory=dict)
    worse: dict[int, Anomaly] = field(default_factory=dict)
    over: list[int] = field(default_factory=list)


def nothing_learned(count: int) -> Scores:
    """The scores of series that no detector looks at."""
    unknown, zero = np.full(count, np.nan), np.zeros(count, np.int64)
    return Scores(unknown, unknown, unknown, unknown, zero, 0, zero, zero.astype(bool), zero, unknown, unknown)


def widen(scores: Scores, factors: Floats, natural_top: float) -> Scores:
    """What a detector said, with each band `factors` times as wide: what lies within is active no longer.

    An edge at 0 or at `natural_top` stays there: it is no edge of the band but of what the value can be.
    """
    if (factors == 1.0).all():
        return scores
    lower = np.where(scores.lower == 0.0, 0.0, scores.expected - factors * (scores.expected - scores.lower))
    upper = scores.expected + factors * (scores.upper - scores.expected)
    upper = np.where(scores.upper == natural_top, natural_top, upper)
    score = scores.score / factors
    within = (factors > 1.0) & (score <= 1.0)
    return replace(scores, score=score, lower=lower, upper=upper, active=np.where(within, 0, scores.active))


def hush(scores: Scores, said: Said, rows: set[int]) -> tuple[Scores, Said]:
    """Say nothing of these rows, of which someone said that it is noise."""
    if not rows:
        return scores, said
    active, breach = scores.active.copy(), said.breach.copy()
    active[list(rows)], breach[list(rows)] = 0, 0
    return replace(scores, active=active), replace(said, breach=breach)


def changes(seen: Seen, active: dict[int, Anomaly]) -> Changes:
    """What follows for the findings that are `active` until now. A spike that goes on past a limit stays one finding;
    a silence is none of what was before."""
    found = Changes()
    scores, said, values = seen.scores, seen.said, seen.values
    reasons = np.flatnonzero((scores.active != 0) | (said.breach != 0) | said.silent).tolist()
    for row in set(active).difference(reasons):
        if not _undecided(seen, row, active[row]):
            _end(found, seen, row, active[row], _why_over(seen, row, active[row]))
    for row in reasons:
        known = active.get(row)
        if not said.silent[row] and not np.isfinite(values[row]):
            continue
        now = _anomaly(seen, row)
        if known is not None and (known.kind == Kind.SILENCE) != (now.kind == Kind.SILENCE):
            _end(found, seen, row, known, "the series is gone" if now.kind == Kind.SILENCE else "values came again")
            known = None
        if known is None:
            # What went on unsaid, as noise or before a pause, is no news where it lies within the band by now.
            if said.silent[row] or said.breach[row] or scores.started[row] or scores.score[row] > 1:
                found.begun[row] = now
        elif rank_of(now.severity) < rank_of(known.severity) or _stronger(now, known):
            found.worse[row] = msgspec.structs.replace(
                now,
                id=known.id,
                started_at=known.started_at,
                detected_at=known.detected_at,
                incident_id=known.incident_id,
                severity=worst([now.severity, known.severity]),
            )
    return found


def _stronger(now: Anomaly, known: Anomaly) -> bool:
    return now.kind == Kind.THRESHOLD_BREACH and known.kind != Kind.THRESHOLD_BREACH


def _end(found: Changes, seen: Seen, row: int, known: Anomaly, reason: str) -> None:
    found.over.append(row)
    found.reasons[known.id] = reason
    if seen.scores.ended[row] == Ended.NEW_NORMAL and known.kind in (Kind.SPIKE, Kind.DROP):
        found.trend_changes.append(known.id)


def _undecided(seen: Seen, row: int, known: Anomaly) -> bool:
    """Whether a detector that did not find what is open can't say yet that it is over: it still learns the series, or
    finds it beside its band too but has no evidence so far."""
    if known.kind in (Kind.SILENCE, Kind.THRESHOLD_BREACH) or not seen.track.watch.learned or seen.scores.ended[row]:
        return False
    if not np.isfinite(seen.values[row]):
        return bool(np.isfinite(seen.track.recent[row, -_GONE_AFTER:]).any())
    return not seen.scores.score[row] <= 1


def _why_over(seen: Seen, row: int, known: Anomaly) -> str:
    if seen.scores.ended[row]:
        return END_REASONS[int(seen.scores.ended[row])]
    if known.kind == Kind.SILENCE:
        return "values came again" if np.isfinite(seen.values[row]) else "not waited for any longer"
    if known.kind == Kind.THRESHOLD_BREACH:
        return "back within its limit"
    if not seen.track.watch.learned:
        return "no band is learned any longer"
    if not np.isfinite(seen.values[row]):
        return END_REASONS[Ended.SERIES_GONE]
    return "within its band, made wider by feedback" if seen.factors[row] > 1 else "back in its band"


def _anomaly(seen: Seen, row: int) -> Anomaly:
    if seen.said.silent[row]:
        return _silence(seen, row)
    return _breach(seen, row) if seen.said.breach[row] else _beside(seen, row)


def _beside(seen: Seen, row: int) -> Anomaly:
    track, scores = seen.track, seen.scores
    watch, labels, value = track.watch, track.series[row], float(seen.values[row])
    since, score = _time(float(scores.since[row])), float(scores.score[row])
    way = _WAYS.get(Way(int(scores.ways[row]))) if scores.ways is not None else None
    text = explain(
        watch,
        labels,
        value=value,
        band=(float(scores.expected[row]), float(scores.lower[row]), float(scores.upper[row])),
        score=score,
        learned_s=float(scores.learned_s[row]),
        since=since,
        widened=float(seen.factors[row]),
    )
    kind = way or (Kind.SPIKE if scores.active[row] > 0 else Kind.DROP)
    return _made(
        seen,
        row,
        kind=kind,
        severity=severity_of(watch, value, score),
        score=score,
        since=since,
        text=text,
        band=(_known(scores.expected[row]), _known(scores.lower[row]), _known(scores.upper[row])),
        detection_type=scores.detection_type,
    )


def _breach(seen: Seen, row: int) -> Anomaly:
    watch, value, said = seen.track.watch, float(seen.values[row]), seen.said
    limit, above = watch.threshold, bool(said.breach[row] > 0)
    assert limit is not None
    edge = limit.above if above else limit.below
    assert edge is not None
    score = 1 + abs(value - edge) / max(abs(edge), watch.minimum, 1e-9)
    since = _time(seen.at - float(said.breach_s[row]))
    return _made(
        seen,
        row,
        kind=Kind.THRESHOLD_BREACH,
        severity=worst([Severity.HIGH, severity_of(watch, value, score)]),
        score=score,
        since=since,
        text=explain_breach(watch, seen.track.series[row], value, above, since),
        band=(_known(seen.scores.expected[row]), limit.below, limit.above),
    )


def _silence(seen: Seen, row: int) -> Anomaly:
    track, absent_s = seen.track, float(seen.said.absent_s[row])
    assert track.watch.silence_s is not None
    since = _time(seen.at - absent_s)
    past = track.recent[row][np.isfinite(track.recent[row])]
    last = float(past[-1]) if len(past) else None
    return _made(
        seen,
        row,
        kind=Kind.SILENCE,
        severity=Severity.HIGH,
        score=absent_s / track.watch.silence_s,
        since=since,
        text=explain_silence(track.watch, track.series[row], last, since),
        band=(None, None, None),
    )


def _made(
    seen: Seen,
    row: int,
    *,
    kind: Kind,
    severity: Severity,
    score: float,
    since: datetime,
    text: str,
    band: tuple[float | None, float | None, float | None],
    detection_type: str = "STATISTICAL",
) -> Anomaly:
    watch, labels = seen.track.watch, seen.track.series[row]
    return Anomaly(
        id=new_id(),
        cluster_id=seen.track.cluster_id,
        watch=watch.name,
        title=watch.title,
        unit=watch.unit,
        labels=labels,
        subject=subject_of(watch, labels),
        kind=kind,
        detection_type=detection_type,
        severity=severity,
        score=round(min(score, _MOST_SCORE), 2),
        value=_known(seen.values[row]),
        expected=band[0],
        lower=band[1],
        upper=band[2],
        explanation=text,
        started_at=since,
        detected_at=_time(seen.at),
        query=selector_of(watch.name, labels),
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
