"""The one alarm policy: when evidence is an alarm, and when it only repeats one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Sensitivity(Enum):
    """How much evidence an alarm takes: the sum over the members of how rare each finds a row, as powers of ten."""

    LOW = 42.0
    MEDIUM = 30.0
    HIGH = 18.0
    EXTREME = 8.0


_LOWEST = Sensitivity.EXTREME.value
# After an alarm a series rests for this share of the rows seen so far: what it has shown in a month it may show again
# for a day, what it has shown in an hour not for long.
_REST_SHARE, _REST_AT_LEAST, _REST_AT_MOST = 0.03, 50.0, 5000.0
_WORSE = 1.5


@dataclass(frozen=True)
class Rest:
    """Of each of n series: the row of its last alarm, and the evidence for it."""

    row: Floats
    evidence: Floats


def fresh(series: int) -> Rest:
    return Rest(np.full(series, -np.inf), np.zeros(series))


def score_of(evidence: Floats | float) -> Floats:
    """0 to 1, and 0.5 for the least that is an alarm to anyone."""
    return 1.0 - np.exp2(-np.asarray(evidence, float) / _LOWEST)


def decide(rest: Rest, first_row: int, evidence: Floats) -> tuple[Rest, Floats]:
    """Scores of `evidence` (n, t), whose first column is row `first_row` of the series.

    A row is an alarm where its evidence reaches the lowest level, unless the series rests. It is woken by half as much
    evidence again, or by the first that is enough for MEDIUM. Where it rests, the score stays below 0.5.
    """
    scores = score_of(evidence)
    rows, peaks = rest.row.copy(), rest.evidence.copy()
    quiet = np.nextafter(0.5, 0.0)
    for one, column in np.argwhere(evidence >= _LOWEST).tolist():
        found, row = evidence[one, column], first_row + column
        resting = row - rows[one] < min(max(_REST_SHARE * row, _REST_AT_LEAST), _REST_AT_MOST)
        if resting and found < _WORSE * peaks[one] and not peaks[one] < Sensitivity.MEDIUM.value <= found:
            scores[one, column] = min(quiet, 0.5 * scores[one, column])
            continue
        rows[one], peaks[one] = row, found
    return Rest(rows, peaks), scores


def is_alarm(scores: Floats, sensitivity: Sensitivity) -> npt.NDArray[np.bool_]:
    return np.asarray(scores >= score_of(sensitivity.value))
