"""The rare band, cut to what a forest of half-spaces has seen often: a value that few cuts set apart is unusual."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from aiops.intelligence.detectors.rare_band import EXCESS, RareBand
from aiops.intelligence.detectors.robust_band import ACTIVE, LEVEL, SPAN
from aiops.intelligence.needs import Bytes, Floats, Scores, SeriesState
from aiops.observability.ports import Sensitivity, Watch

TREES, DEPTH = 16, 6
_NODES = 2 ** (DEPTH + 1)
_FEATURES = 3
_KEPT = 32
# Behind the columns of the rare band: the value before and a mean of some ten, both in reaches from the level,
# how many values were passed over since one was taught, how many rows wait to be learned, and these rows.
BEFORE, SLOW, SKIPPED, WAITING, ROWS = range(EXCESS + 1, EXCESS + 6)
_COLUMNS = 4 + _KEPT * _FEATURES
# Every fourth value is taught, and late: what drifts away is not usual by the time that it is far.
_EVERY = 4
_FADES_FROM = 2000
# So many rows tell something; so many in a cell can be cut further.
_ENOUGH, _CUT_FROM = 128, 8
_MEAN_OF = 10
# Where the band may end, in reaches of the rare band.
_GRID = np.array([0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0])
# How full a cell is at least, as a part of what it would hold were all values spread evenly, to be usual.
_SPARSE = {Sensitivity.LOW: 0.01, Sensitivity.MEDIUM: 0.02, Sensitivity.HIGH: 0.05, Sensitivity.EXTREME: 0.1}
# The cuts are the same for every series, so a forest is no more than how many rows fell on which side.
_CHANCE = np.random.default_rng(20261121)
_ORDER = np.stack([_CHANCE.permutation([0, 0, 0, 1, 1, 2]) for _ in range(TREES)])
_FIRST = _CHANCE.uniform(-0.2, 0.0, (TREES, _FEATURES))
_WIDTH = _CHANCE.uniform(1.2, 1.4, (TREES, _FEATURES))
# Into how many parts a feature is cut at each depth of a tree, and the number of the first node there.
_HALVES = 2.0 ** np.array([[(order[: depth + 1] == order[depth]).sum() for depth in range(DEPTH)] for order in _ORDER])
_ROOTS = 2 ** np.arange(1, DEPTH + 1)


class IsolationForest(RareBand):
    """Expects what its forest has seen often of a value together with the ones before it.

    An isolation forest (Liu, Ting and Zhou, "Isolation Forest", ICDM 2008) tells the unusual by how few random cuts set
    it apart; cut beforehand, and counting what falls where, it follows a stream (half-space trees: Tan, Ting and Liu,
    "Fast Anomaly Detection for Streaming Data", IJCAI 2011). Here 16 trees cut the value, the one before and the mean
    of about the last ten, each as its distance from the level in reaches of the rare band; old counts fade. A value is
    as usual as its cells are full, down to where they hold too few to be cut further. Going out from the level, the
    band ends where that gets rare: between 0.6 and twice where the rare band's would, and just there until 128 rows are
    counted. Level, learning and ending are the rare band's.
    """

    name: ClassVar[str] = "isolation-forest"
    # Counts are halved about every 33 h at 15 s.
    forgets_s: ClassVar[float] = 604_800.0

    class Config(RareBand.Config, frozen=True, forbid_unknown_fields=True):
        """As the robust band's."""

    def __init__(self, config: IsolationForest.Config | None = None) -> None:
        super().__init__(config or IsolationForest.Config())

    def fresh(self, count: int) -> SeriesState:
        state = super().fresh(count)
        columns = np.concatenate([state.columns, np.zeros((count, _COLUMNS))], axis=1)
        return SeriesState(columns, state.ring, np.zeros((count, TREES * _NODES * 2), np.uint8))

    def learn(self, state: SeriesState, watch: Watch, times: Floats, values: Floats) -> SeriesState:
        learned = super().learn(state, watch, times, values)
        rows = np.flatnonzero((state.columns[:, SPAN] == 0) & (learned.columns[:, SPAN] > 0))
        if not len(rows):
            return learned
        columns, slow = learned.columns, learned.slow.copy()
        away = (values[rows] - columns[rows, LEVEL, None]) / self._half_width(columns[rows], watch)[:, None]
        seen = np.full((*away.shape, _FEATURES), np.nan)
        lags = np.zeros((len(rows), 2))
        for place in range(away.shape[1]):
            here = np.isfinite(away[:, place])
            seen[:, place, 0], seen[:, place, 1:] = away[:, place], lags
            lags[here] = _lagged(lags[here], away[here, place])
        columns[rows, BEFORE : SLOW + 1] = lags
        slow[rows] = _counted(slow[rows], seen[:, _MEAN_OF:])
        return replace(learned, slow=slow)

    def step(
        self, state: SeriesState, watch: Watch, at: float, interval_s: float, values: Floats
    ) -> tuple[SeriesState, Scores]:
        following, scores = super().step(state, watch, at, interval_s, values)
        columns, slow = following.columns, following.slow
        with np.errstate(invalid="ignore", divide="ignore"):
            away = (values - state.columns[:, LEVEL]) / self._half_width(state.columns, watch)
        here = np.isfinite(away) & (state.columns[:, SPAN] > 0)
        columns[here, SKIPPED] += 1
        taught = np.flatnonzero(here & (columns[:, ACTIVE] == 0) & (columns[:, SKIPPED] >= _EVERY))
        columns[taught, SKIPPED] = 0
        first = ROWS + _FEATURES * columns[taught, WAITING].astype(int)
        for feature, seen in enumerate((away, columns[:, BEFORE], columns[:, SLOW])):
            columns[taught, first + feature] = seen[taught]
        columns[taught, WAITING] += 1
        columns[here, BEFORE : SLOW + 1] = _lagged(columns[here, BEFORE : SLOW + 1], away[here])
        full = np.flatnonzero(columns[:, WAITING] == _KEPT)
        if len(full):
            slow = slow.copy()
            slow[full] = _counted(slow[full], columns[full, ROWS:].reshape(-1, _KEPT, _FEATURES))
            columns[full, WAITING] = 0
        return replace(following, slow=slow), replace(scores, detection_type="ML_BASED")

    def _reaches(self, state: SeriesState, half: Floats, watch: Watch) -> tuple[Floats, Floats]:
        before = _turns(state.columns[:, BEFORE : SLOW + 1], 1, _FEATURES)
        full = _fullness(state.slow, _ROOTS + _GRID_TURNS + before[:, None])
        known = _masses(state.slow)[:, 0, :1] >= _ENOUGH
        usual = np.where(known, full >= _SPARSE[watch.sensitivity], np.tile(_GRID <= 1.0, 2))
        up, down = (_ends(part) for part in np.split(usual, 2, axis=1))
        return half * down, half * up


