"""The hub as people run it: a process of its own on a free port, with a database and a folder of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from tests.lab.packages import LabFailed
from tests.lab.servers import get_status

ADMIN_PASSWORD = "lab-admin-password"
_READY = re.compile(r"is ready: (http://\S+)")
_START_TIMEOUT_S = 120.0
_PR_SET_PDEATHSIG = 1


class Hub:
    """`python -m aiops serve`. After `kill` or `stop`, `start` brings it back on the same port with the same data."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.url = ""
        self.folder = Path(tempfile.mkdtemp(prefix="aiops-hub-"))
        # The user who runs postgres must be able to enter, also when this runs as root.
        self.folder.chmod(0o755)
        self.data_dir = self.folder / "data"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._port = "0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> float:
        """Start and wait until `/ready`; gives how many seconds that took."""
        began = time.monotonic()
        path = self.folder / "log"
        written = path.stat().st_size if path.exists() else 0
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "aiops", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        while time.monotonic() - began < _START_TIMEOUT_S and self._process.poll() is None:
            said = path.read_bytes()[written:].decode(errors="replace")
            found = _READY.search(said)
            if found and get_status(f"{found[1]}/ready") == 200:
                self.url, self._port = found[1], found[1].rpartition(":")[2]
                return time.monotonic() - began
            time.sleep(0.05)
        raise LabFailed(f"the hub did not get ready: {path.read_bytes()[written:].decode(errors='replace')[-3000:]}")

    def stop(self) -> int:
        """End it as Ctrl-C does; gives its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()
                raise LabFailed(f"the hub did not stop in 40 s: {self.log[-2000:]}") from None
        return self._process.returncode

    def kill(self) -> None:
        """As when the machine's memory killer strikes: no clean-up of any kind."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def kill_postgres(self) -> None:
        """SIGKILL for the database's main process; does nothing where it is already gone."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError, ValueError):
            os.kill(int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def survivors(self) -> list[str]:
        """The processes that work in this hub's folder, but for the hub itself and its children."""
        own: set[int] = set()
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process is not None and self._process.poll() is None:
                hub = psutil.Process(self._process.pid)
                own = {hub.pid, *(child.pid for child in hub.children(recursive=True))}
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.pid not in own and (str(self.folder) in words or process.cwd().startswith(str(self.folder))):
                    found.append(f"{process.pid} {words}")
        return found

    def client(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> httpx.Client:
        """Signed in by a bearer token."""
        return sign_in(self.url, username, password)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leave()

    def _leave(self) -> None:
        try:
            if self._process is not None:
                self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIOPS_")}
        return {
            **inherited,
            "AIOPS_PORT": self._port,
            "AIOPS_DATA_DIR": str(self.data_dir),
            "AIOPS_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "AIOPS_WATCH_HOST": "false",
            "AIOPS_OFFER_LOCAL_PROMETHEUS": "false",
            **self._settings,
        }


def sign_in(url: str, username: str, password: str) -> httpx.Client:
    """A client that carries the user's bearer token; close it when done."""
    # The client must not have been used when it is handed out: only such a one can be entered.
    with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as first:
        reply = first.post("/api/v1/auth/login", json={"username": username, "password": password})
    if reply.status_code >= 300:
        raise LabFailed(f"{url} refused to sign {username} in: {reply.status_code} {reply.text}")
    headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
    return httpx.Client(base_url=url, timeout=60.0, trust_env=False, headers=headers)


def add_cluster(client: httpx.Client, name: str, prometheus_url: str, **more: Any) -> dict[str, Any]:
    """Register a Prometheus; gives the cluster as the API tells it."""
    return _created(client.post("/api/v1/clusters", json={"name": name, "prometheus_url": prometheus_url, **more}))


def add_source(client: httpx.Client, name: str, cluster_id: str) -> dict[str, Any]:
    """A source of samples and alerts; its `token` is in the answer."""
    return _created(client.post("/api/v1/sources", json={"name": name, "cluster_id": cluster_id}))


def add_user(hub_url: str, admin: httpx.Client, username: str, role: str, clusters: list[str] | None) -> httpx.Client:
    """A user with a password of their own, signed in."""
    first, second = "first-password-1", "second-password-2"
    body = {"username": username, "password": first, "role": role, "clusters": clusters}
    _created(admin.post("/api/v1/users", json=body))
    with sign_in(hub_url, username, first) as client:
        change = {"current_password": first, "new_password": second}
        client.post("/api/v1/auth/password", json=change).raise_for_status()
    return sign_in(hub_url, username, second)


def _created(reply: httpx.Response) -> dict[str, Any]:
    if reply.status_code not in (200, 201):
        raise LabFailed(f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}")
    made: dict[str, Any] = reply.json()
    return made


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
