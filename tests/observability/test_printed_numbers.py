from __future__ import annotations

import struct

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aiops.observability.service.metrics.text import Points, printed, printed_row


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_many_numbers_are_printed_as_each_alone(values: list[float]) -> None:
    assert printed_row(values) == [printed(value).encode() for value in values]


@given(st.lists(st.integers(0, 2**64 - 1).map(lambda bits: float(struct.unpack("<d", struct.pack("<Q", bits))[0]))))
def test_numbers_of_any_bits_are_printed_as_each_alone(values: list[float]) -> None:
    assert printed_row(values) == [printed(value).encode() for value in values]


def test_a_number_is_printed_as_prometheus_prints_it() -> None:
    values = [
        0.0,
        -0.0,
        10.0,
        100.0,
        0.1,
        1e21,
        1.5e-7,
        123456789012345680.0,
        float("inf"),
        float("-inf"),
        float("nan"),
    ]
    assert [one.decode() for one in printed_row(values)] == [
        "0",
        "-0",
        "10",
        "100",
        "0.1",
        "1000000000000000000000",
        "0.00000015",
        "123456789012345680",
        "+Inf",
        "-Inf",
        "NaN",
    ]


def test_a_point_that_is_not_there_is_left_out() -> None:
    points = Points(1_700_000_000_500, 250, 3)
    values = np.array([1.0, 2.5, 3.0])
    assert points.json(values, np.array([True, True, True])) == (
        msgspec.Raw(b'[[1700000000.5,"1"],[1700000000.75,"2.5"],[1700000001,"3"]]')
    )
    assert points.json(values, np.array([False, True, False])) == msgspec.Raw(b'[[1700000000.75,"2.5"]]')
    assert points.json(values, np.array([False, False, False])) == msgspec.Raw(b"[]")
