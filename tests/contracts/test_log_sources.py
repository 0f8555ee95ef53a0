"""What holds for every log source, shipped or of another package; a new file is covered with no edit here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiops.kernel.plugins import Plugins, load_plugins
from aiops.observability.needs import PolledLogs
from tests.lab.journal import LabJournal
from tests.lab.packages import lab_available

SOURCES: Plugins[PolledLogs] = load_plugins(
    "log_sources", package="aiops.observability.log_sources", contract=PolledLogs
)


def _something_to_read(name: str, folder: Path) -> dict[str, Any]:
    """Settings by which a shipped source has lines to read; one of another package reads what there is."""
    now = datetime.now(UTC)
    if name == "files":
        (folder / "a.log").write_text("".join(f"line {number}\n" for number in range(9)))
        return {"paths": [f"{folder}/*.log"]}
    if name == "journal":
        if (lacking := lab_available()) is not None:
            pytest.skip(lacking)
        journal = LabJournal(folder)
        journal.write(*((now, f"entry {number}", {}) for number in range(9)))
        return {"folders": [str(folder)], "command": str(journal.command)}
    return {}


@pytest.fixture(params=sorted(SOURCES.usable))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> PolledLogs:
    return SOURCES[request.param].build(_something_to_read(request.param, tmp_path))


def test_none_is_broken() -> None:
    assert SOURCES.broken == ()


@pytest.mark.parametrize("name", sorted(SOURCES.usable))
def test_its_settings_have_a_schema_and_defaults(name: str) -> None:
    assert msgspec.json.schema(SOURCES[name].config)
    assert SOURCES[name].config() is not None


async def test_it_reads_no_more_than_it_may_and_can_read_on(source: PolledLogs) -> None:
    if not source.available():
        pytest.skip("there is none of its kind on this machine")
    now = datetime.now(UTC)
    first = await asyncio.wait_for(source.read(None, 5, now), 30)
    assert len(first.records) <= 5
    assert all(one.at.tzinfo is not None for one in first.records)
    second = await asyncio.wait_for(source.read(first.position, 5, now), 30)
    assert len(second.records) <= 5
    assert first.skipped_s >= 0


async def test_a_position_that_is_not_its_own_counts_as_none(source: PolledLogs) -> None:
    if not source.available():
        pytest.skip("there is none of its kind on this machine")
    assert await asyncio.wait_for(source.read("not a position", 5, datetime.now(UTC)), 30)
