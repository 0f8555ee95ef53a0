"""What federation requires of a remote Prometheus, and how its answers look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from aiops.observability.ports import InstantSeries, Labels
from aiops.registry.ports import Target

T_co = TypeVar("T_co", covariant=True)

Point = tuple[float, str]


class RemoteMatrix(msgspec.Struct, frozen=True, gc=False):
    metric: Labels
    values: list[Point]


class VectorResult(msgspec.Struct, frozen=True, tag_field="resultType", tag="vector"):
    result: list[InstantSeries]


class ScalarResult(msgspec.Struct, frozen=True, tag_field="resultType", tag="scalar"):
    result: Point


class StringResult(msgspec.Struct, frozen=True, tag_field="resultType", tag="string"):
    result: Point


class MatrixResult(msgspec.Struct, frozen=True, tag_field="resultType", tag="matrix"):
    result: list[RemoteMatrix]


RemoteInstant = VectorResult | ScalarResult | StringResult | MatrixResult
RemoteRange = MatrixResult


class RemoteAnswer(msgspec.Struct, Generic[T_co], frozen=True):
    """`warnings` are the remote's own: it answered in part. `size` is that of its reply in bytes."""

    data: T_co
    warnings: tuple[str, ...]
    size: int = 0
    age_s: float = 0.0


@dataclass(frozen=True)
class RemoteWithin:
    """Only what one of these selectors finds (everything: none), between two moments in Unix seconds."""

    match: tuple[str, ...]
    start_s: float
    end_s: float


class Meaning(msgspec.Struct, frozen=True):
    """What an exporter says of a metric."""

    type: str
    help: str
    unit: str = ""


class RemoteMetrics(Protocol):
    """Raises `Invalid` where the remote refuses, `TimedOut` or `Unavailable` where it does not answer."""

    async def instant(
        self, target: Target, query: str, at_s: float | None, timeout_s: float
    ) -> RemoteAnswer[RemoteInstant]:
        """At the remote's own present where no moment is given."""

    async def range(
        self, target: Target, query: str, start_s: float, end_s: float, step_s: float, timeout_s: float
    ) -> RemoteAnswer[RemoteRange]: ...

    async def labels(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[str]]: ...

    async def label_values(
        self, target: Target, name: str, within: RemoteWithin, timeout_s: float
    ) -> RemoteAnswer[list[str]]: ...

    async def series(self, target: Target, within: RemoteWithin, timeout_s: float) -> RemoteAnswer[list[Labels]]: ...

    async def metadata(
        self, target: Target, metric: str | None, timeout_s: float
    ) -> RemoteAnswer[dict[str, list[Meaning]]]: ...
