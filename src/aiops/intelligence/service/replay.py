"""A watch over a stretch of the past: what a detector and the watch's own rules would have found.

The code is that which looks at what comes live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain import rules
from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.feedback import key_of
from aiops.intelligence.domain.rules import Said
from aiops.intelligence.needs import Detector, Floats, Recalling, Scores, SeriesState
from aiops.intelligence.service.tracks import Track
from aiops.intelligence.service.verdicts import Changes, Seen, changes, nothing_learned
from aiops.observability.ports import Watch, WatchHistory

_NOBODY = UUID(int=0)
_RECENT = 360
_KEPT = ("score", "expected", "lower", "upper", "active", "started", "ended", "since", "learned_s", "ways")


class Replayed(msgspec.Struct, frozen=True):
    """`findings` in the order of their beginning, those that begin before the stretch left out; the arrays are series ×
    times, NaN where a band was not known yet. `learned_from` is when each series' band was first known."""

    findings: list[Anomaly]
    expected: Floats
    lower: Floats
    upper: Floats
    learned_from: list[float | None]


def replay(
    detector: Detector,
    watch: Watch,
    past: WatchHistory,
    interval_s: float,
    *,
    cluster_id: UUID = _NOBODY,
    count_from: float = -np.inf,
    earlier: WatchHistory | None = None,
) -> Replayed:
    """Go through the past, whose times lie `interval_s` apart. What is found before `count_from` (Unix seconds) is not
    told: that stretch is there to learn from, and so are `earlier` days for a detector that recalls some."""
    scores = _scored(detector, watch, past, interval_s, earlier) if watch.learned else None
    return _judged(_Run(detector, watch, past, cluster_id, count_from), scores, interval_s)


def replay_together(
    detector: Detector,
    watch: Watch,
    pasts: Mapping[UUID, WatchHistory],
    interval_s: float,
    *,
    count_from: float = -np.inf,
) -> dict[UUID, Replayed]:
    """As `replay`, for one watch on many clusters over the same times: a step over many rows costs little more than
    over one."""
    if not pasts:
        return {}
    rows = np.concatenate([past.values for past in pasts.values()])
    times = next(iter(pasts.values())).times
    scores = _scored(detector, watch, WatchHistory(times, [], rows), interval_s, None) if watch.learned else None
    found, first = {}, 0
    for cluster_id, past in pasts.items():
        last = first + len(past.series)
        mine = None if scores is None else _rows(scores, slice(first, last))
        found[cluster_id] = _judged(_Run(detector, watch, past, cluster_id, count_from), mine, interval_s)
        first = last
    return found


def _judged(run: _Run, scores: Scores | None, interval_s: float) -> Replayed:
    past, watch = run.past, run.track.watch
    calm = _nothing_said(len(past.series))
    columns = rules.fresh(len(past.series))
    unlearned = nothing_learned(len(past.series))
    unruled = watch.threshold is None and watch.silence_s is None
    busy = None if scores is None else ((scores.active != 0) | (scores.ended != 0)).any(axis=0)
    for place in range(len(past.times)):
        said = calm
        if not unruled:
            columns, said = rules.step(columns, watch, past.values[:, place], interval_s, whole=True)
        loud = not unruled and bool(said.silent.any() or said.breach.any())
        if run.active or loud or (busy is not None and busy[place]):
            run.look(place, unlearned if scores is None else _at(scores, place), said)
    nothing = np.full(past.values.shape, np.nan)
    expected = nothing if scores is None else scores.expected
    lower, upper = (nothing, nothing) if scores is None else (scores.lower, scores.upper)
    return Replayed(list(run.found.values()), expected, lower, upper, _learned_from(expected, past.times))


class _Run:
    def __init__(self, detector: Detector, watch: Watch, past: WatchHistory, cluster_id: UUID, count_from: float):
        self.track = Track(cluster_id, watch, detector)
        self.track.admit(past.series)
        self.past = past
        self.count_from = count_from
        self.active: dict[int, Anomaly] = {}
        self.found: dict[UUID, Anomaly] = {}
        self.ones = np.ones(len(past.series))

    def look(self, place: int, scores: Scores, said: Said) -> None:
        at = float(self.past.times[place])
        self.track.recent = self.past.values[:, max(0, place - _RECENT) : place]
        seen = Seen(self.track, at, self.past.values[:, place], scores, said, self.ones)
        self._apply(changes(seen, self.active), datetime.fromtimestamp(at, UTC))

    def _apply(self, found: Changes, at: datetime) -> None:
        trend = set(found.trend_changes)
        for row in found.over:
            known = self.active.pop(row)
            if known.id in self.found:
                kind = "TREND_CHANGE" if known.id in trend else known.kind
                self.found[known.id] = msgspec.structs.replace(
                    known, ended_at=at, end_reason=found.reasons[known.id], kind=kind
                )
        for row, anomaly in found.begun.items():
            self.active[row] = anomaly
            if anomaly.detected_at.timestamp() >= self.count_from:
                self.found[anomaly.id] = anomaly
        for row, anomaly in found.worse.items():
            self.active[row] = anomaly
            if anomaly.id in self.found:
                self.found[anomaly.id] = anomaly


