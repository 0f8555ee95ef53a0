"""A fleet of 100: CPU for each backend against a bare gather that encodes the same answer; 20 and 100 real Prometheus.

What it costs to watch 100 is told besides: every watch that nodes, HTTP services, GPUs and clocks ship, of three nodes.

The recorded replies come from another process, so that the CPU of this one is only that of asking and merging. The
garbage collector is set as `aiops serve` sets it, for both.
Bounds: CPU at most 1.3×; by the clock at most 1.2× at the median and 1.3× at the 95th percentile.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import cast

import aiohttp
import msgspec
import uvloop

from aiops.kernel.collector import settle_collector
from aiops.observability.ports import InstantSeries, QueryStatus
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.remote import VectorResult
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.watches import WatchBook, WatchService
from aiops.observability.service.watches.jobs import INTERVAL_S
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.watches import PostgresWatchStore
from aiops.observability.watches import CATALOGUE
from bench.fanout import BENCH, CONFIG, _service, registered
from bench.verdict import at_most, told
from tests.lab.servers import Prometheus

TAKES = "4 min"
SIZE, FEW = 100, 20
SERIES_EACH = 200
ROUNDS, WARM_UP, WATCH_ROUNDS = 40, 5, 5
CPU_BOUND, P50_BOUND, P95_BOUND = 1.3, 1.2, 1.3
SUM, MANY = "sum(recorded)", "recorded"
REAL_SUM, REAL_MANY = "sum(go_goroutines)", '{__name__=~"prometheus_.+|go_.+"}'


class _Reply(msgspec.Struct):
    data: VectorResult


_NEEDED = sorted({need for one in CATALOGUE for variant in one.variants for need in variant.needs})
_DECODER = msgspec.json.Decoder(_Reply)
_ENCODER = msgspec.json.Encoder()


def _reply_of(series: int) -> bytes:
    rows = [
        {"metric": {"__name__": "recorded", "instance": f"node-{row}", "job": "node"}, "value": [1.0, str(row * 1.5)]}
        for row in range(series)
    ]
    return msgspec.json.encode({"status": "success", "data": {"resultType": "vector", "result": rows}})


def _names_reply() -> bytes:
    """What there is, as watches ask: everything that any of them needs."""
    rows = [{"metric": {"__name__": name, "code": "200"}, "value": [1.0, "3"]} for name in _NEEDED]
    return msgspec.json.encode({"status": "success", "data": {"resultType": "vector", "result": rows}})


def _serve_recorded(ready: Connection) -> None:
    """`SIZE` servers in one process. What is asked with `sum` gets one series, what is asked of `recorded` many, what
    there is is told, and any other query (a watch) gets the series of three nodes."""
    bodies = {b"query=sum%28recorded": _reply_of(1), b"query=recorded": _reply_of(SERIES_EACH)}
    bodies |= {b"query=count+by+%28__name__": _names_reply(), b"query=": _reply_of(3)}
    head_of = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    replies = {asked: head_of % len(body) + body for asked, body in bodies.items()}

    class Recorded(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            # uvloop's transports are none of asyncio's classes.
            self._transport, self._arrived = cast("asyncio.Transport", transport), b""

        def data_received(self, data: bytes) -> None:
            self._arrived += data
            head, found, body = self._arrived.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0) if found else 1
            if found and len(body) >= length:
                self._arrived = b""
                self._transport.write(next(reply for asked, reply in replies.items() if asked in body))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Recorded, "127.0.0.1", 0) for _ in range(SIZE)]
        ready.send([f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers])
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def _bare(session: aiohttp.ClientSession, urls: list[str], query: str, at: float) -> bytes:
    """The same question without a hub: asked, decoded, named by cluster, summed where it is a sum, encoded."""

    async def one(number: int, url: str) -> list[InstantSeries]:
        async with session.post(f"{url}/api/v1/query", data={"query": query, "time": f"{at:.3f}"}) as response:
            series = _DECODER.decode(await response.read()).data.result
        for found in series:
            found.metric["cluster"] = f"bench-{number}"
        return series

    parts = await asyncio.gather(*(one(number, url) for number, url in enumerate(urls)))
    if query.startswith("sum"):
        return _ENCODER.encode(sum(float(found.value[1]) for part in parts for found in part))
    return _ENCODER.encode([found for part in parts for found in part])


async def _hub(service: MetricsService, query: str, at: datetime) -> bytes:
    result = await service.query(BENCH, query, at=at)
    assert all(one.status is QueryStatus.SUCCESS for one in result.clusters), result.clusters
    return _ENCODER.encode(result)


async def _turns(
    service: MetricsService, session: aiohttp.ClientSession, urls: list[str], query: str, clock: Callable[[], float]
) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {"hub": [], "bare": []}
    for number in range(ROUNDS):
        at = datetime.now(UTC)
        for way in ("hub", "bare") if number % 2 else ("bare", "hub"):
            started = clock()
            if way == "hub":
                await _hub(service, query, at)
            else:
                await _bare(session, urls, query, at.timestamp())
            if number >= WARM_UP:
                spent[way].append((clock() - started) * 1000)
    return spent


async def _recorded() -> bool:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_recorded, args=(theirs,), daemon=True)
    process.start()
    urls: list[str] = await asyncio.to_thread(ours.recv)
    good = True
    try:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
            service = await _service(stack, urls)
            for query, what in ((SUM, "a sum"), (MANY, f"{SIZE * SERIES_EACH:,} series")):
                spent = await _turns(service, session, urls, query, time.process_time)
                hub, bare = (statistics.median(spent[way]) / SIZE for way in ("hub", "bare"))
                note = f"hub {hub * 1000:.0f} µs, bare {bare * 1000:.0f} µs"
                good &= at_most(f"CPU a backend of {SIZE}, {what}", hub / bare, CPU_BOUND, "×", note)
        await _watched(urls)
    finally:
        process.terminate()
    return good


async def _watched(urls: list[str]) -> None:
    """Rounds of all watches of all clusters: what each costs, and what of a core that is at one each 15 s."""
    async with AsyncExitStack() as stack:
        database, clock, fleet, backend = await registered(stack, urls)
        store, watched = PostgresSampleStore(), await fleet.visible(BENCH)
        service = WatchService(
            queries=ClusterNumbers(fleet, backend, OwnSamples(database, store)),
            clusters=fleet,
            transactions=database,
            store=store,
            clock=clock,
            book=WatchBook(database, clock, PostgresWatchStore()),
        )
        batches = service.follow(BENCH)

        async def round_of() -> float:
            started = time.process_time()
            for cluster in watched:
                await service.evaluate(cluster, clock.now(), interval_s=INTERVAL_S)
            return time.process_time() - started

        await round_of()
        spent = statistics.median([await round_of() for _ in range(WATCH_ROUNDS)])
        kinds = {(await anext(batches)).watch.name for _ in range(256)}
    each = f"{len(kinds)} watches each, {spent / SIZE / len(kinds) * 1e6:.0f} µs a watch"
    told(f"CPU of evaluating the watches of {SIZE} clusters", 100 * spent / INTERVAL_S, " % of a core", each)


async def _real(size: int) -> bool:
    good = True
    async with AsyncExitStack() as stack:
        feed = stack.enter_context(Prometheus("scrape_configs: []"))
        config = CONFIG % feed.url.removeprefix("http://")
        starting = stack.enter_context(ThreadPoolExecutor(4))
        begun = starting.map(lambda _: stack.enter_context(Prometheus(config.replace("1s", "15s"))), range(size))
        servers = await asyncio.to_thread(list, begun)
        for server in servers:
            await asyncio.to_thread(server.wait_for, "go_goroutines")
        urls = [server.url for server in servers]
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        service = await _service(stack, urls)
        for query, what in ((REAL_SUM, "a sum"), (REAL_MANY, "some 300 series each")):
            spent = await _turns(service, session, urls, query, time.perf_counter)
            for name, rank, bound in (("p50", 50, P50_BOUND), ("p95", 95, P95_BOUND)):
                hub, bare = (statistics.quantiles(spent[way], n=100)[rank - 1] for way in ("hub", "bare"))
                note = f"hub {hub:.1f} ms, bare {bare:.1f} ms"
                good &= at_most(f"{size} Prometheus, {what}, {name}", hub / bare, bound, "×", note)
    return good


async def main() -> int:
    settle_collector()
    good = await _recorded()
    for size in (FEW, SIZE):
        good &= await _real(size)
    return 0 if good else 1


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main()))
