from __future__ import annotations

import pytest

from aiops.intelligence.domain.anomalies import number


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.1132, "ratio", "11.3 %"),
        (0.0, "ratio", "0 %"),
        (0.999, "ratio", "99.9 %"),
        (12.5, "ratio", "1,250 %"),
        (2.78, "load", "2.78"),
        (2048.0, "bytes/s", "2 KiB/s"),
        (float("nan"), "ratio", "unknown"),
    ],
)
def test_a_number_is_told_in_the_unit_that_people_read(value: float, unit: str, said: str) -> None:
    assert number(value, unit) == said
