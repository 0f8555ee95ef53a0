"""Keeps the background jobs of the process alive, and says how they fare."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
import structlog

from aiops.kernel.clock import Clock
from aiops.kernel.module import Runnable

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 60.0
_ENDS_WITHIN_S = 5.0
_MOST_CANCELS = 3

log = structlog.get_logger(__name__)


class JobStatus(msgspec.Struct):
    """`failures` counts ends of the job since the process started; `error` is the last one."""

    running: bool = False
    failures: int = 0
    error: str | None = None
    failed_at: datetime | None = None


class Supervisor:
    """Starts each job again where it raises, with pauses that grow to a minute; logs the first failure in a row."""

    def __init__(self, clock: Clock, *, ends_within_s: float = _ENDS_WITHIN_S) -> None:
        self._clock = clock
        self._ends_within_s = ends_within_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.jobs: dict[str, JobStatus] = {}

    def start(self, name: str, job: Runnable) -> None:
        self.jobs[name] = JobStatus()
        self._tasks[name] = asyncio.create_task(self._keep(name, job), name=name)

    async def stop(self) -> None:
        """Cancel all and wait for them, at most 15 s: one job that does not end must not hold the process."""
        left = set(self._tasks.values())
        self._tasks.clear()
        for _ in range(_MOST_CANCELS):
            if not left:
                return
            # Again: what is between a job and its cancellation (a library, a race) may have taken the first one.
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=self._ends_within_s)
            if left:
                log.warning("jobs_do_not_stop", jobs=sorted(task.get_name() for task in left))

    async def _keep(self, name: str, job: Runnable) -> None:
        status = self.jobs[name]
        pause = _FIRST_PAUSE_S
        while True:
            started = self._clock.monotonic()
            status.running = True
            try:
                await job.run()
                failure = "ended without an error"
            except Exception as error:
                failure = _innermost(error)
                if pause == _FIRST_PAUSE_S:
                    log.exception("job_failed", job=name)
            if self._clock.monotonic() - started > _STEADY_S:
                pause = _FIRST_PAUSE_S
            status.running = False
            status.failures += 1
            status.error, status.failed_at = failure, self._clock.now()
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
