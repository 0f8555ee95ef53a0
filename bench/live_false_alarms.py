"""False alarms a series and week of the hub's detectors at 15 s, at most as stated, while 90 % of faults are found.

Nine kinds of series (`bench/ordinary.py`), six of each: a fortnight that lies behind them, three days that are looked
at, then a fault in each. Every detector that is installed at MEDIUM; the default one at every sensitivity, on series of
another seed, which nothing was chosen on.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.intelligence.detectors import installed
from aiops.intelligence.needs import Detector, Recalling, SeriesState, Way
from aiops.observability.ports import FALSE_ALARMS_A_WEEK, Sensitivity, Watch
from aiops.settings import load_settings
from bench.ordinary import FAULTS, KINDS, Floats, made
from bench.verdict import at_least, at_most, told

TAKES = "5 min"
SERIES, PAST_DAYS, DAYS, INTERVAL_S, DAY = 6, 14, 3, 15.0, 5760
FOUND = 0.9
SEED, OTHER_SEED = 1, 2
WATCH = Watch("bench", "Bench", "bench", "req/s", "both", 0.5, ("instance",))
ROWS = np.repeat(list(KINDS), SERIES)
FIRST, LAST = PAST_DAYS * DAY, (PAST_DAYS + DAYS) * DAY
TIMES = 1.7e9 + INTERVAL_S * np.arange(float(LAST + DAY))
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """False alarms a series and week, by kind of series; the share of faults found, by fault; and of the broken seasons
    those that were called that."""

    alarms: dict[str, float]
    found: dict[str, float]
    named: float

    @property
    def rate(self) -> float:
        return float(np.mean(list(self.alarms.values())))

    @property
    def share(self) -> float:
        return float(np.mean(list(self.found.values())))


def main() -> int:
    default, ordinary = load_settings().detector, _ordinary(SEED)
    for plugin in installed():
        if plugin.name != default:
            _tell(plugin.name, _measured(plugin.build(), WATCH, ordinary))
    detector, held = installed()[default].build(), []
    for seed in (SEED, OTHER_SEED):
        ordinary = _ordinary(seed)
        for level in Sensitivity if seed == OTHER_SEED else [Sensitivity.MEDIUM]:
            measured = _measured(detector, msgspec.structs.replace(WATCH, sensitivity=level), ordinary)
            name = f"{default} (the default), {level}, seed {seed}"
            _tell(name, measured)
            held.append(at_most(f"false alarms live, {name}", measured.rate, FALSE_ALARMS_A_WEEK[level]))
            if level is Sensitivity.MEDIUM:
                held.append(at_least(f"faults found live, {name}", measured.share, FOUND))
    return 0 if all(held) else 1


def _tell(name: str, measured: Measured) -> None:
    kind = max(measured.alarms, key=lambda one: measured.alarms[one])
    told(f"false alarms live, {name}", measured.rate, " a series and week", f"{kind} {measured.alarms[kind]:.2f}")
    by_fault = ", ".join(f"{fault} {share:.0%}" for fault, share in measured.found.items())
    told(f"faults found live, {name}", measured.share, "", f"{by_fault}; {measured.named:.0%} as a PATTERN_BREAK")


def _ordinary(seed: int) -> Floats:
    return np.concatenate([np.maximum(made(kind, SERIES, LAST + DAY, DAY, seed=seed), 0.0) for kind in KINDS])


def _measured(detector: Detector, watch: Watch, values: Floats) -> Measured:
    state = detector.learn(
        detector.fresh(len(values)), watch, TIMES[FIRST - 240 : FIRST], values[:, FIRST - 240 : FIRST]
    )
    if isinstance(detector, Recalling):
        past = slice(0, FIRST, round(detector.recall_step_s / INTERVAL_S))
        state = detector.recall(state, float(TIMES[FIRST]), TIMES[past], values[:, past])
    state, started, _ = _watched(detector, state, watch, values, FIRST, LAST)
    alarms = {kind: float(started[kind == ROWS].sum()) / SERIES / DAYS * 7 for kind in KINDS}
    found = {}
    for name, faulty in _faults(values).items():
        rows = np.isin(ROWS, FAULTS[name].kinds)
        _, begun, broken = _watched(detector, state.of(rows), watch, faulty[rows], LAST, LAST + faulty.shape[1])
        found[name] = float(begun.any(axis=1).mean())
    return Measured(alarms, found, float(broken.any(axis=1).mean()))


def _watched(
    detector: Detector, state: SeriesState, watch: Watch, values: Floats, first: int, last: int
) -> tuple[SeriesState, Flags, Flags]:
    """`values` hold the stretch, at their end; gives where something began, and where it was a broken pattern."""
    values = values[:, :last][:, first - last :]
    started, broken = np.zeros(values.shape, bool), np.zeros(values.shape, bool)
    for column in range(values.shape[1]):
        at = float(TIMES[first + column])
        state, scores = detector.step(state, watch, at, INTERVAL_S, values[:, column])
        started[:, column] = scores.started
        if scores.ways is not None:
            broken[:, column] = (scores.active != 0) & (scores.ways == Way.PATTERN_BREAK)
    return state, started, broken


def _faults(values: Floats) -> dict[str, Floats]:
    """What follows, with a fault in it: in half an hour's last 22 min, or a day that is night."""
    past = values[:, LAST - DAY // 2 : LAST]
    tenth = 0.1 * np.abs(past).max(axis=1)
    size = np.maximum(np.ptp(past, axis=1), np.where(tenth > 0, tenth, 1.0))[:, None]
    calm, at = values[:, LAST : LAST + 120], np.arange(120)
    return {
        "spike": calm + 2 * size * ((at >= 30) & (at < 38)),
        "drop": np.where(at < 30, calm, 0.0),
        "level": calm + 1.2 * size * (at >= 30),
        "trend": calm + 2 * size * np.clip((at - 30) / 89, 0, 1),
        "season": values[:, LAST - DAY // 2 : LAST + DAY // 2],
    }


if __name__ == "__main__":
    sys.exit(main())
