"""A query to 10 real Prometheus through the hub, against a bare aiohttp + msgspec gather: p50 at most 1.3×.

Both in this process, in turns, on the hub's own kind of event loop. The hub's is the whole use case: the fleet and the
sealed credentials come from PostgreSQL, requests pass the guarded way out, breakers and deadlines, and the answers are
decoded and merged. Judged are answers of some 300 series a cluster; of one series each, what the hub adds is only told.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp
import msgspec
import uvloop

from aiops.kernel.clock import SystemClock
from aiops.kernel.collector import settle_collector
from aiops.kernel.database import Database
from aiops.kernel.outbound import Outbound
from aiops.kernel.principal import Principal
from aiops.kernel.secrets import SecretBox
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.ports import QueryStatus
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.metrics.remote import VectorResult
from aiops.observability.service.metrics.reuse import ReusedMetrics
from aiops.observability.service.metrics.service import MetricsService
from aiops.observability.service.reuse import Answers
from aiops.observability.store.samples import PostgresSampleStore
from aiops.registry.endpoints import UrlRules
from aiops.registry.service import Fleet, Membership, NewCluster
from aiops.registry.service.records import Records
from aiops.registry.store import SqlClusterStore
from aiops.registry.vault import Vault
from bench.hub import migrated_postgres
from bench.verdict import at_most, told
from tests.lab.servers import Prometheus

TAKES = "30 s"
CLUSTERS, ROUNDS, WARM_UP, BOUND = 10, 60, 5, 1.3
CONFIG = "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: own, static_configs: [{targets: ['%s']}]}]"
QUERIES = ('{__name__=~"prometheus_.+|go_.+"}', "go_goroutines")
BENCH = Principal.system("bench")


class _Found(msgspec.Struct):
    ratio: float
    note: str


class _Reply(msgspec.Struct):
    data: VectorResult


_DECODER = msgspec.json.Decoder(_Reply)


async def _bare(session: aiohttp.ClientSession, urls: list[str], query: str, at: float) -> int:
    async def one(url: str) -> VectorResult:
        form = {"query": query, "time": f"{at:.3f}"}
        async with session.post(f"{url}/api/v1/query", data=form) as response:
            return _DECODER.decode(await response.read()).data

    return sum(len(part.result) for part in await asyncio.gather(*(one(url) for url in urls)))


class Registered(NamedTuple):
    database: Database
    clock: SystemClock
    fleet: Fleet
    backend: PrometheusBackend


async def _service(stack: AsyncExitStack, urls: list[str]) -> MetricsService:
    """The hub's use case with what it stands on."""
    database, clock, fleet, backend = await registered(stack, urls)
    # Each round asks for a moment of its own, so that no answer serves again.
    remote = ReusedMetrics(backend, Answers(clock))
    return MetricsService(clock, fleet, remote, OwnSamples(database, PostgresSampleStore()))


async def registered(stack: AsyncExitStack, urls: list[str]) -> Registered:
    """Clusters with these addresses on a database of their own, each with a token of its own, and the way to them."""
    database = Database(stack.enter_context(migrated_postgres()))
    stack.push_async_callback(database.close)
    outbound = Outbound(allow_loopback=True)
    stack.push_async_callback(outbound.close)
    clock, store, vault = SystemClock(), SqlClusterStore(), Vault(SecretBox(os.urandom(32)))
    membership = Membership(database, clock, store, Records(vault, UrlRules(allow_loopback=True)))
    for number, url in enumerate(urls):
        new = NewCluster(name=f"bench-{number}", prometheus_url=url, bearer_token=f"token-{number}")
        await membership.add(BENCH, new)
    return Registered(database, clock, Fleet(database, clock, store, vault), PrometheusBackend(outbound, clock))


async def main() -> int:
    settle_collector()
    async with AsyncExitStack() as stack:
        feed = stack.enter_context(Prometheus("scrape_configs: []"))
        config = CONFIG % feed.url.removeprefix("http://")
        servers = [stack.enter_context(Prometheus(config)) for _ in range(CLUSTERS)]
        for server in servers:
            server.wait_for("go_goroutines")
        urls = [server.url for server in servers]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        service = await _service(stack, urls)
        many, one = [await _measure(service, session, urls, query) for query in QUERIES]
    told(f"fan-out to {CLUSTERS}, one series each", one.ratio, "×", one.note)
    return 0 if at_most(f"fan-out to {CLUSTERS}", many.ratio, BOUND, "×", many.note) else 1


async def _measure(service: MetricsService, session: aiohttp.ClientSession, urls: list[str], query: str) -> _Found:
    spent: dict[str, list[float]] = {"hub": [], "bare": []}
    series = 0
    for number in range(ROUNDS):
        at = datetime.now(UTC)
        for way in ("hub", "bare") if number % 2 else ("bare", "hub"):
            started = time.perf_counter()
            if way == "hub":
                result: Any = await service.query(BENCH, query, at=at)
                assert all(one.status is QueryStatus.SUCCESS for one in result.clusters), result.clusters
                series = len(result.series)
            else:
                assert await _bare(session, urls, query, at.timestamp()) >= CLUSTERS
            if number >= WARM_UP:
                spent[way].append((time.perf_counter() - started) * 1000)
    hub, bare = statistics.median(spent["hub"]), statistics.median(spent["bare"])
    return _Found(hub / bare, f"{series:,} series: hub p50 {hub:.1f} ms, bare p50 {bare:.1f} ms")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main()))
