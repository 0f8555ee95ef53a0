"""A range query over 1,000 series × 6 h at 15 s against a real Prometheus with the same samples: at most 3×.

Ours is timed from samples in memory to the numbers of the answer as text; theirs to the bytes of the answer.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen
from uuid import UUID

import msgspec
import numpy as np

from aiops.observability.needs import StoredSeries
from aiops.observability.promql import evaluate, parse
from aiops.observability.service.metrics_numbers import range_series
from tests.lab.packages import binary
from tests.lab.servers import Prometheus

SERIES, SAMPLES, START_S, ROUNDS = 1000, 1440, 1_700_000_000, 5
QUERIES = ("sum by (g) (rate(x[5m]))", "rate(x[5m])", "x", "avg_over_time(x[5m])")


def _samples() -> list[StoredSeries]:
    chance = np.random.default_rng(7)
    times = (START_S + np.arange(SAMPLES, dtype=np.int64) * 15) * 1000
    return [
        StoredSeries(
            UUID(int=1),
            {"__name__": "x", "i": str(i), "g": str(i % 10)},
            times,
            np.round(np.cumsum(chance.random(SAMPLES)), 4).astype(np.float64),
        )
        for i in range(SERIES)
    ]


def _load(samples: list[StoredSeries], data: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as text:
        for one in samples:
            name = f'x{{i="{one.labels["i"]}",g="{one.labels["g"]}"}}'
            pairs = zip(one.timestamps.tolist(), one.values.tolist(), strict=True)
            text.writelines(f"{name} {value!r} {at // 1000}\n" for at, value in pairs)
        text.write("# EOF\n")
        text.flush()
        command = [str(binary("promtool")), "tsdb", "create-blocks-from", "openmetrics", "-q", text.name, str(data)]
        subprocess.run(command, check=True, capture_output=True)


def _ours(samples: list[StoredSeries], query: str, step: int) -> float:
    started = time.perf_counter()
    plan = parse(query)
    start, end = START_S * 1000, (START_S + SAMPLES * 15) * 1000
    result = evaluate(plan, [samples] * len(plan.selectors), start, end, step * 1000)
    msgspec.json.encode(range_series(result, start, step * 1000, "bench"))
    return time.perf_counter() - started


def _theirs(server: Prometheus, query: str, step: int) -> float:
    form = {"query": query, "start": START_S, "end": START_S + SAMPLES * 15, "step": step}
    started = time.perf_counter()
    with urlopen(f"{server.url}/api/v1/query_range", data=urlencode(form).encode()) as reply:
        reply.read()
    return time.perf_counter() - started


def main() -> None:
    samples = _samples()
    server = Prometheus(retention="10y")
    _load(samples, server.folder / "data")
    with server:
        for query in QUERIES:
            for step in (15, 60):
                pairs = [(_ours(samples, query, step), _theirs(server, query, step)) for _ in range(ROUNDS)]
                ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
                print(
                    f"promql {query} at {step} s: hub {ours * 1000:.0f} ms, Prometheus {theirs * 1000:.0f} ms, "
                    f"ratio {ours / theirs:.2f} (bound 3.00)"
                )


if __name__ == "__main__":
    main()
