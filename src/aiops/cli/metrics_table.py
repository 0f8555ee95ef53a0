"""A table of metrics in a CSV file: a column a metric, a row a moment, told in one line what can't be read."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aiops.kernel.errors import Invalid

Floats = npt.NDArray[np.float64]

_TIMES = ("time", "timestamp", "ts", "datetime", "date")
_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})
# Unix time is taken as seconds up to the year 5138, beyond that as milli-, micro- or nanoseconds.
_SECONDS_UNTIL = 1e11


@dataclass(frozen=True)
class MetricsTable:
    """`values` is rows × `names`, NaN where there is none; `times` in Unix seconds, None without a column of times.

    `repeated` are names that stand twice in the header: the first of them counts."""

    names: list[str]
    values: Floats
    times: Floats | None
    repeated: list[str]

    def of(self, names: list[str]) -> Floats:
        """The values of some columns, in the order of `names`."""
        place = {name: index for index, name in enumerate(self.names)}
        return self.values[:, [place[name] for name in names]]


def read_table(path: str, *, times: bool = False) -> MetricsTable:
    """Read a file; `times` says that its column of times is needed. Raises `Invalid` with the file and line."""
    lines = csv.reader(StringIO(_text(path)), strict=True)
    try:
        header = [name.strip() for name in next(_filled(lines), [])]
        if not header:
            raise Invalid(f"{path} is empty.")
        rows = [(lines.line_num, row) for row in _filled(lines)]
    except csv.Error as error:
        raise Invalid(f"{path}, line {lines.line_num}, is no CSV: {error}.") from None
    when = next((place for name in _TIMES for place, one in enumerate(header) if one.lower() == name), None)
    if times and when is None:
        raise Invalid(f"{path} has no column time or timestamp, which --at needs.")
    places, repeated = _metrics(header, when)
    if not places:
        raise Invalid(f"{path} has no column of a metric; its first line has: {', '.join(header)[:120]}.")
    for line, row in rows:
        if len(row) != len(header):
            raise Invalid(f"{path}, line {line}: {len(row)} fields, where the header has {len(header)}.")
    values = np.array([_numbers(path, line, row, header, places) for line, row in rows], dtype=np.float64)
    values = values.reshape(len(rows), len(places))
    return MetricsTable(
        [header[place] for place in places],
        np.where(np.isfinite(values), values, np.nan),
        np.array([moment(row[when].strip(), f"{path}, line {line}") for line, row in rows])
        if times and when is not None
        else None,
        repeated,
    )


def read_edges(path: str) -> list[tuple[str, str]]:
    """Pairs of caller and callee; a first line `caller,callee` (or source,target; from,to) is no edge."""
    found: list[tuple[str, str]] = []
    rows = csv.reader(StringIO(_text(path)))
    for row in _filled(rows):
        pair = [field.strip() for field in row[:2]]
        if len(pair) < 2 or not all(pair):
            raise Invalid(f"{path}, line {rows.line_num}: an edge is caller,callee.")
        if found or tuple(name.lower() for name in pair) not in _HEADERS:
            found.append((pair[0], pair[1]))
    if not found:
        raise Invalid(f"{path} has no edge: a line is caller,callee.")
    return found


_HEADERS = {("caller", "callee"), ("source", "target"), ("from", "to"), ("source", "destination"), ("src", "dst")}


def moment(text: str, where: str) -> float:
    """Unix time in seconds of ISO 8601 (UTC without a zone) or of a Unix time of any precision; else `Invalid`."""
    try:
        number = float(text)
    except ValueError:
        try:
            then = datetime.fromisoformat(text)
        except ValueError:
            number = np.nan
        else:
            number = (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
    if not np.isfinite(number):
        raise Invalid(f"{where}: {text[:40]!r} is no time, ISO 8601 or Unix time.")
    while abs(number) >= _SECONDS_UNTIL:
        number /= 1000
    return number


def _text(path: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is no CSV file in UTF-8: byte {error.start} can't be read.") from None
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}.") from None


def _filled(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    return (row for row in rows if any(row))


def _metrics(header: list[str], when: int | None) -> tuple[list[int], list[str]]:
    """Places of the metrics: no times, no row numbers as pandas writes them, no name a second time."""
    places: list[int] = []
    repeated: list[str] = []
    seen = set()
    for place, name in enumerate(header):
        stem = name.lower().partition(".")[0]
        if place == when or not name or stem in _TIMES or name.startswith("Unnamed:"):
            continue
        if name in seen:
            repeated.append(name)
            continue
        seen.add(name)
        places.append(place)
    return places, repeated


def _numbers(path: str, line: int, row: list[str], header: list[str], places: list[int]) -> list[float]:
    try:
        return [float(row[place]) for place in places]
    except ValueError:
        return [_number(path, line, row[place].strip(), header[place]) for place in places]


def _number(path: str, line: int, text: str, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        if text.lower() in _MISSING:
            return np.nan
        raise Invalid(f"{path}, line {line}, column {column[:60]}: {text[:40]!r} is no number.") from None
