"""A remote Prometheus whose answers serve again: `RemoteMetrics` before another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import replace

from aiops.observability.ports import Labels
from aiops.observability.service.metrics.remote import (
    Meaning,
    RemoteAnswer,
    RemoteInstant,
    RemoteMetrics,
    RemoteRange,
    RemoteWithin,
)
from aiops.observability.service.reuse import Answers
from aiops.registry.ports import Target

INSTANT_S = 30.0
SHORT_RANGE_S = 60.0
LONG_S = 300.0
_SHORT = 3600.0
_NAMES_STEP_S = 60.0

_SIZE = attrgetter("size")

T = TypeVar("T")


class ReusedMetrics:
    """For people and their dashboards. Detectors ask the remote itself, for they ask each moment once."""

    def __init__(self, remote: RemoteMetrics, answers: Answers) -> None:
        self._remote = remote
        self._answers = answers

    async def instant(
        self, target: Target, query: str, at_s: float | None, timeout_s: float
    ) -> RemoteAnswer[RemoteInstant]:
        return await self._get(
            target,
            INSTANT_S,
            ("instant", query, at_s),
            lambda: self._remote.instant(target, query, at_s, timeout_s),
        )

    async def range(
        self, target: Target, query: str, start_s: float, end_s: float, step_s: float, timeout_s: float
    ) -> RemoteAnswer[RemoteRange]:
        ttl_s = SHORT_RANGE_S if end_s - start_s < _SHORT else LONG_S
        return await self._get(
            target,
            ttl_s,
            ("range", query, start_s, end_s, step_s),
            lambda: self._remote.range(target, query, start_s, end_s, step_s, timeout_s),
        )

    async def labels(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[str]]:
        key = ("labels", _rounded(within))
        return await self._get(target, LONG_S, key, lambda: self._remote.labels(target, within, timeout_s))

    async def label_values(
        self, target: Target, name: str, within: RemoteWithin, timeout_s: float
    ) -> RemoteAnswer[list[str]]:
        key = ("values", name, _rounded(within))
        return await self._get(target, LONG_S, key, lambda: self._remote.label_values(target, name, within, timeout_s))

    async def series(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[Labels]]:
        key = ("series", _rounded(within))
        return await self._get(target, LONG_S, key, lambda: self._remote.series(target, within, timeout_s))

    async def metadata(
        self, target: Target, metric: str | None, timeout_s: float
    ) -> RemoteAnswer[dict[str, list[Meaning]]]:
        return await self._get(
            target, LONG_S, ("metadata", metric), lambda: self._remote.metadata(target, metric, timeout_s)
        )

    async def _get(
        self, target: Target, ttl_s: float, key: tuple[Hashable, ...], ask: Callable[[], Awaitable[RemoteAnswer[T]]]
    ) -> RemoteAnswer[T]:
        # The name is among it because it is written into the labels of what is kept.
        # Bytes, for a UUID is hashed in Python, and a key many times.
        whose = (target.cluster_id.bytes, target.cluster_name, target.url)
        found = await self._answers.get((*whose, *key), ttl_s, ask, _SIZE)
        return replace(found.value, age_s=found.age_s) if found.age_s else found.value


def _rounded(within: RemoteWithin) -> RemoteWithin:
    """Names change slowly: whoever asks up to now asks the same for a minute."""
    return RemoteWithin(within.match, within.start_s // _NAMES_STEP_S, within.end_s // _NAMES_STEP_S)
