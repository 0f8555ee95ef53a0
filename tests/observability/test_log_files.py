"""Log files of the machine are read on as they grow, across rotation, and no more than allowed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aiops.observability.log_sources.files import Files
from aiops.observability.log_sources.journal import Journal
from tests.lab.journal import LabJournal
from tests.lab.packages import lab_available

_NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _files(folder: Path) -> Files:
    return Files(Files.Config(paths=[f"{folder}/*.log"]))


async def _lines(source: Files, position: str | None, limit: int = 100) -> tuple[list[str], str]:
    read = await source.read(position, limit, _NOW)
    return [one.line for one in read.records], read.position


async def test_each_line_is_read_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nthr")
    source = _files(tmp_path)
    lines, position = await _lines(source, None)
    assert lines == ["one", "two"]
    assert (await _lines(source, position))[0] == []
    with log.open("a") as file:
        file.write("ee\nfour\n")
    assert (await _lines(source, position))[0] == ["three", "four"]


async def test_a_rotated_and_a_cut_file_are_read_from_their_start(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\n")
    source = _files(tmp_path)
    _, position = await _lines(source, None)
    log.rename(tmp_path / "a.log.1")
    log.write_text("new\n")
    lines, position = await _lines(source, position)
    assert lines == ["new"]
    log.write_text("x\n")
    assert (await _lines(source, position))[0] == ["x"]


async def test_a_busy_file_leaves_room_for_the_others(tmp_path: Path) -> None:
    (tmp_path / "busy.log").write_text("".join(f"{n}\n" for n in range(1000)))
    (tmp_path / "calm.log").write_text("calm\n")
    source = _files(tmp_path)
    lines, position = await _lines(source, None, 10)
    assert "calm" in lines
    assert len(lines) <= 10
    again, _ = await _lines(source, position, 10)
    assert len(again) == 10


async def test_what_grows_faster_than_it_may_be_read_is_read_on_near_its_end(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("start\n")
    source = _files(tmp_path)
    _, position = await _lines(source, None)
    with log.open("a") as file:
        file.write("x" * 99 + "\n")
        file.truncate(17 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write("\nend\n")
    later = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)
    read = await source.read(position, 100, later)
    assert read.records[-1].line == "end"
    assert read.skipped_s == 300


@pytest.mark.lab
@pytest.mark.skipif(lab_available() is not None, reason=str(lab_available()))
async def test_the_journal_is_read_on_from_its_cursor(tmp_path: Path) -> None:
    written = LabJournal(tmp_path)
    journal = Journal(Journal.Config(folders=(str(tmp_path),), command=str(written.command)))
    assert not journal.available()
    written.write(
        (_NOW - timedelta(seconds=20), "disk full", {"PRIORITY": "3", "_SYSTEMD_UNIT": "db.service"}),
        (_NOW - timedelta(seconds=10), b"\xffhi", {"SYSLOG_IDENTIFIER": "kernel"}),
    )
    assert journal.available()
    first = await journal.read(None, 100, _NOW)
    assert [(one.at, one.line, one.level, one.labels) for one in first.records] == [
        (_NOW - timedelta(seconds=20), "disk full", "error", {"unit": "db.service"}),
        (_NOW - timedelta(seconds=10), "\ufffdhi", None, {"identifier": "kernel"}),
    ]
    assert (await journal.read(first.position, 100, _NOW)).records == []
    written.write((_NOW, "and on", {"_HOSTNAME": "h"}))
    second = await journal.read(first.position, 100, _NOW)
    assert [(one.line, one.labels) for one in second.records] == [("and on", {"host": "h"})]
    written.start_anew()
    later = _NOW + timedelta(seconds=5)
    written.write((later, "first", {}), (later, "second", {}))
    # Where its place is gone, journalctl goes on by time; before version 254 it leaves out one entry then.
    assert (await journal.read(second.position, 100, later)).records[-1].line == "second"
    assert [one.line for one in (await journal.read("no place", 100, later)).records] == ["first", "second"]
