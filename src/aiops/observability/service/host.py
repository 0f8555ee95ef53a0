"""Keeps the polled sources going: when they are read, where their samples go, what is said when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.principal import Principal
from aiops.observability.needs import PolledSource
from aiops.observability.ports import SampleIntake
from aiops.registry.ports import Clusters

_log = structlog.get_logger(__name__)


class SourcesJob:
    """Runs one job for each source; what one of them does is no matter to the others."""

    def __init__(self, jobs: Sequence[HostJob]) -> None:
        self._jobs = jobs

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for job in self._jobs:
                group.create_task(job.run())


class HostJob:
    """Reads `source` every `interval_s` into the cluster that stands for this machine; idles while there is none."""

    def __init__(
        self, *, source: PolledSource, intake: SampleIntake, clusters: Clusters, clock: Clock, name: str = "host"
    ) -> None:
        self._name = name
        self._source = source
        self._intake = intake
        self._clusters = clusters
        self._clock = clock
        self._me = Principal.system(f"{name}-source")
        self._failing = False

    async def run(self) -> None:
        interval = self._source.interval_s
        due = self._clock.monotonic()
        while True:
            await self._once()
            # Rounds keep their beat; those that a slow one overran are skipped, not caught up.
            due += interval
            late = self._clock.monotonic() - due
            if late > 0:
                due += interval * (late // interval + 1)
            await self._clock.sleep(due - self._clock.monotonic())

    async def _once(self) -> None:
        try:
            cluster = await self._clusters.local(self._me)
            if cluster is not None:
                # To the millisecond, which is what the store keeps: a query at this time finds the sample.
                at = round(self._clock.now().timestamp(), 3)
                samples = await self._source.collect(at)
                await self._intake.append(self._me, cluster.id, samples)
        except Exception as error:
            if not self._failing:
                self._failing = True
                _log.warning("polled_source_failed", source=self._name, error=str(error), kind=type(error).__name__)
        else:
            if self._failing:
                self._failing = False
                _log.info("polled_source_recovered", source=self._name)
