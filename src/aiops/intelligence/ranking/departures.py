"""Which series of an incident's clusters left their own past near its onset: when, how far, and which way.

Slow noise strays far and stays there, so a series is measured by how far it ever went before, for as long: it has moved
where two values in a row lie farther than 1.5 times the farthest two of the past.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aiops.intelligence.domain.causes import Signal
from aiops.intelligence.ranking.moves import Flags, Floats
from aiops.intelligence.ranking.names import Kind, kind_of

# Where the past may end: an alert waits before it fires, and what creeps began long before anyone saw it.
_BEFORE_ONSET_S = (120.0, 600.0, 1500.0)
FEWEST = 10
_MOVED = 3.0
_FARTHEST_COUNTS = 0.5
_RELATIVE_FLOOR = 0.01
_STRAYS, _SET_OUT, _UNDER_WAY, _ARRIVED = 1.5, 0.2, 0.4, 0.8
# Of a watch's smallest deviation that matters to anyone.
_MATTERS = 0.5
# A series that stops is as far as one that leaves by so many of its spreads.
_STOPPED = 12.0
_SILENT_S = 45.0


@dataclass(kw_only=True)
class Departure:
    """A series that left its own past at `at`, and had gone most of its way `took_s` seconds later.

    `spreads`: how many times as far as it usually strays; `ratio`: how far by its former level; `matters`: how far
    by what matters to anyone on its watch; `side`: 1 up, -1 down;
    `past`: how many values of before it was compared with; `stopped`: it gives no values any more.
    """

    signal: Signal
    kind: Kind
    at: float
    took_s: float
    spreads: float
    ratio: float
    matters: float
    side: float
    past: int
    level: float
    peak: float
    stopped: bool = False
    company: list[tuple[str, float]] = field(default_factory=list)


def departures(signals: Sequence[Signal], onset: float) -> list[Departure]:
    """Those of the signals that moved, the farthest first."""
    found: list[Departure] = []
    for group in _by_times(signals):
        found += _of_group(group, onset)
    found.sort(key=lambda one: -one.spreads)
    return found


def _by_times(signals: Sequence[Signal]) -> list[list[Signal]]:
    """Signals that share their times are looked at together."""
    groups: dict[tuple[int, float, float], list[Signal]] = {}
    for signal in signals:
        if len(signal.times):
            key = (len(signal.times), float(signal.times[0]), float(signal.times[-1]))
            groups.setdefault(key, []).append(signal)
    return list(groups.values())


def _of_group(group: list[Signal], onset: float) -> list[Departure]:
    times = group[0].times
    table = np.array([signal.values for signal in group], dtype=float).T
    best: dict[int, Departure] = {}
    for before_s in _BEFORE_ONSET_S:
        # What a detector saw first is near too.
        split = int(np.searchsorted(times, onset - before_s))
        if split < FEWEST or split >= len(times):
            continue
        for place, found in _since(group, times, table, split).items():
            if place not in best or found.spreads > 1.2 * best[place].spreads:
                best[place] = found
    return list(best.values())


def _since(group: list[Signal], times: Floats, table: Floats, split: int) -> dict[int, Departure]:
    past, minimum = table[:split], np.array([signal.minimum for signal in group])
    counted = np.isfinite(past).sum(axis=0)
    with warnings.catch_warnings():
        # A column without a value is left out by its count.
        warnings.simplefilter("ignore", RuntimeWarning)
        level = np.nanmedian(past, axis=0)
        off = table - level
        spread = _stray(off[:split], level, minimum)
        pairs = _lasting(off)
        far = np.nan_to_num(np.nanmax(np.abs(pairs[split:]), axis=0)) if split < len(pairs) else np.zeros(len(level))
    enough = (counted >= FEWEST) & (far >= _MOVED * spread) & (far >= _MATTERS * minimum)
    found: dict[int, Departure] = {}
    for place in np.flatnonzero(enough).tolist():
        columns = off[:, place], pairs[:, place], float(spread[place])
        found[place] = _departure(group[place], times, *columns, split, float(level[place]))
    for place in np.flatnonzero(_stopped(times, table, split, group[0].interval_s) & (counted >= FEWEST)).tolist():
        found[place] = _silence(group[place], times, table[:, place], float(level[place]), int(counted[place]))
    for place, one in found.items():
        one.past = int(counted[place])
    return found


def _stray(off: Floats, level: Floats, minimum: Floats) -> Floats:
    """The largest of: how single values stray, half of how far two in a row ever did, and what nobody would notice."""
    size = np.abs(off)
    single = np.fmax(1.4826 * np.nanmedian(size, axis=0), np.nanmean(size, axis=0))
    farthest = np.nanmax(np.abs(_lasting(off)), axis=0)
    floor = np.fmax(_RELATIVE_FLOOR * np.abs(level), minimum / 10)
    found: Floats = np.fmax(np.fmax(single, _FARTHEST_COUNTS * farthest), floor)
    return np.maximum(np.nan_to_num(found), 1e-12)


def _lasting(off: Floats) -> Floats:
    """Of each value and the next that is there, the nearer to normal; 0 where they lie on both sides of it."""
    following = _next_there(off)
    same = np.sign(off) == np.sign(following)
    found: Floats = np.where(same, np.where(np.abs(off) < np.abs(following), off, following), 0.0)
    return np.where(np.isnan(off) | np.isnan(following), np.nan, found)


def _next_there(off: Floats) -> Floats:
    """The next value down the rows, over gaps of at most two rows."""
    shifted = [np.concatenate([off[by:], np.full((min(by, len(off)), off.shape[1]), np.nan)]) for by in (1, 2, 3)]
    found = shifted[0]
    for one in shifted[1:]:
        found = np.where(np.isnan(found), one, found)
    return found


def _stopped(times: Floats, table: Floats, split: int, interval_s: float) -> Flags:
    """Those that were there most of the time and now are silent, for longer than ever before."""
    there = np.isfinite(table)
    last = np.where(there.any(axis=0), len(table) - 1 - np.argmax(there[::-1], axis=0), 0)
    silent = len(table) - 1 - last
    longest = np.zeros(table.shape[1])
    run = np.zeros(table.shape[1])
    for row in there[:split]:
        run = np.where(row, 0, run + 1)
        longest = np.maximum(longest, run)
    long_enough = silent >= max(2.0, _SILENT_S / max(interval_s, 1e-9))
    found: Flags = (there[:split].mean(axis=0) >= 0.5) & long_enough & (silent > 2 * longest) & (last >= split - 1)
    return found


def _silence(signal: Signal, times: Floats, values: Floats, level: float, past: int) -> Departure:
    last = int(np.flatnonzero(np.isfinite(values))[-1])
    return Departure(
        signal=signal,
        kind=kind_of_signal(signal),
        at=float(times[min(last + 1, len(times) - 1)]),
        took_s=0.0,
        spreads=_STOPPED,
        ratio=1.0,
        matters=10.0,
        side=-1.0,
        past=past,
        level=level,
        peak=float("nan"),
        stopped=True,
    )


def _departure(
    signal: Signal, times: Floats, off: Floats, pairs: Floats, spread: float, split: int, level: float
) -> Departure:
    there = np.flatnonzero(np.isfinite(pairs))
    there = there[there >= split]
    peak = int(there[np.argmax(np.abs(pairs[there]))])
    side, most = float(np.sign(pairs[peak])), float(np.abs(pairs[peak]))
    # A rate over a window climbs for as long as the window: so it set out where it had gone a fifth of its way, whether
    # that is far or not. What strays by itself before does not count.
    least, sure = max(_STRAYS * spread, _SET_OUT * most), max(_MOVED * spread, _UNDER_WAY * most)
    towards = side * pairs[there]
    decided = int(there[towards >= min(sure, most)][0])
    arrived = int(there[towards >= _ARRIVED * most][0])
    first = decided
    while first > split and not side * off[first - 1] <= least:
        first -= 1
    return Departure(
        signal=signal,
        kind=kind_of_signal(signal),
        at=float(times[first]),
        took_s=float(times[max(arrived, first)] - times[first]),
        spreads=float(np.abs(pairs[peak]) / spread),
        ratio=float(np.abs(pairs[peak]) / max(abs(level), spread)),
        matters=float(np.abs(pairs[peak]) / max(signal.minimum, 1e-12)),
        side=float(np.sign(pairs[peak])),
        past=split,
        level=level,
        peak=level + float(off[peak]),
    )


def kind_of_signal(signal: Signal) -> Kind:
    """By its watch's words; a symptom of no known kind counts as slowness, a machine's run queue as its CPU."""
    if signal.unit == "load":
        return Kind.CPU
    found = kind_of(f"{signal.watch} {signal.title.partition(' of ')[0]}".replace("_", " "))
    return Kind.LATENCY if signal.symptom and found not in (Kind.LATENCY, Kind.ERRORS) else found
