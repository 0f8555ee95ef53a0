"""A range query over 1,000 series × 6 h at 15 s against a real Prometheus with the same samples: at most 3×.

Both are asked over HTTP, in turns, and timed until the last byte of the answer: the hub answers from its own store,
most of it sealed, with what a request costs besides; Prometheus runs as it comes, on all the cores that there are.
"""

from __future__ import annotations

import asyncio
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.observability.needs import SampleColumns
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.sealing import SealingJob
from bench.hub import BenchHub, running_hub
from bench.verdict import at_most
from tests.lab.packages import binary
from tests.lab.servers import Prometheus

TAKES = "2 min"
SERIES, SAMPLES, STEP_S, ROUNDS, BOUND = 1000, 1440, 15, 5, 3.0
QUERIES = ("sum by (g) (rate(x[5m]))", "rate(x[5m])", "x", "avg_over_time(x[5m])")
Matrix = npt.NDArray[np.float64]


class _OnAllCores(Prometheus):
    """The lab gives its servers one core each."""

    def command(self, folder: Path, listen: str) -> list[str]:
        return ["env", "-u", "GOMAXPROCS", *super().command(folder, listen)]


def _samples() -> Matrix:
    """Series × samples, each series a counter."""
    grown: Matrix = np.cumsum(np.random.default_rng(7).random((SERIES, SAMPLES)), axis=1)
    return np.asarray(np.round(grown, 4), dtype=np.float64)


def _labels(number: int) -> dict[str, str]:
    return {"__name__": "x", "i": str(number), "g": str(number % 10)}


def _load_theirs(samples: Matrix, start: int, data: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as text:
        for number, values in enumerate(samples.tolist()):
            name = f'x{{i="{number}",g="{number % 10}"}}'
            text.writelines(f"{name} {value!r} {start + place * STEP_S}\n" for place, value in enumerate(values))
        text.write("# EOF\n")
        text.flush()
        command = [str(binary("promtool")), "tsdb", "create-blocks-from", "openmetrics", "-q", text.name, str(data)]
        subprocess.run(command, check=True, capture_output=True)


async def _load_ours(samples: Matrix, start: int, hub: BenchHub) -> None:
    database, store = Database(hub.database_url), PostgresSampleStore()
    keys = [str(number).encode() for number in range(SERIES)]
    for place in range(SAMPLES):
        at = np.full(SERIES, (start + place * STEP_S) * 1000, dtype=np.int64)
        columns = SampleColumns(keys, _labels, at, np.ascontiguousarray(samples[:, place]))
        async with database.begin() as tx:
            await store.append_columns(tx, UUID(hub.cluster_id), columns)
            await tx.commit()
    job = SealingJob(database, SystemClock())
    while await job.seal():
        pass
    await database.close()


def _ask(url: str, path: str, form: dict[str, object], headers: dict[str, str]) -> tuple[float, bytes]:
    """Seconds until the last byte, and the answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.connect()
    started = time.perf_counter()
    connection.request("GET", f"{path}?{urlencode(form)}", headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    spent = time.perf_counter() - started
    connection.close()
    assert reply.status == 200, body[:500]
    return spent, body


def _points(series: list[dict[str, list[list[object]]]]) -> int:
    return sum(len(one["values"]) for one in series)


def _compare(hub: BenchHub, server: Prometheus, start: int) -> bool:
    """Whether every ratio is within the bound."""
    held = []
    token = {"Authorization": hub.client.headers["Authorization"]}
    for query in QUERIES:
        for step in (15, 60):
            form: dict[str, object] = {"query": query, "start": start, "end": start + SAMPLES * STEP_S, "step": step}
            pairs = []
            for _ in range(ROUNDS):
                ours, our_body = _ask(hub.url, "/api/v1/metrics/query_range", form, token)
                theirs, their_body = _ask(server.url, "/api/v1/query_range", form, {})
                pairs.append((ours, theirs))
            assert _points(msgspec.json.decode(our_body)["series"]) == _points(
                msgspec.json.decode(their_body)["data"]["result"]
            )
            hub_s, prometheus_s = (statistics.median(side) for side in zip(*pairs, strict=True))
            note = f"hub {hub_s * 1000:.0f} ms, Prometheus {prometheus_s * 1000:.0f} ms"
            held.append(at_most(f"range query {query} each {step} s", hub_s / prometheus_s, BOUND, "×", note))
    return all(held)


def main() -> int:
    samples, start = _samples(), int(time.time()) // STEP_S * STEP_S - SAMPLES * STEP_S
    server = _OnAllCores(retention="10y")
    _load_theirs(samples, start, server.folder / "data")
    with running_hub() as hub, server:
        asyncio.run(_load_ours(samples, start, hub))
        return 0 if _compare(hub, server, start) else 1


if __name__ == "__main__":
    sys.exit(main())
