"""Real servers as context managers: on a free port, ready when entered, gone when left or when the parent dies."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.lab.packages import LabFailed, binary, package_folder

_START_TIMEOUT_S = 60.0
_PR_SET_PDEATHSIG = 1


class Server:
    """A child process on a port that was free; should another take that port first, it tries again on the next.

    Started again after `stop`, it comes back on the same port with the same data.
    """

    ready_path = "/-/ready"

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def command(self, folder: Path, listen: str) -> list[str]:
        raise NotImplementedError

    def working_directory(self, folder: Path) -> Path:
        return folder

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Where its configuration, data and `log` are."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix=f"aiops-lab-{type(self).__name__.lower()}-")
        return Path(self._folder.name)

    def start(self) -> None:
        if self._port:
            self._start()
            return
        for attempt in range(3):
            self._port = free_port()
            try:
                self._start()
                return
            except LabFailed as failure:
                if "address already in use" not in str(failure) or attempt == 2:
                    raise

    def _start(self) -> None:
        log = self.folder / "log"
        begin = log.stat().st_size if log.exists() else 0
        command = self.command(self.folder, f"127.0.0.1:{self._port}")
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.working_directory(self.folder),
                env={**os.environ, "GOMAXPROCS": "1"},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._wait_until_ready(log, begin)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; its data stay until the context is left. SIGKILL here is how a test pulls the plug."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Freeze it: it takes connections and never answers, as a hung server does."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

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
        if self._process and self._process.poll() is None:
            self.resume()
        self.stop()
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def _wait_until_ready(self, log: Path, begin: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            # Only its own word counts: on a port taken by another, that other would answer.
            said = log.read_bytes()[begin:].decode(errors="replace")
            if f":{self._port}" in said and "Listening on" in said and get_status(self.url + self.ready_path) == 200:
                return
            time.sleep(0.05)
        state = "ended" if self._process.poll() is not None else f"was not ready in {_START_TIMEOUT_S:.0f} s"
        raise LabFailed(f"{type(self).__name__} {state}: {log.read_bytes()[begin:].decode(errors='replace')[-800:]}")


class Prometheus(Server):
    """Debian's Prometheus. `config` is the text of prometheus.yml; `files` lie beside it (rule files, say).

    `past` is what it has already scraped when it starts, in OpenMetrics with timestamps.
    """

    def __init__(
        self,
        config: str = "",
        *,
        retention: str = "1d",
        flags: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        past: str = "",
    ) -> None:
        super().__init__()
        self._config = config
        self._past = past
        self._retention = retention
        self._flags = list(flags)
        self._files = dict(files or {})

    def command(self, folder: Path, listen: str) -> list[str]:
        self._write_files(folder)
        return [
            str(binary("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--storage.tsdb.retention.time={self._retention}",
            f"--web.listen-address={listen}",
            f"--web.external-url={self.url}",
            *self._flags,
        ]

    def start(self) -> None:
        if self._past and not self._port:
            self._write_past()
        super().start()

    def _write_past(self) -> None:
        text = self.folder / "past.txt"
        text.write_text(self._past)
        blocks = str(self.folder / "data")
        command = [str(binary("promtool")), "tsdb", "create-blocks-from", "openmetrics", str(text), blocks]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise LabFailed(f"promtool did not take the past: {(done.stdout + done.stderr)[-800:]}")

    def configure(self, config: str, files: Mapping[str, str] | None = None) -> None:
        """Take another configuration while it runs, as an operator's SIGHUP does."""
        self._config, self._files = config, dict(files or {})
        self._write_files(self.folder)
        os.kill(self.pid, signal.SIGHUP)

    def _write_files(self, folder: Path) -> None:
        for name, text in {**self._files, "prometheus.yml": self._config}.items():
            (folder / name).write_text(text)

    def query(self, query: str, at: float | None = None) -> Any:
        """The `data` of an instant query."""
        return self._api("query", {"query": query, **({} if at is None else {"time": at})})

    def query_range(self, query: str, start: float, end: float, step: float) -> Any:
        """The `data` of a range query."""
        return self._api("query_range", {"query": query, "start": start, "end": end, "step": step})

    def wait_for(self, query: str, timeout_s: float = 60.0) -> Any:
        """The result of the query once it is not empty."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            result = self.query(query)["result"]
            if result:
                return result
            time.sleep(0.1)
        raise LabFailed(f"{query} stayed empty for {timeout_s:.0f} s")

    def _api(self, path: str, parameters: Mapping[str, object]) -> Any:
        body = urlencode({name: str(value) for name, value in parameters.items()}).encode()
        try:
            with urlopen(f"{self.url}/api/v1/{path}", data=body, timeout=60) as reply:
                return json.load(reply)["data"]
        except HTTPError as error:
            raise LabFailed(f"Prometheus refused {parameters}: {error.read().decode(errors='replace')}") from error


class NodeExporter(Server):
    """Debian's node_exporter, showing this machine."""

    ready_path = "/"

    def __init__(self, flags: Sequence[str] = ()) -> None:
        super().__init__()
        self._flags = list(flags)

    def command(self, folder: Path, listen: str) -> list[str]:
        return [str(binary("node_exporter")), f"--web.listen-address={listen}", *self._flags]

    @property
    def target(self) -> str:
        return self.url.removeprefix("http://")


class Alertmanager(Server):
    """Debian's Alertmanager. `config` is the text of alertmanager.yml.

    It is alone in its cluster, unless it is told where to listen for `gossip` (host and port) and of `peers` there.
    """

    def __init__(self, config: str, *, gossip: str = "", peers: Sequence[str] = ()) -> None:
        super().__init__()
        self._config = config
        self._gossip = gossip
        self._peers = list(peers)

    def command(self, folder: Path, listen: str) -> list[str]:
        (folder / "alertmanager.yml").write_text(self._config)
        return [
            str(binary("alertmanager")),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--cluster.listen-address={self._gossip}",
            *(f"--cluster.peer={peer}" for peer in self._peers),
            "--cluster.settle-timeout=1s",
            f"--web.listen-address={listen}",
            f"--web.external-url={self.url}",
        ]

    def working_directory(self, folder: Path) -> Path:
        # Its templates are found from here; see `tests.lab.packages`.
        return package_folder("prometheus-alertmanager")

    @property
    def target(self) -> str:
        return self.url.removeprefix("http://")


def scrape_config(job: str, targets: Mapping[str, Sequence[str]], interval_s: float = 2.0) -> str:
    """The text of a prometheus.yml that scrapes `targets`: instance name -> its `host:port` and metrics path."""
    lines = [
        "global:",
        f"  scrape_interval: {interval_s * 1000:.0f}ms",
        f"  scrape_timeout: {interval_s * 1000:.0f}ms",
        f"  evaluation_interval: {interval_s * 1000:.0f}ms",
        "scrape_configs:",
        *_job(job, targets),
    ]
    return "\n".join(lines) + "\n"


def _job(job: str, targets: Mapping[str, Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for instance, (address, path) in targets.items():
        lines += [
            f"  - job_name: '{job}-{instance}'",
            f"    metrics_path: '{path}'",
            "    static_configs:",
            f"      - targets: ['{address}']",
            f"        labels: {{instance: '{instance}', job: '{job}'}}",
        ]
    return lines


def free_port() -> int:
    """A port of this machine that nobody listened on a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def get_status(url: str, timeout_s: float = 5.0) -> int | None:
    """The HTTP status of a GET, or None while nobody answers."""
    try:
        with urlopen(url, timeout=timeout_s) as reply:
            return int(reply.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
