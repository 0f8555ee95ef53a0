"""The world as Prometheus sees it: an HTTP server with one metrics page a node and one a service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.lab.servers import scrape_config
from tests.lab.world import BUCKETS, Fault, FaultKind, NodeState, Service, ServiceState, World

_JOB = "lab"
_FILESYSTEM = {"device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}


def chain(prefix: str = "") -> list[Service]:
    """A web front that calls orders, which calls a database, each on its own node."""
    return [
        Service(f"{prefix}web", f"{prefix}node-web", rate=40, median_s=0.02, needs=(f"{prefix}orders",)),
        Service(f"{prefix}orders", f"{prefix}node-orders", rate=40, median_s=0.03, needs=(f"{prefix}database",)),
        Service(f"{prefix}database", f"{prefix}node-database", rate=40, median_s=0.01),
    ]


class Exporter:
    """Serves a world on a free port: `/node/<name>` in node_exporter's words, `/service/<name>` as an HTTP service.

    `labels` are put on every series, so that a test can mark what belongs to whom. The world has lived for `past_s`
    seconds when it is first asked; `past` tells of them.
    """

    def __init__(
        self,
        world: World,
        *,
        labels: Mapping[str, str] | None = None,
        past_s: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = world
        self._labels = dict(labels or {})
        self._now = now
        self._past_s = past_s
        self._began = now() - past_s
        self._turning = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def instances(self) -> list[str]:
        """The instance names of its nodes and services."""
        return list(self._pages())

    def prometheus_config(self, interval_s: float = 2.0) -> str:
        """A prometheus.yml that scrapes all of this world, by the instance names of its nodes and services."""
        targets = {name: (self.address, path) for name, path in self._pages().items()}
        return scrape_config(_JOB, targets, interval_s)

    def past(self, step_s: float = 10.0) -> str:
        """What a Prometheus would have scraped until now, for `Prometheus(past=…)`; ask before any page."""
        lived = self._now() - self._began
        began = time.time() - lived
        lines: list[str] = []
        for step in range(1, int(lived / step_s) + 1):
            with self._turning:
                self.world.advance(step * step_s)
                for instance, path in self._pages().items():
                    target = {"instance": instance, "job": _JOB}
                    page = [_line("up", target, 1), *self._lines(path, {**self._labels, **target})]
                    lines += [f"{line} {began + step * step_s:.3f}" for line in page if not line.startswith("#")]
        return "\n".join([*lines, "# EOF", ""])

    def begin(self, kind: FaultKind, target: str, strength: float = 1.0, for_s: float | None = None) -> float:
        """Begin a fault now; gives the wall-clock time of its start."""
        with self._turning:
            start = self._now() - self._began
            end = float("inf") if for_s is None else start + for_s
            self.world.script.add(Fault(kind, target, start, end, strength))
        return time.time()

    def end_all(self) -> None:
        """End all faults now."""
        with self._turning:
            self.world.script.end_all(self._now() - self._began)

    def page(self, path: str) -> str | None:
        """The metrics page at this path; None where there is none or its target is silent."""
        name = path.strip("/").partition("/")[2]
        with self._turning:
            self.world.advance(self._now() - self._began)
            if self.world.script.strength(FaultKind.SILENCE, name, self.world.time):
                return None
            lines = self._lines(path, self._labels)
        return "\n".join(lines) + "\n" if lines else None

    def _pages(self) -> dict[str, str]:
        """Instance name -> path."""
        nodes = {node: f"/node/{node}" for node in self.world.nodes}
        return nodes | {service.name: f"/service/{service.name}" for service in self.world.services}

    def _lines(self, path: str, labels: Mapping[str, str]) -> list[str]:
        kind, _, name = path.strip("/").partition("/")
        if kind == "node" and name in self.world.nodes:
            return _node_lines(self.world.nodes[name], labels)
        if kind == "service" and name in self.world.states:
            return _service_lines(name, self.world.states[name], labels)
        return []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(exporter: Exporter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = exporter.page(self.path)
            body = (page or "").encode()
            self.send_response(HTTPStatus.OK if page is not None else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not worth a line."""

    return Handler


def _node_lines(node: NodeState, labels: Mapping[str, str]) -> list[str]:
    root, disk, network = {**labels, **_FILESYSTEM}, {**labels, "device": "vda"}, {**labels, "device": "eth0"}
    lines = ["# TYPE node_cpu_seconds_total counter"]
    for (core, mode), seconds in sorted(node.cpu.items()):
        lines.append(_line("node_cpu_seconds_total", {**labels, "cpu": str(core), "mode": mode}, seconds))
    gauges: Iterable[tuple[str, Mapping[str, str], float]] = (
        ("node_memory_MemTotal_bytes", labels, node.memory_total),
        ("node_memory_MemAvailable_bytes", labels, node.memory_total - node.memory_used),
        ("node_memory_MemFree_bytes", labels, 0.8 * (node.memory_total - node.memory_used)),
        ("node_filesystem_size_bytes", root, node.disk_size),
        ("node_filesystem_avail_bytes", root, node.disk_size - node.disk_used),
        ("node_filesystem_free_bytes", root, node.disk_size - node.disk_used),
        ("node_filesystem_readonly", root, 0.0),
        ("node_load1", labels, node.load1),
        ("node_load5", labels, node.load5),
        ("node_load15", labels, node.load15),
    )
    counters: Iterable[tuple[str, Mapping[str, str], float]] = (
        ("node_disk_read_bytes_total", disk, node.disk_read),
        ("node_disk_written_bytes_total", disk, node.disk_written),
        ("node_disk_reads_completed_total", disk, node.disk_read / 16384),
        ("node_disk_writes_completed_total", disk, node.disk_written / 16384),
        ("node_disk_io_time_seconds_total", disk, node.disk_busy),
        ("node_network_receive_bytes_total", network, node.received),
        ("node_network_transmit_bytes_total", network, node.sent),
    )
    for kind, rows in (("gauge", gauges), ("counter", counters)):
        for name, own, value in rows:
            lines += [f"# TYPE {name} {kind}", _line(name, own, value)]
    return lines


def _service_lines(name: str, state: ServiceState, labels: Mapping[str, str]) -> list[str]:
    metric = "http_request_duration_seconds"
    lines = [f"# TYPE {metric} histogram"]
    for code, count in state.count.items():
        own = {**labels, "service": name, "method": "GET", "code": code}
        for at, bound in enumerate(BUCKETS):
            lines.append(_line(f"{metric}_bucket", {**own, "le": f"{bound:g}"}, state.buckets[code][at]))
        lines.append(_line(f"{metric}_bucket", {**own, "le": "+Inf"}, count))
        lines.append(_line(f"{metric}_sum", own, state.total_s[code]))
        lines.append(_line(f"{metric}_count", own, count))
    lines.append("# TYPE http_requests_total counter")
    for code, count in state.count.items():
        lines.append(_line("http_requests_total", {**labels, "service": name, "method": "GET", "code": code}, count))
    return lines


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {value!r}" if shown else f"{name} {value!r}"
