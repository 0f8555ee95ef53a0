"""Forecasts on public data and on the lab: error not above naive's, 90 % intervals that hold, time to full within 15 %.

From 40 moments of each file of NAB's realAWSCloudwatch, evenly over its last three quarters, the next 12 values are
forecast from what came before. MASE is the mean absolute error over that of naive's one-step forecasts within the same
past, the mean of all moments of a file and then of the files. The other folders of NAB stand beside it, unbounded. The
data comes from the folder `nab` in `AIOPS_BENCH_DATA` (a clone of https://github.com/numenta/NAB). The lab is the world
of `tests/lab`, read every 15 s; in it a disk fills, and the time to full is told once a third of its room is gone.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aiops.intelligence.forecasting.crossing import crossing
from aiops.intelligence.forecasting.engine import forecast
from aiops.intelligence.forecasting.refusals import CantForecast
from aiops.settings import load_settings
from bench.verdict import at_least, at_most, told
from tests.lab.world import Fault, FaultKind, FaultScript, Service, World

TAKES = "2 min"
HORIZON, MOMENTS, FIRST_SHARE = 12, 40, 0.25
BOUNDED, TOLD = "realAWSCloudwatch", ("realKnownCause", "realAdExchange", "realTweets", "realTraffic")
READ_EVERY_S, LAB_S, BEGINS_S, GIB_A_MINUTE = 15.0, 5400.0, 900.0, 1.5
FULL = 79.2 * 2**30

Floats = npt.NDArray[np.float64]


@dataclass
class Score:
    """What one series gave: mean scaled errors of the forecast and of naive, the share within the interval."""

    name: str
    mase: float
    naive: float
    covered: float


def _scored(name: str, times: Floats, values: Floats) -> tuple[Score, int]:
    """The score, and from how many moments the engine refused."""
    found, refused = [], 0
    first = max(100, int(len(values) * FIRST_SHARE))
    for now in np.unique(np.linspace(first, len(values) - HORIZON - 1, MOMENTS).astype(int)).tolist():
        past, came = values[: now + 1], values[now + 1 : now + 1 + HORIZON]
        scale = float(np.abs(np.diff(past)).mean()) or 1.0
        try:
            said = forecast(times[: now + 1], past, HORIZON)
        except CantForecast:
            refused += 1
            continue
        within = (came >= said.lower - 1e-9) & (came <= said.upper + 1e-9)
        found.append((np.abs(came - said.point).mean() / scale, np.abs(came - past[-1]).mean() / scale, within.mean()))
    return Score(name, *(float(side) for side in np.mean(found, axis=0))), refused


def _files(folder: Path) -> Iterator[tuple[str, Floats, Floats]]:
    for path in sorted(folder.glob("*.csv")):
        with path.open() as file:
            rows = list(csv.DictReader(file))
        times = [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() for row in rows]
        yield path.stem, np.array(times), np.array([float(row["value"]) for row in rows])


def _mean(scores: list[Score]) -> tuple[float, float, float]:
    return tuple(np.mean([(one.mase, one.naive, one.covered) for one in scores], axis=0))


def _on_nab(root: Path) -> bool:
    began, scores, refused = time.process_time(), list[Score](), 0
    for name, times, values in _files(root / BOUNDED):
        score, without = _scored(name, times, values)
        scores.append(score)
        refused += without
        print(f"  {name}: MASE {score.mase:.2f}, naive {score.naive:.2f}, {score.covered:.0%} within")
    spent = time.process_time() - began
    mase, naive, covered = _mean(scores)
    note = f"{len(scores)} files × {MOMENTS} moments, {refused} refused"
    held = at_most(f"{BOUNDED}, MASE at h = {HORIZON}", mase, naive, "", f"naive {naive:.2f}; {note}")
    held &= _covers(BOUNDED, covered)
    told("forecasts", len(scores) * MOMENTS / spent, " series/s and core", "of up to 4,032 values each")
    for folder in TOLD:
        others = [_scored(*one)[0] for one in _files(root / folder)]
        mase, naive, covered = _mean(others)
        told(f"{folder}, MASE at h = {HORIZON}", mase, "", f"naive {naive:.2f}, {covered:.0%} within")
    return held


def _covers(name: str, covered: float) -> bool:
    held = at_least(f"{name}, within the 90 % interval", covered * 100, 85, " %")
    return at_most(f"{name}, within the 90 % interval", covered * 100, 95, " %") and held


def _lab(script: FaultScript) -> dict[str, Floats]:
    """Ninety minutes of a small plant, read every 15 s."""
    world = World([Service("shop", "node-1"), Service("stock", "node-2", rate=25.0)], script=script)
    read: dict[str, list[float]] = {}
    for at in np.arange(READ_EVERY_S, LAB_S, READ_EVERY_S):
        world.advance(float(at))
        for name, node in world.nodes.items():
            read.setdefault(f"{name} busy", []).append(node.busy)
            read.setdefault(f"{name} memory", []).append(node.memory_used)
            read.setdefault(f"{name} disk", []).append(node.disk_used)
            read.setdefault(f"{name} load", []).append(node.load5)
        for name, state in world.states.items():
            read.setdefault(f"{name} seconds", []).append(state.median_s)
    return {name: np.array(values) for name, values in read.items()}


def _on_the_lab() -> bool:
    calm = _lab(FaultScript())
    times = np.arange(1.0, len(next(iter(calm.values()))) + 1) * READ_EVERY_S
    scores = [_scored(name, times, values)[0] for name, values in calm.items()]
    mase, naive, covered = _mean(scores)
    held = at_most(f"the lab, MASE at h = {HORIZON}", mase, naive, "", f"naive {naive:.2f}; {len(scores)} series")
    held &= _covers("the lab", covered)
    filling = FaultScript([Fault(FaultKind.DISK_FILL, "node-1", BEGINS_S, strength=GIB_A_MINUTE)])
    return _disk_of_the_lab(times, _lab(filling)["node-1 disk"]) and held


def _disk_of_the_lab(times: Floats, disk: Floats) -> bool:
    full = float(times[int(np.argmax(disk >= FULL))])
    third = int(np.argmax(disk >= disk[0] + (FULL - disk[0]) / 3))
    said = crossing(forecast(times[: third + 1], disk[: third + 1], HORIZON), FULL)
    left = full - float(times[third])
    error = 100.0 if said.at is None else abs(said.at - full) / left * 100
    held = at_most("the lab's disk, error of the time to full", error, 15, " %", f"told {left / 60:.0f} min before")
    # Cleaned, half way to full: what was learned holds no more.
    half = int(np.argmax(disk >= disk[0] + (FULL - disk[0]) / 2))
    cleaned = np.concatenate([disk[:half], disk[:40]])
    try:
        forecast(times[: len(cleaned)], cleaned, HORIZON)
    except CantForecast as refusal:
        print(f"a disk that was cleaned: refused. {refusal.message}")
        return held
    print("a disk that was cleaned: forecast all the same ← past its bound")
    return False


def main() -> int:
    held = _on_the_lab()
    root = load_settings().bench_data
    if root is None or not (root / "nab" / "data" / BOUNDED).is_dir():
        print(
            "There is no public data: clone https://github.com/numenta/NAB as the folder nab, and name the folder it "
            "lies in by AIOPS_BENCH_DATA. Nothing was measured on it, so this does not pass."
        )
        return 1
    return 0 if _on_nab(root / "nab" / "data") and held else 1


if __name__ == "__main__":
    sys.exit(main())
