"""A journal as systemd keeps it, without systemd at work: written by its own receiver, read by its own `journalctl`."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tests.lab.packages import LabFailed, package_folder

_BOOT_ID = "0123456789abcdef0123456789abcdef"
_LIBRARIES = ("libsystemd-shared", ("libmicrohttpd12", "libmicrohttpd12t64"))


class LabJournal:
    """The journal in `folder`; `command` is the `journalctl` that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.command = folder / "journalctl"
        self._journal = folder / _BOOT_ID / "system.journal"
        self._journal.parent.mkdir()
        parts = [_package(names) for names in _LIBRARIES]
        libraries = {str(one.parent) for part in parts for one in part.rglob("*.so*") if one.is_file()}
        self._environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}
        self._receiver = _program("systemd-journal-remote", "systemd-journal-remote")
        reader = _program("systemd", "journalctl")
        lines = [f"export LD_LIBRARY_PATH={self._environment['LD_LIBRARY_PATH']}", f'exec {reader} -D {folder} "$@"']
        self.command.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        self.command.chmod(self.command.stat().st_mode | stat.S_IXUSR)

    def write(self, *entries: tuple[datetime, str | bytes, Mapping[str, str]]) -> None:
        """Entries of (time, message, other fields) are added, in the order given."""
        done = subprocess.run(
            [self._receiver, f"--output={self._journal}", "-"],
            input=b"".join(_exported(*entry) for entry in entries),
            env=self._environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise LabFailed(f"systemd-journal-remote failed: {done.stderr.decode(errors='replace')[-600:]}")

    def start_anew(self) -> None:
        """As after a vacuum: what there was is gone."""
        self._journal.unlink()


def _exported(at: datetime, message: str | bytes, fields: Mapping[str, str]) -> bytes:
    """One entry of systemd's Journal Export Format: text as NAME=value, bytes as NAME, length and content."""
    head = {"__REALTIME_TIMESTAMP": str(int(at.timestamp() * 1e6)), "_BOOT_ID": _BOOT_ID, **fields}
    lines = [f"{name}={value}".encode() for name, value in head.items()]
    if isinstance(message, bytes):
        lines.append(b"MESSAGE\n" + len(message).to_bytes(8, "little") + message)
    else:
        lines.append(f"MESSAGE={message}".encode())
    return b"\n".join([*lines, b"", b""])


def _package(names: str | tuple[str, ...]) -> Path:
    """The first of the names that this release of the system has."""
    first, *others = (names,) if isinstance(names, str) else names
    try:
        return package_folder(first)
    except LabFailed:
        if not others:
            raise
        return _package(tuple(others))


def _program(package: str, name: str) -> Path:
    folder = package_folder(package)
    found = [
        one for one in folder.rglob(name) if one.is_file() and os.access(one, os.X_OK) and "share" not in one.parts
    ]
    if not found:
        raise LabFailed(f"There is no {name} in Debian's package {package}.")
    return found[0]
