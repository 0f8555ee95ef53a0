"""Samples a second that `POST /api/metrics` makes durable, against a bare COPY of the same: at least 0.4 of it.

The bare COPY is the most that PostgreSQL gives for a row a sample: binary, no index, bytes made beforehand, a commit a
batch. Both write to one server, in turns, batches of 1,000 samples, one of each of 1,000 series.
"""

from __future__ import annotations

import http.client
import statistics
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import numpy as np
import psycopg

from bench.hub import running_hub
from bench.verdict import at_least

TAKES = "1 min"
SERIES, ROUNDS, BATCHES, WARM_UP, FLOOR = 1000, 10, 60, 2, 0.4
_ROW = struct.Struct("!hiqiqid")


def _values(batch: int) -> list[float]:
    return [float(value) for value in np.round(np.random.default_rng(batch).random(SERIES) * 1000, 3)]


def _body(first: float, batch: int) -> bytes:
    def metric(number: int, value: float) -> dict[str, object]:
        labels = {"instance": f"10.0.{number // 64}.7:9100", "cpu": str(number % 64), "mode": "idle"}
        return {"name": "node_cpu_seconds_total", "labels": labels, "value": value, "timestamp": first + batch}

    return msgspec.json.encode({"metrics": [metric(*pair) for pair in enumerate(_values(batch))]})


def _rows(first: float, batch: int) -> bytes:
    at = int((first + batch) * 1000)
    rows = b"".join(_ROW.pack(3, 8, number, 8, at, 8, value) for number, value in enumerate(_values(batch)))
    return b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0) + rows + struct.pack("!h", -1)


def _push(url: str, token: str, bodies: list[bytes]) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for body in bodies:
        connection.request("POST", "/api/metrics", body, headers)
        reply = connection.getresponse()
        said = reply.read()
        assert reply.status == 202, said
    connection.close()


def _copy(url: str, batches: list[bytes]) -> None:
    with psycopg.connect(url) as connection:
        for batch in batches:
            with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(batch)
            connection.commit()


def _rate(work: Callable[[list[bytes]], None], batches: list[bytes], senders: int) -> float:
    """Samples a second of so many senders at once."""
    with ThreadPoolExecutor(senders) as pool:
        started = time.perf_counter()
        list(pool.map(work, [batches[place::senders] for place in range(senders)]))
        return len(batches) * SERIES / (time.perf_counter() - started)


def main() -> int:
    held = []
    with running_hub() as hub:
        with psycopg.connect(hub.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (series_id bigint, ts bigint, value float8)")
        ways: dict[str, tuple[Callable[[list[bytes]], None], Callable[[float, int], bytes]]] = {
            "hub": (partial(_push, hub.url, hub.token), _body),
            "copy": (partial(_copy, hub.database_url), _rows),
        }
        for senders in (1, 4):
            rates: dict[str, list[float]] = {name: [] for name in ways}
            first = time.time() - 7200
            for number in range(ROUNDS):
                for name in list(ways) if number % 2 else list(ways)[::-1]:
                    work, made = ways[name]
                    batches = [made(first, number * BATCHES + place) for place in range(BATCHES)]
                    rate = _rate(work, batches, senders)
                    if number >= WARM_UP:
                        rates[name].append(rate)
            ours, bare = (statistics.median(rates[name]) for name in ("hub", "copy"))
            note = f"{ours:,.0f} samples/s acknowledged and durable, bare COPY {bare:,.0f}"
            held.append(at_least(f"ingest, {senders} at once", ours / bare, FLOOR, " of a bare COPY", note))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
