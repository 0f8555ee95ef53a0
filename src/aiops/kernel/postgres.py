"""The hub's own PostgreSQL: a supervised child that dies with its parent and comes back when it dies alone."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import psutil
import psycopg
import structlog

from aiops.kernel.database import DISK_FULL
from aiops.kernel.postgres_host import (
    PostgresFailed,
    die_with_parent,
    find_binaries,
    from_os_error,
    full_disk,
    is_full_disk,
    make_folder,
    make_socket_folder,
    reason_in,
    require_passwd_entry,
    service_user,
    socket_folder,
)

__all__ = ["EmbeddedPostgres", "PostgresFailed", "running_url"]

_START_TIMEOUT_S = 120.0
_PATIENCE_S = 2.0
_LEFTOVERS_TIMEOUT_S = 10.0
_LOOK_EVERY_S = 0.25
_LONGEST_PAUSE_S = 10.0
_LONGEST_LOG = 5_000_000
_TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "jit": "off",
    "max_wal_size": "1GB",
    "autovacuum_naptime": "20s",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_min_messages": "warning",
}
_NOT_YET = (
    "starting up",
    "not yet accepting",
    "shutting down",
    "recovery",
    "No such file",
    "refused",
    "closed the conn",
)
_SIGNS_OF_DAMAGE = (
    "could not",
    "required WAL directory",
    "invalid",
    "incompatible with server",
    "incorrect checksum",
    "corrupt",
    "missing",
)
_LEFTOVERS = ("pre-existing shared memory block", "already exists")

_NOT_RESTARTED = "The database could not be started again; the hub's log says why."

_log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """PostgreSQL in `data_dir/postgres`, reached over a Unix socket only.

    Its folder is locked while this object is started, so one replica holds it. postgres refuses to run as root: there
    it runs as the user `postgres`, or else `nobody`, from a copy of its binaries that this user can read.
    """

    def __init__(self, data_dir: Path, *, bin_dir: Path | None = None) -> None:
        self._root = data_dir
        self._data = data_dir / "postgres"
        self._log_file = data_dir / "postgres.log"
        self._given_bin = bin_dir
        self._user = service_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._keeper: threading.Thread | None = None
        self._stopping = threading.Event()
        self._problem: str | None = None
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
        self._socket_dir = socket_folder(data_dir, digest)

    @property
    def url(self) -> str:
        return _url(self._socket_dir)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def problem(self) -> str | None:
        """Why it could not be started again, in words that callers of the hub may read; None where it runs."""
        return self._problem

    def start(self) -> None:
        """Make the folder if needed, recover it if needed, and return once it takes connections.

        From then on it is looked at four times a second and started again where it died, until `stop`.
        """
        try:
            make_folder(self._root)
            self._take_lock()
            try:
                self._prepare()
                self._start_keeper()
            except BaseException:
                self._release()
                raise
        except OSError as error:
            raise from_os_error(error, self._root) from error

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, what was committed is kept."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
        self._release()

    def _prepare(self) -> None:
        self._user.require_way_to(self._root, "AIOPS_DATA_DIR")
        self._bin = find_binaries(self._given_bin, self._root, self._user)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()

    def _take_lock(self) -> None:
        lock = os.open(self._root / "hub.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise PostgresFailed(
                f"Another hub is using {self._root}. Stop it, or give this one its own AIOPS_DATA_DIR."
            ) from None
        self._lock = lock

    def _release(self) -> None:
        if self._lock is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def _initialise(self) -> None:
        if self._data.exists() and any(self._data.iterdir()):
            raise PostgresFailed(
                f"{self._data} is not empty and is not a PostgreSQL folder. Move it away, or set AIOPS_DATA_DIR."
            )
        require_passwd_entry()
        fresh = self._data.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._user.give(fresh)
        options = ["--username=aiops", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--data-checksums"]
        done = subprocess.run(
            [str(self._bin / "initdb"), f"--pgdata={fresh}", *options],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            preexec_fn=partial(die_with_parent, os.getpid()),
            **self._user.popen_options,
        )
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise self._failed("initdb failed", reason_in(done.stderr.splitlines()))
        shutil.rmtree(self._data, ignore_errors=True)
        fresh.rename(self._data)

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text(errors="replace").strip()
        if not made_by.isdigit() or not (self._data / "global" / "pg_control").exists():
            raise self._damaged("its PG_VERSION or global/pg_control is missing or unreadable")
        printed = subprocess.run([str(self._bin / "postgres"), "--version"], capture_output=True, text=True, check=True)
        ours = next(word.split(".")[0] for word in printed.stdout.split() if word[0].isdigit())
        if made_by != ours:
            raise PostgresFailed(
                f"{self._data} was made by PostgreSQL {made_by}, this is {ours}. "
                f"Point AIOPS_PG_BIN at PostgreSQL {made_by}, or set another AIOPS_DATA_DIR."
            )
        owner = self._data.stat().st_uid
        if owner != self._user.uid:
            raise PostgresFailed(
                f"{self._data} belongs to the uid {owner}, but PostgreSQL runs here as the uid {self._user.uid}: "
                f"run `chown -R {self._user.uid} {self._data}`, or set another AIOPS_DATA_DIR."
            )

    def _start_keeper(self) -> None:
        """One thread starts every postgres: the parent-death signal comes when the thread that forked ends."""
        started = threading.Event()
        failure: list[BaseException] = []

        def keep() -> None:
            try:
                self._stop_survivor()
                self._launch_past_leftovers()
            except BaseException as error:
                failure.append(error)
            started.set()
            if not failure:
                self._keep_running()
            self._shut_down()

        self._stopping.clear()
        self._keeper = threading.Thread(target=keep, name="postgres-keeper", daemon=True)
        self._keeper.start()
        started.wait()
        if failure:
            self._keeper.join()
            raise failure[0]

    def _keep_running(self) -> None:
        pause = _LOOK_EVERY_S
        failing = False
        while not self._stopping.wait(pause):
            if self.is_running():
                continue
            try:
                code = self._process.returncode if self._process else None
                self._stop_survivor()
                self._launch_past_leftovers()
            except Exception as error:
                if not failing:
                    _log.error("postgres_not_restarted", reason=str(error))
                failing = True
                self._problem = DISK_FULL if is_full_disk(error) else _NOT_RESTARTED
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                _log.warning("postgres_restarted", exit_code=code, pid=self.pid)
                failing, pause, self._problem = False, _LOOK_EVERY_S, None

    def _shut_down(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        self._process = None

    def _stop_survivor(self) -> None:
        """A postgres that outlived its hub is stopped; one that we have just seen die is none."""
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
            pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
            survivor = psutil.Process(pid)
            if "postgres" not in survivor.name() or str(self._data) not in " ".join(survivor.cmdline()):
                # The number went to another process, as in a restarted container; postgres would refuse to start.
                (self._data / "postmaster.pid").unlink()
                return
            for sign in (signal.SIGINT, signal.SIGQUIT):
                survivor.send_signal(sign)
                with contextlib.suppress(psutil.TimeoutExpired):
                    survivor.wait(10)
                    return

    def _launch_past_leftovers(self) -> None:
        """After kill -9 its backends need a moment to see that they are alone; until then a new one is refused."""
        deadline = time.monotonic() + _LEFTOVERS_TIMEOUT_S
        while True:
            try:
                self._launch()
                return
            except PostgresFailed as error:
                if time.monotonic() > deadline or not any(word in error.message for word in _LEFTOVERS):
                    raise
            time.sleep(0.1)

    def _launch(self) -> None:
        make_socket_folder(self._socket_dir, self._user)
        if self._log_file.exists() and self._log_file.stat().st_size > _LONGEST_LOG:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))
        self._log_file.touch(mode=0o600)
        said_before = self._log_file.stat().st_size
        options = [f"--{name.replace('_', '-')}={value}" for name, value in _TUNING.items()]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), f"-D{self._data}", f"-k{self._socket_dir}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
                **self._user.popen_options,
            )
        try:
            self._wait_until_ready(self._process, said_before)
        except BaseException:
            # One that never got ready may not heed a polite request either, and has nothing to save.
            self._process.kill()
            self._process.wait()
            raise

    def _wait_until_ready(self, process: subprocess.Popen[bytes], said_before: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        patience = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._failed("PostgreSQL did not start", self._reason_since(said_before))
            try:
                self._make_database()
                return
            except psycopg.OperationalError as error:
                if "FATAL" in str(error) and not any(word in str(error) for word in _NOT_YET):
                    raise self._failed("PostgreSQL did not start", reason_in(str(error).splitlines())) from error
                # A damaged one may start and fall over again and again; its log tells, its last word to us does not.
                if time.monotonic() > patience and "starting up" not in str(error):
                    self._give_up_if_damaged(said_before)
                time.sleep(0.03)
        raise PostgresFailed(f"PostgreSQL was not ready in {_START_TIMEOUT_S:.0f} s; see {self._log_file}")

    def _make_database(self) -> None:
        admin = self.url.replace("/aiops?", "/postgres?")
        with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'aiops'").fetchone():
                connection.execute("CREATE DATABASE aiops")

    def _give_up_if_damaged(self, said_before: int) -> None:
        reason = self._reason_since(said_before)
        if any(sign in reason for sign in _SIGNS_OF_DAMAGE):
            raise self._failed("PostgreSQL did not start", reason)

    def _reason_since(self, offset: int) -> str:
        with self._log_file.open("rb") as log:
            log.seek(offset)
            return reason_in(log.read().decode(errors="replace").splitlines())

    def _failed(self, what: str, reason: str) -> PostgresFailed:
        if "No space left on device" in reason:
            return full_disk(self._root)
        if 'role "aiops" does not exist' in reason:
            return PostgresFailed(
                f"{self._data} is the PostgreSQL of something else: move it away, or set another AIOPS_DATA_DIR."
            )
        if any(sign in reason for sign in _SIGNS_OF_DAMAGE):
            return self._damaged(reason)
        return PostgresFailed(f"{what}: {reason} (all of it in {self._log_file})")

    def _damaged(self, reason: str) -> PostgresFailed:
        return PostgresFailed(
            f"{self._data} is damaged ({reason}): put it back from a backup, or move it away to begin anew."
        )


def running_url(data_dir: Path) -> str | None:
    """The address of the embedded PostgreSQL that a hub runs in this folder right now, or None."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        if psutil.pid_exists(int(lines[0])) and lines[7].strip() == "ready":
            return _url(Path(lines[4]))
    return None


def _url(socket_dir: Path) -> str:
    return f"postgresql://aiops@/aiops?host={socket_dir}"
