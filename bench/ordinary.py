"""Series as they ordinarily are, and faults put into them: what false alarms and finds are counted on.

Each kind gives a series of so many rows from a seed; a day has 288 at five minutes, 5,760 at 15 seconds. A fault is
sized by what the series itself does, so that an engineer who looks at the chart would call it one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Random = np.random.Generator
DAY = 288
INTERVAL_S = 300.0


def _day(rng: Random, rows: int, day: int) -> Floats:
    """A daily shape of its own: two harmonics."""
    at = np.arange(rows) / day * 2 * np.pi
    return np.sin(at + rng.uniform(0, 6)) + rng.uniform(0, 0.5) * np.sin(2 * at + rng.uniform(0, 6))


def _noise(rng: Random, rows: int, memory: float) -> Floats:
    """Noise that is like itself for a while, of variance 1."""
    steps = rng.normal(0, np.sqrt(1 - memory**2), rows)
    out = np.empty(rows)
    now = rng.normal()
    for row in range(rows):
        now = memory * now + steps[row]
        out[row] = now
    return out


def seasonal(rng: Random, rows: int, day: int = DAY) -> Floats:
    level = 10 ** rng.uniform(0, 4)
    return level * (3 + _day(rng, rows, day) + 0.15 * _noise(rng, rows, rng.uniform(0, 0.8)))


def working_days(rng: Random, rows: int, day: int = DAY) -> Floats:
    weekend = (np.arange(rows) // day) % 7 >= 5
    load = np.maximum(_day(rng, rows, day) + 1.2, 0.1) * np.where(weekend, 0.35, 1.0)
    return 100 * load * (1 + 0.08 * _noise(rng, rows, 0.5)) + 5


def rate(rng: Random, rows: int, day: int = DAY) -> Floats:
    """Requests counted: Poisson around a daily load."""
    return rng.poisson(rng.uniform(5, 200) * (1.6 + _day(rng, rows, day))).astype(float)


def counter(rng: Random, rows: int, day: int = DAY) -> Floats:
    """A counter that only grows, by more at day than at night."""
    return np.cumsum(rng.poisson(rng.uniform(5, 50) * (1.6 + _day(rng, rows, day)))).astype(float)


def sparse(rng: Random, rows: int, day: int = DAY) -> Floats:
    """Mostly nothing, now and then a few."""
    return np.where(rng.random(rows) < rng.uniform(0.01, 0.1), rng.poisson(3, rows), 0).astype(float)


def bursty(rng: Random, rows: int, day: int = DAY) -> Floats:
    """Short bursts of very different size over a low level."""
    bursts = np.where(rng.random(rows) < 0.04, rng.lognormal(3, 0.8, rows), 0.0)
    values: Floats = 5 + rng.exponential(1.0, rows) + np.convolve(bursts, [1.0, 0.6, 0.3])[:rows]
    return values


def constant(rng: Random, rows: int, day: int = DAY) -> Floats:
    return np.full(rows, float(rng.choice([0.0, 1.0, 3.0, 64.0, 1e9])))


def walk(rng: Random, rows: int, day: int = DAY) -> Floats:
    return 1000 + np.cumsum(rng.normal(0, 1, rows))


def noisy(rng: Random, rows: int, day: int = DAY) -> Floats:
    return rng.uniform(10, 1000) * (1 + 0.1 * _noise(rng, rows, rng.uniform(0, 0.9)))


KINDS: dict[str, Callable[[Random, int, int], Floats]] = {
    kind.__name__: kind for kind in (seasonal, working_days, rate, counter, sparse, bursty, constant, walk, noisy)
}


@dataclass(frozen=True)
class Fault:
    """`put` changes a series from a row on, in place; it is to be found within `within` rows, in series of `kinds`."""

    put: Callable[[Floats, int, Random], None]
    within: int
    kinds: tuple[str, ...]


def _sizes(values: Floats, at: int) -> tuple[float, float]:
    """What the last two days ranged over, and what a usual step is; both at least a tenth of the level."""
    past = values[max(0, at - 2 * DAY) : at]
    least = 0.1 * float(np.abs(past).max()) or 1.0
    return max(float(np.ptp(past)), least), max(float(np.abs(np.diff(past)).mean()), least)


def _spike(values: Floats, at: int, _rng: Random) -> None:
    values[at : at + 3] += 2 * _sizes(values, at)[0]


def _drop(values: Floats, at: int, _rng: Random) -> None:
    values[at : at + 12] = 0.0


def _level(values: Floats, at: int, rng: Random) -> None:
    values[at:] += rng.choice([-1.0, 1.0]) * 1.2 * _sizes(values, at)[0]


def _trend(values: Floats, at: int, rng: Random) -> None:
    rows = min(DAY, len(values) - at)
    grown = rng.choice([-1.0, 1.0]) * 2 * _sizes(values, at)[0]
    values[at : at + rows] += np.linspace(0, grown, rows)
    values[at + rows :] += grown


def _silence(values: Floats, at: int, _rng: Random) -> None:
    values[at : at + DAY // 2] = np.nan


def _season(values: Floats, at: int, _rng: Random) -> None:
    """For a day, day is night."""
    values[at : at + DAY] = values[at - DAY // 2 : at + DAY // 2].copy()


_STEADY = ("seasonal", "working_days", "rate", "noisy")
FAULTS = {
    "spike": Fault(_spike, 3, (*_STEADY, "sparse", "bursty", "constant", "walk")),
    "drop": Fault(_drop, 12, (*_STEADY, "walk")),
    "level": Fault(_level, DAY, (*_STEADY, "constant", "walk")),
    "trend": Fault(_trend, DAY + DAY // 2, (*_STEADY, "constant")),
    "silence": Fault(_silence, DAY // 2, tuple(KINDS)),
    "season": Fault(_season, DAY, ("seasonal", "working_days", "rate")),
}


def made(kind: str, count: int, rows: int, day: int = DAY, *, seed: int = 1) -> Floats:
    """So many series of a kind (count, rows), always the same ones of a seed."""
    return np.stack([KINDS[kind](np.random.default_rng([seed, one]), rows, day) for one in range(count)])


def with_fault(kind: str, fault: str, count: int, rows: int, *, seed: int = 1) -> tuple[Floats, list[int]]:
    """The same series with a fault each, and the rows that the faults begin at: in the last two fifths."""
    values = made(kind, count, rows, seed=seed)
    places = np.random.default_rng(5 + 10 * (seed - 1)).integers(int(0.6 * rows), rows - 2 * DAY, count).tolist()
    for one, at in enumerate(places):
        FAULTS[fault].put(values[one], at, np.random.default_rng([7 + 10 * (seed - 1), one]))
    return values, places
