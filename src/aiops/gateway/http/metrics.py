"""What the hub says of itself at `/metrics`, in Prometheus' text format."""

from __future__ import annotations

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from aiops.kernel.supervisor import Supervisor

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HttpMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "aiops_http_request_duration_seconds",
            "Time from a request's head to the end of its reply",
            ["method", "route", "status"],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        # Unknown paths share one label value, so that a scanner can't grow the series.
        self._seconds.labels(method, route or "unknown", str(status)).observe(seconds)


class SelfMetrics:
    """The process, its jobs and its requests."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.http = HttpMetrics(self.registry)
        self.events = Counter("aiops_events_total", "Events told to live readers", ["type"], registry=self.registry)
        self._supervisor = supervisor
        self._job_up = Gauge("aiops_job_up", "Whether a background job runs", ["job"], registry=self.registry)
        self._job_failures = Gauge(
            "aiops_job_failures", "Ends of a background job since the start", ["job"], registry=self.registry
        )

    def text(self) -> bytes:
        for name, status in self._supervisor.jobs.items():
            self._job_up.labels(name).set(status.running)
            self._job_failures.labels(name).set(status.failures)
        return generate_latest(self.registry)


def metrics_route(metrics: SelfMetrics) -> HTTPRouteHandler:
    @get("/metrics", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
    def own_metrics() -> Response[bytes]:
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE}, media_type=CONTENT_TYPE)

    return own_metrics
