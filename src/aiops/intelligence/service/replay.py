"""A watch over a stretch of the past: what a detector and the watch's own rules would have found, step by step, by the
code that looks at what comes live."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import numpy as np

from aiops.intelligence.domain import rules
from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.rules import Said
from aiops.intelligence.needs import Detector, Floats, Scores
from aiops.intelligence.service.tracks import Track
from aiops.intelligence.service.verdicts import Changes, Seen, changes, nothing_learned
from aiops.observability.ports import Watch, WatchHistory

_NOBODY = UUID(int=0)
_RECENT = 360


class Replayed(msgspec.Struct, frozen=True):
    """`findings` in the order of their beginning, those that begin before the stretch left out; the arrays are series ×
    times, NaN where a band was not known yet. `learned_from` is when each series' band was first known."""

    findings: list[Anomaly]
    expected: Floats
    lower: Floats
    upper: Floats
    learned_from: list[float | None]


class _Run:
    def __init__(self, detector: Detector, watch: Watch, past: WatchHistory, cluster_id: UUID, count_from: float):
        self.track = Track(cluster_id, watch, detector)
        self.track.admit(past.series)
        self.past = past
        self.count_from = count_from
        self.active: dict[int, Anomaly] = {}
        self.found: dict[UUID, Anomaly] = {}
        self.ones = np.ones(len(past.series))

    def look(self, place: int, values: Floats, scores: Scores, said: Said) -> None:
        at = float(self.past.times[place])
        self.track.recent = self.past.values[:, max(0, place - _RECENT) : place]
        found = changes(Seen(self.track, at, values, scores, said, self.ones), self.active)
        self._apply(found, datetime.fromtimestamp(at, UTC))

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


def replay(
    detector: Detector,
    watch: Watch,
    past: WatchHistory,
    interval_s: float,
    *,
    cluster_id: UUID = _NOBODY,
    count_from: float = -np.inf,
) -> Replayed:
    """Go through the past in the order of time. What is found before `count_from` (Unix seconds) is not told: that
    stretch is there to learn from."""
    run = _Run(detector, watch, past, cluster_id, count_from)
    shape = past.values.shape
    expected, lower, upper = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    state, columns = run.track.state, rules.fresh(shape[0])
    scores = nothing_learned(shape[0])
    unruled = watch.threshold is None and watch.silence_s is None
    calm = _nothing_said(shape[0])
    before = past.times[0] - interval_s if len(past.times) else 0.0
    for place, at in enumerate(past.times.tolist()):
        values = past.values[:, place]
        if watch.learned:
            state, scores = detector.step(state, watch, at, interval_s, values)
            expected[:, place], lower[:, place], upper[:, place] = scores.expected, scores.lower, scores.upper
        said = calm
        if not unruled:
            columns, said = rules.step(columns, watch, values, min(at - before, 4 * interval_s), whole=True)
        before = at
        if run.active or scores.active.any() or (said is not calm and (said.silent.any() or said.breach.any())):
            run.look(place, values, scores, said)
    return Replayed(list(run.found.values()), expected, lower, upper, _learned_from(expected, past.times))


def _nothing_said(count: int) -> Said:
    zero = np.zeros(count)
    return Said(zero, zero.astype(bool), zero, zero)


def _learned_from(expected: Floats, times: Floats) -> list[float | None]:
    known = np.isfinite(expected)
    return [float(times[row.argmax()]) if row.any() else None for row in known]
