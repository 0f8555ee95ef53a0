"""What observability offers: samples in, queries out, watched series, alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.kernel.principal import Principal

Labels = dict[str, str]
"""Label names to values, `__name__` among them where the series has a name."""

Floats = npt.NDArray[np.float64]


class Severity(StrEnum):
    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFO = "INFO"


class Sample(msgspec.Struct, frozen=True):
    """One measured value: `timestamp` in Unix seconds."""

    labels: Labels
    timestamp: float
    value: float


class SampleIntake(Protocol):
    async def append(self, principal: Principal, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        """Store samples of a cluster; durable when this returns. Gives how many were new series."""


class QueryStatus(StrEnum):
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    PARTIAL = "PARTIAL"


class ClusterOutcome(msgspec.Struct, frozen=True):
    """How one cluster answered a query. `latency_ms` is measured at the hub.

    `notes` say where its share is coarser than what was asked for, because samples are past their retention. `age_s` is
    how long ago it was asked: an answer serves again for a while; `None` where there is none.
    """

    cluster_id: UUID
    cluster: str
    status: QueryStatus
    latency_ms: float
    error: str | None = None
    notes: tuple[str, ...] = ()
    age_s: float | None = None


class RangeSeries(msgspec.Struct, frozen=True, gc=False):
    """`values` are pairs of Unix seconds and a number as Prometheus prints it (`"NaN"`, `"+Inf"` included)."""

    metric: Labels
    values: list[tuple[float, str]]


class InstantSeries(msgspec.Struct, frozen=True, gc=False):
    metric: Labels
    value: tuple[float, str]


class RangeResult(msgspec.Struct, frozen=True):
    series: list[RangeSeries]
    clusters: list[ClusterOutcome]


class InstantResult(msgspec.Struct, frozen=True):
    """`scalar`: the query gives a bare number, which comes as one series without labels."""

    series: list[InstantSeries]
    clusters: list[ClusterOutcome]
    scalar: bool = False


class Metrics(Protocol):
    """PromQL over any set of clusters in scope; each series carries the label `cluster`, the cluster's name."""

    async def query(
        self,
        principal: Principal,
        query: str,
        *,
        at: datetime | None = None,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> InstantResult:
        """Raises `Invalid` for bad PromQL, `NotFound` for a cluster that is out of scope."""

    async def query_range(
        self,
        principal: Principal,
        query: str,
        *,
        start: datetime,
        end: datetime,
        step_s: float,
        cluster_ids: Sequence[UUID] | None = None,
        timeout_s: float = 30.0,
    ) -> RangeResult:
        """As `query`, at every step; at most 11,000 steps."""


class Sensitivity(StrEnum):
    """How readily a watch tells of something; `FALSE_ALARMS_A_WEEK` says what each costs."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    EXTREME = "EXTREME"


FALSE_ALARMS_A_WEEK = {Sensitivity.LOW: 0.1, Sensitivity.MEDIUM: 0.5, Sensitivity.HIGH: 2.0, Sensitivity.EXTREME: 7.0}
"""At most so many findings a series and week where nothing is wrong."""


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fixed limit: a value above `above` or below `below` for at least `for_s` seconds breaches it."""

    above: float | None = None
    below: float | None = None
    for_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0


class Watch(msgspec.Struct, frozen=True):
    """A named PromQL query whose result is looked at by detectors.

    `unit` is `ratio`, `bytes`, `bytes/s`, `ops/s`, `req/s`, `seconds`, `celsius` or `load`; `subject_labels` name what
    a series is about (`instance`, `service`); `worse` says which direction hurts: `up`, `down` or `both`; `minimum` is
    the smallest deviation in `unit` that matters to anyone. A `symptom` (slow, failing) is what others suffer from: a
    resource or a demand may explain it, and not the other way round. Without `subject_labels` all labels count.

    `learned`: whether a detector learns a band and says what leaves it. Beside that, `threshold` is a fixed limit, and
    a series that was there and then gives nothing for `silence_s` seconds is silent (`None`: nobody minds).
    """

    name: str
    title: str
    query: str
    unit: str
    worse: str
    minimum: float
    subject_labels: tuple[str, ...]
    symptom: bool = False
    sensitivity: Sensitivity = Sensitivity.MEDIUM
    threshold: Threshold | None = None
    silence_s: float | None = None
    learned: bool = True


class WatchBatch(msgspec.Struct, frozen=True):
    """One evaluation of a watch on a cluster: `values[i]` belongs to `series[i]`, at `at` (Unix seconds).

    `dropped` counts series past the bound that were left out; `interval_s` is the usual distance of evaluations.
    """

    cluster_id: UUID
    watch: Watch
    at: float
    interval_s: float
    series: list[Labels]
    values: Floats
    dropped: int = 0


class WatchHistory(msgspec.Struct, frozen=True):
    """Past evaluations: `values[i, j]` belongs to `series[i]` at `times[j]`; NaN where there was none. `dropped` counts
    series past the bound."""

    times: Floats
    series: list[Labels]
    values: Floats
    dropped: int = 0


class Expectation(msgspec.Struct, frozen=True):
    """What a detector expected of one watched series at one moment, and what came. NaN while it still learns."""

    labels: Labels
    value: float
    expected: float
    lower: float
    upper: float


class WatchLook(msgspec.Struct, frozen=True):
    """What was expected of a watch's series on one cluster at one moment (Unix seconds)."""

    cluster_id: UUID
    watch: Watch
    at: float
    expectations: list[Expectation]


class AnomalyRate(msgspec.Struct, frozen=True):
    """Of a cluster's series that are watched, how many were not as expected."""

    cluster_id: UUID
    at: float
    watched: int
    anomalous: int


class WatchFeed(Protocol):
    def follow(self, principal: Principal) -> AsyncIterator[WatchBatch]:
        """Every evaluation from now on, as it happens; a reader that lags more than 1,000 batches misses the oldest."""

    async def history(
        self, principal: Principal, cluster_id: UUID, watch: Watch, *, start: datetime, end: datetime, step_s: float
    ) -> WatchHistory:
        """What this watch would have given, from the cluster's own past; empty where there is none."""

    async def record(self, principal: Principal, looks: Sequence[WatchLook]) -> None:
        """Keep value and band as `aiops:watch:{value,expected,lower,upper}{watch="…"}` in the hub's own store."""

    async def record_past(self, principal: Principal, cluster_id: UUID, watch: Watch, past: WatchHistory) -> None:
        """Keep past values as `record` does, without a band: nothing was expected of them when they came."""

    async def record_rates(self, principal: Principal, rates: Sequence[AnomalyRate]) -> None:
        """Keep them as `aiops:anomaly_rate` (0 to 1), `aiops:series_watched` and `aiops:series_anomalous`."""

    def watches(self) -> list[Watch]:
        """The watches that are shipped."""

    async def find(self, principal: Principal, name: str) -> Watch:
        """A watch with what was set on it, also one that is switched off. Raises `NotFound`, also out of scope."""


class AlertState(StrEnum):
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"
    PENDING = "PENDING"


class AlertStatus(StrEnum):
    """What people do about an alert, beside its state: each episode begins as NEW."""

    NEW = "NEW"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    IN_PROGRESS = "IN_PROGRESS"
    RESOLVED = "RESOLVED"


class Handling(msgspec.Struct, frozen=True):
    """Who does what about an alert. Until `snoozed_until` nobody wants to see it; `escalated_to` names who was asked
    for help."""

    status: AlertStatus = AlertStatus.NEW
    assignee: str | None = None
    snoozed_until: datetime | None = None
    escalated_to: str | None = None


class Original(msgspec.Struct, frozen=True):
    """An alert as its sender told of it, where that was changed on its way: by which rules, and `payload` where it came
    in a form of its own and has at most 32 KiB."""

    labels: Labels
    annotations: Labels
    rules: tuple[str, ...] = ()
    payload: dict[str, Any] | None = None


class Alert(msgspec.Struct, frozen=True):
    """Identified by (cluster, fingerprint). `sender_severity` is the sender's own word.

    `suppressed`: its Alertmanager tells nobody of it, by the silences and by the alerts whose ids follow. `pulled`: it
    was seen where it is kept, and not only told of by a webhook. `starts` are those of its latest episodes; `flapping`:
    there were many of them in a short time, which is told as one. `source` is the kind of server that told of it.

    `members`: the fingerprints of those that fire, where a rule makes several of the sender's alerts one.
    `maintained_by`: the hub itself tells nobody, by the maintenance windows with these ids.
    """

    cluster_id: UUID
    fingerprint: str
    name: str
    severity: Severity
    sender_severity: str | None
    state: AlertState
    labels: Labels
    annotations: Labels
    starts_at: datetime
    ends_at: datetime | None
    generator_url: str | None
    occurrences: int
    received_at: datetime
    suppressed: bool = False
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    pulled: bool = False
    handling: Handling = Handling()
    starts: tuple[datetime, ...] = ()
    flapping: bool = False
    source: str = "alertmanager"
    members: tuple[str, ...] = ()
    original: Original | None = None
    maintained_by: tuple[str, ...] = ()


class AlertOrigin(StrEnum):
    """Where a cluster's alerts are read."""

    ALERTMANAGER = "ALERTMANAGER"
    PROMETHEUS = "PROMETHEUS"


class AlertFreshness(msgspec.Struct, frozen=True):
    """What is known of a cluster's alerts is `age_s` old; `None` where nothing was ever read.

    `origin` is `None` where there is nothing to read them from: they only come by webhook. `error` says why the last
    reading failed; what was known before stands until one succeeds.
    """

    cluster_id: UUID
    cluster: str
    origin: AlertOrigin | None
    age_s: float | None
    error: str | None = None


class Alerts(Protocol):
    async def get(self, principal: Principal, cluster_id: UUID, fingerprint: str) -> Alert:
        """Raises `NotFound`, also where the cluster is out of scope."""

    async def several(self, principal: Principal, wanted: Sequence[tuple[UUID, str]]) -> list[Alert]:
        """Those of these, by cluster and fingerprint, that there are and that are in scope."""


class SourceTokens(Protocol):
    async def authenticate(self, token: str) -> Principal | None:
        """The pushing service that holds this token: kind SERVICE, no role, and its one cluster as scope."""


class PushSource(msgspec.Struct, frozen=True):
    """Something that pushes into one cluster, under its own token."""

    id: UUID
    name: str
    cluster_id: UUID
    created_at: datetime


class AlertChange(msgspec.Struct, frozen=True):
    """One change of an alert's state or severity."""

    id: UUID
    cluster_id: UUID
    fingerprint: str
    name: str
    state: AlertState
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None
    at: datetime
