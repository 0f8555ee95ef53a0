"""A week of 20 clusters run through the hub: under a minute for 100 days of clusters, and what caused it is found.

The past is made (`tests/lab/weeks.py`) and written as blocks by promtool; a real Prometheus answers for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.verdict import at_least, at_most, told
from tests.lab.servers import Prometheus
from tests.lab.weeks import Week

TAKES = "4 min"
CLUSTERS, DAYS, FAULTS_EACH, SEED = 20, 7, 3, 2
_DAY_S = 86_400.0


def main() -> int:
    end = float(int(time.time()) // 3600 * 3600 - 7200)
    week = Week(
        clusters=CLUSTERS, start=end - DAYS * _DAY_S, end=end, warm_s=_DAY_S, faults_each=FAULTS_EACH, seed=SEED
    )
    with week.prometheus() as prometheus, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "replay.json"
        took_s = _replay(prometheus, end, out)
        result = json.loads(out.read_text())
    missed = week.missed(result)
    for fault in missed:
        told(
            "missed", 0, "", f"{fault.kind} of {fault.culprit}, {datetime.fromtimestamp(fault.start, UTC):%d %b %H:%M}"
        )
    incidents, alerts = len(result["incidents"]), result["alerts"]
    held = [
        at_most("time for 100 days of clusters", took_s / (CLUSTERS * DAYS) * 100, 60, " s", f"{took_s:.1f} s in all"),
        at_least(
            "recall of the seeded causes", 1 - len(missed) / len(week.faults), 0.9, "", f"{len(week.faults)} faults"
        ),
        at_least(
            "fewer items than alerts", 1 - incidents / alerts, 0.95, "", f"{alerts:,} alerts, {incidents} incidents"
        ),
    ]
    first = _first(week, result)
    told("recall of the seeded causes, ranked first", first)
    told("incidents without any alert", sum(not one["alerts"] for one in result["incidents"]))
    return 0 if all(held) else 1


def _replay(prometheus: Prometheus, end: float, out: Path) -> float:
    began = time.monotonic()
    until = datetime.fromtimestamp(end, UTC).isoformat()
    asked = ["replay", "--prometheus", prometheus.url, "--last", f"{DAYS}d", "--until", until, "--out", str(out)]
    subprocess.run([sys.executable, "-m", "aiops", *asked], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _first(week: Week, result: Any) -> float:
    """The share of the faults whose culprit is the very first cause."""
    firsts = {**result, "incidents": [{**one, "causes": one["causes"][:1]} for one in result["incidents"]]}
    return 1 - len(week.missed(firsts)) / len(week.faults)


if __name__ == "__main__":
    sys.exit(main())
