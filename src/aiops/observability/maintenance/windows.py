"""What a maintenance window is."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from aiops.kernel.principal import Principal
from aiops.observability.service.silences_remote import SilenceMatcher

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=31)


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The occurrence that begins at `starts_at` ends at `ends_at` already; `None`: it does not take place."""

    starts_at: datetime
    ends_at: datetime | None = None


class Occurrence(msgspec.Struct, frozen=True, order=True):
    """One time that a window takes place, in UTC; its end is no longer part of it."""

    starts_at: datetime
    ends_at: datetime


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What people set. The clock on the wall of `timezone` counts (IANA): from `starts_local`, for as long as there
    lie `duration_s` seconds between two readings of that clock.

    `rrule` (RFC 5545) repeats it; empty: once. `cluster_ids`: where, `None` on all of the fleet. `matchers`: which
    alerts, all of them where it is empty. `push`: the clusters' Alertmanagers are told too.
    """

    title: str
    comment: str = ""
    timezone: str
    starts_local: datetime
    duration_s: int
    rrule: str = ""
    cluster_ids: tuple[UUID, ...] | None = None
    matchers: tuple[SilenceMatcher, ...] = ()
    push: bool = False


class Window(Terms, frozen=True, kw_only=True):
    """`over_at` is the end of the last occurrence, `None` where there is always another."""

    id: UUID
    cuts: tuple[Cut, ...] = ()
    over_at: datetime | None = None
    owner_id: str
    owner: str
    revision: int = 1
    created_at: datetime
    updated_at: datetime

    def concerns(self, cluster_id: UUID) -> bool:
        return self.cluster_ids is None or cluster_id in self.cluster_ids

    def seen_by(self, principal: Principal) -> bool:
        """One of the whole fleet hides what everybody has."""
        return self.cluster_ids is None or principal.sees_any(self.cluster_ids)

    def within(self, principal: Principal) -> bool:
        """Whether all that it hides is in scope, so that who asks may change it."""
        if self.cluster_ids is None:
            return principal.clusters is None
        return all(principal.sees(one) for one in self.cluster_ids)


def duration_of(terms: Terms) -> timedelta:
    return timedelta(seconds=terms.duration_s)
