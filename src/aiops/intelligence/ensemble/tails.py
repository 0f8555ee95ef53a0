"""How rare a figure is for its own past: the upper tail of what it has been, as an exponential.

After Siffer et al., "Anomaly Detection in Streams with Extreme Value Theory" (KDD 2017), with the exponential as the
tail: what lies above the 99 % quantile `u` of the past exceeds it by `beta` in the mean, so a figure x > u is as rare
as 0.01 · exp(−(x − u) / beta).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SHARE = 0.01
AT_LEAST = 10
NEEDED = 20
# Beyond so many values every second one is forgotten, so that the memory is bounded and the far past fades.
_REMEMBERED = 4096
_KEPT = 200
_ALL_BELOW = -np.inf


@dataclass(frozen=True)
class Tails:
    """The largest values so far of m figures, ascending (m, 200), and of how many values (m) they are the largest."""

    largest: Floats
    counts: Floats


def fresh(figures: int) -> Tails:
    return Tails(np.full((figures, _KEPT), _ALL_BELOW), np.zeros(figures))


def learn(tails: Tails, values: Floats) -> Tails:
    """Take up `values` (m, t); NaN is none."""
    counts = tails.counts + np.isfinite(values).sum(axis=1)
    added = np.where(np.isfinite(values), values, _ALL_BELOW)
    largest = np.sort(np.concatenate([tails.largest, added], axis=1), axis=1)[:, -_KEPT:]
    full = counts > _REMEMBERED
    if full.any():
        halved = np.full((int(full.sum()), _KEPT), _ALL_BELOW)
        halved[:, -(_KEPT // 2) :] = largest[full][:, 1::2]
        largest[full] = halved
        counts[full] /= 2
    return Tails(largest, counts)


def shape(tails: Tails) -> tuple[Floats, Floats, Floats]:
    """Threshold `u`, mean excess `beta` and share above `u`, each (m); NaN while unknown."""
    rows = np.arange(len(tails.counts))
    count = np.maximum(tails.counts, 2).astype(np.int64)
    above = np.minimum(np.maximum((SHARE * count).astype(np.int64), AT_LEAST), count - 1)
    known = tails.counts >= NEEDED
    threshold = np.where(known, tails.largest[rows, -1 - above], np.nan)
    widest = int(above.max(initial=1))
    counted = (np.arange(widest) >= widest - above[:, None]) & known[:, None]
    excess = np.where(counted, tails.largest[:, -widest:], 0.0).sum(axis=1) / above - threshold
    return threshold, excess, (above + 1) / (count + 2)


def rarity(threshold: Floats, beta: Floats, share: Floats, values: Floats) -> Floats:
    """−log10 of how often the past goes as far as `values` (m, t); 0 for what is ordinary or unknown."""
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = (values - threshold[:, None]) / (beta * np.log(10))[:, None] - np.log10(share)[:, None]
        return np.where(values > threshold[:, None], beyond, 0.0)


def reach(threshold: Floats, beta: Floats, share: Floats, wanted: float) -> Floats:
    """The value whose rarity is `wanted`: the inverse of `rarity`."""
    edge: Floats = threshold + beta * np.log(10) * np.maximum(wanted + np.log10(share), 0.0)
    return edge