def _lagged(lags: Floats, away: Floats) -> Floats:
    """The value before and the slow mean (n, 2), once these values have come."""
    return np.stack([away, lags[:, 1] + (away - lags[:, 1]) / _MEAN_OF], axis=1)


def _ends(usual: npt.NDArray[np.bool_]) -> Floats:
    """Up to where it is usual without a gap (n)."""
    count = np.argmin(np.concatenate([usual, np.zeros((len(usual), 1), bool)], axis=1), axis=1)
    ends: Floats = np.concatenate([_GRID[:1], _GRID])[count]
    return ends


def _cells(seen: Floats) -> npt.NDArray[np.int64]:
    """Through which nodes of each tree rows (..., features) fall: (..., trees, depth), the root being 1."""
    return _ROOTS + _turns(seen, 0, _FEATURES)


def _turns(seen: Floats, first: int, last: int) -> npt.NDArray[np.int64]:
    """What the cuts by some of the features alone add to the numbers of the nodes (..., trees, depth)."""
    place = 0.5 + np.arctan(np.nan_to_num(seen)) / np.pi
    chosen = np.clip(_ORDER, first, last - 1)
    trees = np.arange(TREES)[:, None]
    within = np.clip((place[..., chosen - first] - _FIRST[trees, chosen]) / _WIDTH[trees, chosen], 0.0, 1 - 1e-9)
    sides = (within * _HALVES).astype(np.int64) & ((first <= _ORDER) & (last > _ORDER))
    nodes = np.empty(sides.shape, np.int64)
    path: npt.NDArray[np.int64] = np.zeros(sides.shape[:-1], np.int64)
    for depth in range(DEPTH):
        path = 2 * path + sides[..., depth]
        nodes[..., depth] = path
    return nodes


def _masses(slow: Bytes) -> npt.NDArray[np.uint16]:
    return slow.view(np.uint16).reshape(len(slow), TREES, _NODES)


def _counted(slow: Bytes, seen: Floats) -> Bytes:
    """With the rows (n, t, features) counted, where they have a value; a long past fades by half."""
    slow = slow.copy()
    masses = _masses(slow)
    masses[masses[:, 0, 0] > _FADES_FROM] //= 2
    here = np.isfinite(seen[..., 0])
    series, place = np.nonzero(here)
    np.add.at(masses, (series[:, None, None], np.arange(TREES)[:, None], _cells(seen[series, place])), 1)
    masses[:, :, 0] += here.sum(axis=1).astype(np.uint16)[:, None]
    return slow


def _fullness(slow: Bytes, nodes: npt.NDArray[np.int64]) -> Floats:
    """How full the cells of the rows are, against those of rows evenly spread: 1 (n, t)."""
    masses = _masses(slow)
    offsets = np.arange(len(slow) * TREES).reshape(len(slow), 1, TREES, 1) * _NODES
    found = masses.reshape(-1)[nodes + offsets]
    # The deepest node whose parent still holds enough to be cut.
    deepest = (found[..., :-1] >= _CUT_FROM).sum(axis=3)
    mass = np.take_along_axis(found, deepest[..., None], 3)[..., 0] * 2.0 ** (deepest + 1)
    full: Floats = mass.mean(axis=2) / np.maximum(masses[:, 0, :1], 1)
    return full


_GRID_TURNS = _turns(np.concatenate([_GRID, -_GRID])[:, None], 0, 1)
