"""A small cluster as kube-state-metrics tells of it: an HTTP server with its metrics page, for a real Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.lab.servers import scrape_config


@dataclass(frozen=True)
class Deployed:
    """A Deployment with one ReplicaSet, a Service in front of it, and a pod on each of `nodes`."""

    name: str
    nodes: tuple[str, ...]
    namespace: str = "shop"
    generation: str = "7d9c5bb8f6"
    service: bool = True

    def pods(self) -> Iterator[tuple[str, str]]:
        """Pod and node."""
        for at, node in enumerate(self.nodes):
            yield f"{self.name}-{self.generation}-x{at:04d}", node


@dataclass
class KubeState:
    """What it tells may be changed while it is served; `extra` are further lines, as they stand."""

    deployed: list[Deployed] = field(default_factory=list)
    nodes: tuple[str, ...] = ("n1", "n2")
    extra: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def prometheus_config(self, interval_s: float = 1.0) -> str:
        """A prometheus.yml that scrapes it with `honor_labels`, as its documentation says."""
        address = f"127.0.0.1:{self._server.server_port}"
        config = scrape_config("kube-state-metrics", {"ksm:8080": (address, "/metrics")}, interval_s)
        return config.replace("    metrics_path:", "    honor_labels: true\n    metrics_path:")

    def page(self) -> str:
        lines = [
            _line("kube_node_info", node=node, internal_ip=f"10.0.0.{at}") for at, node in enumerate(self.nodes, 1)
        ]
        for place, one in enumerate(self.deployed):
            lines += _of(one, place)
        return "\n".join([*lines, *self.extra, ""])


def _of(one: Deployed, place: int) -> Iterator[str]:
    space, owner = one.namespace, f"{one.name}-{one.generation}"
    by = {"owner_kind": "ReplicaSet", "owner_name": owner, "owner_is_controller": "true"}
    above = {"owner_kind": "Deployment", "owner_name": one.name, "owner_is_controller": "true"}
    yield _line("kube_deployment_created", namespace=space, deployment=one.name)
    yield _line("kube_replicaset_owner", namespace=space, replicaset=owner, **above)
    if one.service:
        yield _line("kube_service_info", namespace=space, service=one.name, cluster_ip=f"10.96.0.{place}")
    for at, (pod, node) in enumerate(one.pods()):
        address = f"10.1.{place}.{at}"
        created = {"created_by_kind": "ReplicaSet", "created_by_name": owner}
        yield _line("kube_pod_info", namespace=space, pod=pod, node=node, pod_ip=address, host_ip="10.0.0.1", **created)
        yield _line("kube_pod_owner", namespace=space, pod=pod, **by)
        if one.service:
            ready = {"ready": "true", "port_name": "http"}
            yield _line("kube_endpoint_address", namespace=space, endpoint=one.name, ip=address, **ready)


def _line(name: str, **labels: str) -> str:
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{told}}} 1"


def _handler(state: KubeState) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = state.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    return Handler
