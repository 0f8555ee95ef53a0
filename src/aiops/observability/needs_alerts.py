"""What the life of alerts requires of its store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

from aiops.kernel.database import Transaction
from aiops.kernel.principal import Principal
from aiops.observability.ports import Alert, AlertChange, AlertState, AlertStatus, Handling, Labels, Severity

MOST_COUNTED = 10_000
"""Where every row must be looked at to count them, counting ends here, and says so."""


class AlertKey(msgspec.Struct, frozen=True, order=True):
    cluster_id: UUID
    fingerprint: str


class AlertFilter(msgspec.Struct, frozen=True):
    """What a list of alerts is limited to; `clusters` is the reader's scope (`None`: all), the rest are wishes, and an
    empty one is none.

    `assignee` is a name, and "" means nobody; `snoozed`, `flapping` and `maintained` (hidden by a maintenance window)
    are wanted (`True`) or not (`False`); `labels` are pairs that an alert must have, all of them. `now` decides which
    snoozes have ended.
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
    maintained: bool | None = None
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
    maintained: int
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

    async def lock_open(self, tx: Transaction, cluster_id: UUID) -> list[Alert]:
        """The cluster's alerts that have not ended; held where `lock` was called."""

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


class SavedFilter(msgspec.Struct, frozen=True):
    """A filter of the page of alerts that somebody kept: `query` is what stands behind the ? of its address."""

    id: UUID
    name: str
    query: str
    owner_id: str
    owner: str
    shared: bool
    saved_at: datetime


class SavedFilterStore(Protocol):
    async def of(self, tx: Transaction, owner_id: str) -> list[SavedFilter]:
        """Those of that owner."""

    async def shared(self, tx: Transaction, limit: int) -> list[SavedFilter]:
        """By name."""

    async def hold(self, tx: Transaction, owner_id: str) -> None:
        """Nobody else saves one of that owner until the end of the transaction."""

    async def save(self, tx: Transaction, one: SavedFilter) -> None:
        """In place of the owner's of that name."""

    async def get(self, tx: Transaction, filter_id: UUID) -> SavedFilter | None: ...

    async def delete(self, tx: Transaction, filter_id: UUID) -> None: ...


class SentAlert(msgspec.Struct):
    """One alert as Alertmanager's webhook (version 4) writes it; an open end has the year 1."""

    labels: Labels
    startsAt: datetime
    status: str = "firing"
    annotations: Labels = {}
    endsAt: datetime | None = None
    generatorURL: str | None = None
    fingerprint: str = ""


class AlertFormat(Protocol):
    """A plugin that reads what a server of its kind posts. It only reads: tokens, rules, keeping are the hub's."""

    def read(self, body: dict[str, Any], now: datetime) -> list[tuple[SentAlert, dict[str, Any]]]:
        """Each alert in Alertmanager's words, with what was written of it. Raises `Invalid` for what is no such
        body; `now` is when it came, where it tells no time."""


class LabelMatcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in a silence: `is_equal` false turns it round; a regular expression is RE2 and anchored at both ends; a label
    that is not there is the empty text."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class Extraction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The named groups of `pattern` (RE2, found anywhere in the text) become labels of their names."""

    name: str
    pattern: str
    of: Literal["LABEL", "ANNOTATION"] = "LABEL"
    overwrite: bool = False


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table: the columns in `match` are compared with labels (an empty cell fits any), the others are set. Of several
    rows that fit, the one with the most filled cells counts, and among these the first."""

    csv: str
    match: list[str]
    overwrite: bool = False


class Deduplication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Alerts that agree in their name and in these labels are one; it ends when the last of them has."""

    labels: list[str]


class IntakeRule(msgspec.Struct, frozen=True, kw_only=True):
    """How alerts are shaped as they come in; exactly one of the three parts is there.

    `cluster_ids`: whose alerts, `None` everyone's. `source`: the kind of server (`alertmanager`, `grafana` …) or the
    name of the pushing source, `None` any. `matchers` must all fit. Rules are applied by `position`, then by name.
    """

    id: UUID
    name: str
    position: int
    enabled: bool
    cluster_ids: list[UUID] | None
    source: str | None
    matchers: list[LabelMatcher]
    extraction: Extraction | None
    mapping: Mapping | None
    deduplication: Deduplication | None
    revision: int
    changed_by: str
    changed_at: datetime

    def seen_by(self, principal: Principal) -> bool:
        """A rule for everyone tells of clusters that not everyone sees."""
        if self.cluster_ids is None:
            return principal.clusters is None
        return principal.sees_any(self.cluster_ids)


class IntakeRuleStore(Protocol):
    async def all(self, tx: Transaction) -> list[IntakeRule]:
        """By position and name."""

    async def get(self, tx: Transaction, rule_id: UUID) -> IntakeRule | None:
        """Held until the end of the transaction."""

    async def keep(self, tx: Transaction, rule: IntakeRule) -> None:
        """Add or replace."""

    async def delete(self, tx: Transaction, rule_id: UUID) -> None: ...

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        """Take it off each rule's clusters; a rule that has none left goes."""
