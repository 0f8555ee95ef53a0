"""Causes ranked on RCD's 50 faults of a sock shop, one configuration: Avg@5 by service 0.80, AC@1 0.50, 100 ms a case.

AC@k is the share of cases whose faulty service (or metric) is among the first k, Avg@5 the mean of AC@1 to AC@5 (Ikram
et al., NeurIPS 2022). A service stands where its first metric does. A case that is inconclusive counts as missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aiops.cli.metrics_table import Floats, read_table
from aiops.intelligence.ranking.ranking import DEFAULT, Ranked, rank_columns
from aiops.settings import load_settings
from bench.made_systems import made_case
from bench.verdict import at_least, at_most, told

TAKES = "1 min"
FIRST = 5
UNSEEN = range(50_000, 50_150)
RULES = {
    "all rules": DEFAULT,
    "with the call graph": DEFAULT,
    "without kinds of metrics": replace(DEFAULT, up=(1, 1, 1, 1), down=(1, 1, 1, 1)),
    "without the distance by the former level": replace(DEFAULT, ratio=0),
    "without taking off the common move": replace(DEFAULT, common=0),
    "without the limit of 30 spreads": replace(DEFAULT, most=float("inf")),
    "without who moved first": replace(DEFAULT, first=0),
    "without support by another kind": replace(DEFAULT, support=0),
}
_WHERE = (
    "Set AIOPS_BENCH_DATA to a folder with `rcd-sock-shop/` in it: the folder `sock-shop-data` of "
    "https://github.com/azamikram/rcd (SERVICE-cpu|mem/N/ with normal.csv and anomalous.csv). Nothing was measured."
)


class Case(NamedTuple):
    service: str
    metric: str
    names: list[str]
    before: Floats
    after: Floats


def main() -> int:
    folder = load_settings().bench_data
    if folder is None or not (folder / "rcd-sock-shop").is_dir():
        print(_WHERE)
        return 2
    paths = sorted(one.parent for one in (folder / "rcd-sock-shop").glob("*/*/normal.csv"))
    spent = []
    cases, found = [], []
    for path in paths:
        began = time.process_time()
        case = _read(path)
        found.append(rank_columns(case.names, case.before, case.after).rows)
        spent.append(1000 * (time.process_time() - began))
        cases.append(case)
    services, metrics = _services(cases, found), _metrics(cases, found)
    held = [
        at_least("Avg@5 by service", float(services.mean()), 0.80, note=f"{len(cases)} cases"),
        at_least("AC@1 by service", float(services[0]), 0.50),
        at_most("CPU of a case, its files read", statistics.median(spent), 100, " ms", f"at most {max(spent):.0f}"),
    ]
    told("Avg@5 by metric", float(metrics.mean()))
    told("AC@1 by metric", float(metrics[0]))
    for name, scorer in (("largest z-score", _z_score), ("BARO's robust scorer", _robust)):
        ranked = [_by_scorer(case, scorer) for case in cases]
        told(f"{name}, Avg@5 by service", float(_services(cases, ranked).mean()))
    _on_made_systems()
    return 0 if all(held) else 1


def _on_made_systems() -> None:
    """What each rule is worth, on systems made by chance of seeds that nothing was chosen on."""
    made = [made_case(seed) for seed in UNSEEN]
    cases = [Case(one.service, "", one.names, one.before, one.after) for one in made]
    for name, weights in RULES.items():
        edges = [one.edges if name == "with the call graph" else [] for one in made]
        found = [rank_columns(c.names, c.before, c.after, e, weights).rows for c, e in zip(cases, edges, strict=True)]
        services = _services(cases, found)
        told(f"made systems, {name}, Avg@5 by service", float(services.mean()), note=f"AC@1 {services[0]:.3f}")


def _read(path: Path) -> Case:
    service, _, kind = path.parent.name.rpartition("-")
    before, after = read_table(str(path / "normal.csv")), read_table(str(path / "anomalous.csv"))
    names = [name for name in before.names if name in set(after.names)]
    return Case(service, f"{service}_{kind}", names, before.of(names), after.of(names))


def _services(cases: list[Case], found: list[list[Ranked]]) -> Floats:
    """AC@1 to AC@5 by service."""
    ranks = []
    for case, rows in zip(cases, found, strict=True):
        order = list(dict.fromkeys(row.service for row in rows))
        ranks.append(order.index(case.service) if case.service in order else FIRST)
    return _shares(ranks)


def _metrics(cases: list[Case], found: list[list[Ranked]]) -> Floats:
    ranks = []
    for case, rows in zip(cases, found, strict=True):
        order = [row.metric for row in rows]
        ranks.append(order.index(case.metric) if case.metric in order else FIRST)
    return _shares(ranks)


def _shares(ranks: list[int]) -> Floats:
    found: Floats = (np.array(ranks)[:, None] <= np.arange(FIRST)).mean(axis=0)
    return found


def _by_scorer(case: Case, scorer: Callable[[Floats, Floats], Floats]) -> list[Ranked]:
    scores = scorer(case.before, case.after)
    return [Ranked(case.names[i], case.names[i].partition("_")[0], 0.0) for i in np.argsort(-scores, kind="stable")]


def _z_score(before: Floats, after: Floats) -> Floats:
    found: Floats = np.abs((after - before.mean(axis=0)) / (before.std(axis=0) + 1e-12)).max(axis=0)
    return found


def _robust(before: Floats, after: Floats) -> Floats:
    """The largest distance from the median in interquartile ranges (Pham et al., FSE 2024)."""
    low, middle, high = np.percentile(before, (25, 50, 75), axis=0)
    found: Floats = np.abs((after - middle) / np.where(high > low, high - low, 1)).max(axis=0)
    return found


if __name__ == "__main__":
    sys.exit(main())