def _scored(
    detector: Detector, watch: Watch, past: WatchHistory, interval_s: float, earlier: WatchHistory | None
) -> Scores:
    """The scores of all moments, each array series × times.

    Of a detector that forgets, parts of the past are gone through side by side, each after as much of what came before
    it as the detector remembers: a step over many rows costs little more than over one.
    """
    count, length = past.values.shape
    forgets_s: float | None = getattr(detector, "forgets_s", None)
    part = length if forgets_s is None else min(length, int(np.ceil(forgets_s / interval_s)))
    before = 0 if part == length else part
    parts = -(-length // part) if part else 0
    padded = np.full((count, before + parts * part), np.nan)
    padded[:, before : before + length] = past.values
    # Row by row: all series of the first part, all of the second, …
    starts = np.arange(parts) * part
    state = detector.fresh(parts * count)
    if isinstance(detector, Recalling):
        state = _recalled(detector, past, interval_s, earlier, [int(start) - before for start in starts])
    kept: dict[str, list[Floats]] = {name: [] for name in _KEPT}
    first = float(past.times[0]) if length else 0.0
    last: Scores | None = None
    for step in range(before + part if parts else 0):
        at = first + (step - before) * interval_s
        state, last = detector.step(state, watch, at, interval_s, padded[:, starts + step].T.reshape(-1))
        if step >= before:
            for name in _KEPT:
                if (value := getattr(last, name)) is not None:
                    kept[name].append(value)
    if last is None:
        return nothing_learned(count)
    whole: dict[str, Any] = {
        name: np.array(values).reshape(part, parts, count).transpose(2, 1, 0).reshape(count, parts * part)[:, :length]
        for name, values in kept.items()
        if values
    }
    # Every part was told the time of the first one.
    whole["since"] = whole["since"] + np.repeat(starts * interval_s, part)[:length]
    return replace(last, **whole)


def _recalled(
    detector: Any, past: WatchHistory, interval_s: float, earlier: WatchHistory | None, starts: list[int]
) -> SeriesState:
    """The state of all parts, which begin at `starts`: each knows the days before it, as if it began with the first."""
    state: SeriesState = detector.fresh(0)
    every = max(1, round(detector.recall_step_s / interval_s))
    times, values = past.times[::every], past.values[:, ::every]
    if earlier is not None:
        rows = {key_of(labels): row for labels, row in zip(earlier.series, earlier.values, strict=True)}
        unknown = np.full(len(earlier.times), np.nan)
        found = np.array([rows.get(key_of(labels), unknown) for labels in past.series])
        before = found.reshape(len(past.series), len(earlier.times))
        older = earlier.times < past.times[0]
        times = np.concatenate([earlier.times[older], times])
        values = np.concatenate([before[:, older], values], axis=1)
    for start in starts:
        at = past.times[0] + start * interval_s
        known = (times < at) & (times >= at - detector.recalls_s)
        shifted = (start - starts[0]) * interval_s
        part = detector.recall(detector.fresh(len(past.values)), at - shifted, times[known] - shifted, values[:, known])
        state = state.joined(part)
    return state


def _at(scores: Scores, place: int) -> Scores:
    """The scores of one moment."""
    values = {one.name: getattr(scores, one.name) for one in fields(scores)}
    return replace(scores, **{name: values[name][:, place] for name in _KEPT if values[name] is not None})


def _rows(scores: Scores, rows: slice) -> Scores:
    """The scores of some of the series."""
    values = {name: getattr(scores, name) for name in _KEPT}
    return replace(scores, **{name: value[rows] for name, value in values.items() if value is not None})


def _nothing_said(count: int) -> Said:
    zero = np.zeros(count)
    return Said(zero, zero.astype(bool), zero, zero)


def _learned_from(expected: Floats, times: Floats) -> list[float | None]:
    known = np.isfinite(expected)
    return [float(times[row.argmax()]) if row.any() else None for row in known]
