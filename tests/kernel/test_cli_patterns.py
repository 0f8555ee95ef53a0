"""`aiops patterns`: the two tables, and failures in one line."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from aiops.cli import main

_LOG = "connection from 10.0.0.1 closed\nready\nconnection from 10.0.0.2 closed\n"


def test_lines_and_patterns_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, out = tmp_path / "a.log", tmp_path / "lines.csv"
    log.write_text(_LOG)
    assert main(["patterns", str(log), "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pattern_id\tlines\tpattern",
        "1\t2\tconnection from <*> closed",
        "2\t1\tready",
    ]
    with out.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "pattern_id", "pattern"],
            ["1", "1", "connection from <*> closed"],
            ["2", "2", "ready"],
            ["3", "1", "connection from <*> closed"],
        ]


def test_standard_input_and_binary_are_read() -> None:
    command = [sys.executable, "-m", "aiops", "patterns", "-"]
    done = subprocess.run(
        command, input=b"\xff\xfe\0 7\n\n" + _LOG.encode(), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert b"2\tconnection from <*> closed" in done.stdout


def test_what_cannot_be_read_or_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, packed = tmp_path / "a.log", tmp_path / "a.gz"
    log.write_text(_LOG)
    packed.write_bytes(b"\x1f\x8b\x08\0")
    wrong = {
        (str(tmp_path / "none.log"),): "No such file",
        (str(tmp_path),): "is a folder",
        (str(packed),): "zcat",
        (str(log), "--out", str(log)): "names the log itself",
        (str(log), "--out", str(tmp_path)): "is a folder",
        (str(log), "--out", str(tmp_path / "no" / "lines.csv")): "There is no folder",
    }
    for arguments, said in wrong.items():
        assert main(["patterns", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert len(error.splitlines()) == 1
    assert log.read_text() == _LOG


def test_an_empty_log_has_no_patterns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.log").touch()
    assert main(["patterns", str(tmp_path / "a.log")]) == 0
    assert capsys.readouterr().out == "pattern_id\tlines\tpattern\n"
