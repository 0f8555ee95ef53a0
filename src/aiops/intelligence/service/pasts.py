"""A watch's past in pieces that a Prometheus gives in one answer, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from aiops.intelligence.domain.feedback import Key, key_of
from aiops.observability.ports import Labels, WatchHistory

MOST_SERIES = 200
_CHUNK_STEPS = 10_000


async def whole_past(
    ask: Callable[[datetime, datetime], Awaitable[WatchHistory]], start: datetime, end: datetime, step_s: float
) -> WatchHistory:
    """From `start` to `end` by `step_s`; at most 200 series, `dropped` says how many more there were."""
    pieces, at = [], start
    while at <= end:
        until = min(at + timedelta(seconds=step_s * (_CHUNK_STEPS - 1)), end)
        pieces.append(await ask(at, until))
        at = at + timedelta(seconds=step_s * _CHUNK_STEPS)
    return _joined(pieces)


def _joined(pieces: Sequence[WatchHistory]) -> WatchHistory:
    rows: dict[Key, int] = {}
    series: list[Labels] = []
    left_out: set[Key] = set()
    for piece in pieces:
        for labels in piece.series:
            key = key_of(labels)
            if key not in rows and len(series) < MOST_SERIES:
                rows[key] = len(series)
                series.append(labels)
            elif key not in rows:
                left_out.add(key)
    times = np.concatenate([piece.times for piece in pieces])
    values = np.full((len(series), len(times)), np.nan)
    first = 0
    for piece in pieces:
        last = first + len(piece.times)
        for labels, row in zip(piece.series, piece.values, strict=True):
            if key_of(labels) in rows:
                values[rows[key_of(labels)], first:last] = row
        first = last
    return WatchHistory(times, series, values, max(len(left_out), *(piece.dropped for piece in pieces)))
