"""The moments at which a query is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from aiops.kernel.errors import Invalid
from aiops.observability.ports import Floats

MAX_STEPS = 11_000
MAX_STEP_S = 100 * 366 * 86_400.0


@dataclass(frozen=True)
class Steps:
    """`start_ms`, `start_ms + step_ms`, … up to `end_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int

    @staticmethod
    def at(moment: datetime) -> Steps:
        milliseconds = round(moment.timestamp() * 1000)
        return Steps(milliseconds, milliseconds, 1)

    @staticmethod
    def over(start: datetime, end: datetime, step_s: float) -> Steps:
        """Raises `Invalid` for what is no stretch of time, or has too many steps."""
        if not 0.001 <= step_s <= MAX_STEP_S:
            raise Invalid("The step must lie between a millisecond and 100 years.")
        if end < start:
            raise Invalid("The end lies before the start.")
        steps = Steps(round(start.timestamp() * 1000), round(end.timestamp() * 1000), round(step_s * 1000))
        if steps.count > MAX_STEPS:
            raise Invalid(f"{steps.count} steps are more than {MAX_STEPS:,}: ask for a longer step or a shorter time.")
        return steps

    @property
    def count(self) -> int:
        return max(0, (self.end_ms - self.start_ms) // self.step_ms + 1)

    @property
    def times(self) -> Floats:
        return (self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms) / 1000.0
