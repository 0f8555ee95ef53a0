"""Deadlines of many at once, looked at together: in a fan-out a timer for each is felt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

LATE_S = 0.02
"""How late a deadline may be looked at."""


class Patience:
    """Like `asyncio.timeout`, up to 20 ms late; a task waits within one at a time."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task[object], _Wait] = {}
        self._looking: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> _Wait:
        """A context that raises `TimeoutError` where the task is still inside after so long."""
        return _Wait(self._waiting, self._look_later, seconds)

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(LATE_S, self._look)

    def _look(self) -> None:
        self._looking = None
        now = asyncio.get_running_loop().time()
        for task, wait in list(self._waiting.items()):
            if wait.due <= now and not wait.passed:
                wait.passed = True
                task.cancel()
        if self._waiting:
            self._look_later()


class _Wait:
    __slots__ = ("_cancelled_before", "_look_later", "_seconds", "_task", "_waiting", "due", "passed")

    def __init__(
        self, waiting: dict[asyncio.Task[object], _Wait], look_later: Callable[[], None], seconds: float
    ) -> None:
        self._waiting = waiting
        self._look_later = look_later
        self._seconds = seconds
        self.passed = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelled_before = task.cancelling()
        self.due = task.get_loop().time() + self._seconds
        self._waiting[task] = self
        self._look_later()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        del self._waiting[self._task]
        # Whoever cancelled it besides wants it to end, and not to hear of a deadline.
        if self.passed and self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise TimeoutError from error
