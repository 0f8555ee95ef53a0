"""Matrices of numbers as the JSON of an answer: `[[seconds,"value"],…]` a series.

An answer may hold millions of values. One at a time in Python they cost more than their evaluation, so a row is printed
by one call of the encoder, and a template that holds the times, shared by all series, takes its numbers.
"""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.observability.ports import Floats

_Mask = npt.NDArray[np.bool_]


def printed(value: float) -> str:
    """A number as Prometheus prints it: shortest digits, never an exponent."""
    if math.isfinite(value):
        text = repr(value)
        if "e" in text:
            text = format(Decimal(text), "f")
        return text.removesuffix(".0")
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def printed_row(values: list[float]) -> list[bytes]:
    """As `printed`, many at once."""
    if not values:
        return []
    text = msgspec.json.encode(values)
    # A whole number's ".0" goes; what JSON cannot say came as null, and what has an exponent is printed again.
    row = text[1:-1].replace(b".0,", b",").split(b",")
    row[-1] = row[-1].removesuffix(b".0")
    if b"e" in text or b"n" in text:
        return [
            printed(value).encode() if b"e" in one or b"n" in one else one
            for one, value in zip(row, values, strict=True)
        ]
    return row


class Points:
    """Prints the rows of one matrix, whose columns are at `start_ms`, `start_ms + step_ms`, …"""

    def __init__(self, start_ms: int, step_ms: int, count: int) -> None:
        times = (start_ms + np.arange(count, dtype=np.int64) * step_ms) / 1000.0
        self._slots = [b'[%b,"%%b"]' % one for one in printed_row(times.tolist())]
        self._whole = b"[" + b",".join(self._slots) + b"]"

    def json(self, values: Floats, present: _Mask) -> msgspec.Raw:
        """The points of one series, those left out that are not present."""
        if present.all():
            return msgspec.Raw(self._whole % tuple(printed_row(values.tolist())))
        slots = [self._slots[place] for place in np.flatnonzero(present).tolist()]
        return msgspec.Raw(b"[" + b",".join(slots) % tuple(printed_row(values[present].tolist())) + b"]")
