"""How many series of a cluster are watched, and which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aiops.observability.ports import Floats, Labels

PER_WATCH = 200
PER_CLUSTER = 1_000


def fair_cap(counts: Sequence[int], per_watch: int = PER_WATCH, per_cluster: int = PER_CLUSTER) -> int:
    """The largest bound a watch, at most `per_watch`, by which all of them together keep within `per_cluster`."""
    for cap in range(per_watch, 0, -1):
        if sum(min(count, cap) for count in counts) <= per_cluster:
            return cap
    return 1


def subjects(labels: Sequence[Labels], names: Sequence[str]) -> list[Labels]:
    """Only what a series is about, without `names` all but its name; an empty label is the same as an absent one."""
    if not names:
        return [{name: value for name, value in one.items() if value and name != "__name__"} for one in labels]
    return [{name: one[name] for name in names if one.get(name)} for one in labels]


def in_order(series: Sequence[Labels], names: Sequence[str]) -> list[int]:
    """Positions by the values of the subject labels, so that the same series are kept every time."""
    if not names:
        return sorted(range(len(series)), key=lambda i: tuple(sorted(series[i].items())))
    return sorted(range(len(series)), key=lambda i: tuple(series[i].get(name, "") for name in names))


def choose(
    labels: Sequence[Labels], values: Floats, names: Sequence[str], cap: int
) -> tuple[list[Labels], Floats, int]:
    """The first `cap` series that have a finite value, and how many were left out."""
    finite = [int(i) for i in np.flatnonzero(np.isfinite(values))]
    series = subjects([labels[i] for i in finite], names)
    kept = in_order(series, names)[:cap]
    return [series[i] for i in kept], values[[finite[i] for i in kept]], len(finite) - len(kept)


def caps_for(names: Sequence[str], last_counts: Mapping[str, int], per_watch: int) -> int:
    """The bound of a round: by the counts of the round before, for the first by the worst case."""
    return fair_cap([last_counts.get(name, per_watch) for name in names], per_watch)
