"""What observability requires: a store of samples, a way to a remote Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from aiops.kernel.database import Transaction
from aiops.kernel.principal import Principal
from aiops.observability.ports import (
    Floats,
    Labels,
    PushSource,
    Sample,
    Sensitivity,
    Threshold,
)
from aiops.observability.ports_signals import LogRead

Milliseconds = npt.NDArray[np.int64]


class Matcher(msgspec.Struct, frozen=True):
    """A label matcher of PromQL: `op` is one of `=`, `!=`, `=~`, `!~`; an absent label is the empty string; a regular
    expression is RE2-like and anchored at both ends."""

    name: str
    op: str
    value: str


class Coarse(msgspec.Struct, frozen=True):
    """From `from_ms` on, before `until_ms`, samples are gone and buckets of `bucket_ms` are left; all three are whole
    buckets since 1970."""

    from_ms: int
    until_ms: int
    bucket_ms: int


class Rolled(msgspec.Struct, frozen=True):
    """What stands behind each point of a series: `count` samples that sum up to `total`, from `least` to `most`, the
    last of them at the point's time with its value; and by how much values fell through resets since the point before,
    where that is in the same bucket. A bucket is its first sample, as it was, and a point for its rest."""

    count: Milliseconds
    total: Floats
    least: Floats
    most: Floats
    fallen: Floats


class StoredSeries(msgspec.Struct, frozen=True):
    """One series of one cluster: `timestamps` in Unix milliseconds, ascending and unique; `values` beside them.

    Where samples are gone, points of buckets stand for them: `rolled` says what is behind each, `coarse`, newest first,
    when that is so. `None` where every point is a sample.
    """

    cluster_id: UUID
    labels: Labels
    timestamps: Milliseconds
    values: Floats
    rolled: Rolled | None = None
    coarse: tuple[Coarse, ...] = ()


class SampleColumns(msgspec.Struct, frozen=True):
    """Samples as columns: `keys[i]` is a sender's own spelling of a series (equal keys mean the same series), and
    `labels_of(i)` gives its labels; it is called only for a key that was not met before, and may raise `Invalid`."""

    keys: Sequence[bytes]
    labels_of: Callable[[int], Labels]
    timestamps: Milliseconds
    values: Floats


class SampleStore(Protocol):
    """Keeps samples per cluster and series. Of two samples at the same millisecond the one stored last counts."""

    async def append(self, tx: Transaction, cluster_id: UUID, samples: Sequence[Sample]) -> int:
        """Add samples; gives how many series are new. Raises `Rejected` past the cluster's bound on series."""

    async def select(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher], start_ms: int, end_ms: int
    ) -> list[StoredSeries]:
        """Series with at least one sample in `[start_ms, end_ms]`, cut to it; where only buckets are left, those that
        a window of this stretch widened to whole buckets needs. Raises `Invalid` where it is too much for memory."""

    async def append_columns(self, tx: Transaction, cluster_id: UUID, columns: SampleColumns) -> int:
        """As `append`, for a batch that arrives as columns: known series cost one look-up each."""

    async def series(
        self, tx: Transaction, cluster_ids: Sequence[UUID], matchers: Sequence[Matcher]
    ) -> list[tuple[UUID, Labels]]:
        """The known series that match, with their cluster, whether or not they had samples lately."""

    async def label_names(self, tx: Transaction, cluster_ids: Sequence[UUID]) -> list[str]:
        """The names of labels that these clusters' series have, sorted."""

    async def label_values(self, tx: Transaction, cluster_ids: Sequence[UUID], name: str) -> list[str]:
        """The values of one label in these clusters, sorted."""

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        """Forget all series and samples of a cluster."""


class PolledSource(Protocol):
    """A plugin that reads samples where they arise; when and what on failure is the runner's business."""

    interval_s: float

    async def collect(self, at: float) -> list[Sample]:
        """What is there to read now, stamped `at` (Unix seconds)."""


class PolledLogs(Protocol):
    """A plugin that reads lines of this machine; when, how often and what on failure is the runner's business."""

    def available(self) -> bool:
        """Whether there is anything of this kind on this machine."""

    async def read(self, position: str | None, limit: int, now: datetime) -> LogRead:
        """At most `limit` lines from `position` on, which an earlier read gave; without one, from a little before
        `now`. A position that has become useless counts as none. Raises `OSError`."""


