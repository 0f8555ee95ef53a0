"""`aiops detect`: anomalies of a series in a file, with no server and no database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from aiops.kernel.errors import Invalid
from aiops.settings import Settings

if TYPE_CHECKING:
    from aiops.cli.series_file import SeriesFile
    from aiops.intelligence.ensemble.alarms import Sensitivity
    from aiops.intelligence.ensemble.engine import Scored

Command = Callable[[Settings, argparse.Namespace], int]
Add = Callable[..., argparse.ArgumentParser]
_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_LEVELS = ("LOW", "MEDIUM", "HIGH", "EXTREME")
_COLUMNS = "timestamp,value,anomaly_score,expected,lower,upper,is_anomaly"


def add_commands(commands: _Group, add: Add) -> None:
    one = add(commands, "detect", "Find the anomalies of a series in a CSV file; needs no hub.", _detect)
    one.add_argument("file", metavar="FILE.csv", help="columns timestamp,value (docs/detect.md); - is standard input")
    one.add_argument("--out", type=Path, metavar="FILE", help="where to write; default: standard output")
    one.add_argument(
        "--sensitivity",
        choices=_LEVELS,
        default="MEDIUM",
        type=str.upper,
        help="how little evidence is an anomaly; default: MEDIUM",
    )


def _detect(_settings: Settings, parsed: argparse.Namespace) -> int:
    from aiops.cli.series_file import read_series
    from aiops.intelligence.ensemble.alarms import Sensitivity, is_alarm
    from aiops.intelligence.ensemble.engine import advance, fresh

    series = read_series(parsed.file)
    sensitivity = Sensitivity[parsed.sensitivity]
    _, scored = advance(fresh(1), series.times, series.values[None, :], sensitivity)
    _write(parsed.out, _lines(series, scored, sensitivity))
    found = int(is_alarm(scored.score, sensitivity).sum())
    told = f"{len(series.stamps):,} rows, {found:,} anomal{'y' if found == 1 else 'ies'} at {parsed.sensitivity}"
    if series.backwards:
        told += f"; rows that are earlier than the row before, taken in the file's order: {series.backwards:,}"
    sys.stderr.write(f"{told}.\n")
    return 0


def _lines(series: SeriesFile, scored: Scored, sensitivity: Sensitivity) -> Iterator[str]:
    from aiops.intelligence.ensemble.alarms import is_alarm

    yield _COLUMNS
    columns = (
        series.stamps,
        series.values.tolist(),
        scored.score[0].tolist(),
        scored.expected[0].tolist(),
        scored.lower[0].tolist(),
        scored.upper[0].tolist(),
        is_alarm(scored.score[0], sensitivity).tolist(),
    )
    for stamp, value, score, expected, lower, upper, found in zip(*columns, strict=True):
        shown = stamp if "," not in stamp and '"' not in stamp else '"' + stamp.replace('"', '""') + '"'
        past = ",," if isnan(expected) else f"{expected:.8g},{lower:.8g},{upper:.8g}"
        yield f"{shown},{'' if isnan(value) else value},{score:.6f},{past},{'1' if found else '0'}"


def _write(path: Path | None, lines: Iterable[str]) -> None:
    text = "\n".join(lines) + "\n"
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} can't be written: {error.strerror}.") from error
