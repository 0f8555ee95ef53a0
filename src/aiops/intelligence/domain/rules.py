"""What a watch finds without learning a band: a fixed threshold that is breached, and a series that stops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aiops.observability.ports import Threshold, Watch

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

COLUMNS = 6
# Seconds that a series was there, that it has been away, its longest ordinary gap; seconds past the limit (-1: within),
# values within it since, and what is said of it now.
_PRESENT, _ABSENT, _GAP, _BREACH, _BACK, _SAYS = range(COLUMNS)
_ABOVE, _BELOW, _SILENT = 1.0, -1.0, 2.0

STEADY = 12.0
"""A series must have been there for so many times the silence that it is told of: what comes and goes is no news."""
GIVEN_UP_S = 86_400.0
"""A series that is away for a day is no longer waited for."""
_BACK_VALUES = 3.0
_PATIENCE = 3.0
_LONGEST_GAP = 2.0


@dataclass(frozen=True)
class Said:
    """By series: `breach` is +1 above the limit, -1 below it, 0 within; since when, in seconds before this moment."""

    breach: Floats
    silent: Flags
    breach_s: Floats
    absent_s: Floats


def fresh(count: int) -> Floats:
    columns = np.zeros((count, COLUMNS))
    columns[:, _BREACH] = -1.0
    return columns


def step(columns: Floats, watch: Watch, values: Floats, dt_s: float, *, whole: bool) -> tuple[Floats, Said]:
    """The new columns, and what is said of each series after `dt_s` seconds; NaN for a series without a value.

    `whole`: the batch holds every series there is. Where some were left out, nothing tells a silent one from those.
    The columns that were given stay as they are.
    """
    columns = columns.copy()
    here = np.isfinite(values)
    if watch.silence_s is None:
        columns[columns[:, _SAYS] == _SILENT, _SAYS] = 0.0
    else:
        _listen(columns, here, watch.silence_s, dt_s, whole=whole)
    _measure(columns, here, values, watch.threshold, dt_s)
    says = columns[:, _SAYS]
    return columns, Said(
        breach=np.where(np.abs(says) == 1, says, 0.0),
        silent=says == _SILENT,
        breach_s=np.maximum(columns[:, _BREACH], 0.0),
        absent_s=columns[:, _ABSENT].copy(),
    )


def not_waited_for(columns: Floats, rows: list[int]) -> Floats:
    """As if these series had never been there for long."""
    columns = columns.copy()
    columns[rows, _PRESENT] = 0.0
    columns[rows, _SAYS] = np.where(columns[rows, _SAYS] == _SILENT, 0.0, columns[rows, _SAYS])
    return columns


def _listen(columns: Floats, here: Flags, silence_s: float, dt_s: float, *, whole: bool) -> None:
    """A series that usually pauses is waited for three times as long as its pauses."""
    absent, present = columns[:, _ABSENT], columns[:, _PRESENT]
    # An outage teaches a little patience, not as much as it lasted.
    gap = np.minimum(absent, _LONGEST_GAP * silence_s)
    columns[here, _GAP] = np.maximum(columns[:, _GAP], np.where(absent > dt_s, gap, 0.0))[here]
    columns[here, _PRESENT] += dt_s
    columns[here, _ABSENT] = 0.0
    columns[here & (columns[:, _SAYS] == _SILENT), _SAYS] = 0.0
    if whole:
        columns[~here, _ABSENT] += dt_s
    patience = np.maximum(silence_s, _PATIENCE * columns[:, _GAP])
    silent = ~here & (present >= STEADY * silence_s) & (absent >= patience) & whole
    columns[silent, _SAYS] = _SILENT
    over = ~here & (absent >= GIVEN_UP_S)
    columns[over, _PRESENT] = 0.0
    columns[over & (columns[:, _SAYS] == _SILENT), _SAYS] = 0.0


def _measure(columns: Floats, here: Flags, values: Floats, limit: Threshold | None, dt_s: float) -> None:
    said = np.abs(columns[:, _SAYS]) == 1
    if limit is None:
        columns[said, _SAYS] = 0.0
        columns[:, _BREACH] = -1.0
        return
    with np.errstate(invalid="ignore"):
        above = here & (values > limit.above) if limit.above is not None else np.zeros_like(here)
        below = here & (values < limit.below) if limit.below is not None else np.zeros_like(here)
    out, inside = above | below, here & ~(above | below)
    columns[out, _BREACH] = np.where(columns[:, _BREACH] < 0, 0.0, columns[:, _BREACH] + dt_s)[out]
    columns[out, _BACK] = 0.0
    columns[inside, _BACK] += 1
    fires = out & (columns[:, _BREACH] >= limit.for_s) & (columns[:, _SAYS] != _SILENT)
    columns[fires, _SAYS] = np.where(above, _ABOVE, _BELOW)[fires]
    back = inside & (~said | (columns[:, _BACK] >= _BACK_VALUES))
    columns[back, _BREACH] = -1.0
    columns[back & said, _SAYS] = 0.0
