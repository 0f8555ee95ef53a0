"""What the traces require of a remote Tempo, and how its answers look."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from aiops.registry.ports import Target


class AnyValue(msgspec.Struct, frozen=True, rename="camel"):
    """A value of OpenTelemetry's: one of these is there, or none."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bytes_value: str | None = None
    array_value: dict[str, Any] | None = None
    kvlist_value: dict[str, Any] | None = None


class Attribute(msgspec.Struct, frozen=True):
    key: str
    value: AnyValue = AnyValue()


class FoundSpan(msgspec.Struct, frozen=True, rename="camel"):
    start_time_unix_nano: int | str = 0
    name: str | None = None
    attributes: list[Attribute] = []


class SpanSet(msgspec.Struct, frozen=True):
    spans: list[FoundSpan] = []
    matched: int = 0


class ServiceStats(msgspec.Struct, frozen=True, rename="camel"):
    span_count: int = 0
    error_count: int = 0


class FoundTrace(msgspec.Struct, frozen=True, rename="camel"):
    """`traceID` comes without its leading zeros."""

    trace_id: str = msgspec.field(name="traceID")
    root_service_name: str = ""
    root_trace_name: str = ""
    start_time_unix_nano: int | str = 0
    duration_ms: float = 0.0
    span_set: SpanSet | None = None
    span_sets: list[SpanSet] = []
    service_stats: dict[str, ServiceStats] = {}

    @property
    def sets(self) -> list[SpanSet]:
        """Older servers have but one."""
        return self.span_sets or ([] if self.span_set is None else [self.span_set])


class SearchReply(msgspec.Struct, frozen=True):
    traces: list[FoundTrace] = []


class RemoteEvent(msgspec.Struct, frozen=True, rename="camel"):
    time_unix_nano: int | str = 0
    name: str = ""
    attributes: list[Attribute] = []


class RemoteStatus(msgspec.Struct, frozen=True):
    code: int | str = 0
    message: str = ""


class RemoteSpan(msgspec.Struct, frozen=True, rename="camel"):
    """Ids are base64, as protobuf's JSON has bytes, or hexadecimal, as OpenTelemetry's JSON has them."""

    span_id: str
    parent_span_id: str = ""
    name: str = ""
    kind: int | str = 0
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[Attribute] = []
    events: list[RemoteEvent] = []
    status: RemoteStatus = RemoteStatus()


class ScopeSpans(msgspec.Struct, frozen=True):
    spans: list[RemoteSpan] = []


class Resource(msgspec.Struct, frozen=True):
    attributes: list[Attribute] = []


class ResourceSpans(msgspec.Struct, frozen=True, rename="camel"):
    resource: Resource = Resource()
    scope_spans: list[ScopeSpans] = []
    instrumentation_library_spans: list[ScopeSpans] = []


class RemoteTrace(msgspec.Struct, frozen=True):
    """`partial` says why it is not all of the trace, where the remote says so."""

    parts: list[ResourceSpans]
    partial: str | None = None


class RemoteTraces(Protocol):
    """Raises `Invalid` where the remote refuses, `TimedOut` or `Unavailable` where it does not answer."""

    async def search(
        self, target: Target, query: str, start_s: int, end_s: int, limit: int, timeout_s: float
    ) -> list[FoundTrace]: ...

    async def trace(self, target: Target, trace_id: str, timeout_s: float) -> RemoteTrace | None:
        """`None` where it has no such trace."""

    async def tag_values(
        self, target: Target, tag: str, query: str, start_s: int, end_s: int, timeout_s: float
    ) -> list[str]: ...


def value_of(value: AnyValue) -> Any:
    """As JSON has it."""
    if value.int_value is not None:
        return int(value.int_value)
    if value.double_value is not None:
        return float(value.double_value)
    for plain in (value.string_value, value.bool_value, value.bytes_value):
        if plain is not None:
            return plain
    for nested in (value.array_value, value.kvlist_value):
        if nested is not None:
            return nested.get("values", [])
    return None


def attributes_of(attributes: list[Attribute]) -> dict[str, Any]:
    return {one.key: value_of(one.value) for one in attributes}
