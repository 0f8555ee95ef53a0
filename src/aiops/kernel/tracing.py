"""W3C trace context: which request a line of the log, an error or an outgoing call belongs to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_current: ContextVar[TraceContext | None] = ContextVar("aiops_trace", default=None)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of a trace; `traceparent` is what to send on to others."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self) -> TraceContext:
        """The next span of the same trace."""
        return TraceContext(self.trace_id, secrets.token_hex(8), self.sampled)


def new_trace() -> TraceContext:
    return TraceContext(secrets.token_hex(16), secrets.token_hex(8))


def parse_traceparent(header: str | None) -> TraceContext | None:
    """The caller's span; None where the header is absent or not valid, as the standard asks."""
    found = _FORM.fullmatch((header or "").strip())
    if not found:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


def continue_trace(header: str | None) -> TraceContext:
    """Our span for a request: of the caller's trace, or of a new one."""
    caller = parse_traceparent(header)
    return caller.child() if caller else new_trace()


def current_trace() -> TraceContext | None:
    return _current.get()


@contextmanager
def in_trace(trace: TraceContext) -> Iterator[TraceContext]:
    """Everything inside, tasks started there too, belongs to this span."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
