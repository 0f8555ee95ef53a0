"""Equal questions asked at once are asked once, and an answer serves again for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

from aiops.kernel.clock import Clock

MOST_BYTES = 64 * 1024 * 1024
_LARGEST_SHARE = 16

T = TypeVar("T")


class Reused(msgspec.Struct, Generic[T], frozen=True):
    """`age_s` is 0 for an answer that was asked for just now."""

    value: T
    age_s: float


class _Abandoned(Exception):
    """Who asked was cancelled; one of those who wait asks again."""


class _Flight:
    """A question on its way. Most have nobody who waits for them besides who asks, and then nothing to tell."""

    __slots__ = ("_landing",)

    def __init__(self) -> None:
        self._landing: asyncio.Future[Any] | None = None

    def landing(self) -> asyncio.Future[Any]:
        if self._landing is None:
            self._landing = asyncio.get_running_loop().create_future()
        return self._landing

    def land(self, value: object) -> None:
        if self._landing is not None:
            self._landing.set_result(value)

    def fail(self, error: BaseException) -> None:
        if self._landing is not None:
            self._landing.set_exception(error)
            self._landing.exception()  # where all have left, nobody misses it


class Answers:
    """Keeps at most `most_bytes` of answers, those used last; a failure is told to all who wait, and not kept."""

    def __init__(self, clock: Clock, *, most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, tuple[float, int, Any]] = OrderedDict()
        self._bytes = 0
        self._flights: dict[Hashable, _Flight] = {}

    async def get(
        self, key: Hashable, ttl_s: float, ask: Callable[[], Awaitable[T]], size_of: Callable[[T], int]
    ) -> Reused[T]:
        """The answer to `key`, at most `ttl_s` old. Raises what `ask` raises."""
        while True:
            kept = self._fresh(key, ttl_s)
            if kept is not None:
                return kept
            flight = self._flights.get(key)
            if flight is None:
                return Reused(await self._lead(key, ask, size_of), 0.0)
            with suppress(_Abandoned):
                return Reused(await asyncio.shield(flight.landing()), 0.0)

    def _fresh(self, key: Hashable, ttl_s: float) -> Reused[Any] | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        age_s = self._clock.monotonic() - kept[0]
        if age_s > ttl_s:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return Reused(kept[2], age_s)

    async def _lead(self, key: Hashable, ask: Callable[[], Awaitable[T]], size_of: Callable[[T], int]) -> T:
        """Ask, and tell all who came meanwhile."""
        flight = self._flights[key] = _Flight()
        asked_at = self._clock.monotonic()
        try:
            value = await ask()
            self._keep(key, asked_at, size_of(value), value)
        except BaseException as error:
            flight.fail(_Abandoned() if isinstance(error, asyncio.CancelledError) else error)
            raise
        else:
            flight.land(value)
            return value
        finally:
            del self._flights[key]

    def _keep(self, key: Hashable, asked_at: float, size: int, value: object) -> None:
        if size <= self._most_bytes // _LARGEST_SHARE:
            self._drop(key)
            self._kept[key] = (asked_at, size, value)
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[1]
