"""How samples become bytes and come back, bit for bit.

A chunk is one series over one stretch of time. Timestamps are kept as first, step and the deltas' deltas; values as
differences of integers where they are integers or short decimals (what exporters mostly print), else as XOR with the
one before. Arrays of differences take the narrowest integer that holds them, their bytes are laid out by significance
(the high bytes of neighbours are alike), and zstandard squeezes the rest. A batch is what one request brought: three
columns in the order of arrival, squeezed quickly.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from aiops.observability.ports import Floats

Ints = npt.NDArray[np.int64]

_CHUNK_HEADER = struct.Struct("<BBBIqqQ")  # version, kinds of values, width of both columns, count, first, step, value
_VERSION = 1
_CONSTANT, _XOR, _DECIMAL = 0, 1, 2  # a decimal of k places is _DECIMAL + k
_MOST_PLACES = 4
_EXACT = float(2**53)
_WIDTHS: tuple[np.dtype[Any], ...] = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<i8"))
_MOST_BYTES = 1 << 26


def encode_chunk(timestamps: Ints, values: Floats) -> bytes:
    """`timestamps` ascend and are unique."""
    deltas = np.diff(timestamps)
    step = int(deltas[0]) if deltas.size else 0
    times, times_width = narrow(np.diff(deltas, prepend=step) if deltas.size else deltas)
    kind, first, column, width = _encode_values(values)
    header = _CHUNK_HEADER.pack(
        _VERSION, kind, times_width << 4 | width, values.size, int(timestamps[0]), step, first & 0xFFFFFFFFFFFFFFFF
    )
    body = times + column
    squeezed = zstandard.ZstdCompressor(level=9, write_content_size=True).compress(body) if body else b""
    return header + squeezed


def decode_chunk(data: bytes, decompressor: zstandard.ZstdDecompressor) -> tuple[Ints, Floats]:
    _, kind, widths, count, first_ms, step, first = _CHUNK_HEADER.unpack_from(data)
    body = decompressor.decompress(data[_CHUNK_HEADER.size :]) if len(data) > _CHUNK_HEADER.size else b""
    times_size = (count - 1) * size_of(widths >> 4)
    timestamps = np.full(count, first_ms, dtype=np.int64)
    if widths >> 4:
        timestamps[1:] += np.cumsum(np.cumsum(widen(body[:times_size], widths >> 4)) + step)
    else:
        timestamps[1:] += step * np.arange(1, count)
    return timestamps, _decode_values(kind, first, body[times_size:], widths & 15, count)


def _encode_values(values: Floats) -> tuple[int, int, bytes, int]:
    bits = values.view(np.uint64)
    if (bits == bits[0]).all():
        return _CONSTANT, int(bits[0]), b"", 0
    for places in range(_MOST_PLACES + 1):
        scaled = _as_integers(values, 10**places)
        if scaled is not None:
            column, width = narrow(np.diff(scaled))
            return _DECIMAL + places, int(scaled[0]), column, width
    crossed = bits[1:] ^ bits[:-1]
    return _XOR, int(bits[0]), _by_significance(crossed.view(np.int64)), len(_WIDTHS)


def _decode_values(kind: int, first: int, body: bytes, width: int, count: int) -> Floats:
    if kind == _CONSTANT:
        return np.full(count, first, dtype=np.uint64).view(np.float64)
    if kind == _XOR:
        bits = np.empty(count, dtype=np.uint64)
        bits[0] = first
        bits[1:] = widen(body, width).view(np.uint64)
        return np.bitwise_xor.accumulate(bits).view(np.float64)
    integers = np.empty(count, dtype=np.int64)
    integers[0] = first - (1 << 64) if first >> 63 else first
    integers[1:] = widen(body, width)
    return np.cumsum(integers) / float(10 ** (kind - _DECIMAL))


def _as_integers(values: Floats, scale: int) -> Ints | None:
    """The values times `scale` as integers, where dividing them again gives the very same bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * scale)
    if not (np.abs(scaled) < _EXACT).all():
        return None
    integers = scaled.astype(np.int64)
    back = integers / float(scale)
    return integers if (back.view(np.uint64) == values.view(np.uint64)).all() else None


def narrow(column: Ints) -> tuple[bytes, int]:
    """Bytes of the narrowest integers that hold the column, and their width's number; 0 where all are 0."""
    if not column.any():
        return b"", 0
    low, high = int(column.min()), int(column.max())
    for number, dtype in enumerate(_WIDTHS, start=1):
        bounds = np.iinfo(dtype)
        if bounds.min <= low and high <= bounds.max:
            return _by_significance(column.astype(dtype)), number
    raise AssertionError("an int64 fits the widest of the widths")


def _by_significance(column: npt.NDArray[np.signedinteger]) -> bytes:
    return column.view(np.uint8).reshape(-1, column.dtype.itemsize).T.tobytes()


def widen(body: bytes, width: int) -> Ints:
    """What `narrow` made bytes of; of a column of zeros one, which stands for all."""
    if width == 0:
        return np.zeros(1, dtype=np.int64)
    dtype = _WIDTHS[width - 1]
    rows = np.frombuffer(body, dtype=np.uint8).reshape(dtype.itemsize, -1).T
    return np.ascontiguousarray(rows).view(dtype).ravel().astype(np.int64)


def size_of(width: int) -> int:
    """Bytes a number takes in a column of this width."""
    return _WIDTHS[width - 1].itemsize if width else 0


class Batch:
    """Samples in the order of arrival: `series`, `timestamps` (ms) and `values`, of equal length."""

    __slots__ = ("series", "timestamps", "values")

    def __init__(self, series: Ints, timestamps: Ints, values: Floats) -> None:
        self.series = series
        self.timestamps = timestamps
        self.values = values

    @staticmethod
    def joined(batches: list[Batch]) -> Batch:
        if len(batches) == 1:
            return batches[0]
        return Batch(
            np.concatenate([batch.series for batch in batches] or [np.empty(0, np.int64)]),
            np.concatenate([batch.timestamps for batch in batches] or [np.empty(0, np.int64)]),
            np.concatenate([batch.values for batch in batches] or [np.empty(0, np.float64)]),
        )

    def where(self, mask: npt.NDArray[np.bool_]) -> Batch:
        return Batch(self.series[mask], self.timestamps[mask], self.values[mask])

    def settled(self) -> Batch:
        """By series and time, each moment once: of two samples at the same moment the later one stays."""
        order = np.lexsort((self.timestamps, self.series))
        series, timestamps = self.series[order], self.timestamps[order]
        last = np.ones(series.size, dtype=np.bool_)
        last[:-1] = (series[1:] != series[:-1]) | (timestamps[1:] != timestamps[:-1])
        return Batch(series[last], timestamps[last], self.values[order][last])

    def bounds(self) -> Ints:
        """Where each series begins in a settled batch, and the end."""
        starts = np.flatnonzero(np.diff(self.series)) + 1
        return np.concatenate([[0], starts, [self.series.size]]) if self.series.size else np.zeros(1, np.int64)


def encode_batch(batch: Batch) -> bytes:
    raw = b"".join((batch.series.tobytes(), batch.timestamps.tobytes(), batch.values.tobytes()))
    return zstandard.ZstdCompressor(level=1).compress(raw)


def decode_batch(data: bytes) -> Batch:
    raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST_BYTES)
    count = len(raw) // 24
    return Batch(
        np.frombuffer(raw, np.int64, count),
        np.frombuffer(raw, np.int64, count, 8 * count),
        np.frombuffer(raw, np.float64, count, 16 * count),
    )
