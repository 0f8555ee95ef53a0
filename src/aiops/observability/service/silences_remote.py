"""What silences require of an Alertmanager."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from aiops.registry.ports import Target


class SilenceState(StrEnum):
    ACTIVE = "ACTIVE"
    PENDING = "PENDING"
    EXPIRED = "EXPIRED"


class SilenceMatcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """`is_equal` false turns it round; a regular expression is anchored at both ends."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class WantedSilence(msgspec.Struct, frozen=True):
    matchers: tuple[SilenceMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str


class FoundSilence(msgspec.Struct, frozen=True):
    id: str
    state: SilenceState
    matchers: tuple[SilenceMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str


class RemoteSilences(Protocol):
    """Raises `Rejected` where it is refused, `TimedOut` or `Unavailable` where nobody answers."""

    async def silences(self, target: Target, timeout_s: float) -> list[FoundSilence]:
        """All that it keeps, of whichever cluster."""

    async def silence(self, target: Target, silence_id: str, timeout_s: float) -> FoundSilence:
        """Raises `NotFound`."""

    async def create(self, target: Target, wanted: WantedSilence, timeout_s: float) -> str:
        """Gives its id. Sent once: an error may hide a success."""

    async def expire(self, target: Target, silence_id: str, timeout_s: float) -> None:
        """Raises `NotFound`."""
