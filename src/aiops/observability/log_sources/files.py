"""Log files of this machine, read on as they grow, across rotation."""

from __future__ import annotations

import asyncio
import glob
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from aiops.observability.ports_signals import LogRead, LogRecord

_FROM_THE_END = 64 * 1024
_MOST_FILES = 200
_LONGEST_LINE = 64 * 1024
# A log that runs ahead of its reader by more than this is read on near its end.
_MOST_BEHIND = 16 * 1024 * 1024
_BY_DEFAULT = ("/var/log/syslog", "/var/log/messages")
_JOURNALS = ("/var/log/journal/*/*.journal", "/run/log/journal/*/*.journal")


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a file was read: `inode` tells whether it is still that file, `at` (Unix seconds) when it was read."""

    inode: int
    offset: int
    at: float


_Places = dict[str, _Place]


class Files:
    """Files by pattern (`/var/log/app/*.log`); without any, the system's log where there is no journal."""

    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        paths: list[str] = []

    def __init__(self, config: Config) -> None:
        self._paths = [path for path in config.paths if path]
        self._host = socket.gethostname()

    def available(self) -> bool:
        return bool(self._found())

    async def read(self, position: str | None, limit: int, now: datetime) -> LogRead:
        return await asyncio.to_thread(self._read, position, limit, now)

    def _found(self) -> list[str]:
        if not self._paths and any(glob.glob(pattern) for pattern in _JOURNALS):
            return []
        patterns = self._paths or _BY_DEFAULT
        found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}
        return sorted(path for path in found if os.path.isfile(path) and os.access(path, os.R_OK))[:_MOST_FILES]

    def _read(self, position: str | None, limit: int, now: datetime) -> LogRead:
        places, found = _places_of(position), self._found()
        records: list[LogRecord] = []
        skipped = 0.0
        # Those with little to read first: what they leave of their share is the busy ones'.
        turn = sorted(found, key=lambda path: os.stat(path).st_size - (places[path].offset if path in places else 0))
        for number, path in enumerate(turn):
            share = (limit - len(records)) // (len(turn) - number)
            lines, place, left_out = self._read_one(path, places.get(path), share, now)
            labels = {"filename": path, "host": self._host}
            records += [LogRecord(now, line, labels) for line in lines]
            places[path] = place
            skipped = max(skipped, left_out)
        kept = {path: place for path, place in places.items() if path in found}
        return LogRead(records, msgspec.json.encode(kept).decode(), now, skipped)

    def _read_one(self, path: str, place: _Place | None, most: int, now: datetime) -> tuple[list[str], _Place, float]:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            left_out = 0.0
            if place is None:
                self._start_at(file, max(status.st_size - _FROM_THE_END, 0))
            elif place.inode != status.st_ino or place.offset > status.st_size:
                # Rotated or cut: it begins anew.
                file.seek(0)
            elif status.st_size - place.offset > _MOST_BEHIND:
                left_out = max(now.timestamp() - place.at, 0.0)
                self._start_at(file, status.st_size - _FROM_THE_END)
            else:
                file.seek(place.offset)
            lines: list[str] = []
            offset = file.tell()
            while len(lines) < most and (data := file.readline(_LONGEST_LINE)):
                # What has no end yet is still being written.
                if not data.endswith(b"\n") and len(data) < _LONGEST_LINE:
                    break
                offset = file.tell()
                lines.append(data.decode("utf-8", "replace").rstrip("\r\n"))
            return lines, _Place(status.st_ino, offset, now.timestamp()), left_out

    @staticmethod
    def _start_at(file: BinaryIO, offset: int) -> None:
        file.seek(offset)
        if offset:
            file.readline(_LONGEST_LINE)


def _places_of(position: str | None) -> _Places:
    try:
        return msgspec.json.decode(position, type=_Places) if position else {}
    except msgspec.DecodeError:
        return {}
