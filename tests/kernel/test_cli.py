"""The command line: help that helps, and failures in one line with exit code 2."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from aiops.cli import main
from aiops.cli.failures import in_one_line
from aiops.cli.serve import listening
from aiops.settings import Settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIOPS_DATA_DIR", str(tmp_path / "data"))


def aiops(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiops", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_busy_port_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        monkeypatch.setenv("AIOPS_PORT", str(port))
        done = aiops("serve")
    assert done.returncode == 2
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr
    assert "AIOPS_PORT=" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_unknown_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AIOPS_PRT", "1")
    assert main(["migrate"]) == 2
    assert capsys.readouterr().err == "aiops: There is no setting AIOPS_PRT. Did you mean AIOPS_PORT?\n"


def test_database_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIOPS_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["migrate"]) == 2
    said = capsys.readouterr().err
    assert "The database can't be reached" in said
    assert len(said.splitlines()) == 1


def test_help_lists_the_commands_and_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [name for name in ("serve", "migrate", "doctor", "openapi", "user", "source") if name not in shown] == []
    assert "`secret_key`" in shown


def test_doctor_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AIOPS_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["doctor"]) == 1
    assert "FAIL  database: The database can't be reached" in capsys.readouterr().out


def test_any_free_port_is_taken_for_zero(tmp_path: Path) -> None:
    with listening(Settings(data_dir=tmp_path, port=0)) as sockets:
        assert sockets[0].getsockname()[1] > 0


def test_full_disk_is_said_wherever_it_shows(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    assert "is full: free some space, or set AIOPS_DATA_DIR" in (in_one_line(full, settings) or "")
    assert "is full" in (in_one_line(psycopg.errors.DiskFull("full"), settings) or "")
    assert in_one_line(KeyError("bug"), settings) is None
