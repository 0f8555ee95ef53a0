from __future__ import annotations

import time

import pytest

from aiops.kernel.errors import Invalid
from aiops.observability.expressions import expression


def test_an_expression_speaks_of_the_whole_text_and_a_dot_of_any_character() -> None:
    assert expression("a|b.")("b\n")
    assert not expression("a|b.")("xa")
    assert expression("")("")


def test_an_expression_made_to_backtrack_takes_no_longer() -> None:
    matches, started = expression("(a+)+b"), time.perf_counter()
    assert not matches("a" * 5000)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a" * 5000])
def test_what_prometheus_would_refuse_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        expression(pattern)
