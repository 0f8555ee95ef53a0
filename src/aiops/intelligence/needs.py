"""What intelligence requires: detectors and stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, ClassVar, Protocol, runtime_checkable
from uuid import UUID

import numpy as np
import numpy.typing as npt

from aiops.intelligence.domain.anomalies import Anomaly, AnomalyFilter
from aiops.intelligence.domain.causes import Cause
from aiops.intelligence.domain.feedback import Feedback
from aiops.intelligence.domain.groups import AnomalyGroup, GroupFilter
from aiops.intelligence.domain.incidents import (
    AlertMember,
    Incident,
    IncidentFilter,
    IncidentLink,
    IncidentView,
    Order,
    TimelineRow,
)
from aiops.kernel.database import Transaction
from aiops.observability.ports import Labels, Watch

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class Ended(IntEnum):
    """Why an anomaly ended."""

    NOT = 0
    BACK_IN_BAND = 1
    NEW_NORMAL = 2
    SERIES_GONE = 3


class Way(IntEnum):
    """In which way a series is not as expected."""

    BESIDE = 0
    """Above or below its band: a spike or a drop."""
    TREND_CHANGE = 1
    """It has left its level or its trend for another."""
    PATTERN_BREAK = 2
    """A value that is ordinary at other times of the day or week, but not now."""


@dataclass(frozen=True)
class SeriesState:
    """What a detector remembers of n series: `columns` is (n, detector's choice), `ring` (n, latest values).

    `slow` (n, detector's choice of bytes) is for what seldom changes: it is written only where it is another array than
    what is kept already, so a step that leaves it as it is hands on the array that it got.
    """

    columns: Floats
    ring: Floats
    slow: Bytes = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    def of(self, rows: Any) -> SeriesState:
        """That of some of the series: their places, or a flag for each."""
        return SeriesState(self.columns[rows], self.ring[rows], self.slow[rows] if self.slow.size else self.slow)

    def joined(self, other: SeriesState) -> SeriesState:
        """With the series of `other` behind its own."""
        slow = np.concatenate([self.slow, other.slow]) if other.slow.size else self.slow
        return SeriesState(np.concatenate([self.columns, other.columns]), np.concatenate([self.ring, other.ring]), slow)


@dataclass(frozen=True)
class Scores:
    """One step over n series. NaN in the band while a series is learned; `score` 1 lies on the edge of the band.

    `active` is +1 above, -1 below, 0 when nothing is decided; `started` and `ended` hold for this step alone; `since`
    is when the series left the band, `learned_s` the stretch of time that the band was learned from. `ways`, of `Way`,
    say more of what is active, where the detector can tell. `days` are those that it knows of each series, where it
    heeds the time of the day from `days_needed` on. `detection_type` is what findings are told to be found by:
    STATISTICAL or ML_BASED.
    """

    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    seen: Integers
    needed: int
    active: Integers
    started: Flags
    ended: Integers
    since: Floats
    learned_s: Floats
    ways: Integers | None = None
    days: Floats | None = None
    days_needed: int = 0
    detection_type: str = "STATISTICAL"


class Detector(Protocol):
    """Streaming, causal, vectorised over the series of a batch; holds nothing between calls.

    A step gives a new state and leaves the one it got unchanged, so that a batch whose transaction fails never was.

    A detector may state `forgets_s`: what came so many seconds before does no longer change what it says, but for what
    it recalls. Then a backtest goes through parts of the past side by side. One that looks at the clock is `Recalling`.
    """

    name: ClassVar[str]

    @property
    def Config(self) -> type[Any]:
        """The struct of its settings, nested in its class."""

    def fresh(self, count: int) -> SeriesState:
        """The state of series never seen."""

    def learn(self, state: SeriesState, watch: Watch, times: Floats, values: Floats) -> SeriesState:
        """Take the band of those series that still learn from `values` (n, times), the past up to now."""

    def step(
        self, state: SeriesState, watch: Watch, at: float, interval_s: float, values: Floats
    ) -> tuple[SeriesState, Scores]:
        """Score the values at `at`; NaN for a series that has none."""


@runtime_checkable
class Recalling(Protocol):
    """A detector that knows what is usual at a time of the day or week: from the days that it has seen, or was told."""

    recalls_s: ClassVar[float]
    recall_step_s: ClassVar[float]

    def strangers(self, state: SeriesState) -> Flags:
        """Of which series it does not know a day yet."""

    def recall(self, state: SeriesState, at: float, times: Floats, values: Floats) -> SeriesState:
        """Take up the days before `at`, `recalls_s` long and `recall_step_s` apart (n, times), of the strangers."""


@dataclass(frozen=True)
class StoredTrack:
    """The detector's memory of one watch on one cluster, as it is kept: `watermark` is the last batch's time.

    `series` and `slow` (`SeriesState.slow`) are `None` where they are what is kept already.
    """

    cluster_id: UUID
    watch: str
    detector: str
    watermark: float
    series: list[Labels] | None
    state: bytes
    slow: bytes | None = None


class TrackStore(Protocol):
    async def load(self, tx: Transaction, cluster_id: UUID, watch: str) -> StoredTrack | None: ...

    async def save(self, tx: Transaction, tracks: Sequence[StoredTrack]) -> set[tuple[UUID, str]]:
        """Keep those whose stored watermark is older; gives their clusters and watches."""

    async def forget(self, tx: Transaction, cluster_id: UUID) -> None: ...

    async def forget_watch(self, tx: Transaction, watch: str) -> None: ...


class AnomalyStore(Protocol):
    async def add(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> list[Anomaly]:
        """Keep those of one cluster, each with what moves together with it; gives them with their groups."""

    async def end(
        self, tx: Transaction, reasons: Mapping[UUID, str], at: datetime, trend_changes: Sequence[UUID] = ()
    ) -> list[Anomaly]:
        """Those that were open until now, ended; `reasons` by their ids. Some turned out to be changes of the trend."""

    async def worsen(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> None:
        """Keep their new kinds, severities, scores, values, bands and explanations."""

    async def maintained(self, tx: Transaction) -> list[Anomaly]:
        """Open ones that maintenance windows kept out of incidents."""

    async def join(self, tx: Transaction, anomalies: Sequence[Anomaly]) -> None:
        """Keep which incidents they are in now, and why."""

    async def unseen(self, tx: Transaction, since: datetime) -> list[UUID]:
        """Open ones whose watch has given nothing on their cluster since then."""

    async def active(self, tx: Transaction, cluster_id: UUID, watch: str | None = None) -> list[Anomaly]: ...

    async def active_of_watch(self, tx: Transaction, watch: str) -> list[Anomaly]: ...

    async def get(self, tx: Transaction, anomaly_id: UUID, clusters: Sequence[UUID] | None) -> Anomaly | None: ...

    async def page(
        self, tx: Transaction, wanted: AnomalyFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[Anomaly], int]: ...

    async def of_incident(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None
    ) -> list[Anomaly]: ...


class GroupStore(Protocol):
    """Groups come and go with their members, which `AnomalyStore` keeps."""

    async def page(
        self, tx: Transaction, wanted: GroupFilter, clusters: Sequence[UUID] | None, limit: int, after: UUID | None
    ) -> tuple[list[AnomalyGroup], int]:
        """Latest first, each with the first five of its members by rank."""

    async def get(self, tx: Transaction, group_id: UUID, clusters: Sequence[UUID] | None) -> AnomalyGroup | None:
        """With at most 500 members."""

    async def forget_empty(self, tx: Transaction) -> None: ...


class FeedbackStore(Protocol):
    async def put(self, tx: Transaction, feedback: Feedback) -> None:
        """Add, or replace what was said of this anomaly before."""

    async def of(self, tx: Transaction, anomaly_ids: Sequence[UUID]) -> dict[UUID, Feedback]: ...

    async def of_watch(self, tx: Transaction, cluster_id: UUID, watch: str) -> list[Feedback]:
        """What was said of all findings of a watch on a cluster, first said first."""

    async def delete(self, tx: Transaction, anomaly_id: UUID) -> None: ...


class IncidentStore(Protocol):
    async def take_turn(self, tx: Transaction) -> None:
        """Wait until no other transaction gathers; held until this one ends."""

    async def next_key(self, tx: Transaction, at: datetime) -> str: ...

    async def add(self, tx: Transaction, incident: Incident) -> None: ...

    async def get(self, tx: Transaction, incident_id: UUID, *, lock: bool = False) -> Incident | None: ...

    async def save(self, tx: Transaction, incident: Incident) -> None: ...

    async def add_alerts(self, tx: Transaction, members: Sequence[AlertMember]) -> None: ...

    async def end_alerts(self, tx: Transaction, ends: Mapping[tuple[UUID, str], datetime]) -> list[AlertMember]:
        """By cluster and fingerprint; gives those that were open until now."""

    async def open_alerts(self, tx: Transaction, cluster_id: UUID) -> list[AlertMember]: ...

    async def known_alerts(
        self, tx: Transaction, wanted: Sequence[tuple[UUID, str, datetime]]
    ) -> set[tuple[UUID, str, datetime]]:
        """Those alerts, by cluster, fingerprint and start, that are members already: by that start, or open."""

    async def alerts(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None
    ) -> list[AlertMember]: ...

    async def tell(self, tx: Transaction, rows: Sequence[TimelineRow]) -> None: ...

    async def timeline(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None
    ) -> list[TimelineRow]: ...

    async def settled(self, tx: Transaction, before: datetime) -> list[UUID]:
        """Open incidents whose members have all ended before that moment."""

    async def unranked(self, tx: Transaction) -> list[UUID]: ...

    async def put_causes(
        self, tx: Transaction, incident_id: UUID, revision: int, causes: list[Cause], note: str | None
    ) -> None: ...

    async def causes(self, tx: Transaction, incident_id: UUID) -> tuple[list[Cause], str | None]: ...

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop incidents that are over and have been quiet since then, with all their members."""

    async def view(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None
    ) -> IncidentView | None: ...

    async def named_nodes(
        self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None, limit: int
    ) -> list[UUID]:
        """The nodes of the topology that its members name, those that most of them name first."""

    async def links(self, tx: Transaction, incident_id: UUID, clusters: Sequence[UUID] | None) -> list[IncidentLink]:
        """To incidents of which something is in scope, and from them."""

    async def between(
        self, tx: Transaction, cluster_id: UUID, start: datetime, end: datetime, limit: int
    ) -> list[IncidentView]:
        """The cluster's own part of the incidents that were detected then, the latest; false positives left out."""

    async def page(
        self,
        tx: Transaction,
        wanted: IncidentFilter,
        clusters: Sequence[UUID] | None,
        limit: int,
        after: UUID | None,
        order: Order = Order.LATEST,
    ) -> tuple[list[IncidentView], int]:
        """Without those that were merged into others."""
