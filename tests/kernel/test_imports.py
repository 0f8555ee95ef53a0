"""Importing the application stays cheap: what takes long to import is left to those who use it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "aiohttp",
    "alembic",
    "httpx",
    "onnxruntime",
    "psutil",
    "scipy",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "statsmodels",
    "uvicorn",
    "uvloop",
    "websockets",
)


def test_importing_the_application_loads_nothing_heavy_that_only_some_of_it_uses() -> None:
    program = f"import sys, aiops.app; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_the_application_starts_no_thread_and_opens_no_connection() -> None:
    program = (
        "import socket, threading\n"
        "def refuse(*_arguments, **_options): raise AssertionError('I/O at import')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import aiops.app\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
