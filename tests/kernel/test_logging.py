"""The log: every line says which trace it belongs to."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from aiops.kernel.logging import configure_logging
from aiops.kernel.tracing import continue_trace, in_trace, new_trace, parse_traceparent


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("json", "info", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_json_with_its_trace(written: io.StringIO) -> None:
    with in_trace(new_trace()) as trace:
        structlog.get_logger("aiops.somewhere").info("cluster_down", cluster="east", path=written)
    structlog.get_logger("aiops.somewhere").debug("not_shown")
    (line,) = lines(written)
    assert (line["event"], line["cluster"], line["level"]) == ("cluster_down", "east", "info")
    assert (line["trace_id"], line["logger"]) == (trace.trace_id, "aiops.somewhere")
    assert line["timestamp"].endswith("Z")


def test_foreign_loggers_and_exceptions_come_the_same_way(written: io.StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("elsewhere").exception("failed %s", "here")
    (line,) = lines(written)
    assert line["event"] == "failed here"
    assert "ValueError: broken" in line["exception"]


def test_callers_trace_is_continued() -> None:
    header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    ours = continue_trace(header)
    assert ours.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert ours.span_id != "00f067aa0ba902b7"
    assert parse_traceparent(ours.traceparent) == ours


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ],
)
def test_header_that_is_not_valid_starts_a_new_trace(header: str | None) -> None:
    assert parse_traceparent(header) is None
    assert len(continue_trace(header).trace_id) == 32
