from __future__ import annotations

import asyncio
from contextlib import suppress

from aiops.kernel.clock import SystemClock
from aiops.kernel.supervisor import Supervisor


class Deaf:
    """A job that hears only the last of so many cancellations."""

    def __init__(self, deaf_to: int) -> None:
        self.left = deaf_to
        self.woken = asyncio.Event()

    async def run(self) -> None:
        while self.left > 0:
            with suppress(asyncio.CancelledError):
                await self.woken.wait()
            self.left -= 1
        await self.woken.wait()


async def test_a_job_that_missed_its_cancellation_gets_it_again() -> None:
    supervisor, job = Supervisor(SystemClock(), ends_within_s=0.05), Deaf(1)
    supervisor.start("deaf", job)
    await asyncio.sleep(0)
    await supervisor.stop()
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "deaf"] == []


async def test_a_job_that_never_ends_does_not_hold_the_stop_nor_the_others() -> None:
    supervisor, job = Supervisor(SystemClock(), ends_within_s=0.05), Deaf(100)
    supervisor.start("deaf", job)
    supervisor.start("hearing", Deaf(0))
    await asyncio.sleep(0)
    await supervisor.stop()
    left = [task for task in asyncio.all_tasks() if task.get_name() in {"deaf", "hearing"}]
    assert [task.get_name() for task in left] == ["deaf"]
    job.left = 0
    job.woken.set()
    await asyncio.sleep(0.05)
    left[0].cancel()
    await asyncio.wait(left)
