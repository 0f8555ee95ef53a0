"""What the life of alerts requires of its store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.database import Transaction
from aiops.observability.ports import Alert, AlertChange, AlertState, AlertStatus, Handling, Severity

MOST_COUNTED = 10_000
"""Where every row must be looked at to count them, counting ends here, and says so."""


class AlertKey(msgspec.Struct, frozen=True, order=True):
    cluster_id: UUID
    fingerprint: str


class AlertFilter(msgspec.Struct, frozen=True):
    """What a list of alerts is limited to; `clusters` is the reader's scope (`None`: all), the rest are wishes, and an
    empty one is none.

    `assignee` is a name, and "" means nobody; `snoozed` and `flapping` are wanted (`True`) or not (`False`); `labels`
    are pairs that an alert must have, all of them. `now` decides which snoozes have ended.
    """

    clusters: frozenset[UUID] | None
    cluster_ids: tuple[UUID, ...] = ()
    states: tuple[AlertState, ...] = ()
    severities: tuple[Severity, ...] = ()
    statuses: tuple[AlertStatus, ...] = ()
    text: str | None = None
    name: str | None = None
    assignee: str | None = None
    snoozed: bool | None = None
    flapping: bool | None = None
    labels: tuple[tuple[str, str], ...] = ()
    now: datetime | None = None

    @property
    def only_open(self) -> bool:
        return bool(self.states) and AlertState.RESOLVED not in self.states

    @property
    def searches(self) -> bool:
        """Whether rows must be read to know which are meant."""
        return bool(self.text or self.labels)


class Counted(msgspec.Struct, frozen=True):
    """`at_least`: there are more, which nobody counted."""

    total: int
    at_least: bool


class AlertCounts(msgspec.Struct, frozen=True):
    """How many alerts there are, by each of what they can be filtered by. `at_least`: of the newest alone."""

    total: int
    at_least: bool
    state: dict[str, int]
    severity: dict[str, int]
    status: dict[str, int]
    snoozed: int
    flapping: int
    unassigned: int


class AlertGroup(msgspec.Struct, frozen=True):
    """Alerts that have `value` in common, `None` where they lack it; `severity` is the worst among them."""

    value: str | None
    alerts: int
    severity: Severity
    clusters: int
    newest_at: datetime
    status: dict[str, int]


class ActKind(StrEnum):
    """What people do to an alert, and what the hub does to it by itself later on."""

    STATUS = "STATUS"
    ASSIGNED = "ASSIGNED"
    COMMENT = "COMMENT"
    SNOOZED = "SNOOZED"
    SNOOZE_ENDED = "SNOOZE_ENDED"
    ESCALATED = "ESCALATED"
    FLAPPING = "FLAPPING"
    CALM = "CALM"


class Act(msgspec.Struct, frozen=True):
    """One thing that was done to an alert: `was` and `became` are what it changed, in words; `by` is a user's name or
    the hub's job."""

    id: UUID
    cluster_id: UUID
    fingerprint: str
    at: datetime
    by: str
    kind: ActKind
    was: str | None = None
    became: str | None = None
    text: str | None = None


class TimelineEntry(msgspec.Struct, frozen=True):
    """A change of the alert's state (`kind` is then the state) or what somebody did; `by` is `None` for the former."""

    id: UUID
    at: datetime
    kind: str
    by: str | None
    was: str | None
    became: str | None
    text: str | None


class AlertStore(Protocol):
    """How alerts come in: whole batches of one cluster."""

    async def lock(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str]) -> dict[str, Alert]:
        """The alerts that are known. Who else takes in alerts of this cluster waits until the end of the
        transaction."""

    async def lock_pulled(self, tx: Transaction, cluster_id: UUID) -> list[Alert]:
        """The cluster's alerts that were seen where they are kept and have not ended; held where `lock` was called."""

    async def hold(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str]) -> None:
        """Nobody else changes these until the end of the transaction: first all that `save` and `touch` will write."""

    async def save(self, tx: Transaction, alerts: Sequence[Alert]) -> None:
        """Add or replace; `handling` is left as it is, but begins anew with another episode."""

    async def touch(self, tx: Transaction, cluster_id: UUID, fingerprints: Sequence[str], at: datetime) -> None:
        """They were received again."""

    async def record(self, tx: Transaction, changes: Sequence[AlertChange]) -> None: ...

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop alerts that ended before that, and history of that age; what still fires stays."""


class AlertLists(Protocol):
    """How alerts are read."""

    async def get(self, tx: Transaction, cluster_id: UUID, fingerprint: str) -> Alert | None: ...

    async def several(self, tx: Transaction, wanted: Sequence[tuple[UUID, str]]) -> list[Alert]:
        """By cluster and fingerprint; those that there are."""

    async def page(
        self, tx: Transaction, only: AlertFilter, after: tuple[datetime, UUID, str] | None, size: int
    ) -> list[Alert]:
        """Newest start first, from behind `after` on."""

    async def count(self, tx: Transaction, only: AlertFilter) -> Counted: ...

    async def counts(self, tx: Transaction, only: AlertFilter) -> AlertCounts: ...

    async def groups(self, tx: Transaction, only: AlertFilter, by: str, limit: int) -> list[AlertGroup]:
        """By `name`, `severity`, `cluster` or any other label: the worst and largest first, `limit` at most."""

    async def history(
        self,
        tx: Transaction,
        only: AlertFilter,
        fingerprint: str | None,
        after: tuple[datetime, UUID] | None,
        size: int,
    ) -> list[AlertChange]:
        """Newest first."""

    async def history_count(self, tx: Transaction, only: AlertFilter, fingerprint: str | None) -> Counted: ...

    async def timeline(
        self, tx: Transaction, key: AlertKey, after: tuple[datetime, UUID] | None, size: int
    ) -> list[TimelineEntry]:
        """Newest first: changes of state and what was done."""


class Held(msgspec.Struct, frozen=True):
    """An alert that nobody else changes until the end of the transaction."""

    key: AlertKey
    name: str
    severity: Severity
    state: AlertState
    starts_at: datetime
    handling: Handling
    flapping: bool


class AlertDesk(Protocol):
    """How people handle alerts. Rows are held in the order of their keys, so that nobody waits in a circle."""

    async def hold(self, tx: Transaction, scope: frozenset[UUID] | None, keys: Sequence[AlertKey]) -> list[Held]:
        """Those of them that are there and in scope."""

    async def hold_filtered(self, tx: Transaction, only: AlertFilter, limit: int) -> list[Held]:
        """The newest that the filter finds, at most so many."""

    async def handle(self, tx: Transaction, handled: Sequence[tuple[AlertKey, Handling]]) -> None: ...

    async def note(self, tx: Transaction, acts: Sequence[Act]) -> None: ...

    async def hold_awake(self, tx: Transaction, now: datetime, limit: int) -> list[Held]:
        """Those whose snooze has ended, skipping what others hold."""

    async def hold_calm(self, tx: Transaction, quiet_since: datetime, limit: int) -> list[Held]:
        """Flapping ones of which no episode began since then, skipping what others hold."""

    async def calm(self, tx: Transaction, keys: Sequence[AlertKey]) -> None:
        """They flap no more."""
