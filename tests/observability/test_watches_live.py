"""From this machine's counters through the real store to a watch, and back into the store as a band."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from aiops.kernel.clock import SystemClock
from aiops.kernel.database import Database
from aiops.kernel.principal import Principal
from aiops.observability.ports import Expectation, WatchBatch, WatchLook
from aiops.observability.service.arrivals import SampleArrivals
from aiops.observability.service.intake import Intake
from aiops.observability.service.metrics.of_cluster import ClusterNumbers
from aiops.observability.service.metrics.own import OwnSamples
from aiops.observability.service.watches import ArrivalWatchJob, WatchBook, WatchService
from aiops.observability.sources.host import Host
from aiops.observability.store.samples import PostgresSampleStore
from aiops.observability.store.watches import PostgresWatchStore
from tests.observability.watching import FakeClusters, cluster

ME = Principal.system("test")


async def test_stored_samples_of_this_machine_reach_the_watches_and_the_band_can_be_queried(
    database: Database,
) -> None:
    clock, store, arrivals = SystemClock(), PostgresSampleStore(), SampleArrivals()
    local = cluster("local", host=True)
    clusters = FakeClusters(local)
    intake = Intake(database, clock, store, clusters, arrivals, retention_days=90)
    metrics = ClusterNumbers(clusters, cast(Any, None), OwnSamples(database, store))
    book = WatchBook(database, clock, PostgresWatchStore())
    service = WatchService(
        queries=metrics, clusters=clusters, transactions=database, store=store, clock=clock, book=book
    )
    job = asyncio.create_task(ArrivalWatchJob(service=service, clusters=clusters, arrivals=arrivals, clock=clock).run())
    reader = service.follow(ME)
    await asyncio.sleep(0)
    host, now = Host(Host.Config(instance="here")), round(clock.now().timestamp(), 3)

    for at in (now - 5, now):
        await intake.append(ME, local.id, await host.collect(at))
        batches = [await asyncio.wait_for(anext(reader), 10) for _ in range(7)]
    by_name: dict[str, WatchBatch] = {batch.watch.name: batch for batch in batches}

    assert {batch.at for batch in batches} == {now}
    assert 0 <= by_name["node_memory"].values[0] <= 1
    assert by_name["node_cpu"].series == [{"instance": "here"}]
    cpu = by_name["node_cpu"].watch

    await service.record(ME, [WatchLook(local.id, cpu, now, [Expectation({"instance": "here"}, 0.5, 0.4, 0.3, 0.6)])])
    labels, values = await metrics.evaluate_instant(ME, local.id, 'aiops:watch:upper{watch="node_cpu"}', clock.now())
    assert [one["instance"] for one in labels] == ["here"]
    assert values.tolist() == [0.6]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(reader), 0.3)

    memory = by_name["node_memory"].watch
    moment = clock.now()
    past = await service.history(ME, local.id, memory, start=moment, end=moment, step_s=5)
    assert past.series == [{"instance": "here"}]
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
