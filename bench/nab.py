"""The Numenta Anomaly Benchmark, standard profile: at least 62, at 100,000 points a second and core.

Data: the folder `nab` in `AIOPS_BENCH_DATA`. One configuration for all files, each scored from its first row
on, as by `aiops detect`. Published: Numenta HTM 70.1, ARTime 74.9, Windowed Gaussian 39.6.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aiops.intelligence.ensemble.alarms import Sensitivity, is_alarm
from aiops.intelligence.ensemble.engine import advance, fresh
from aiops.settings import load_settings
from bench.nab_scoring import LOW_FALSE_ALARMS, LOW_MISSES, Floats, Scored, probation, score
from bench.verdict import at_least, told

TAKES = "10 s"
FLOOR, SPEED = 62.0, 100_000.0
WHERE = "Set AIOPS_BENCH_DATA to a folder with `nab/` in it: `git clone https://github.com/numenta/NAB nab` there."


@dataclass(frozen=True)
class File:
    name: str
    times: Floats
    values: Floats
    windows: list[tuple[int, int]]


def main() -> int:
    root = load_settings().bench_data
    if root is None or not (root / "nab" / "labels" / "combined_windows.json").exists():
        print(f"{WHERE} Nothing was measured, so this does not pass.")
        return 1
    files = read(root / "nab")
    spent, points = 0.0, 0
    scored: list[Scored] = []
    print(f"{'file':<58} {'windows':>7} {'found':>5} {'false':>5} {'precision':>9} {'recall':>6}")
    totals = np.zeros(3, int)
    for file in files:
        began = time.process_time()
        _, result = advance(fresh(1), file.times, file.values[None, :])
        spent += time.process_time() - began
        points += len(file.values)
        scored.append(Scored(result.score[0], file.windows))
        totals += _row(file, np.flatnonzero(is_alarm(result.score[0], Sensitivity.MEDIUM)))
    windows, found, false = (int(count) for count in totals)
    told("nab, is_anomaly at MEDIUM: windows found", found, f" of {windows}", f"{false} alarms outside of them")
    for name, profile in (("low false alarms", LOW_FALSE_ALARMS), ("low misses", LOW_MISSES)):
        told(f"nab, profile of {name}", score(scored, profile).score)
    result_ = score(scored)
    held = at_least("nab, standard profile", result_.score, FLOOR, "", f"threshold {result_.threshold:.3f}")
    return 0 if at_least("nab, one series at a time", points / spent, SPEED, " points/s and core") and held else 1


def read(folder: Path) -> list[File]:
    """The benchmark's files that its labels name."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    files = []
    for name in sorted(labels):
        with (folder / "data" / name).open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        times = _seconds([row["timestamp"] for row in rows])
        windows = [_rows(times, *_seconds(pair)) for pair in labels[name]]
        values = np.array([float(row["value"]) for row in rows])
        # A clock that was put back stands still.
        files.append(File(name, np.maximum.accumulate(times), values, windows))
    return files


def _seconds(stamps: list[str]) -> Floats:
    return np.array([stamp[:19] for stamp in stamps], "datetime64[s]").astype(float)


def _rows(times: Floats, start: float, end: float) -> tuple[int, int]:
    inside = np.flatnonzero((times >= start) & (times <= end))
    return int(inside[0]), int(inside[-1])


def _row(file: File, alarms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Print a file's line; alarms in its first rows, which the benchmark does not score, are not counted."""
    alarms = alarms[alarms >= probation(len(file.values))]
    hits = [((alarms >= first) & (alarms <= last)) for first, last in file.windows]
    found = sum(bool(hit.any()) for hit in hits)
    false = len(alarms) - sum(int(hit.sum()) for hit in hits)
    precision = f"{1 - false / len(alarms):9.2f}" if len(alarms) else f"{'–':>9}"
    recall = f"{found / len(hits):6.2f}" if hits else f"{'–':>6}"
    print(f"{file.name:<58} {len(hits):>7} {found:>5} {false:>5} {precision} {recall}")
    return np.array([len(hits), found, false])


if __name__ == "__main__":
    sys.exit(main())
