"""Rolling figures over the last axis, each from its own place backwards; at the beginning from what there is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]


def mean(values: Floats, width: int) -> Floats:
    """The mean of the last `width` values."""
    # Taken from the first value, so that a large level does not eat the digits of small movements.
    first = values[:, :1]
    sums = np.cumsum(values - first, axis=1)
    out = sums.copy()
    out[:, width:] -= sums[:, :-width]
    means: Floats = first + out / np.minimum(np.arange(1, values.shape[1] + 1), width)
    return means


def spread(values: Floats, width: int) -> Floats:
    """The standard deviation of the last `width` values; before the first one, the series counts as constant."""
    padded = np.concatenate([np.repeat(values[:, :1], width - 1, axis=1), values], axis=1)
    windows = sliding_window_view(padded, width, axis=1)
    off = windows - windows.mean(axis=2, keepdims=True)
    squares: Floats = np.einsum("ijk,ijk->ij", off, off)
    return np.sqrt(squares / width)


def before(values: Floats, steps: int) -> Floats:
    """The value `steps` places earlier; at the beginning the first one."""
    if values.shape[1] <= steps:
        return np.repeat(values[:, :1], values.shape[1], axis=1)
    return np.concatenate([np.repeat(values[:, :1], steps, axis=1), values[:, :-steps]], axis=1)
