"""One look at the deadlines of many."""

from __future__ import annotations

import asyncio

import pytest

from aiops.observability.backends.patience import Patience


async def test_who_waits_too_long_is_told_and_goes_on() -> None:
    patience = Patience()
    for _ in range(2):
        with pytest.raises(TimeoutError), patience.within(0.05):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_each_of_many_has_a_deadline_of_its_own() -> None:
    patience = Patience()

    async def wait(seconds: float) -> bool:
        try:
            with patience.within(0.1):
                await asyncio.sleep(seconds)
        except TimeoutError:
            return False
        return True

    assert await asyncio.gather(*(wait(seconds) for seconds in (0, 5, 0.01, 5))) == [True, False, True, False]


async def test_who_is_cancelled_from_outside_hears_of_no_deadline() -> None:
    patience = Patience()

    async def wait() -> None:
        with patience.within(0.05):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_within_another_ends_at_the_sooner() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            with Patience().within(5):
                await asyncio.Event().wait()
