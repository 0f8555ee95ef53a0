"""What is left of samples once they are gone: buckets of 1, 5 and 15 minutes, made when a stretch is sealed.

A bucket keeps its first sample as it was, and of the rest the last value, the smallest, the largest, the sum, how many
there were, and what a counter lost by resets; and whether the series was marked as ended. Thereby every window whose
edges lie on buckets' edges, both included, can be computed as if the samples were still there (`promql/coarse.py`).

A row holds the buckets of 64 neighbouring series of one cluster over one stretch: series that were met together are
alike and are asked for together, and a row a series would cost more for the row than for what it holds. Values are
kept as integers where the series has short decimals only, so that sums are exact, else as their bits; each column is
the difference from what it mostly equals, and the narrowest integers that hold it are squeezed by zstandard.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import zstandard

from aiops.observability.ports import Floats
from aiops.observability.store.encoding import Batch, Ints, narrow, size_of, widen

STALE = np.int64(0x7FF0000000000002)
SERIES_A_ROW = 64
_BLOCK_BITS = 6
_BITS = -1  # in place of a number of decimal places
_MOST_PLACES = 4
_EXACT = float(2**53)
_ROOM = float(2**61)  # a sum of scaled values stays below
_VERSION = 1
_HEADER = struct.Struct("<BBI11s")  # version, number of series, number of buckets, widths of the columns


_Numbers = TypeVar("_Numbers", int, Ints)


@dataclass(frozen=True)
class Level:
    name: str
    bucket_ms: int

    @property
    def table(self) -> str:
        return f"rollup_{self.name}"


LEVELS = (Level("1m", 60_000), Level("5m", 300_000), Level("15m", 900_000))

(_SERIES, _START, _PLACES, _COUNT, _FIRST_AT, _LAST_AT, _STALE_AT, _FIRST, _LAST, _LEAST, _MOST, _TOTAL, _FALLEN) = (
    range(13)
)


@dataclass(frozen=True)
class Points:
    """Buckets as the evaluator takes them: a point a first sample, one for the rest, one where the series ended.

    `values` is the last value of a point, the others are of all its samples: `fallen` is what its values fell by resets
    from the point before on, so that the increase since then is the difference of values plus `fallen`.
    """

    series: Ints
    timestamps: Ints
    values: Floats
    count: Ints
    total: Floats
    least: Floats
    most: Floats
    fallen: Floats


class Buckets:
    """A column a bucket, sorted by series and start: its facts are the rows of `cells`, values scaled or as bits.

    Moments are milliseconds from the bucket's start; the one at which the series ended is one more, and 0 for never.
    """

    __slots__ = ("cells",)

    def __init__(self, cells: Ints) -> None:
        self.cells = cells

    @property
    def series(self) -> Ints:
        return self._row(_SERIES)

    @property
    def starts(self) -> Ints:
        return self._row(_START)

    @property
    def size(self) -> int:
        return int(self.cells.shape[1])

    @property
    def newest_ms(self) -> int:
        """The moment of the newest sample."""
        cells = self.cells
        return int((cells[_START] + np.maximum(cells[_LAST_AT], cells[_STALE_AT] - 1)).max())

    def where(self, chosen: npt.NDArray[np.bool_] | slice) -> Buckets:
        return Buckets(self.cells[:, chosen])

    @staticmethod
    def joined(parts: list[Buckets]) -> Buckets:
        cells = np.concatenate([part.cells for part in parts], axis=1) if parts else np.zeros((13, 0), dtype=np.int64)
        return Buckets(cells[:, np.lexsort((cells[_START], cells[_SERIES]))])

    def points(self) -> Points:
        cells = self.cells
        some, more, ended = cells[_COUNT] > 0, cells[_COUNT] > 1, cells[_STALE_AT] > 0
        first, last = self._floats(_FIRST), self._floats(_LAST)
        nothing = np.zeros(self.size)
        marks = np.full(self.size, STALE, dtype=np.int64).view(np.float64)

        def column(of_first: Floats, of_rest: Floats) -> Floats:
            return np.concatenate([of_first[some], of_rest[more], marks[ended]])

        times = np.concatenate(
            [
                (cells[_START] + cells[_FIRST_AT])[some],
                (cells[_START] + cells[_LAST_AT])[more],
                (cells[_START] + cells[_STALE_AT] - 1)[ended],
            ]
        )
        series = np.concatenate([cells[_SERIES][some], cells[_SERIES][more], cells[_SERIES][ended]])
        ones = np.ones(self.size, dtype=np.int64)
        count = np.concatenate([ones[some], cells[_COUNT][more] - 1, ones[ended]])
        order = np.lexsort((times, series))
        return Points(
            series[order],
            times[order],
            column(first, last)[order],
            count[order],
            column(first, self._floats(_TOTAL))[order],
            column(first, self._floats(_LEAST))[order],
            column(first, self._floats(_MOST))[order],
            column(nothing, self._floats(_FALLEN))[order],
        )

    def _row(self, number: int) -> Ints:
        row: Ints = self.cells[number]
        return row

    def _floats(self, row: int) -> Floats:
        scaled = self.cells[row] / np.power(10.0, np.maximum(self.cells[_PLACES], 0))
        floats: Floats = np.where(self.cells[_PLACES] < 0, self.cells[row].view(np.float64), scaled)
        return floats


def roll(batch: Batch, bucket_ms: int) -> Buckets:
    """The buckets of a settled batch."""
    stale = batch.values.view(np.int64) == STALE
    starts = batch.timestamps // bucket_ms * bucket_ms
    new = np.ones(batch.series.size, dtype=np.bool_)
    new[1:] = (batch.series[1:] != batch.series[:-1]) | (starts[1:] != starts[:-1])
    begins = np.flatnonzero(new)
    ends = np.append(begins[1:], batch.series.size)
    cells = np.zeros((13, begins.size), dtype=np.int64)
    cells[_SERIES], cells[_START] = batch.series[begins], starts[begins]
    marked = stale[ends - 1]
    cells[_STALE_AT] = np.where(marked, batch.timestamps[ends - 1] - cells[_START] + 1, 0)
    live = ~stale
    owner = (np.cumsum(new) - 1)[live]
    _fill(cells, batch.where(live), owner)
    return Buckets(cells)


def _fill(cells: Ints, live: Batch, owner: Ints) -> None:
    """Everything that comes from values, `owner[i]` being the bucket of the sample `i`."""
    number = cells.shape[1]
    count = np.bincount(owner, minlength=number).astype(np.int64)
    low = np.searchsorted(owner, np.arange(number))
    high = low + count
    places, coded = _coded(live)
    padded, times = np.append(coded, 0), np.append(live.timestamps, 0)
    some, more = count > 0, count > 1
    last = np.maximum(high - 1, 0)
    cells[_COUNT] = count
    cells[_PLACES] = np.where(some, np.append(places, 0)[low], _BITS)
    cells[_FIRST_AT] = np.where(some, times[low] - cells[_START], 0)
    cells[_LAST_AT] = np.where(some, times[last] - cells[_START], 0)
    cells[_FIRST] = np.where(some, padded[low], 0)
    cells[_LAST] = np.where(some, padded[last], 0)
    bits = cells[_PLACES] < 0

    def rest(ufunc: np.ufunc, samples: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        pairs = np.empty(2 * number, dtype=np.int64)
        pairs[0::2], pairs[1::2] = np.minimum(low + 1, live.series.size), high
        reduced: npt.NDArray[np.generic] = ufunc.reduceat(np.append(samples, samples.dtype.type(0)), pairs)[0::2]
        return reduced

    def extreme(ufunc: np.ufunc, otherwise: Ints) -> Ints:
        floats = rest(ufunc, live.values)
        scaled = np.rint(np.where(bits, 0.0, floats) * np.power(10.0, np.maximum(cells[_PLACES], 0)))
        scaled = np.where(more & ~bits, scaled, 0.0)
        return np.where(more, np.where(bits, floats.view(np.int64), scaled.astype(np.int64)), otherwise)

    fell = np.zeros(live.series.size, dtype=np.bool_)
    fell[1:] = (live.values[1:] < live.values[:-1]) & (owner[1:] == owner[:-1])
    before = np.concatenate(([0], coded[:-1])) if coded.size else coded
    before_value = np.concatenate(([0.0], live.values[:-1])) if coded.size else live.values
    with np.errstate(all="ignore"):
        cells[_LEAST] = extreme(np.fmin, cells[_FIRST])
        cells[_MOST] = extreme(np.fmax, cells[_LAST])
        for row, whole, floating, otherwise in (
            (_TOTAL, coded, live.values, np.where(bits, cells[_LAST], 0)),
            (_FALLEN, np.where(fell, before, 0), np.where(fell, before_value, 0.0), np.zeros(number, dtype=np.int64)),
        ):
            sums = np.where(bits, rest(np.add, floating).view(np.int64), rest(np.add, whole))
            cells[row] = np.where(more, sums, otherwise)


def _coded(live: Batch) -> tuple[Ints, Ints]:
    """Each sample's number of decimal places, the same in a whole series, and its value scaled by it, or as bits."""
    size = live.series.size
    places, coded = np.full(size, _BITS, dtype=np.int64), live.values.view(np.int64).copy()
    if not size:
        return places, coded
    bounds = live.bounds()
    sizes = np.diff(bounds)
    open_ = np.ones(size, dtype=np.bool_)
    for number in range(_MOST_PLACES + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.rint(live.values * 10**number)
        fits = np.abs(scaled) < np.minimum(_EXACT, _ROOM / np.repeat(sizes, sizes))
        whole = np.where(fits, scaled, 0.0).astype(np.int64)
        fits &= (whole / float(10**number)).view(np.int64) == live.values.view(np.int64)
        series = np.repeat(np.logical_and.reduceat(fits, bounds[:-1]), sizes) & open_
        places[series], coded[series] = number, whole[series]
        open_ &= ~series
        if not open_.any():
            break
    return places, coded


def block_of(series: _Numbers) -> _Numbers:
    """Which row a series lies in, beside its cluster and the stretch."""
    return series >> _BLOCK_BITS


def encode_rollup(buckets: Buckets, stretch_ms: int, bucket_ms: int) -> bytes:
    """Of one block over one stretch."""
    cells = buckets.cells
    heads = _heads(cells[_SERIES])
    sizes = np.diff(np.append(heads, cells.shape[1]))
    series = cells[_SERIES][heads]
    number = (cells[_START] - stretch_ms) // bucket_ms
    columns = [_delta(number, heads, -1) - 1]
    columns += [_delta(cells[row], heads, 0) for row in (_COUNT, _FIRST_AT, _LAST_AT)]
    columns += [cells[_STALE_AT]]
    # A series' places are those of any bucket that has samples.
    places = np.maximum.reduceat(cells[_PLACES], heads)
    bits = np.repeat(places < 0, sizes)
    before = np.concatenate(([0], cells[_LAST][:-1]))
    before[heads] = 0
    rest = np.maximum(cells[_COUNT] - 1, 0)
    with np.errstate(over="ignore"):
        columns += [
            _apart(cells[_FIRST], before, bits),
            _apart(cells[_LAST], cells[_FIRST], bits),
            _apart(cells[_LEAST], cells[_FIRST], bits),
            _apart(cells[_MOST], cells[_LAST], bits),
            _apart(cells[_TOTAL], np.where(bits, cells[_LAST], cells[_LAST] * rest), bits),
        ]
    columns.append(cells[_FALLEN])
    narrowed = [narrow(column) for column in columns]
    widths = bytes(width for _, width in narrowed)
    names = np.stack([series & (SERIES_A_ROW - 1), places & 0xFF, sizes]).astype(np.uint8)
    body = names.tobytes() + b"".join(data for data, _ in narrowed)
    header = _HEADER.pack(_VERSION, len(series), cells.shape[1], widths)
    return header + zstandard.ZstdCompressor(level=9, write_content_size=True).compress(body)


def decode_rollup(
    data: bytes, block: int, stretch_ms: int, bucket_ms: int, decompressor: zstandard.ZstdDecompressor
) -> Buckets:
    _, members, size, widths = _HEADER.unpack_from(data)
    body = decompressor.decompress(data[_HEADER.size :])
    names = np.frombuffer(body, np.uint8, 3 * members).reshape(3, members).astype(np.int64)
    columns, at = [], 3 * members
    for width in widths:
        end = at + size * size_of(width)
        columns.append(widen(body[at:end], width) if width else np.zeros(size, dtype=np.int64))
        at = end
    sizes = names[2]
    heads = np.cumsum(sizes) - sizes
    cells = np.empty((13, size), dtype=np.int64)
    cells[_SERIES] = np.repeat((block << _BLOCK_BITS) + names[0], sizes)
    cells[_START] = stretch_ms + bucket_ms * (_summed(columns[0] + 1, heads, sizes) - 1)
    cells[_PLACES] = np.repeat(names[1].astype(np.uint8).view(np.int8).astype(np.int64), sizes)
    for row, column in zip((_COUNT, _FIRST_AT, _LAST_AT), columns[1:4], strict=True):
        cells[row] = _summed(column, heads, sizes)
    cells[_STALE_AT], cells[_FALLEN] = columns[4], columns[10]
    first, last, least, most, total = columns[5:10]
    bits = cells[_PLACES] < 0
    rest = np.maximum(cells[_COUNT] - 1, 0)
    with np.errstate(over="ignore"):
        cells[_LAST] = np.where(
            bits, _crossed(np.bitwise_xor(first, last), heads, sizes), _summed(first + last, heads, sizes)
        )
        cells[_FIRST] = _apart(cells[_LAST], last, bits)
        cells[_LEAST] = _together(least, cells[_FIRST], bits)
        cells[_MOST] = _together(most, cells[_LAST], bits)
        cells[_TOTAL] = _together(total, np.where(bits, cells[_LAST], cells[_LAST] * rest), bits)
    return Buckets(cells)


def _heads(series: Ints) -> Ints:
    return np.concatenate(([0], np.flatnonzero(np.diff(series)) + 1)).astype(np.int64)


def _delta(column: Ints, heads: Ints, origin: int) -> Ints:
    before = np.concatenate(([origin], column[:-1]))
    before[heads] = origin
    return column - before


def _apart(column: Ints, other: Ints, bits: npt.NDArray[np.bool_]) -> Ints:
    return np.where(bits, column ^ other, column - other)


def _together(column: Ints, other: Ints, bits: npt.NDArray[np.bool_]) -> Ints:
    return np.where(bits, column ^ other, column + other)


def _summed(column: Ints, heads: Ints, sizes: Ints) -> Ints:
    running = np.cumsum(column)
    return running - np.repeat(running[heads] - column[heads], sizes)


def _crossed(column: Ints, heads: Ints, sizes: Ints) -> Ints:
    running: Ints = np.bitwise_xor.accumulate(column)
    before: Ints = np.repeat(running[heads] ^ column[heads], sizes)
    crossed: Ints = np.bitwise_xor(running, before)
    return crossed
