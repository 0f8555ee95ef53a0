"""`aiops rank-causes`: which metric is the cause, from tables before and after a fault, without a server."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from io import StringIO
from typing import TYPE_CHECKING

from aiops.cli.output import say
from aiops.kernel.errors import Invalid
from aiops.settings import Settings

if TYPE_CHECKING:
    from aiops.cli.metrics_table import Floats, MetricsTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What there is to type after `aiops rank-causes`."""
    parser.add_argument("--normal", required=True, metavar="A.csv", help="metrics before the fault")
    parser.add_argument("--anomalous", required=True, metavar="B.csv", help="the same metrics during the fault")
    parser.add_argument("--graph", metavar="EDGES.csv", help="who calls whom: caller,callee a line")
    parser.add_argument(
        "--at", metavar="TIME", help="when the fault began: the files are one table, cut there; ISO 8601 or Unix time"
    )
    parser.epilog = (
        "A column is a metric, named service_metric; time or timestamp is needed for --at alone. The CSV has the "
        "columns rank,metric,service,confidence, the likeliest cause first. Where the data decides nothing the table "
        "is empty, and standard error says inconclusive and why. docs/rank-causes.md says how it decides."
    )


def rank_causes(_settings: Settings, parsed: argparse.Namespace) -> int:
    """Read, rank, print; raises `Invalid` where a file does not allow it."""
    from aiops.cli.metrics_table import read_edges
    from aiops.intelligence.ranking.ranking import rank_columns

    names, before, after, notes = _tables(parsed.normal, parsed.anomalous, parsed.at)
    edges = read_edges(parsed.graph) if parsed.graph else []
    found = rank_columns(names, before, after, edges)
    for note in notes:
        sys.stderr.write(f"note: {note}\n")
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("rank", "metric", "service", "confidence"))
    for rank, row in enumerate(found.rows, 1):
        writer.writerow((rank, row.metric, row.service, f"{row.confidence:.3f}"))
    say(text.getvalue().rstrip("\n"))
    if found.reason is not None:
        sys.stderr.write(f"inconclusive: {found.reason}\n")
    return 0


def _tables(normal: str, anomalous: str, at: str | None) -> tuple[list[str], Floats, Floats, list[str]]:
    """The columns that both have, their values before and after, and what to tell beside the table."""
    from aiops.cli.metrics_table import read_table

    one = _one_file(normal, anomalous)
    if one and at is None:
        raise Invalid(f"{normal} is given as before and as after: --at TIME says where to cut it.")
    before = read_table(normal, times=at is not None)
    after = before if one else read_table(anomalous, times=at is not None)
    others = set(after.names)
    names = [name for name in before.names if name in others]
    if not names:
        raise Invalid(f"{normal} and {anomalous} have no column in common.")
    notes = _notes(before, after, len(names))
    first, second = before.of(names), after.of(names)
    if at is not None:
        first, second = _cut(before, after, first, second, at, one=one)
    _enough(first, second, normal, anomalous, at)
    return names, first, second, notes


def _one_file(normal: str, anomalous: str) -> bool:
    if normal == anomalous:
        return True
    return os.path.exists(normal) and os.path.exists(anomalous) and os.path.samefile(normal, anomalous)


def _cut(
    before: MetricsTable, after: MetricsTable, first: Floats, second: Floats, at: str, *, one: bool
) -> tuple[Floats, Floats]:
    import numpy as np

    from aiops.cli.metrics_table import moment

    assert before.times is not None
    assert after.times is not None
    times, values = before.times, first
    if not one:
        times, values = np.concatenate([before.times, after.times]), np.concatenate([first, second])
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    fault = moment(at, "--at")
    cut = int(np.searchsorted(times, fault))
    return values[:cut], values[cut:]


def _enough(first: Floats, second: Floats, normal: str, anomalous: str, at: str | None) -> None:
    from aiops.intelligence.ranking.moves import FEWEST

    where = (normal, anomalous) if at is None else (f"before {at}", f"from {at} on")
    for table, told in zip((first, second), where, strict=True):
        if len(table) < FEWEST:
            rows = "1 row" if len(table) == 1 else f"{len(table)} rows"
            there = f"{told} has {rows}" if at is None else f"there are {rows} {told}"
            raise Invalid(f"{there}: at least {FEWEST} are needed before and after the fault.")


def _notes(before: MetricsTable, after: MetricsTable, common: int) -> list[str]:
    notes = []
    lone = [name for name in before.names if name not in set(after.names)]
    lone += [name for name in after.names if name not in set(before.names)]
    if lone:
        more = f" and {len(lone) - 3} more" if len(lone) > 3 else ""
        notes.append(f"in one of the files only, left out of {common + len(lone)}: {', '.join(lone[:3])}{more}")
    repeated = [*before.repeated, *after.repeated]
    if repeated:
        notes.append(f"twice in a header, the first is taken: {', '.join(sorted(set(repeated))[:3])}")
    return notes
