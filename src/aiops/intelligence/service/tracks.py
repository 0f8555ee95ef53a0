"""What the hub holds in memory of one watch on one cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from aiops.intelligence.domain import rules
from aiops.intelligence.domain.anomalies import Anomaly
from aiops.intelligence.domain.feedback import Feedback, Key, Verdict, Widening, key_of, widenings
from aiops.intelligence.needs import Bytes, Detector, Floats, Scores, SeriesState
from aiops.observability.ports import Labels, Watch, WatchBatch, WatchHistory

MAX_SERIES = 5000
_RECENT = 360
_NOISE_LASTS = timedelta(days=1)


class Track:
    """Rows are series; `recent` holds their latest 360 values for the ranking of causes.

    `unknown` are the rows of series never seen before, whose past nobody has looked at; of the series, the first
    `stored_series` are kept already, and of the detector's memory what is `stored_slow`.
    """

    def __init__(self, cluster_id: UUID, watch: Watch, detector: Detector) -> None:
        self.cluster_id = cluster_id
        self.watch = watch
        self.series: list[Labels] = []
        self.rows: dict[Key, int] = {}
        self.state: SeriesState = detector.fresh(0)
        self.rules: Floats = rules.fresh(0)
        self.widened: dict[Key, Widening] = {}
        self.hushed: set[int] = set()
        self.watermark = 0.0
        self.active: dict[int, Anomaly] = {}
        self.scores: Scores | None = None
        self.values: Floats = np.zeros(0)
        self.interval_s = 15.0
        self.dropped = 0
        self.wants_history = False
        self.unknown: list[int] = []
        self.recalled_at = -np.inf
        self.stored_series = 0
        self.stored_slow: Bytes | None = None
        self.lock = asyncio.Lock()
        self.times: Floats = np.zeros(0)
        self.recent: Floats = np.zeros((0, 0))
        self._detector = detector

    @property
    def key(self) -> tuple[UUID, str]:
        return self.cluster_id, self.watch.name

    def admit(self, series: list[Labels]) -> None:
        """Give a row to each series not seen before; past the bound a series is left out."""
        fresh: list[Labels] = []
        for labels in series:
            key = key_of(labels)
            if key not in self.rows and len(self.series) + len(fresh) < MAX_SERIES:
                self.rows[key] = len(self.series) + len(fresh)
                fresh.append(labels)
        if not fresh:
            return
        self.series = self.series + fresh
        self.state = self.state.joined(self._detector.fresh(len(fresh)))
        self.rules = np.concatenate([self.rules, rules.fresh(len(fresh))])
        self.recent = np.concatenate([self.recent, np.full((len(fresh), len(self.times)), np.nan)])
        self.unknown += range(len(self.series) - len(fresh), len(self.series))
        self.wants_history = True

    def restore(self, state: SeriesState) -> bool:
        """Go on with what is kept, where it is this detector's of these series; gives whether it is."""
        ours = self._detector.fresh(1)
        count = len(self.series)
        parts = ((state.columns, ours.columns), (state.ring, ours.ring), (state.slow, ours.slow))
        fits = all(kept.shape[1] == part.shape[1] and (not part.size or len(kept) == count) for kept, part in parts)
        if fits:
            self.state, self.stored_slow = state, state.slow
        return fits

    def align(self, batch: WatchBatch) -> Floats:
        """The batch's values by row; NaN for a series that it does not hold."""
        values = np.full(len(self.series), np.nan)
        for labels, value in zip(batch.series, batch.values, strict=True):
            row = self.rows.get(key_of(labels))
            if row is not None and np.isfinite(value):
                values[row] = value
        return values

    def heed(self, said: Sequence[Feedback], now: datetime) -> None:
        """Take up what people said of this watch's findings: what is noise is not told again before it is over."""
        self.widened = widenings(said, now)
        noise = [one for one in said if one.verdict is Verdict.NOISE and key_of(one.labels) in self.rows]
        lately = [one for one in noise if now - one.at < _NOISE_LASTS]
        self.hushed = {self.rows[key_of(one.labels)] for one in lately if not one.of_silence}
        # What was said before the last batch is in the rules already.
        gone = [one for one in noise if one.of_silence and one.at.timestamp() >= self.watermark]
        self.rules = rules.not_waited_for(self.rules, [self.rows[key_of(one.labels)] for one in gone])

    def factors(self, at: float) -> Floats:
        """How many times as wide as learned each row's band is, by what people said."""
        factors = np.ones(len(self.series))
        for key, widening in self.widened.items():
            if key in self.rows and widening.until.timestamp() > at:
                factors[self.rows[key]] = widening.factor
        return factors

    def remember(self, at: float, values: Floats) -> None:
        self.times = np.append(self.times, at)[-_RECENT:]
        self.recent = np.concatenate([self.recent, values[:, None]], axis=1)[:, -_RECENT:]

    def by_row(self, past: WatchHistory) -> Floats:
        """The values of the past by row (n, times); NaN of a series that it does not hold."""
        values = np.full((len(self.series), len(past.times)), np.nan)
        for labels, found in zip(past.series, past.values, strict=True):
            row = self.rows.get(key_of(labels))
            if row is not None:
                values[row] = found
        return values

    def prepend(self, times: Floats, values: Floats) -> None:
        """Put the past before what was seen since; `values` by row."""
        older = times < (self.times[0] if len(self.times) else np.inf)
        self.times = np.concatenate([times[older], self.times])[-_RECENT:]
        self.recent = np.concatenate([values[:, older], self.recent], axis=1)[:, -_RECENT:]
