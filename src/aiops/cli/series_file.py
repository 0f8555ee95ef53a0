"""A series in a CSV file: `timestamp,value`, read strictly enough to say what is wrong in one line."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aiops.kernel.errors import Invalid

Floats = npt.NDArray[np.float64]

_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})
# Unix time is taken as seconds up to the year 5138, beyond that as milli-, micro- or nanoseconds.
_SECONDS_UNTIL = 1e11
_MOST_BACKWARDS = 0.05
# The squares of differences must still be numbers.
_LARGEST = 1e100


@dataclass(frozen=True)
class SeriesFile:
    """Rows in the file's order: the timestamps as they are written, as Unix seconds that never go back, and the
    values, NaN where there is none. `backwards` counts rows that are earlier than the one before."""

    stamps: list[str]
    times: Floats
    values: Floats
    backwards: int


def read_series(path: str) -> SeriesFile:
    """Read a file, `-` is standard input; raises `Invalid` with the file and line where it can't be read."""
    rows = csv.reader(StringIO(_text(path)))
    place, header = _header(path, rows)
    columns = (header.index("timestamp"), header.index("value"))
    stamps, times, values = [], [], []
    for row in rows:
        if not row or row == [""]:
            continue
        line = rows.line_num
        if len(row) <= max(columns):
            raise Invalid(f"{path}, line {line}: {len(row)} fields, where the header has {len(header)}.")
        stamp, value = row[columns[0]].strip(), row[columns[1]].strip()
        stamps.append(stamp)
        times.append(_time(path, line, stamp))
        values.append(_value(path, line, value))
    if not stamps:
        raise Invalid(f"{path} has a header in line {place} and no rows.")
    return _in_order(path, stamps, np.array(times), np.array(values))


def _text(path: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is no CSV file in UTF-8: byte {error.start} can't be read.") from error
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}.") from error


def _header(path: str, rows: csv.reader) -> tuple[int, list[str]]:  # type: ignore[valid-type]
    for row in rows:  # type: ignore[attr-defined]
        if row:
            names = [name.strip().lower() for name in row]
            missing = [name for name in ("timestamp", "value") if name not in names]
            if missing:
                found = ", ".join(name[:40] for name in names[:8])
                raise Invalid(f"{path} has no column {' and no column '.join(missing)}; its first line has: {found}.")
            return rows.line_num, names  # type: ignore[attr-defined]
    raise Invalid(f"{path} is empty.")


def _time(path: str, line: int, text: str) -> float:
    try:
        if text[4:5] == "-":
            then = datetime.fromisoformat(text)
            return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise Invalid(f"{path}, line {line}: {text[:40]!r} is no timestamp, ISO 8601 or Unix time.")
    while abs(number) >= _SECONDS_UNTIL:
        number /= 1000
    return number


def _value(path: str, line: int, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        if text.lower() in _MISSING:
            return np.nan
        raise Invalid(f"{path}, line {line}: {text[:40]!r} is no number.") from None
    if np.isfinite(number) and abs(number) > _LARGEST:
        raise Invalid(f"{path}, line {line}: {text[:40]!r} is too large to reckon with.")
    return number


def _in_order(path: str, stamps: list[str], times: Floats, values: Floats) -> SeriesFile:
    back = np.diff(times) < 0
    backwards = int(back.sum())
    if backwards > max(1, _MOST_BACKWARDS * len(times)):
        first = int(np.argmax(back)) + 1
        raise Invalid(
            f"{path} is not sorted by time: {backwards:,} of {len(times):,} rows are earlier than the row before, "
            f"the first is {stamps[first]!r} after {stamps[first - 1]!r}. Sort it by timestamp."
        )
    return SeriesFile(stamps, np.maximum.accumulate(times), np.where(np.isfinite(values), values, np.nan), backwards)
