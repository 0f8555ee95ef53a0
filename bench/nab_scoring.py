"""The Numenta Anomaly Benchmark's scoring, written from its definition: Lavin & Ahmad, "Evaluating Real-time Anomaly
Detection Algorithms", ICMLA 2015.

A row inside a labelled window earns by how early it is: a sigmoid, 1 at the window's first row and near 0 at its last;
of all rows of a window only the best counts. A row outside costs up to the weight of a false positive, less where a
window has just ended. A window without any costs the weight of a false negative. The first 15 % of a file, at most 750
rows, are not scored. One threshold holds for all files, the one that is best over the corpus; 0 is what a detector that
is silent gets, 100 is one that finds the first row of every window and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PROBATION_SHARE, PROBATION_FROM_ROWS = 0.15, 5000


@dataclass(frozen=True)
class Profile:
    """What a window found, a false alarm and a window missed weigh."""

    found: float
    false_alarm: float
    missed: float


STANDARD = Profile(1.0, 0.11, 1.0)
LOW_FALSE_ALARMS = Profile(1.0, 0.22, 1.0)
LOW_MISSES = Profile(1.0, 0.11, 2.0)


@dataclass(frozen=True)
class Scored:
    """A file's rows: `scores` (n), and its labelled windows as first and last row, both inside."""

    scores: Floats
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Result:
    """`score` is 0 for a silent detector and 100 for a perfect one; from `threshold` on a row counts as found."""

    score: float
    threshold: float


def probation(rows: int) -> int:
    """How many rows at the beginning of a file are not scored."""
    return int(PROBATION_SHARE * min(rows, PROBATION_FROM_ROWS))


def scaled_sigmoid(position: npt.ArrayLike) -> Floats:
    """Near 1 before position 0, 0 there, −1 from 3 on; -1 is a window's first row and 0 the row after its last."""
    at = np.asarray(position, float)
    return np.where(at >= 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(at, 3.0))) - 1.0)


def weights(rows: int, windows: Sequence[tuple[int, int]], profile: Profile) -> tuple[Floats, npt.NDArray[np.int64]]:
    """What each row is worth if it counts as found, and the window that it lies in, else −1."""
    worth = np.full(rows, -profile.false_alarm)
    inside = np.full(rows, -1, np.int64)
    for index, (first, last) in enumerate(windows):
        ends = windows[index + 1][0] if index + 1 < len(windows) else rows
        after = np.arange(last + 1, ends)
        worth[after] = profile.false_alarm * scaled_sigmoid((after - last) / max(last - first, 1))
        within = np.arange(first, last + 1)
        early = scaled_sigmoid(-(last - within + 1) / (last - first + 1))
        worth[within] = profile.found * early / scaled_sigmoid(-1.0)
        inside[within] = index
    return worth, inside


def score(files: Iterable[Scored], profile: Profile = STANDARD) -> Result:
    """The benchmark's figure for the corpus, at the one threshold that is best for all of its files."""
    falls: list[Floats] = []
    gains: list[Floats] = []
    count = 0
    for file in files:
        worth, inside = weights(len(file.scores), file.windows, profile)
        count += len(file.windows)
        scored = np.arange(len(file.scores)) >= probation(len(file.scores))
        outside = scored & (inside < 0)
        falls.append(file.scores[outside])
        gains.append(worth[outside])
        for index in range(len(file.windows)):
            rows = np.flatnonzero(scored & (inside == index))
            order = rows[np.argsort(-file.scores[rows], kind="stable")]
            best = np.maximum.accumulate(worth[order])
            falls.append(file.scores[order])
            gains.append(np.diff(best, prepend=-profile.missed))
    total, threshold = _best(np.concatenate(falls), np.concatenate(gains), -profile.missed * count)
    null, perfect = -profile.missed * count, profile.found * count
    return Result(100.0 * (total - null) / (perfect - null), threshold)


def at_threshold(files: Iterable[Scored], threshold: float, profile: Profile = STANDARD) -> float:
    """The same figure with the threshold given."""
    return score((Scored((file.scores >= threshold).astype(float), file.windows) for file in files), profile).score


def _best(falls: Floats, gains: Floats, silent: float) -> tuple[float, float]:
    """The largest sum of the gains at or above a threshold, and that threshold."""
    order = np.argsort(-falls, kind="stable")
    sorted_falls, sums = falls[order], silent + np.cumsum(gains[order])
    last_of_equals = np.append(np.flatnonzero(np.diff(sorted_falls)), len(sorted_falls) - 1)
    place = last_of_equals[np.argmax(sums[last_of_equals])]
    if sums[place] <= silent:
        return silent, np.inf
    return float(sums[place]), float(sorted_falls[place])
