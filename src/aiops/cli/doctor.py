"""`aiops doctor`: looks at all that the hub stands on and says, a line each, what is well and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from aiops.cli.doctor_database import examine_database
from aiops.cli.failures import in_one_line
from aiops.cli.findings import Finding
from aiops.cli.serve import listening
from aiops.intelligence.bootstrap import meaning_at_work
from aiops.kernel.errors import AiopsError
from aiops.kernel.postgres import running_url
from aiops.kernel.postgres_host import find_binaries, require_passwd_entry, service_user
from aiops.settings import Settings

_LEAST_FREE = 1024**3
_EXPECTED = (AiopsError, OSError, psycopg.Error, SQLAlchemyError, subprocess.SubprocessError)
_CONSOLE = Path(__file__).resolve().parents[1] / "gateway" / "console" / "index.html"


def doctor(settings: Settings) -> int:
    """Print what was found; 1 if something is wrong."""
    found = list(examine(settings))
    for one in found:
        mark = {True: "ok  ", False: "FAIL", None: "?   "}[one.ok]
        sys.stdout.write(f"{mark}  {one.name}: {one.detail}\n")
    wrong = sum(one.ok is False for one in found)
    sys.stdout.write(f"\n{wrong} of {len(found)} checks failed.\n" if wrong else "\nAll is well.\n")
    return 1 if wrong else 0


def examine(settings: Settings) -> Iterator[Finding]:
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("settings", _settings),
        ("data folder", _data_folder),
        ("disk", _disk),
        ("secret key", _secret_key),
        ("address", _address),
        ("postgres binaries", _binaries),
        ("leftovers", _leftovers),
        ("console", _console),
        ("search by meaning", _meaning),
    ]
    for name, check in checks:
        try:
            yield check(settings)
        except _EXPECTED as error:
            yield Finding(name, False, in_one_line(error, settings) or str(error))
    try:
        yield from examine_database(settings)
    except _EXPECTED as error:
        yield Finding("database", False, in_one_line(error, settings) or str(error))


def _python(_settings: Settings) -> Finding:
    # The command line has turned older ones away already.
    return Finding("python", True, f"{platform.python_version()} at {sys.executable}")


def _settings(settings: Settings) -> Finding:
    where = "given database" if settings.database_url else "embedded database"
    return Finding("settings", True, f"{where}, data in {settings.data_dir}")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    nearest = next(step for step in [folder, *folder.parents] if step.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data folder", False, f"{nearest} can't be written by this user; set AIOPS_DATA_DIR")
    if not settings.database_url:
        service_user().require_way_to(nearest, "AIOPS_DATA_DIR")
    return Finding("data folder", True, str(folder) if nearest == folder else f"{folder} will be made")


def _disk(settings: Settings) -> Finding:
    nearest = next(step for step in [settings.data_dir, *settings.data_dir.parents] if step.exists())
    free = shutil.disk_usage(nearest).free
    text = f"{free / 1024**3:.1f} GiB free at {nearest}"
    return Finding("disk", free >= _LEAST_FREE, text if free >= _LEAST_FREE else f"{text}; at least 1 GiB is needed")


def _secret_key(settings: Settings) -> Finding:
    if settings.secret_key:
        return Finding("secret key", True, "from AIOPS_SECRET_KEY")
    kept = settings.data_dir / "secret.key"
    if not kept.exists():
        return Finding("secret key", True, f"{kept} will be made at the first start")
    if kept.stat().st_mode & 0o077:
        return Finding("secret key", False, f"others can read {kept}: run `chmod 600 {kept}`")
    return Finding("secret key", True, str(kept))


def _address(settings: Settings) -> Finding:
    if not settings.database_url and running_url(settings.data_dir):
        return Finding("address", None, f"{settings.host}:{settings.port} is not tried while the hub runs")
    with listening(settings):
        return Finding("address", True, f"{settings.host}:{settings.port} is free")


def _binaries(settings: Settings) -> Finding:
    if settings.database_url:
        return Finding("postgres binaries", True, "not needed, AIOPS_DATABASE_URL is set")
    user = service_user()
    if not (settings.data_dir / "postgres" / "PG_VERSION").exists():
        require_passwd_entry()
    # As root the hub runs a copy of them, which the first start makes.
    folder = find_binaries(settings.pg_bin, settings.data_dir, user, copy=False)
    printed = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=True)
    return Finding("postgres binaries", True, f"{printed.stdout.strip()} in {folder}")


def _leftovers(settings: Settings) -> Finding:
    data = str(settings.data_dir / "postgres")
    if psutil.Process(1).name() in ("aiops", "python", "python3"):
        return Finding("leftovers", None, "not looked for in a container, where the hub itself is process 1")
    orphans = []
    for process in psutil.process_iter(["pid", "ppid", "cmdline"]):
        if f"-D{data}" in (process.info["cmdline"] or []) and process.info["ppid"] in (0, 1):
            orphans.append(str(process.info["pid"]))
    if orphans:
        text = f"PostgreSQL outlived its hub (process {', '.join(orphans)}); the next `aiops serve` stops it"
        return Finding("leftovers", False, text)
    return Finding("leftovers", True, "no process is left from an earlier run")


def _console(_settings: Settings) -> Finding:
    if _CONSOLE.is_file():
        return Finding("console", True, str(_CONSOLE.parent))
    return Finding("console", False, "it is not built: run `make web`")


def _meaning(settings: Settings) -> Finding:
    works, told = meaning_at_work(settings)
    return Finding("search by meaning", True if works else None, told)
