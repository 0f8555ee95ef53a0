"""What the logs require of a remote Loki, and how its answers look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from aiops.observability.ports import Labels
from aiops.observability.ports_signals import Direction
from aiops.observability.service.metrics.remote import MatrixResult, RemoteAnswer, ScalarResult, VectorResult
from aiops.registry.ports import Target


class Aside(msgspec.Struct, frozen=True, rename="camel"):
    """What belongs to one line and not to its stream."""

    structured_metadata: Labels = {}
    parsed: Labels = {}


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """`at` are Unix nanoseconds."""

    at: str
    line: str
    aside: Aside = Aside()


class Stream(msgspec.Struct, frozen=True):
    stream: Labels
    values: list[Entry]


class StreamsResult(msgspec.Struct, frozen=True, tag_field="resultType", tag="streams"):
    result: list[Stream]


RemoteLogAnswer = StreamsResult | VectorResult | ScalarResult | MatrixResult


class Dropped(msgspec.Struct, frozen=True):
    labels: Labels = {}


class TailMessage(msgspec.Struct, frozen=True):
    streams: list[Stream] | None = None
    dropped_entries: list[Dropped] | None = None


class RemoteLogs(Protocol):
    """Raises `Invalid` where the remote refuses, `TimedOut` or `Unavailable` where it does not answer."""

    async def lines(
        self,
        target: Target,
        query: str,
        start_ns: int,
        end_ns: int,
        limit: int,
        direction: Direction,
        timeout_s: float,
    ) -> RemoteAnswer[list[Stream]]:
        """At most `limit` lines from `start_ns` to before `end_ns`."""

    async def instant(
        self, target: Target, query: str, at_s: float, timeout_s: float
    ) -> RemoteAnswer[RemoteLogAnswer]: ...

    async def range(
        self, target: Target, query: str, start_s: float, end_s: float, step_s: float, timeout_s: float
    ) -> RemoteAnswer[MatrixResult]: ...

    async def labels(
        self, target: Target, selector: str | None, start_ns: int, end_ns: int, timeout_s: float
    ) -> list[str]: ...

    async def label_values(
        self, target: Target, name: str, selector: str | None, start_ns: int, end_ns: int, timeout_s: float
    ) -> list[str]: ...

    async def streams(
        self, target: Target, selector: str, start_ns: int, end_ns: int, timeout_s: float
    ) -> list[Labels]:
        """The labels of the streams that the selector finds."""

    def tail(
        self, target: Target, query: str, start_ns: int, limit: int
    ) -> AbstractAsyncContextManager[AsyncIterator[TailMessage]]:
        """What comes from now on; ends where the remote ends it."""
