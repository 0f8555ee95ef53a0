"""Services, by the metric names that common HTTP instrumentations use: rate, errors and duration of requests.

Each family has watches of its own, for a cluster often runs several side by side.
"""

from __future__ import annotations

from aiops.observability.watches.templates import Variant, WatchTemplate

_PLAIN = ("namespace", "service", "job")
_ISTIO = ("destination_service_namespace", "destination_service_name")


def _rate(counter: str, by: tuple[str, ...]) -> Variant:
    return Variant((counter,), f"sum by ({', '.join(by)}) (rate({counter}[$window]))")


def _errors(counter: str, by: tuple[str, ...]) -> Variant:
    """1 - good / all: unlike bad / all, this is 0 and not unknown where a service never failed.

    A service that has failed ever since it started has no good series; `or`, which the own store lacks, fills that in.
    """
    total = f"sum by ({', '.join(by)})"
    good, everything = f"{total} (rate({counter}{{$good}}[$window]))", f"{total} (rate({counter}[$window]))"
    return Variant(
        (counter,),
        f"1 - {good} / {everything}",
        prometheus_query=f"1 - ({good} or 0 * {everything}) / {everything}",
    )


def _durations(base: str, by: tuple[str, ...], *, per_second: int = 1) -> tuple[Variant, ...]:
    scale = f" / {per_second}" if per_second != 1 else ""
    groups = ", ".join(by)
    quantile = f"histogram_quantile(0.95, sum by ({groups}, le) (rate({base}_bucket[$window]))){scale}"
    mean = f"sum by ({groups}) (rate({base}_sum[$window])) / sum by ({groups}) (rate({base}_count[$window])){scale}"
    return (
        Variant((f"{base}_bucket",), quantile, "Request duration (95th percentile)"),
        Variant((f"{base}_sum", f"{base}_count"), mean, "Request duration (mean)"),
    )


def _family(
    suffix: str, counters: tuple[str, ...], base: str, by: tuple[str, ...], *, per_second: int = 1
) -> tuple[WatchTemplate, ...]:
    rates, errors = tuple(_rate(name, by) for name in counters), tuple(_errors(name, by) for name in counters)
    durations = _durations(base, by, per_second=per_second)
    return (
        WatchTemplate(f"service_rate{suffix}", "Requests", "req/s", "both", 1.0, by, rates),
        WatchTemplate(f"service_errors{suffix}", "Requests that failed (5xx)", "ratio", "up", 0.02, by, errors, True),
        WatchTemplate(f"service_duration{suffix}", "Request duration", "seconds", "up", 0.05, by, durations, True),
    )


SERVICE_WATCHES = (
    *_family(
        "", ("http_request_duration_seconds_count", "http_requests_total"), "http_request_duration_seconds", _PLAIN
    ),
    *_family("_otel", ("http_server_request_duration_seconds_count",), "http_server_request_duration_seconds", _PLAIN),
    *_family("_spring", ("http_server_requests_seconds_count",), "http_server_requests_seconds", _PLAIN),
    *_family("_istio", ("istio_requests_total",), "istio_request_duration_milliseconds", _ISTIO, per_second=1000),
)