class SourceStore(Protocol):
    async def add(self, tx: Transaction, source: PushSource, token_hash: bytes) -> bool:
        """False where the cluster has a source of this name."""

    async def all(self, tx: Transaction, clusters: frozenset[UUID] | None) -> list[PushSource]:
        """Sources of these clusters (of all: `None`), by name."""

    async def by_token(self, tx: Transaction, token_hash: bytes) -> PushSource | None: ...

    async def alert_settings(self, tx: Transaction, source_id: UUID) -> dict[str, dict[str, Any]]:
        """By the form of its alerts; empty where nothing is set."""

    async def set_alerts(self, tx: Transaction, source_id: UUID, settings: dict[str, dict[str, Any]]) -> None: ...

    async def delete(self, tx: Transaction, source_id: UUID, clusters: frozenset[UUID] | None) -> bool:
        """False where there is none in these clusters."""

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query and how its answer is shown; `view` is `LINES` or `TABLE`, `width` how many of 12 columns it takes."""

    query: str
    title: str = ""
    unit: str = ""
    legend: str = ""
    view: Literal["LINES", "TABLE"] = "LINES"
    width: Annotated[int, msgspec.Meta(ge=3, le=12)] = 6


class Dashboard(msgspec.Struct, frozen=True):
    """Panels under a name; `revision` grows with each change."""

    id: UUID
    name: str
    description: str
    owner_id: str
    owner: str
    shared: bool
    panels: list[Panel]
    revision: int
    created_at: datetime
    updated_at: datetime


class DashboardStore(Protocol):
    async def page(
        self, tx: Transaction, owner_id: str, after: tuple[str, UUID] | None, limit: int
    ) -> tuple[list[Dashboard], int]:
        """The owner's and all shared ones by name and id, those after `after`, and how many there are in all."""

    async def get(self, tx: Transaction, dashboard_id: UUID, *, lock: bool = False) -> Dashboard | None: ...

    async def count_of(self, tx: Transaction, owner_id: str) -> int: ...

    async def add(self, tx: Transaction, dashboard: Dashboard) -> bool:
        """False where the owner has one of this name."""

    async def change(self, tx: Transaction, dashboard: Dashboard) -> bool:
        """False where the owner has another of this name; the transaction is then of no more use."""

    async def delete(self, tx: Transaction, dashboard_id: UUID) -> None: ...


class WatchTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What may be set on any watch, a shipped one included."""

    enabled: bool = True
    learned: bool = True
    sensitivity: Sensitivity = Sensitivity.MEDIUM
    threshold: Threshold | None = None
    silence_s: Annotated[float, msgspec.Meta(ge=30, le=604_800)] | None = None


class KeptWatch(WatchTerms, frozen=True, kw_only=True):
    """A user's own watch, or what was set on a shipped one: then `query` is `None`, as all that its template says.

    `clusters`: where it is evaluated, `None` everywhere.
    """

    name: str
    title: str = ""
    query: str | None = None
    unit: str = ""
    worse: str = "both"
    minimum: float = 0.0
    clusters: list[UUID] | None = None
    owner_id: str
    owner: str
    revision: int
    created_at: datetime
    updated_at: datetime

    def seen_by(self, principal: Principal) -> bool:
        return self.clusters is None or principal.sees_any(self.clusters)


class WatchStore(Protocol):
    async def all(self, tx: Transaction) -> list[KeptWatch]:
        """By name."""

    async def get(self, tx: Transaction, name: str, *, lock: bool = False) -> KeptWatch | None: ...

    async def add(self, tx: Transaction, watch: KeptWatch) -> bool:
        """False where there is one of this name."""

    async def change(self, tx: Transaction, watch: KeptWatch) -> None: ...

    async def delete(self, tx: Transaction, name: str) -> None: ...

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        """Take it off each watch's clusters; a watch that has none left goes."""


class Pull(msgspec.Struct, frozen=True):
    """How the last reading of a cluster's alerts went: `answered_at` is when one last succeeded."""

    cluster_id: UUID
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    error: str | None = None


class PullStore(Protocol):
    """When each cluster's alerts are to be read, so that of several replicas one does."""

    async def claim(self, tx: Transaction, until: Mapping[UUID, datetime], now: datetime, limit: int) -> list[UUID]:
        """Of these clusters, those whose turn has come; each is nobody's turn again before its moment. New ones are
        due at once."""

    async def keep(self, tx: Transaction, pull: Pull) -> None:
        """Note how it went (`asked_at` is given); without `answered_at`, the moment that is known stays."""

    async def all(self, tx: Transaction, cluster_ids: Sequence[UUID]) -> dict[UUID, Pull]: ...

    async def hasten(self, tx: Transaction, cluster_ids: Sequence[UUID], asked_before: datetime, now: datetime) -> None:
        """Let those be due now that were last asked before that moment."""

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...


class InstantQueries(Protocol):
    """PromQL on one cluster, wherever its samples lie, as bare numbers. Raises `Retriable` where it can't answer now,
    `Rejected` for a query that it does not take."""

    async def evaluate_instant(
        self, principal: Principal, cluster_id: UUID, query: str, at: datetime, *, timeout_s: float = 30.0
    ) -> tuple[list[Labels], Floats]:
        """The labels of each series and its value at `at`."""

    async def evaluate_range(
        self,
        principal: Principal,
        cluster_id: UUID,
        query: str,
        start: datetime,
        end: datetime,
        step_s: float,
        *,
        timeout_s: float = 30.0,
    ) -> tuple[Floats, list[Labels], Floats]:
        """Times in Unix seconds, the labels of each series, and series × times with NaN where there is no value."""
