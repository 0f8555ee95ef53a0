"""What maintenance requires: stores of windows, of the silences that were pushed for them, and of reminders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from aiops.kernel.database import Transaction
from aiops.observability.maintenance.windows import Window
from aiops.observability.ports import AlertState, Labels, Severity


class PushedSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence that an occurrence of a window was to have in a cluster's Alertmanager: `silence_id` is `None` where it
    has none yet, and `error` says why. `revision` is that of the window which it was made for."""

    window_id: UUID
    starts_at: datetime
    cluster_id: UUID
    ends_at: datetime
    revision: int
    tried_at: datetime
    silence_id: str | None = None
    error: str | None = None


class ReminderKind(StrEnum):
    """`ENDS_SOON`: a silence that hides something ends within the hour. `FORGOTTEN`: it is old and still hides."""

    ENDS_SOON = "ENDS_SOON"
    FORGOTTEN = "FORGOTTEN"


class Reminder(msgspec.Struct, frozen=True, kw_only=True):
    """`hides`: how many firing alerts it hid when this was said, at `at`. `since`, `until`: of the silence."""

    id: UUID
    kind: ReminderKind
    cluster_id: UUID
    silence_id: str
    title: str
    created_by: str
    since: datetime
    until: datetime
    hides: int
    at: datetime
    dismissed_by: str | None = None
    dismissed_at: datetime | None = None


class PastEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when an alert fired; `ended_at` is `None` while it does."""

    cluster_id: UUID
    fingerprint: str
    name: str
    severity: Severity
    labels: Labels
    started_at: datetime
    ended_at: datetime | None
    state: AlertState = AlertState.FIRING


class WindowStore(Protocol):
    async def live(self, tx: Transaction, since: datetime) -> list[Window]:
        """Those that were not over by then."""

    async def all(self, tx: Transaction, clusters: Sequence[UUID] | None) -> list[Window]:
        """Of the whole fleet, or of some of these clusters (`None`: of any); by title."""

    async def get(self, tx: Transaction, window_id: UUID, *, lock: bool = False) -> Window | None: ...

    async def count(self, tx: Transaction) -> int: ...

    async def add(self, tx: Transaction, window: Window) -> None: ...

    async def change(self, tx: Transaction, window: Window) -> None: ...

    async def delete(self, tx: Transaction, window_id: UUID) -> None: ...

    async def forget_cluster(self, tx: Transaction, cluster_id: UUID) -> None:
        """Take it off each window's clusters; a window that has none left goes."""

    async def forget(self, tx: Transaction, before: datetime) -> int:
        """Drop windows that were over before then."""

    async def told(self, tx: Transaction) -> dict[UUID, datetime]:
        """The start of the occurrence whose beginning was told, by window; held until the end of the transaction."""

    async def tell(self, tx: Transaction, window_id: UUID, started_at: datetime | None) -> None: ...


class HiddenAlerts(Protocol):
    """What maintenance asks of the table of alerts."""

    async def clusters(self, tx: Transaction) -> list[UUID]:
        """Those where an alert fires, or is pending."""

    async def hidden_by(self, tx: Transaction) -> set[str]:
        """The windows that any alert is hidden by."""

    async def hidden(self, tx: Transaction, clusters: Sequence[UUID] | None) -> dict[str, int]:
        """How many firing alerts of these clusters each window hides."""

    async def episodes(
        self, tx: Transaction, clusters: Sequence[UUID] | None, since: datetime, limit: int
    ) -> list[PastEpisode]:
        """Those that fired at some moment since then, the latest to begin first."""

    async def silenced(self, tx: Transaction) -> dict[tuple[UUID, str], int]:
        """How many firing alerts each silence hides, by cluster and id."""


class PushedStore(Protocol):
    async def all(self, tx: Transaction) -> list[PushedSilence]: ...

    async def put(self, tx: Transaction, silence: PushedSilence) -> None:
        """Add or replace, by window, start and cluster."""

    async def drop(self, tx: Transaction, silence: PushedSilence) -> None: ...

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...


class ReminderStore(Protocol):
    async def add(self, tx: Transaction, reminder: Reminder, again_after: datetime) -> bool:
        """False where the same was said of this silence since `again_after`."""

    async def open(self, tx: Transaction, clusters: Sequence[UUID] | None, now: datetime) -> list[Reminder]:
        """Of silences that have not ended, and not dismissed; the first to end first."""

    async def get(self, tx: Transaction, reminder_id: UUID, clusters: Sequence[UUID] | None) -> Reminder | None: ...

    async def dismiss(self, tx: Transaction, reminder_id: UUID, by: str, at: datetime) -> None: ...

    async def gone(self, tx: Transaction, cluster_id: UUID, silences: Sequence[str]) -> None:
        """Drop the reminders of silences of this cluster that are none of these."""

    async def delete_cluster(self, tx: Transaction, cluster_id: UUID) -> None: ...
