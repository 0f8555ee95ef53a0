"""Fan-out over 10 real Prometheus against a bare aiohttp + msgspec gather, interleaved: p50 ratio at most 1.3."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import aiohttp
import msgspec

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Transactions
from aiops.kernel.principal import Principal
from aiops.observability.backends.prometheus import PrometheusBackend
from aiops.observability.needs import SampleStore
from aiops.observability.ports import QueryStatus
from aiops.observability.service.metrics import MetricsService
from aiops.observability.service.metrics_remote import VectorResult
from tests.lab.servers import Prometheus
from tests.observability.test_federation import Fleet

CLUSTERS, ROUNDS = 10, 60
CONFIG = "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: own, static_configs: [{targets: ['%s']}]}]"
QUERY = '{__name__=~"prometheus_.+|go_.+"}'


class _Reply(msgspec.Struct):
    data: VectorResult


_DECODER = msgspec.json.Decoder(_Reply)


async def _bare(session: aiohttp.ClientSession, urls: list[str], at: float) -> int:
    async def one(url: str) -> VectorResult:
        form = {"query": QUERY, "time": f"{at:.3f}"}
        async with session.post(f"{url}/api/v1/query", data=form) as response:
            return _DECODER.decode(await response.read()).data

    return sum(len(part.result) for part in await asyncio.gather(*(one(url) for url in urls)))


async def main() -> None:
    async with AsyncExitStack() as stack:
        feed = stack.enter_context(Prometheus("scrape_configs: []"))
        config = CONFIG % feed.url.removeprefix("http://")
        servers = [stack.enter_context(Prometheus(config)) for _ in range(CLUSTERS)]
        for server in servers:
            server.wait_for("go_goroutines")
        urls = [server.url for server in servers]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        clock = SystemClock()
        service = MetricsService(
            cast("Transactions", None),
            clock,
            cast("SampleStore", None),
            Fleet({f"c{uuid4().hex[:6]}": url for url in urls}),
            PrometheusBackend(session, clock),
        )
        await _measure(service, session, urls)


async def _measure(service: MetricsService, session: aiohttp.ClientSession, urls: list[str]) -> None:
    principal = Principal.system("bench")
    spent: dict[str, list[float]] = {"hub": [], "bare": []}
    series = 0
    for number in range(ROUNDS):
        at = datetime.now(UTC)
        for name in ("hub", "bare") if number % 2 else ("bare", "hub"):
            started = time.perf_counter()
            if name == "hub":
                result: Any = await service.query(principal, QUERY, at=at)
                assert all(one.status is QueryStatus.SUCCESS for one in result.clusters), result.clusters
                series = len(result.series)
            else:
                await _bare(session, urls, at.timestamp())
            if number >= 5:
                spent[name].append((time.perf_counter() - started) * 1000)
    hub, bare = statistics.median(spent["hub"]), statistics.median(spent["bare"])
    print(f"fan-out: {CLUSTERS} Prometheus, {series} series: hub p50 {hub:.1f} ms, bare p50 {bare:.1f} ms")
    print(f"fan-out ratio {hub / bare:.2f} (bound 1.30)")


if __name__ == "__main__":
    asyncio.run(main())
