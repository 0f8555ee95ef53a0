"""How often a pattern comes, and when that says something: it surges, it has vanished.

Lines are counted in buckets of `BUCKET`; only whole ones are learned from. Counts of events are told by Poisson's law
where they are independent, and spread wider where they come in bursts: the larger of both variances counts.
"""

from __future__ import annotations

import math
from datetime import timedelta

from aiops.intelligence.domain.log_patterns import BUCKET, Rhythm

BUCKET_S = BUCKET.total_seconds()
LEARNS_FOR = timedelta(hours=1)
"""A cluster whose lines are read for the first time shows what is ordinary; until then nothing is new."""
CONFIRMED_AFTER = timedelta(minutes=1)
"""A pattern that is still one after this is told as new: it has not become part of another."""
NEW_FOR = timedelta(hours=1)
SURGE_AT_MOST = timedelta(hours=1)
"""What surges for longer is how it is now."""

_DAY = 1 - 0.5 ** (BUCKET_S / 86_400)
_TWO_HOURS = 1 - 0.5 ** (BUCKET_S / 7_200)
_SURGE_AFTER = 12
_SURGE_LEAST, _SURGE_TIMES, _SURGE_SIGMAS = 20, 4.0, 6.0
_CALM_TIMES, _CALM_SIGMAS = 2.0, 3.0
_VANISHED_AFTER = 36
_REGULAR, _SILENT, _MISSED = 0.9, 3, 12.0
# A pattern that was silent for this many buckets is not learned further: it comes from time to time, if ever.
_MOST_SILENT = 576


def bucket_of(seconds: float) -> float:
    """The start of the bucket of a moment in Unix seconds."""
    return seconds // BUCKET_S * BUCKET_S


def count(rhythm: Rhythm, at: float, lines: int) -> None:
    """Lines of the bucket that begins at `at`; those of an earlier one than is being counted come too late to learn."""
    if not rhythm.at:
        rhythm.at = at
    if at > rhythm.at:
        close(rhythm, at)
    if at == rhythm.at:
        rhythm.count += lines


def close(rhythm: Rhythm, until: float) -> None:
    """Learn from all buckets before the one that begins at `until`."""
    if not rhythm.at or until <= rhythm.at:
        return
    empty = min(round((until - rhythm.at) / BUCKET_S) - 1, _MOST_SILENT)
    _learn(rhythm, rhythm.count)
    for _ in range(empty):
        if rhythm.silent >= _MOST_SILENT:
            break
        _learn(rhythm, 0)
    rhythm.at, rhythm.count = until, 0


def surge_above(rhythm: Rhythm) -> float | None:
    """More lines than this in a bucket are a surge; `None` while too little is known."""
    if rhythm.buckets < _SURGE_AFTER:
        return None
    return max(_SURGE_LEAST, _SURGE_TIMES * rhythm.mean, rhythm.mean + _SURGE_SIGMAS * _spread(rhythm))


def is_calm(rhythm: Rhythm, lines: int) -> bool:
    """Whether a whole bucket with so many lines ends a surge."""
    return lines <= max(_CALM_TIMES * rhythm.mean, rhythm.mean + _CALM_SIGMAS * _spread(rhythm))


def has_vanished(rhythm: Rhythm) -> bool:
    """It came nearly always, and many lines of it are missing."""
    if rhythm.count or rhythm.silent < _SILENT or rhythm.buckets < _VANISHED_AFTER:
        return False
    # Its share of buckets with lines as it was before it fell silent.
    before = rhythm.present / (1 - _TWO_HOURS) ** rhythm.silent
    return before >= _REGULAR and rhythm.silent * rhythm.mean >= _MISSED


def pass_over(rhythm: Rhythm, until: float) -> None:
    """Nothing is known of the buckets before the one that begins at `until`: nothing is learned from them."""
    if rhythm.at and until > rhythm.at:
        rhythm.at, rhythm.count = until, 0


def accept(rhythm: Rhythm) -> None:
    """What surged for long is how it is now."""
    lines = float(max(rhythm.last, rhythm.count))
    rhythm.mean, rhythm.variance = max(rhythm.mean, lines), max(rhythm.variance, lines)


def _learn(rhythm: Rhythm, lines: int) -> None:
    rhythm.last = lines
    rhythm.silent = 0 if lines else rhythm.silent + 1
    limit = surge_above(rhythm)
    # A surge is learned as no more than what just begins one: it must not become ordinary at once.
    value = float(lines) if limit is None else min(float(lines), limit)
    rhythm.buckets += 1
    slow = max(_DAY, 1 / rhythm.buckets)
    delta = value - rhythm.mean
    rhythm.mean += slow * delta
    rhythm.variance = (1 - slow) * (rhythm.variance + slow * delta * delta)
    quick = max(_TWO_HOURS, 1 / rhythm.buckets)
    rhythm.present += quick * ((1.0 if lines else 0.0) - rhythm.present)


def _spread(rhythm: Rhythm) -> float:
    return math.sqrt(max(rhythm.variance, rhythm.mean, 1.0))
