"""The command line: help that helps, and failures in one line with exit code 2."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from aiops.cli import main
from aiops.cli.failures import in_one_line
from aiops.cli.serve import listening
from aiops.kernel.master_key import require_same_key
from aiops.settings import Settings, secret_key

_KEY = "a key of the tests, long enough for it"


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


@pytest.fixture
def set_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of this version, used with a key."""
    monkeypatch.setenv("AIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("AIOPS_SECRET_KEY", _KEY)
    monkeypatch.setenv("AIOPS_PORT", "0")
    require_same_key(database_url, secret_key(Settings(secret_key=_KEY)), "AIOPS_SECRET_KEY")
    return database_url


def doctor_on(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    main(["doctor"])
    return next(line for line in capsys.readouterr().out.splitlines() if line[6:].startswith(f"{name}:"))


@pytest.mark.parametrize("name", ["database", "schema", "stored secrets", "events", "orphans"])
def test_doctor_finds_a_database_of_this_version_well(
    name: str, set_up: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor_on(name, capsys).startswith("ok  ")


def test_doctor_finds_what_a_cluster_that_is_gone_has_left(set_up: str, capsys: pytest.CaptureFixture[str]) -> None:
    gone = uuid4()
    with psycopg.connect(set_up) as connection:
        connection.execute(
            "INSERT INTO intelligence.track (cluster_id, watch, detector, watermark, series, state)"
            " VALUES (%s, 'node_cpu', 'x', 0, '[]', '')",
            (gone,),
        )
        head = "INSERT INTO observability.head (cluster_id, min_ms, max_ms, samples) VALUES (%s, 0, 0, '')"
        connection.execute(head, (gone,))
        connection.execute("CREATE TABLE observability.rollup_1m_test PARTITION OF observability.rollup_1m DEFAULT")
        connection.execute("INSERT INTO observability.rollup_1m VALUES (%s, 0, 0, 0, 1, '')", (gone,))
        connection.execute("INSERT INTO observability.alert_pull (cluster_id, next_at) VALUES (%s, now())", (gone,))
    assert (
        "FAIL  orphans: of clusters that are gone there are still 2 rows of samples, 1 readings of alerts, "
        "1 learned bands"
    ) in doctor_on("orphans", capsys)


def test_doctor_names_what_was_given_up_and_it_can_be_tried_again(
    set_up: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(set_up) as connection:
        connection.execute(
            "WITH one AS (INSERT INTO kernel.outbox VALUES (gen_random_uuid(), 'CLUSTER_DELETED', now(), '{}')"
            " RETURNING event_id) INSERT INTO kernel.delivery (event_id, handler, attempts, dead_at, error)"
            " SELECT event_id, 'observability.forget_cluster', 9, now(), 'no' FROM one"
        )
    assert "1 were given up, the last CLUSTER_DELETED" in doctor_on("events", capsys)
    assert main(["retry-events"]) == 0
    assert "1 will be tried again" in capsys.readouterr().out
    assert doctor_on("events", capsys).startswith("ok  ")


def test_doctor_misses_a_key_that_is_gone(
    set_up: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIOPS_SECRET_KEY")
    assert "is gone: put it back" in doctor_on("stored secrets", capsys)


def test_another_key_is_told_at_the_start_with_the_way_out(
    set_up: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIOPS_SECRET_KEY", _KEY[::-1])
    refused = aiops("serve")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "AIOPS_SECRET_KEY is not the key that this database keeps credentials under" in refused.stderr
    assert doctor_on("stored secrets", capsys).startswith("FAIL")
    assert main(["accept-key"]) == 0
    assert doctor_on("stored secrets", capsys).startswith("ok  ")


def test_database_of_a_newer_version_is_left_alone_and_told(set_up: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(set_up) as connection:
        connection.execute("UPDATE kernel.alembic_version SET version_num = '9999'")
    assert main(["migrate"]) == 2
    said = capsys.readouterr().err
    assert "The database is at revision 9999" in said
    assert len(said.splitlines()) == 1


def test_any_free_port_is_taken_for_zero(tmp_path: Path) -> None:
    with listening(Settings(data_dir=tmp_path, port=0)) as sockets:
        assert sockets[0].getsockname()[1] > 0


def test_full_disk_is_said_wherever_it_shows(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    assert "is full: free some space, or set AIOPS_DATA_DIR" in (in_one_line(full, settings) or "")
    assert "is full" in (in_one_line(psycopg.errors.DiskFull("full"), settings) or "")
    assert in_one_line(KeyError("bug"), settings) is None
