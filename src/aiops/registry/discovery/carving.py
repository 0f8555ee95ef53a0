"""One Thanos or Mimir that holds many clusters: the values of a label become clusters of their own."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.no_answer import NoAnswer
from aiops.kernel.outbound import Outbound
from aiops.registry.discovery.candidates import Candidate
from aiops.registry.discovery.faults import UNREACHABLE
from aiops.registry.discovery.naming import distinct, name_from
from aiops.registry.discovery.wire import Way, ask

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")
_LATELY = timedelta(hours=1)
_MOST = 5_000


class _Values(msgspec.Struct):
    status: str
    data: list[str] | None = None
    error: str = ""


async def carved_clusters(
    outbound: Outbound, clock: Clock, way: Way, *, label: str = "cluster", timeout_s: float = 30.0
) -> list[Candidate]:
    """Those that had samples within the last hour, by name. `Unavailable` where it does not answer, `Invalid` where
    nothing can be carved by this label."""
    if not _LABEL.fullmatch(label):
        raise Invalid(f"{label[:80]!r} is no name of a label in Prometheus.", details={"field": "label"})
    now = clock.now()
    params = {"start": str((now - _LATELY).timestamp()), "end": str(now.timestamp())}
    try:
        answer = await ask(outbound, way, "GET", f"/api/v1/label/{label}/values", timeout_s=timeout_s, params=params)
    except NoAnswer as error:
        if error.transient:
            raise Unavailable(f"{error.detail}.", code=UNREACHABLE) from None
        raise Invalid(f"{error.detail}.") from None
    try:
        found = msgspec.json.decode(answer.body, type=_Values)
    except msgspec.DecodeError:
        raise Invalid(f"That is not a Prometheus: it answered {answer.status}, {answer.shown()}.") from None
    if found.status != "success":
        raise Invalid(f"It refused to list the values of {label} ({answer.status}): {found.error[:200]}.")
    return _carved(way.url, label, sorted(value for value in found.data or [] if value))


def _carved(url: str, label: str, values: list[str]) -> list[Candidate]:
    if not values:
        raise Invalid(
            f"Nothing of the last hour has the label {label}: which label tells its clusters apart?",
            details={"field": "label"},
        )
    if len(values) > _MOST:
        raise Invalid(
            f"The label {label} has {len(values)} values: that many clusters are not meant.",
            details={"field": "label"},
        )
    names = distinct(name_from(value) for value in values)
    return [
        Candidate(name, value, prometheus_url=url.rstrip("/"), selector={label: value})
        for name, value in zip(names, values, strict=True)
    ]
