"""The DNS of a cluster, by CoreDNS: how many answers fail, and how long they take."""

from __future__ import annotations

from aiops.observability.watches.templates import Variant, WatchTemplate

_ANSWERS, _BUCKET = "coredns_dns_responses_total", "coredns_dns_request_duration_seconds_bucket"
_BY = ("namespace", "service", "job")
_TOTAL = "sum by (namespace, service, job)"
# A name that does not exist (NXDOMAIN) is an ordinary answer.
_GOOD = f'{_TOTAL} (rate({_ANSWERS}{{rcode!="SERVFAIL"}}[$window]))'
_ALL = f"{_TOTAL} (rate({_ANSWERS}[$window]))"

DNS_WATCHES = (
    WatchTemplate(
        "dns_errors",
        "DNS answers that failed",
        "ratio",
        "up",
        0.02,
        _BY,
        # Where all fail there is no series of good ones; `or`, which the own store lacks, fills that in.
        (Variant((_ANSWERS,), f"1 - {_GOOD} / {_ALL}", prometheus_query=f"1 - ({_GOOD} or 0 * {_ALL}) / {_ALL}"),),
        symptom=True,
    ),
    WatchTemplate(
        "dns_duration",
        "DNS answer time (95th percentile)",
        "seconds",
        "up",
        0.05,
        _BY,
        (
            Variant(
                (_BUCKET,),
                f"histogram_quantile(0.95, sum by (namespace, service, job, le) (rate({_BUCKET}[$window])))",
            ),
        ),
        symptom=True,
    ),
)
