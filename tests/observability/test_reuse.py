from __future__ import annotations

import asyncio

import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.errors import Unavailable
from aiops.observability.service.reuse import Answers


class Source:
    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.fails = False

    async def ask(self) -> str:
        self.asked += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise Unavailable("It is down.")
        return f"answer {self.asked}"


@pytest.fixture
def source() -> Source:
    return Source()


async def test_equal_questions_at_once_are_asked_once(clock: VirtualClock, source: Source) -> None:
    answers = Answers(clock)
    waiting = [asyncio.create_task(answers.get("q", 30, source.ask, len)) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert {(await one).value for one in waiting} == {"answer 1"}
    assert source.asked == 1


async def test_an_answer_serves_again_for_its_time_and_tells_its_age(clock: VirtualClock, source: Source) -> None:
    answers = Answers(clock)
    source.gate.set()
    assert (await answers.get("q", 30, source.ask, len)).age_s == 0
    await clock.advance(29)
    again = await answers.get("q", 30, source.ask, len)
    assert (again.value, again.age_s) == ("answer 1", 29)
    await clock.advance(2)
    assert (await answers.get("q", 30, source.ask, len)).value == "answer 2"


async def test_who_leaves_does_not_take_the_answer_from_the_others(clock: VirtualClock, source: Source) -> None:
    answers = Answers(clock)
    one, other = (asyncio.create_task(answers.get("q", 30, source.ask, len)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert (await other).value == "answer 2"
    assert source.cancelled == 1


async def test_once_nobody_waits_the_asking_ends(clock: VirtualClock, source: Source) -> None:
    answers = Answers(clock)
    alone = asyncio.create_task(answers.get("q", 30, source.ask, len))
    await asyncio.sleep(0)
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    await asyncio.sleep(0)
    assert source.cancelled == 1
    source.gate.set()
    assert (await answers.get("q", 30, source.ask, len)).value == "answer 2"


async def test_a_failure_is_told_to_all_and_asked_again_next_time(clock: VirtualClock, source: Source) -> None:
    answers = Answers(clock)
    source.fails = True
    waiting = [asyncio.create_task(answers.get("q", 30, source.ask, len)) for _ in range(2)]
    await asyncio.sleep(0)
    source.gate.set()
    for one in waiting:
        with pytest.raises(Unavailable):
            await one
    source.fails = False
    assert (await answers.get("q", 30, source.ask, len)).value == "answer 2"


async def test_what_is_kept_is_bounded_and_what_was_used_last_stays(clock: VirtualClock) -> None:
    answers = Answers(clock, most_bytes=160)
    asked: list[str] = []

    async def get(key: str, size: int = 10) -> None:
        async def ask() -> str:
            asked.append(key)
            return "x" * size

        await answers.get(key, 30, ask, len)

    for number in range(16):
        await get(f"q{number}")
    await get("q0")
    await get("q16")
    await get("q0")
    await get("q1")
    assert asked[16:] == ["q16", "q1"]
    await get("huge", 11)
    await get("huge", 11)
    assert asked.count("huge") == 2
