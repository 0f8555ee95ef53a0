"""Patterns of LogHub's 16 logs, one configuration: grouping accuracy 0.90, parsing accuracy 0.45, 100,000 lines/s.

On the message part (`Content`), as Zhu et al. (ICSE-SEIP 2019) define it: a line is grouped well if its group has
exactly the lines of its true event; it is parsed well if its pattern is its true template, spaces aside. F1 of grouping
is that of Jiang et al. (ISSTA 2024): of groups, not of lines. Each log gets a new miner with the same rules.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from aiops.intelligence.patterns.mining import Miner
from aiops.intelligence.service.log_patterns.memory import ClusterMemory
from aiops.kernel.ids import new_id
from aiops.observability.ports_signals import LogRecord
from aiops.settings import load_settings
from bench.verdict import at_least, told

TAKES = "20 s"
ROUNDS = 5
_READ = 1_500
_START = datetime(2026, 1, 1, tzinfo=UTC)
_WHERE = (
    "Set AIOPS_BENCH_DATA to a folder with `loghub/` in it: `git clone https://github.com/logpai/loghub` there "
    "(16 folders, each with *_2k.log and *_2k.log_structured.csv; the terms are in its LICENSE)."
)


class _Log(NamedTuple):
    name: str
    messages: list[str]
    lines: list[str]
    events: list[str]
    templates: list[str]


class _Figures(NamedTuple):
    grouping: float
    f1: float
    parsing: float


def main() -> int:
    folder = load_settings().bench_data
    if folder is None or not (folder / "loghub").is_dir():
        print(_WHERE)
        return 2
    logs = [_read(one) for one in sorted((folder / "loghub").iterdir()) if one.is_dir()]
    print(f"{'':12}  message: grouping, F1, parsing    raw line: grouping, F1      patterns, events")
    message, raw = [], []
    for log in logs:
        mined, found = _judged(log.messages, log)
        _, found_raw = _judged(log.lines, log)
        message.append(found)
        raw.append(found_raw)
        print(
            f"{log.name:12}  {found.grouping:17.3f} {found.f1:6.3f} {found.parsing:6.3f}"
            f"  {found_raw.grouping:22.3f} {found_raw.f1:6.3f}  {mined:13} {len(set(log.events)):6}"
        )
    held = [
        at_least("grouping accuracy, mean", _mean(message).grouping, 0.90, note=f"{len(logs)} logs; drain3's 0.86"),
        at_least("parsing accuracy, mean", _mean(message).parsing, 0.45, note="drain3's 0.29"),
        at_least("lines a second and core", statistics.median(_speed(logs) for _ in range(ROUNDS)), 100_000),
    ]
    told("lines a second and core as followed live", statistics.median(_live_speed(logs) for _ in range(ROUNDS)))
    told("F1 of grouping, mean", _mean(message).f1, note="drain3's 0.74")
    told("grouping accuracy on raw lines, mean", _mean(raw).grouping)
    told("F1 of grouping on raw lines, mean", _mean(raw).f1)
    print("drain3's figures are with regular expressions made for each log; with one configuration: 0.76 and 0.49.")
    return 0 if all(held) else 1


def _read(folder: Path) -> _Log:
    name = folder.name
    with (folder / f"{name}_2k.log_structured.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    # Not by splitlines: it ends lines at more than newlines.
    text = (folder / f"{name}_2k.log").read_text(encoding="utf-8", errors="replace")
    lines = text.rstrip("\n").split("\n")
    if len(lines) != len(rows):
        raise ValueError(f"{folder}: {len(lines)} lines, {len(rows)} of them structured")
    return _Log(
        name,
        [row["Content"] for row in rows],
        lines,
        [row["EventId"] for row in rows],
        [row["EventTemplate"] for row in rows],
    )


def _judged(lines: list[str], log: _Log) -> tuple[int, _Figures]:
    """How many patterns there are, and how good they are."""
    miner = Miner()
    numbers = [miner.add(line) for line in lines]
    patterns = [miner.of(number) for number in numbers]
    ours, theirs = _groups([one.number for one in patterns]), _groups(log.events)
    right = ours & theirs
    precision, recall = len(right) / len(ours), len(right) / len(theirs)
    same = sum(_bare(one.text) == _bare(true) for one, true in zip(patterns, log.templates, strict=True))
    return len(ours), _Figures(
        sum(map(len, right)) / len(lines),
        2 * precision * recall / (precision + recall) if right else 0.0,
        same / len(lines),
    )


def _groups(labels: Sequence[Hashable]) -> set[tuple[int, ...]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for line, label in enumerate(labels):
        found[label].append(line)
    return {tuple(lines) for lines in found.values()}


def _bare(template: str) -> str:
    return "".join(template.split())


def _speed(logs: list[_Log]) -> float:
    """Lines a second of CPU time; each log from nothing, so that learning counts."""
    began = time.process_time()
    for log in logs:
        miner = Miner()
        for message in log.messages:
            miner.add(message)
    return sum(len(log.messages) for log in logs) / (time.process_time() - began)


def _live_speed(logs: list[_Log]) -> float:
    """The same for raw lines of one cluster, with levels, labels, classes and rates, but for the database."""
    memory = ClusterMemory(new_id(), [], 20_000)
    records = [LogRecord(_START + timedelta(seconds=at / 100), line, {"app": log.name}) for log in logs
               for at, line in enumerate(log.lines)]  # fmt: skip
    began = time.process_time()
    for first in range(0, len(records), _READ):
        memory.take(records[first : first + _READ], "loki", _START)
    return len(records) / (time.process_time() - began)


def _mean(figures: list[_Figures]) -> _Figures:
    return _Figures(*(statistics.fmean(column) for column in zip(*figures, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
