"""`aiops forecast FILE`: what a series will be, and when it reaches a threshold, without a server."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiops.cli.stamps import Stamps
from aiops.kernel.errors import Invalid
from aiops.settings import Settings

if TYPE_CHECKING:
    from aiops.intelligence.forecasting.crossing import Crossing
    from aiops.intelligence.forecasting.engine import Forecast

_MOST_STEPS = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What there is to type after `aiops forecast`."""
    parser.add_argument("file", metavar="FILE.csv", help="columns timestamp,value; - is standard input")
    parser.add_argument("--horizon", type=int, required=True, metavar="N", help="how many steps ahead")
    parser.add_argument("--threshold", type=float, metavar="X", help="also say when the series reaches X")
    parser.add_argument("--out", type=Path, metavar="OUT.csv", help="write there, not to standard output")
    parser.add_argument("--json", action="store_true", help="one JSON document in place of the CSV, all in it")
    parser.epilog = (
        "The CSV has the columns timestamp,point,lower,upper (90 % interval), one line a step.\n"
        "Which model was chosen, and when the threshold is reached or why that can't be told, goes\n"
        "to standard error. A series that can't be forecast (too short, reset) ends with one line\n"
        "and exit code 2. docs/forecasts.md has the formats."
    )


def forecast(_settings: Settings, parsed: argparse.Namespace) -> int:
    """Read, forecast, write; raises `Invalid` where the file or the series does not allow it."""
    if not 1 <= parsed.horizon <= _MOST_STEPS:
        raise Invalid(f"--horizon must be from 1 to {_MOST_STEPS:,}.")
    if parsed.threshold is not None and not math.isfinite(parsed.threshold):
        raise Invalid("--threshold must be a number.")
    from aiops.cli.series_file import read_series
    from aiops.intelligence.forecasting.crossing import crossing
    from aiops.intelligence.forecasting.engine import forecast as forecast_of

    file = read_series(parsed.file)
    stamps = Stamps(file.stamps[-1], float(file.times[-1]))
    found = forecast_of(file.times, file.values, parsed.horizon)
    reached = None if parsed.threshold is None else crossing(found, parsed.threshold)
    if parsed.json:
        text = json.dumps(_document(stamps, found, parsed.threshold, reached), indent=1) + "\n"
    else:
        text = "".join(_lines(stamps, found))
    _write(parsed.out, text)
    for line in _notes(stamps, found, parsed.threshold, reached):
        sys.stderr.write(line + "\n")
    return 0


def _lines(stamps: Stamps, found: Forecast) -> list[str]:
    sides = zip(found.times.tolist(), found.point.tolist(), found.lower.tolist(), found.upper.tolist(), strict=True)
    rows = [f"{stamps.of(at)},{point:.10g},{lower:.10g},{upper:.10g}\n" for at, point, lower, upper in sides]
    return ["timestamp,point,lower,upper\n", *rows]


def _notes(stamps: Stamps, found: Forecast, threshold: float | None, reached: Crossing | None) -> list[str]:
    test = found.test
    model = " + ".join(found.models)
    notes = [
        f"model: {model}; mean absolute error {test.loss:.6g}, naive {test.naive_loss:.6g}, "
        f"over {test.origins} past moments"
    ]
    if found.series.uneven:
        notes.append("note: the times keep no distance; the values are taken one after the other")
    if reached is not None:
        notes.append(f"threshold {threshold:.10g}: {_reached(stamps, found.series.end, reached)}")
    return notes


def _reached(stamps: Stamps, end: float, reached: Crossing) -> str:
    if reached.at is None:
        could = "" if reached.earliest is None else f" At the earliest in {_ahead(stamps, end, reached.earliest)}."
        return f"none. {reached.reason}{could}"
    early = end if reached.earliest is None else reached.earliest
    late = f"after {stamps.of(reached.until)}" if reached.latest is None else _ahead(stamps, end, reached.latest)
    return (
        f"in {_ahead(stamps, end, reached.at)}; 90 % interval: {_ahead(stamps, end, early)} to {late}; {reached.model}"
    )


def _ahead(stamps: Stamps, end: float, at: float) -> str:
    return f"{at - end:.0f} s ({stamps.of(at)})"


def _document(stamps: Stamps, found: Forecast, threshold: float | None, reached: Crossing | None) -> dict[str, Any]:
    test, end = found.test, found.series.end
    steps = zip(found.times.tolist(), found.point.tolist(), found.lower.tolist(), found.upper.tolist(), strict=True)
    document: dict[str, Any] = {
        "models": list(found.models),
        "history": {"values": len(found.series.values), "step_s": found.series.step_s, "end": stamps.of(end)},
        "periods_s": [period * found.series.step_s for period in found.periods],
        "back_test": {"origins": test.origins, "mean_absolute_error": test.loss, "naive": test.naive_loss},
        "steps": [
            {"timestamp": stamps.of(at), "point": point, "lower": lower, "upper": upper}
            for at, point, lower, upper in steps
        ],
    }
    if reached is not None:
        sides = {"point": reached.at, "earliest": reached.earliest, "latest": reached.latest}
        document["threshold"] = {
            "value": threshold,
            "seconds": {name: None if at is None else round(at - end, 3) for name, at in sides.items()},
            "timestamp": {name: None if at is None else stamps.of(at) for name, at in sides.items()},
            "model": reached.model,
            "reason": reached.reason,
        }
    return document


def _write(out: Path | None, text: str) -> None:
    if out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise Invalid(f"{out} can't be written: {error.strerror}.") from None
