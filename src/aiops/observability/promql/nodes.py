"""The tree of a query as the evaluator walks it, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from aiops.observability.needs import Matcher
from aiops.observability.ports import Floats, Labels

LOOKBACK_MS = 5 * 60 * 1000

Mask = npt.NDArray[np.bool_]


class Anchor(StrEnum):
    START = "START"
    END = "END"


@dataclass(frozen=True)
class Selector:
    """Which series, and where in time: `at` moves every step to one moment, `offset_ms` looks back from there.

    `range_ms` is `None` for an instant selector.
    """

    matchers: tuple[Matcher, ...]
    range_ms: int | None
    offset_ms: int
    at: int | Anchor | None

    def bounds(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """The closed stretch of time that the evaluation from `start_ms` to `end_ms` reads."""
        first, last = start_ms, end_ms
        if self.at is not None:
            first = last = _anchored(self.at, start_ms, end_ms)
        reach = LOOKBACK_MS if self.range_ms is None else self.range_ms
        return first - self.offset_ms - reach, last - self.offset_ms

    def moments(self, steps: npt.NDArray[np.int64], end_ms: int) -> npt.NDArray[np.int64]:
        """The moment that each step looks at; `end_ms` is what was asked for, which the last step may not reach."""
        if self.at is None:
            return steps - self.offset_ms
        at = _anchored(self.at, int(steps[0]), end_ms)
        return np.full(len(steps), at - self.offset_ms, dtype=np.int64)


def _anchored(at: int | Anchor, start_ms: int, end_ms: int) -> int:
    if isinstance(at, int):
        return at
    return start_ms if at is Anchor.START else end_ms


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Select:
    """An instant selector; `index` is its place in `Plan.selectors`."""

    index: int


@dataclass(frozen=True)
class OverRange:
    """A function of the samples in each window; `parameter` is the scalar argument of those that take one."""

    function: str
    index: int
    parameter: Node | None = None


@dataclass(frozen=True)
class Fetched:
    """A vector that others computed; `index` is its place among those given to `evaluate`."""

    index: int


@dataclass(frozen=True)
class Absent:
    """1 with these labels where `operand` has nothing."""

    operand: Node
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Call:
    """A function of vectors and scalars; `texts` are its arguments that are strings."""

    function: str
    args: tuple[Node, ...]
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Negate:
    operand: Node


@dataclass(frozen=True)
class Aggregate:
    op: str
    operand: Node
    without: bool
    labels: tuple[str, ...]
    parameter: Node | None = None
    label: str | None = None
    """The label that `count_values` writes."""


@dataclass(frozen=True)
class Matching:
    """How the series of two vectors find each other. `many` is the side that may repeat: `left`, `right` or none."""

    on: bool = False
    labels: tuple[str, ...] = ()
    many: str | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    op: str
    left: Node
    right: Node
    returns_bool: bool
    matching: Matching


Node = Number | Select | OverRange | Fetched | Absent | Call | Negate | Aggregate | Binary


@dataclass(frozen=True)
class Plan:
    """A parsed query: fetch the series of each selector within its `bounds`, in this order, then `evaluate`."""

    query: str
    root: Node
    selectors: tuple[Selector, ...]


@dataclass
class EvalResult:
    """`values[i, j]` belongs to `labels[i]` at step `j` and counts only where `present[i, j]`: NaN is a value too.

    `notes` say where it is coarser than what was asked for, because samples are gone. A `scalar` is one series.
    """

    labels: list[Labels]
    values: Floats
    present: Mask
    notes: tuple[str, ...] = ()
    scalar: bool = False
