"""Functions of instant vectors and scalars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from aiops.observability.ports import Floats

ELEMENTWISE: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sgn": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "deg": np.rad2deg,
    "rad": np.deg2rad,
}

_DAY = 86_400


def _days(seconds: Floats) -> npt.NDArray[np.datetime64]:
    return np.floor(np.nan_to_num(seconds) / _DAY).astype("datetime64[D]")


def _of_date(part: Callable[[npt.NDArray[np.datetime64]], npt.NDArray[np.int64]]) -> Callable[[Floats], Floats]:
    return lambda seconds: np.where(np.isfinite(seconds), part(_days(seconds)).astype(np.float64), np.nan)


def _month_starts(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    return days.astype("datetime64[M]").astype("datetime64[D]")


def _whole(seconds: Floats) -> Floats:
    return np.trunc(seconds)


CALENDAR: dict[str, Callable[[Floats], Floats]] = {
    "minute": lambda seconds: np.floor(_whole(seconds) / 60) % 60,
    "hour": lambda seconds: np.floor(_whole(seconds) / 3600) % 24,
    "day_of_week": lambda seconds: (np.floor(_whole(seconds) / _DAY) + 4) % 7,
    "day_of_month": _of_date(lambda days: (days - _month_starts(days)).astype(np.int64) + 1),
    "day_of_year": _of_date(
        lambda days: (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    ),
    "days_in_month": _of_date(
        lambda days: ((days.astype("datetime64[M]") + 1).astype("datetime64[D]") - _month_starts(days)).astype(np.int64)
    ),
    "month": _of_date(lambda days: days.astype("datetime64[M]").astype(np.int64) % 12 + 1),
    "year": _of_date(lambda days: days.astype("datetime64[Y]").astype(np.int64) + 1970),
}
"""Of Unix seconds, in UTC."""


def clamped(name: str, values: Floats, bounds: list[Floats]) -> Floats:
    """`clamp`, `clamp_min` and `clamp_max`; a bound that is NaN makes the result NaN."""
    low = bounds[0] if name != "clamp_max" else None
    high = bounds[-1] if name != "clamp_min" else None
    result = values
    if high is not None:
        result = np.minimum(result, high)
    if low is not None:
        result = np.maximum(result, low)
    return result


def rounded(values: Floats, to_nearest: Floats) -> Floats:
    """Half goes up, as Prometheus does it: by way of the inverse, so that 0.1 is exact."""
    inverse = 1.0 / to_nearest
    result: Floats = np.floor(values * inverse + 0.5) / inverse
    return result


SCALAR_FUNCTIONS = frozenset({"time", "pi"})

INSTANT_FUNCTIONS = (
    frozenset(ELEMENTWISE)
    | frozenset(CALENDAR)
    | SCALAR_FUNCTIONS
    | {
        "clamp",
        "clamp_min",
        "clamp_max",
        "round",
        "label_replace",
        "label_join",
        "vector",
        "scalar",
        "histogram_quantile",
        "sort",
        "sort_desc",
    }
)
"""By PromQL's names."""
