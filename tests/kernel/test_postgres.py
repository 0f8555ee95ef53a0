"""The embedded PostgreSQL comes back with its rows, leaves nothing behind, and says in a line what is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from aiops.kernel.errors import AiopsError
from aiops.kernel.postgres import EmbeddedPostgres, PostgresFailed, running_url
from aiops.kernel.postgres_host import make_folder, reason_in, require_passwd_entry, socket_folder

_HUB = """
import sys, time
from pathlib import Path
from aiops.kernel.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def initialised(open_folder: Path) -> Path:
    server = EmbeddedPostgres(open_folder / "pristine")
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (value int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    server.stop()
    return open_folder / "pristine"


@pytest.fixture
def data_dir(initialised: Path) -> Iterator[Path]:
    # Not below the test's own folder: as root the user who runs postgres could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="aiops-test-"))
    folder.chmod(0o755)
    subprocess.run(["cp", "-a", str(initialised), str(folder / "data")], check=True)
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


def rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT value FROM kept").fetchall()


def eventually(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def processes_of(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if f"-D{data_dir}/postgres" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_postgres_comes_back_with_its_rows_after_it_was_killed(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: server.is_running() and server.pid != killed and running_url(data_dir) is not None)
        assert rows(server.url) == [(42,)]
    finally:
        server.stop()
    assert processes_of(data_dir) == []
    assert running_url(data_dir) is None


def test_killed_hub_leaves_no_postgres_and_starts_again(data_dir: Path) -> None:
    hub = subprocess.Popen([sys.executable, "-c", _HUB, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert hub.stdout is not None
    postgres = psutil.Process(int(hub.stdout.readline()))
    children = postgres.children(recursive=True)
    hub.kill()
    hub.wait()
    hub.stdout.close()
    assert eventually(lambda: not any(process.is_running() for process in [postgres, *children]))
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert rows(server.url) == [(42,)]
    finally:
        server.stop()


def test_postgres_that_outlived_its_hub_is_stopped_at_the_start(data_dir: Path) -> None:
    first = EmbeddedPostgres(data_dir)
    first.start()
    survivor = first.pid
    assert survivor is not None
    assert first._lock is not None
    os.close(first._lock)
    first._lock = None
    first._stopping.set()
    second = EmbeddedPostgres(data_dir)
    second.start()
    try:
        assert second.pid != survivor
        assert rows(second.url) == [(42,)]
    finally:
        second.stop()


def test_stale_number_of_another_process_does_not_keep_it_from_starting(data_dir: Path) -> None:
    other = subprocess.Popen(["sleep", "30"])
    try:
        (data_dir / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n{data_dir}/postgres\n1\n5432\n/tmp\n\n\n")
        server = EmbeddedPostgres(data_dir)
        server.start()
        server.stop()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_second_hub_on_the_same_folder_is_told_so_and_harms_nothing(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        second = EmbeddedPostgres(data_dir)
        with pytest.raises(PostgresFailed, match=r"Another hub is using .* its own AIOPS_DATA_DIR"):
            second.start()
        second.stop()
        assert rows(server.url) == [(42,)]
    finally:
        server.stop()


def failure_of(data_dir: Path) -> str:
    server = EmbeddedPostgres(data_dir)
    with pytest.raises(PostgresFailed) as caught:
        server.start()
    assert "\n" not in caught.value.message
    assert processes_of(data_dir) == []
    return caught.value.message


def test_folder_of_something_else_is_left_alone(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "postgres")
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "letter.txt").write_text("mine")
    assert "is not empty and is not a PostgreSQL folder" in failure_of(data_dir)
    assert (data_dir / "postgres" / "letter.txt").read_text() == "mine"


def test_folder_of_another_version_names_both(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("13\n")
    assert "was made by PostgreSQL 13, this is" in failure_of(data_dir)


@pytest.mark.parametrize("lost", ["global/pg_control", "global/pg_filenode.map", "pg_wal"])
def test_damaged_folder_is_called_damaged(data_dir: Path, lost: str) -> None:
    path = data_dir / "postgres" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = failure_of(data_dir)
    assert "is damaged" in said
    assert "from a backup" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [("PG_VERSION", b"garbage"), ("global/pg_control", b"\x00" * 100), ("global/pg_control", b"\xa5" * 8192)],
    ids=["no version", "truncated", "overwritten"],
)
def test_overwritten_folder_is_called_damaged(data_dir: Path, name: str, content: bytes) -> None:
    (data_dir / "postgres" / name).write_bytes(content)
    assert "is damaged" in failure_of(data_dir)


def test_postgres_of_something_else_is_not_taken_over(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE other SUPERUSER LOGIN")
    with psycopg.connect(server.url.replace("aiops@/aiops", "other@/postgres"), autocommit=True) as connection:
        connection.execute("ALTER ROLE aiops RENAME TO somebody")
    server.stop()
    assert "is the PostgreSQL of something else" in failure_of(data_dir)


def test_data_folder_that_is_a_file_is_named(open_folder: Path) -> None:
    (open_folder / "file").write_text("")
    with pytest.raises(PostgresFailed, match=r"file is not a folder"):
        EmbeddedPostgres(open_folder / "file").start()


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs postgres as another user")
def test_closed_parent_is_named_to_root() -> None:
    closed = Path(tempfile.mkdtemp(prefix="aiops-test-"))
    try:
        with pytest.raises(PostgresFailed, match=rf"can't enter {closed}.*AIOPS_DATA_DIR"):
            EmbeddedPostgres(closed / "data").start()
    finally:
        shutil.rmtree(closed)


def test_folder_without_binaries_is_named(data_dir: Path, open_folder: Path) -> None:
    with pytest.raises(PostgresFailed, match=r"AIOPS_PG_BIN=.* has no postgres in it"):
        EmbeddedPostgres(data_dir, bin_dir=open_folder).start()


def test_user_without_passwd_entry_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)
    with pytest.raises(AiopsError, match="AIOPS_DATABASE_URL"):
        require_passwd_entry()


def test_socket_path_stays_short_under_a_long_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    assert len(str(socket_folder(tmp_path, "0123456789ab") / ".s.PGSQL.5432")) <= 107


def test_made_data_folder_can_be_passed_by_the_service_user_only_where_needed(open_folder: Path) -> None:
    before = os.umask(0o077)
    try:
        make_folder(open_folder / "deep" / "data")
    finally:
        os.umask(before)
    mode = (open_folder / "deep").stat().st_mode & 0o777
    assert mode == (0o755 if os.getuid() == 0 else 0o700)


def test_full_disk_is_found_among_the_complaints() -> None:
    lines = [
        "initdb: error: could not write file: No space left on device",
        "initdb: removing contents of data directory",
        "initdb: error: child process exited with exit code 1",
    ]
    assert "No space left on device" in reason_in(lines)
