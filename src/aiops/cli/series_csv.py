"""A series in a CSV file: the columns `timestamp` and `value`, others are left alone."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiops.kernel.errors import Invalid

_MISSING = frozenset({"", "nan", "null", "none", "na"})


@dataclass(frozen=True)
class Series:
    """`times` in Unix seconds, `values` with NaN where the file has none; `written` is the last timestamp as it is."""

    times: list[float]
    values: list[float]
    written: str

    def stamp(self, at: float) -> str:
        """A moment in the form of the file: Unix seconds, or a date and time in the file's own zone and manner."""
        if _number(self.written) is not None:
            return str(round(at)) if self.written.isdigit() else f"{at:.3f}"
        last = datetime.fromisoformat(self.written)
        shown = datetime.fromtimestamp(at, last.tzinfo or UTC)
        if last.tzinfo is None:
            shown = shown.replace(tzinfo=None)
        fine = "milliseconds" if "." in self.written else "seconds"
        text = shown.isoformat("T" if "T" in self.written else " ", timespec=fine)
        return text.removesuffix("+00:00") + "Z" if self.written.endswith("Z") else text


def read_series(path: str) -> Series:
    """Read a file, or standard input for `-`; times without a zone count as UTC. Raises `Invalid` with the line."""
    if path == "-":
        return _read(sys.stdin, "standard input")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return _read(file, path)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise Invalid(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not a text in UTF-8.") from None


def _read(lines: Iterable[str], path: str) -> Series:
    rows = csv.reader(lines)
    header = [name.strip().lower() for name in next(rows, [])]
    if "timestamp" not in header or "value" not in header:
        raise Invalid(f"{path}: the first line must name the columns timestamp and value.")
    when, what = header.index("timestamp"), header.index("value")
    times, values, written = [], [], ""
    for row in rows:
        if not any(field.strip() for field in row):
            continue
        if len(row) <= max(when, what):
            raise Invalid(f"{path}, line {rows.line_num}: there are only {len(row)} columns.")
        written = row[when].strip()
        times.append(_time(written, f"{path}, line {rows.line_num}"))
        values.append(_value(row[what].strip(), f"{path}, line {rows.line_num}"))
    return Series(times, values, written)


def _time(text: str, where: str) -> float:
    number = _number(text)
    if number is not None and math.isfinite(number):
        return number
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{where}: {text!r} is no time (Unix seconds, or such as 2026-01-31 12:00:00).") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _value(text: str, where: str) -> float:
    if text.lower() in _MISSING:
        return math.nan
    number = _number(text)
    if number is None:
        raise Invalid(f"{where}: {text!r} is no number.")
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
