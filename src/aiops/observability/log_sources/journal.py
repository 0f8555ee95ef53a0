"""The journal of this machine, by `journalctl` (systemd's own reader of its files)."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from aiops.observability.ports_signals import LogRead, LogRecord

_AT_FIRST = 500
_MOST_BEHIND_S = 120.0
_LONGEST_ENTRY = 1024 * 1024
# Of syslog, RFC 5424: 0 to 7.
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
_LABELS = {"_SYSTEMD_UNIT": "unit", "SYSLOG_IDENTIFIER": "identifier", "_HOSTNAME": "host", "_TRANSPORT": "transport"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Journal:
    """Entries of all units and of the kernel, as far as this user may read them."""

    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        folders: tuple[str, ...] = ("/var/log/journal", "/run/log/journal")
        command: str = "journalctl"
        timeout_s: float = 20.0

    def __init__(self, config: Config) -> None:
        self._config = config

    def available(self) -> bool:
        if shutil.which(self._config.command) is None:
            return False
        return any(glob.glob(f"{folder}/*/*.journal") for folder in self._config.folders)

    async def read(self, position: str | None, limit: int, now: datetime) -> LogRead:
        since = [f"--after-cursor={position}"] if position else [f"--lines={min(limit, _AT_FIRST)}"]
        records, cursor, more = await self._entries(since, limit)
        behind = now.timestamp() - records[-1].at.timestamp() if more else 0.0
        if more and behind > _MOST_BEHIND_S:
            # It grows faster than it may be read: go on from its end.
            latest, cursor_now, _ = await self._entries(["--lines=1"], 1)
            if latest and cursor_now:
                skipped = (latest[0].at - records[-1].at).total_seconds()
                return LogRead(records, cursor_now, latest[0].at, max(skipped, 0.0))
        until = records[-1].at if more else now
        return LogRead(records, cursor or position or "", until)

    async def _entries(self, since: list[str], limit: int) -> tuple[list[LogRecord], str | None, bool]:
        """Records, the last entry's cursor, and whether there are more."""
        records: list[LogRecord] = []
        cursor: str | None = None
        async with asyncio.timeout(self._config.timeout_s), self._reader(since) as (output, process):
            while line := await output.readline():
                if len(records) == limit:
                    return records, cursor, True
                entry = _entry(line)
                if entry is not None:
                    cursor = str(entry["__CURSOR"])
                    records.append(_record(entry))
            code = await process.wait()
        if code and not records and since[0].startswith("--after-cursor"):
            # The journal no longer knows the place, after a vacuum for one: begin anew.
            return await self._entries([f"--lines={_AT_FIRST}"], limit)
        return records, cursor, False

    @asynccontextmanager
    async def _reader(self, since: list[str]) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.subprocess.Process]]:
        process = await asyncio.create_subprocess_exec(
            self._config.command,
            "--output=json",
            "--no-pager",
            "--quiet",
            *since,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_ENTRY,
        )
        assert process.stdout is not None
        try:
            yield process.stdout, process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = _decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return entry if "__CURSOR" in entry and "__REALTIME_TIMESTAMP" in entry else None


def _record(entry: dict[str, Any]) -> LogRecord:
    at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    labels = {ours: _text(entry[theirs]) for theirs, ours in _LABELS.items() if entry.get(theirs)}
    priority = _text(entry.get("PRIORITY"))
    level = _LEVELS[int(priority)] if priority in {"0", "1", "2", "3", "4", "5", "6", "7"} else None
    return LogRecord(at, _text(entry.get("MESSAGE")), labels, level)


def _text(value: Any) -> str:
    """A field is text; an array of bytes where it is no UTF-8; an array of these where it is there several times."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if value and all(isinstance(one, int) for one in value):
            return bytes(one & 0xFF for one in value).decode("utf-8", "replace")
        return " ".join(_text(one) for one in value)
    return ""
