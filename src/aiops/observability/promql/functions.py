"""Functions of instant vectors and scalars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
}


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


INSTANT_FUNCTIONS = frozenset(ELEMENTWISE) | {
    "clamp",
    "clamp_min",
    "clamp_max",
    "round",
    "time",
    "vector",
    "scalar",
    "histogram_quantile",
    "sort",
    "sort_desc",
    "absent",
}
"""By PromQL's names."""
